//! Shared memory between backends, the launcher, the workers and the maintenance processes: one slot a database, the
//! maintenance requests, and counters of transactions that are about to commit turns.
//!
//! What commits read and write is atomic, because a commit must not wait; everything else is under one lock (`lock.rs`).
//! Nothing in the segment is a pointer: a process is named by its database and its number, and both may be gone by the
//! time they are read.
#![allow(unsafe_code)] // the shared segment and the latches in it belong to Postgres

mod lock;
pub mod maintenance;
mod slot;
mod text;

pub use lock::{Exclusive, Locked};
pub use slot::{Slot, Stage, State};
pub use text::Text;

use pgrx::prelude::*;
use std::sync::atomic::{AtomicI32, AtomicPtr, AtomicU32, AtomicU64, Ordering::*};

/// Databases that can be known at once. A slot takes about 2 KB.
pub const SLOTS: usize = 128;
/// Counters of transactions that are between "looked whether the call has ended" and their commit; see `db/enqueue.rs`.
const WRITER_BUCKETS: usize = 4096;

struct Segment {
    /// Number of the launcher's PGPROC; -1: it has not started.
    launcher: AtomicI32,
    /// Random, so that nobody can choose call ids that share a counter with another tenant's.
    seed: AtomicU64,
    writers: [AtomicU32; WRITER_BUCKETS],
    slots: [Slot; SLOTS],
    requests: Locked<maintenance::Requests>,
}

static SEGMENT: AtomicPtr<Segment> = AtomicPtr::new(std::ptr::null_mut());

/// The slots, or `None` where the library was not preloaded.
pub fn slots() -> Option<&'static [Slot; SLOTS]> {
    segment().map(|s| &s.slots)
}

/// What to do where a database has no slot.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum SlotPolicy {
    /// Give none.
    Existing,
    /// Take a free one.
    Free,
    /// Take a free one, or that of a database without the extension.
    FreeOrAbsent,
}

/// The slot of a database. A database never has two: slots are given out under the lock. Looking for an existing one
/// takes no lock.
pub fn slot_of(database: pg_sys::Oid, policy: SlotPolicy) -> Option<&'static Slot> {
    let slots = slots()?;
    let oid = database.to_u32();
    let of = |oid: u32| slots.iter().find(|slot| slot.database() == oid);
    if database == pg_sys::InvalidOid {
        return None;
    }
    if let found @ Some(_) = of(oid) {
        return found;
    }
    if policy == SlotPolicy::Existing {
        return None;
    }
    let mut held = lock::exclusive();
    if let found @ Some(_) = of(oid) {
        return found;
    }
    let slot = match of(0) {
        None if policy == SlotPolicy::FreeOrAbsent => slots.iter().find(|slot| slot.is_idle(&mut held))?,
        free => free?,
    };
    slot.assign(oid, &mut held);
    Some(slot)
}

/// Frees the slot of a database that was dropped. A slot that belongs to another database by now stays as it is.
pub fn free(slot: &Slot, database: u32) {
    let mut held = lock::exclusive();
    if slot.database() == database {
        slot.assign(0, &mut held);
    }
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

/// The calling process is the launcher.
pub fn launcher_is_me() {
    if let Some(s) = segment() {
        s.launcher.store(my_proc_number(), Release);
    }
}

/// Wakes the launcher, which looks at all slots.
pub fn wake_launcher() {
    if let Some(s) = segment() {
        set_latch_of(s.launcher.load(Acquire));
    }
}

/// Asks Postgres for the segment and its lock; to be called while libraries are preloaded.
pub fn request() {
    // SAFETY: called from _PG_init in the postmaster, which has one thread; the hooks are chained as their documentation
    // asks.
    unsafe {
        #[cfg(feature = "pg14")]
        reserve();
        #[cfg(not(feature = "pg14"))]
        {
            NEXT_REQUEST = pg_sys::shmem_request_hook;
            pg_sys::shmem_request_hook = Some(on_request);
        }
        NEXT_STARTUP = pg_sys::shmem_startup_hook;
        pg_sys::shmem_startup_hook = Some(on_startup);
    }
}

/// # Safety
/// Called when shared memory may be requested: in the request hook, in PostgreSQL 14 in `_PG_init`.
unsafe fn reserve() {
    // SAFETY: as the caller says; the name is a literal.
    unsafe {
        pg_sys::RequestAddinShmemSpace(size_of::<Segment>());
        pg_sys::RequestNamedLWLockTranche(lock::TRANCHE.as_ptr(), 1);
    }
}

#[cfg(not(feature = "pg14"))]
static mut NEXT_REQUEST: Option<unsafe extern "C-unwind" fn()> = None;

#[cfg(not(feature = "pg14"))]
#[pg_guard]
unsafe extern "C-unwind" fn on_request() {
    // SAFETY: written once, before the hook can be called; the postmaster has one thread.
    if let Some(next) = unsafe { NEXT_REQUEST } {
        // SAFETY: the hook that stood here before ours, called as Postgres would; its errors pass as Rust panics.
        unsafe { pg_sys::submodules::ffi::pg_guard_ffi_boundary(|| next()) };
    }
    // SAFETY: this is the request hook.
    unsafe { reserve() }
}

static mut NEXT_STARTUP: Option<unsafe extern "C-unwind" fn()> = None;

#[pg_guard]
unsafe extern "C-unwind" fn on_startup() {
    // SAFETY: written once, before the hook can be called; the postmaster has one thread.
    if let Some(next) = unsafe { NEXT_STARTUP } {
        // SAFETY: the hook that stood here before ours, called as Postgres would; its errors pass as Rust panics.
        unsafe { pg_sys::submodules::ffi::pg_guard_ffi_boundary(|| next()) };
    }
    // SAFETY: shared memory is made under AddinShmemInitLock, as the documentation of ShmemInitStruct asks. The size is
    // the one requested. Until SEGMENT is stored nobody else knows the segment.
    unsafe {
        let init_lock = &raw mut (*pg_sys::MainLWLockArray.add(ADDIN_SHMEM_INIT_LOCK)).lock;
        pg_sys::LWLockAcquire(init_lock, pg_sys::LWLockMode::LW_EXCLUSIVE);
        lock::initialize();
        let mut found = false;
        let segment =
            pg_sys::ShmemInitStruct(c"voice_analytics".as_ptr(), size_of::<Segment>(), &mut found).cast::<Segment>();
        if !found {
            initialize(segment);
        }
        pg_sys::LWLockRelease(init_lock);
        SEGMENT.store(segment, Release);
    }
}

/// Writes each field in its place: the segment is too large for the stack.
///
/// # Safety
/// The memory is as large as a segment, aligned (Postgres aligns to cache lines), and nobody else's yet.
unsafe fn initialize(segment: *mut Segment) {
    // SAFETY: as the caller says; zero is a valid counter.
    unsafe {
        (&raw mut (*segment).launcher).write(AtomicI32::new(-1));
        (&raw mut (*segment).seed).write(AtomicU64::new(fastrand::u64(..)));
        (&raw mut (*segment).writers).write_bytes(0, 1);
        let slots = (&raw mut (*segment).slots).cast::<Slot>();
        for index in 0..SLOTS {
            slots.add(index).write(Slot::free());
        }
        (&raw mut (*segment).requests).write(maintenance::Requests::none());
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

/// Sets a process' latch. Where another process has the number by now, it wakes up for nothing.
fn set_latch_of(proc_number: i32) {
    // SAFETY: the array of PGPROCs is as long as Postgres says and never moves.
    unsafe {
        let all = pg_sys::ProcGlobal;
        if proc_number >= 0 && (proc_number as u32) < (*all).allProcCount {
            pg_sys::SetLatch(&raw mut (*(*all).allProcs.add(proc_number as usize)).procLatch);
        }
    }
}
