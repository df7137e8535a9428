//! What backends, the launcher and the workers tell each other: one slot a database, all fields atomics, so that
//! a commit callback can write and `voice_status()` can read without a lock. No pointers: a worker is named by its
//! database and its process number, and both may be gone by the time they are read.
#![allow(unsafe_code)] // the shared segment and the latches in it belong to Postgres

use super::usage::Usage;
use pgrx::prelude::*;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicU32, AtomicU64, Ordering::*};

/// Databases that can be known at once. A slot takes about 2 KB.
pub const SLOTS: usize = 128;
/// Counters of transactions that are between "looked whether the call has ended" and their commit; see `db/enqueue.rs`.
const WRITER_BUCKETS: usize = 4096;

/// What the launcher knows of a database.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum Stage {
    Free = 0,
    /// A backend or the launcher asks for a worker here.
    Wanted = 1,
    /// The launcher has started one, or is about to start it again.
    Started = 2,
    /// Looked at: the extension is not installed here.
    Absent = 3,
}

/// What the worker of a database says of itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum State {
    Starting = 0,
    Idle = 1,
    Working = 2,
    /// By `voice_pause()`.
    Paused = 3,
    /// A restored copy, or tables missing: nothing is done until `voice_resume()`.
    RestoredCopy = 4,
    /// By the setting `enabled`.
    Disabled = 5,
    /// The provider refuses the configuration; no attempt is spent until it changes.
    Misconfigured = 6,
    /// The library and the SQL of the extension do not fit, or the database is not to be served.
    VersionMismatch = 7,
    /// A transaction of the worker's own failed; it tries again.
    Failing = 8,
    /// The LLM server fails and is left alone for a while.
    Waiting = 9,
}

impl State {
    pub fn name(raw: u32) -> &'static str {
        match raw {
            1 => "idle",
            2 => "working",
            3 => "paused",
            4 => "quiet",
            5 => "disabled",
            6 => "misconfigured",
            7 => "not_analyzable",
            8 => "failing",
            9 => "waiting for provider",
            _ => "starting",
        }
    }
}

/// A short text that one process writes and others read. Readers that catch a write in the middle look again.
#[repr(C)]
pub struct SharedText {
    version: AtomicU32,
    bytes: [AtomicU64; SharedText::WORDS],
}

impl SharedText {
    const WORDS: usize = 48;

    /// Keeps as much of the text as fits (383 bytes), cut at a character.
    pub fn write(&self, text: &str) {
        let mut end = text.len().min(SharedText::WORDS * 8 - 1);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let mut raw = [0u8; SharedText::WORDS * 8];
        raw[..end].copy_from_slice(&text.as_bytes()[..end]);
        self.version.fetch_add(1, AcqRel);
        for (word, chunk) in self.bytes.iter().zip(raw.as_chunks::<8>().0) {
            word.store(u64::from_ne_bytes(*chunk), Release);
        }
        self.version.fetch_add(1, AcqRel);
    }

    /// The text, or `None` where there is none.
    pub fn read(&self) -> Option<String> {
        for _ in 0..1000 {
            let before = self.version.load(Acquire);
            let raw: Vec<u8> = self.bytes.iter().flat_map(|w| w.load(Acquire).to_ne_bytes()).collect();
            if before.is_multiple_of(2) && before == self.version.load(Acquire) {
                let end = raw.iter().position(|b| *b == 0).unwrap_or(raw.len());
                return Some(String::from_utf8_lossy(&raw[..end]).into_owned()).filter(|t| !t.is_empty());
            }
        }
        None
    }
}

/// A database and its worker.
#[repr(C)]
pub struct Slot {
    pub database: AtomicU32,
    stage: AtomicU32,
    pub pid: AtomicI32,
    proc_number: AtomicI32,
    /// The backend whose command needs the database to itself, or 0; see `ddl.rs`.
    pub blocked_by_pid: AtomicI32,
    /// Of the process that does what takes long (`worker/maintenance.rs`), while there is one.
    pub maintenance_pid: AtomicI32,
    wake: AtomicBool,
    /// The limits of tenants are to be read again.
    pub limits_changed: AtomicBool,
    state: AtomicU32,
    pub in_flight: AtomicU32,
    /// 0: nobody is asked; 1: closed; 2: open; 3: half-open.
    breaker: AtomicU32,
    /// In a row.
    pub provider_failures: AtomicU32,
    /// When a request may leave again, Unix microseconds; 0: now.
    pub next_request_at: AtomicU64,
    /// Hang-up to analytics, microseconds.
    pub p50_us: AtomicU64,
    pub p95_us: AtomicU64,
    /// Unix microseconds; 0: none yet.
    pub last_error_at: AtomicU64,
    pub reason: SharedText,
    pub last_error: SharedText,
    pub usage: Usage,
    /// What became of the last maintenance: "ok", or what went wrong.
    pub maintenance_result: SharedText,
}

impl Slot {
    pub fn stage(&self) -> Stage {
        match self.stage.load(Acquire) {
            1 => Stage::Wanted,
            2 => Stage::Started,
            3 => Stage::Absent,
            _ => Stage::Free,
        }
    }

    pub fn set_stage(&self, stage: Stage) {
        self.stage.store(stage as u32, Release);
    }

    /// The worker has found nothing to serve. Somebody may have announced the extension meanwhile: then this stays.
    pub fn leave_absent(&self) {
        let _ = self.stage.compare_exchange(Stage::Started as u32, Stage::Absent as u32, AcqRel, Acquire);
    }

    /// The worker's state, and why where there is something to say.
    pub fn set_state(&self, state: State, reason: &str) {
        if self.state.swap(state as u32, AcqRel) != state as u32
            || self.reason.read().as_deref().unwrap_or("") != reason
        {
            self.reason.write(reason);
        }
    }

    pub fn state(&self) -> &'static str {
        State::name(self.state.load(Acquire))
    }

    /// The breaker of its LLM server by name; "": there is none.
    pub fn set_breaker(&self, name: &str) {
        let number = BREAKERS.iter().position(|known| *known == name).unwrap_or(0);
        self.breaker.store(number as u32, Release);
    }

    pub fn breaker(&self) -> Option<&'static str> {
        BREAKERS.get(self.breaker.load(Acquire) as usize).copied().filter(|name| !name.is_empty())
    }

    /// Asks the worker to look at the queue. Cheap when it was asked already.
    pub fn wake(&self) {
        if !self.wake.swap(true, AcqRel) {
            set_latch_of(self.proc_number.load(Acquire));
        }
    }

    /// Whether somebody rang since the last call.
    pub fn take_wake(&self) -> bool {
        self.wake.swap(false, AcqRel)
    }

    /// The calling process is this database's worker from here on.
    pub fn attach(&self) {
        self.proc_number.store(my_proc_number(), Release);
        self.pid.store(std::process::id() as i32, Release);
    }

    /// Hands an idle slot over to another database.
    fn reassign_if_absent(&self, database: u32) -> bool {
        let before = self.database.load(Acquire);
        self.pid.load(Acquire) == 0
            && self.stage.compare_exchange(Stage::Absent as u32, Stage::Free as u32, AcqRel, Acquire).is_ok()
            && self.database.compare_exchange(before, database, AcqRel, Acquire).is_ok()
    }

    /// What was said of another database is not said of the next one.
    fn forget(&self) {
        self.reason.write("");
        self.last_error.write("");
        self.last_error_at.store(0, Release);
        self.p50_us.store(0, Release);
        self.p95_us.store(0, Release);
        self.usage.forget();
    }

    /// Nobody is.
    pub fn detach(&self) {
        self.proc_number.store(-1, Release);
        self.pid.store(0, Release);
        self.in_flight.store(0, Release);
        self.breaker.store(0, Release);
        self.provider_failures.store(0, Release);
        self.next_request_at.store(0, Release);
    }
}

const BREAKERS: [&str; 4] = ["", "closed", "open", "half-open"];

#[repr(C)]
struct Segment {
    launcher: AtomicI32,
    /// Random: nobody can choose call ids that share a counter with another tenant's.
    seed: AtomicU64,
    slots: [Slot; SLOTS],
    writers: [AtomicU32; WRITER_BUCKETS],
}

static SEGMENT: AtomicPtr<Segment> = AtomicPtr::new(std::ptr::null_mut());

/// The slots, or `None` where the library was not preloaded.
pub fn slots() -> Option<&'static [Slot; SLOTS]> {
    segment().map(|s| &s.slots)
}

/// What to do where a database has no slot.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum SlotPolicy {
    Existing,
    /// Take a free one.
    Free,
    /// Take a free one, or that of a database in which there is nothing to serve.
    FreeOrAbsent,
}

/// This database's slot.
pub fn slot_of(database: pg_sys::Oid, policy: SlotPolicy) -> Option<&'static Slot> {
    let slots = slots()?;
    let oid = database.to_u32();
    if let Some(found) = slots.iter().find(|s| s.database.load(Acquire) == oid) {
        return Some(found);
    }
    if policy == SlotPolicy::Existing {
        return None;
    }
    let free = slots.iter().position(|s| s.database.compare_exchange(0, oid, AcqRel, Acquire).is_ok());
    let taken = match free {
        None if policy == SlotPolicy::FreeOrAbsent => slots.iter().position(|s| s.reassign_if_absent(oid))?,
        free => free?,
    };
    slots[taken].forget();
    // Somebody else may have taken one for the same database in the same moment; the first of them counts.
    if let Some(first) = slots[..taken].iter().find(|s| s.database.load(Acquire) == oid) {
        slots[taken].database.store(0, Release);
        return Some(first);
    }
    Some(&slots[taken])
}

/// The counter for writers of this call's turns; calls may share one.
pub fn writers_of(call_id: &[u8; 16]) -> Option<&'static AtomicU32> {
    let segment = segment()?;
    let [high, low] = call_id.as_chunks::<8>().0 else { return None };
    // Two rounds of SplitMix64's finalizer (Steele et al. 2014) over both halves and the seed.
    let mix = |mut x: u64| {
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    };
    let hash = mix(mix(u64::from_ne_bytes(*high) ^ segment.seed.load(Relaxed)) ^ u64::from_ne_bytes(*low));
    Some(&segment.writers[hash as usize % WRITER_BUCKETS])
}

pub fn launcher_is_me() {
    if let Some(s) = segment() {
        s.launcher.store(my_proc_number(), Release);
    }
}

pub fn wake_launcher() {
    if let Some(s) = segment() {
        set_latch_of(s.launcher.load(Acquire));
    }
}

/// Asks Postgres for the segment; to be called while libraries are preloaded.
pub fn request() {
    // SAFETY: the hooks are chained as their documentation asks; the postmaster calls them once, single-threaded.
    unsafe {
        #[cfg(feature = "pg14")]
        pg_sys::RequestAddinShmemSpace(size_of::<Segment>());
        #[cfg(not(feature = "pg14"))]
        {
            static mut NEXT: Option<unsafe extern "C-unwind" fn()> = None;
            #[pg_guard]
            unsafe extern "C-unwind" fn hook() {
                unsafe {
                    if let Some(next) = NEXT {
                        next();
                    }
                    pg_sys::RequestAddinShmemSpace(size_of::<Segment>());
                }
            }
            NEXT = pg_sys::shmem_request_hook;
            pg_sys::shmem_request_hook = Some(hook);
        }
        NEXT_STARTUP = pg_sys::shmem_startup_hook;
        pg_sys::shmem_startup_hook = Some(startup);
    }
}

static mut NEXT_STARTUP: Option<unsafe extern "C-unwind" fn()> = None;

#[pg_guard]
unsafe extern "C-unwind" fn startup() {
    // SAFETY: an all-zero segment is a valid one: free slots, no launcher. Postgres gives zeroed memory for a new
    // segment only by chance, so it is written; the lock is the one its documentation names for this.
    unsafe {
        if let Some(next) = NEXT_STARTUP {
            next();
        }
        let lock = &raw mut (*pg_sys::MainLWLockArray.add(ADDIN_SHMEM_INIT_LOCK)).lock;
        pg_sys::LWLockAcquire(lock, pg_sys::LWLockMode::LW_EXCLUSIVE);
        let mut found = false;
        let segment =
            pg_sys::ShmemInitStruct(c"voice_analytics".as_ptr(), size_of::<Segment>(), &mut found).cast::<Segment>();
        if !found {
            std::ptr::write_bytes(segment.cast::<u8>(), 0, size_of::<Segment>());
            (*segment).launcher.store(-1, Release);
            (*segment).seed.store(fastrand::u64(..), Release);
            for slot in &(*segment).slots {
                slot.proc_number.store(-1, Release);
            }
        }
        pg_sys::LWLockRelease(lock);
        SEGMENT.store(segment, Release);
    }
}

/// `AddinShmemInitLock`: number 21 in every supported version's lwlocknames.
const ADDIN_SHMEM_INIT_LOCK: usize = 21;

fn segment() -> Option<&'static Segment> {
    // SAFETY: set once by the postmaster before any backend is forked; the segment outlives every process that sees it.
    unsafe { SEGMENT.load(Acquire).as_ref() }
}

fn my_proc_number() -> i32 {
    // SAFETY: every process that calls this has a PGPROC; its place in the array is its number in all versions.
    unsafe { pg_sys::MyProc.offset_from((*pg_sys::ProcGlobal).allProcs) as i32 }
}

/// A latch that belongs to somebody else by now is woken for nothing, and that is all.
fn set_latch_of(proc_number: i32) {
    // SAFETY: the array of PGPROCs is as long as Postgres says and never moves.
    unsafe {
        let all = pg_sys::ProcGlobal;
        if proc_number >= 0 && (proc_number as u32) < (*all).allProcCount {
            pg_sys::SetLatch(&raw mut (*(*all).allProcs.add(proc_number as usize)).procLatch);
        }
    }
}
