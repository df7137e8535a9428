//! A database and its worker, as other processes see them.

use super::lock::{Exclusive, Locked};
use super::text::{MESSAGE, SharedText, Text};
use super::{my_proc_number, set_latch_of};
use crate::host::usage::Usage;
use pgrx::pg_sys;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicU64, Ordering::*};

/// What the launcher knows of a database.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// The slot belongs to no database, or to one that was dropped.
    Free,
    /// A backend or the launcher asks for a worker here.
    Wanted,
    /// The launcher has started a worker, or is about to.
    Started,
    /// A worker was here and found that the extension is not installed.
    Absent,
}

/// What the worker of a database reports about itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    Starting,
    Idle,
    Working,
    /// By `voice_pause()`.
    Paused,
    /// The database is a restored copy, or tables are missing: nothing is done until `voice_resume()`.
    RestoredCopy,
    /// By the setting `enabled`.
    Disabled,
    /// The LLM server refuses all requests, its answers cannot be used, or the settings cannot be; no attempt is spent.
    Misconfigured,
    /// The versions of library and SQL differ, or the role `voice_worker` is missing.
    VersionMismatch,
    /// A transaction of the worker's own failed; it tries again.
    Failing,
    /// The LLM server fails; the worker waits before the next request.
    Waiting,
}

impl State {
    /// The name that `voice_status()` shows.
    fn name(self) -> &'static str {
        match self {
            State::Starting => "starting",
            State::Idle => "idle",
            State::Working => "working",
            State::Paused => "paused",
            State::RestoredCopy => "quiet",
            State::Disabled => "disabled",
            State::Misconfigured => "misconfigured",
            State::VersionMismatch => "unfit",
            State::Failing => "failing",
            State::Waiting => "waiting for provider",
        }
    }
}

/// Who serves the slot's database, and how it is doing.
#[derive(Clone, Copy)]
struct Service {
    stage: Stage,
    /// Process id of the worker; 0: there is none.
    pid: i32,
    /// Commands in progress that need the database without connections; see `worker/ddl.rs`.
    blockers: u32,
    state: State,
    /// Why the worker is in this state; empty: nothing to add.
    reason: Text<MESSAGE>,
}

impl Service {
    const NONE: Service =
        Service { stage: Stage::Free, pid: 0, blockers: 0, state: State::Starting, reason: Text::EMPTY };
}

/// A database and its worker.
///
/// Atomics of the first group are read and written by commits, which must not wait for a lock. Those of the second are
/// figures: each is one number with one writer, the worker, and is read on its own. All else is under the lock.
pub struct Slot {
    /// Oid of the database; 0: the slot is free. Written under the exclusive lock, read without.
    database: AtomicU32,
    /// Number of the worker's PGPROC; -1: there is no worker.
    proc_number: AtomicI32,
    wake: AtomicBool,
    /// The worker must read the limits of tenants again.
    pub limits_changed: AtomicBool,
    /// Whoever has called `wake` asks for a request now, also where the LLM server is left alone.
    pub probe_asked: AtomicBool,

    pub in_flight: AtomicU32,
    /// Index in [`BREAKERS`].
    breaker: AtomicU32,
    /// Failures of the LLM server in a row.
    pub provider_failures: AtomicU32,
    /// Earliest time of the next request, Unix microseconds; 0: now.
    pub next_request_at: AtomicU64,
    /// Time from hang-up to analytics, microseconds; 0: unknown.
    pub p50_us: AtomicU64,
    pub p95_us: AtomicU64,
    /// Unix microseconds; 0: no error yet.
    pub last_error_at: AtomicU64,

    service: Locked<Service>,
    pub last_error: SharedText,
    pub usage: Usage,
}

/// Names of the breaker's states; "": the analyzer uses no LLM server.
const BREAKERS: [&str; 4] = ["", "closed", "open", "half-open"];

impl Slot {
    pub(super) const fn free() -> Slot {
        Slot {
            database: AtomicU32::new(0),
            proc_number: AtomicI32::new(-1),
            wake: AtomicBool::new(false),
            limits_changed: AtomicBool::new(false),
            probe_asked: AtomicBool::new(false),
            in_flight: AtomicU32::new(0),
            breaker: AtomicU32::new(0),
            provider_failures: AtomicU32::new(0),
            next_request_at: AtomicU64::new(0),
            p50_us: AtomicU64::new(0),
            p95_us: AtomicU64::new(0),
            last_error_at: AtomicU64::new(0),
            service: Locked::new(Service::NONE),
            last_error: SharedText::empty(),
            usage: Usage::none(),
        }
    }

    /// Oid of the database; 0: the slot is free.
    pub fn database(&self) -> u32 {
        self.database.load(Acquire)
    }

    pub fn stage(&self) -> Stage {
        self.service.read(|service| service.stage)
    }

    /// Process id of the worker; 0: there is none.
    pub fn pid(&self) -> i32 {
        self.service.read(|service| service.pid)
    }

    /// Asks the launcher for a worker, also where one runs: it may be about to leave because it saw no extension.
    pub fn want_worker(&self) {
        self.service.write(|service| service.stage = Stage::Wanted);
    }

    /// Asks the launcher for a worker if `before` is still the stage.
    pub fn want_worker_after(&self, before: Stage) {
        self.service.write(|service| {
            if service.stage == before {
                service.stage = Stage::Wanted;
            }
        });
    }

    /// The launcher is about to start the worker. `false`: nobody wants one now, or a command keeps workers away.
    pub fn try_start(&self) -> bool {
        self.service.write(|service| {
            let starts = service.stage == Stage::Wanted && service.blockers == 0;
            if starts {
                service.stage = Stage::Started;
            }
            starts
        })
    }

    /// The worker has found no extension. Where somebody has announced one meanwhile, the stage stays.
    pub fn leave_absent(&self) {
        self.service.write(|service| {
            if service.stage == Stage::Started {
                service.stage = Stage::Absent;
            }
        });
    }

    /// The calling process becomes the worker of the slot's database, whose oid it gets. `None`: the slot is free, or a
    /// command needs the database without connections; the launcher tries again when that is over.
    pub fn attach(&self) -> Option<pg_sys::Oid> {
        self.service.write(|service| {
            let database = self.database();
            if database == 0 || service.blockers > 0 {
                service.stage = if database == 0 { Stage::Free } else { Stage::Wanted };
                return None;
            }
            *service =
                Service { pid: std::process::id() as i32, state: State::Starting, reason: Text::EMPTY, ..*service };
            self.proc_number.store(my_proc_number(), Release);
            Some(pg_sys::Oid::from(database))
        })
    }

    /// The calling process is no longer the worker. Nothing happens where it was not.
    pub fn detach(&self) {
        self.service.write(|service| {
            if service.pid == std::process::id() as i32 {
                service.pid = 0;
                self.proc_number.store(-1, Release);
                for figure in [&self.in_flight, &self.breaker, &self.provider_failures] {
                    figure.store(0, Release);
                }
                self.next_request_at.store(0, Release);
            }
        });
    }

    /// A command begins that needs the database without connections. No worker attaches before its `unblock`.
    pub fn block(&self) {
        self.service.write(|service| service.blockers += 1);
    }

    /// Such a command is over. After the last of them the launcher starts the worker again, if there was one.
    pub fn unblock(&self) {
        self.service.write(|service| {
            service.blockers = service.blockers.saturating_sub(1);
            if service.blockers == 0 && service.stage == Stage::Started {
                service.stage = Stage::Wanted;
            }
        });
    }

    pub fn is_blocked(&self) -> bool {
        self.service.read(|service| service.blockers > 0)
    }

    pub(super) fn is_blocked_locked(&self, held: &mut Exclusive) -> bool {
        self.service.get_mut(held).blockers > 0
    }

    /// The worker's state and, unless empty, the reason for it. Cheap where nothing changes.
    pub fn set_state(&self, state: State, reason: &str) {
        let reason = Text::truncated(reason);
        let same = self.service.read(|s| s.state == state && s.reason.as_str() == reason.as_str());
        if !same {
            self.service.write(|service| (service.state, service.reason) = (state, reason));
        }
    }

    /// The name of the worker's state.
    pub fn state(&self) -> &'static str {
        self.service.read(|service| service.state).name()
    }

    /// Why the worker is in its state; `None`: nothing to add.
    pub fn reason(&self) -> Option<String> {
        let reason = self.service.read(|service| service.reason);
        Some(reason.as_str().to_owned()).filter(|reason| !reason.is_empty())
    }

    /// The state of the LLM server's breaker by name; "": there is none.
    pub fn set_breaker(&self, name: &str) {
        let number = BREAKERS.iter().position(|known| *known == name).unwrap_or(0);
        self.breaker.store(number as u32, Release);
    }

    pub fn breaker(&self) -> Option<&'static str> {
        BREAKERS.get(self.breaker.load(Acquire) as usize).copied().filter(|name| !name.is_empty())
    }

    /// Asks the worker to poll the queue. Takes no lock, and is cheap where the worker was asked already.
    pub fn wake(&self) {
        if !self.wake.swap(true, AcqRel) {
            set_latch_of(self.proc_number.load(Acquire));
        }
    }

    /// Whether somebody has called `wake` since the last call of this function.
    pub fn take_wake(&self) -> bool {
        self.wake.swap(false, AcqRel)
    }

    /// Whether the worker found no extension and has left. Takes no lock while there is a worker.
    pub fn is_absent(&self) -> bool {
        self.proc_number.load(Acquire) == -1 && self.stage() == Stage::Absent
    }

    /// Whether the slot may be given to another database: its worker found no extension and has left.
    pub(super) fn is_idle(&self, held: &mut Exclusive) -> bool {
        let service = self.service.get_mut(held);
        service.stage == Stage::Absent && service.pid == 0 && service.blockers == 0
    }

    /// Gives the slot to a database (0: to none), with nothing left of the one before.
    pub(super) fn assign(&self, database: u32, held: &mut Exclusive) {
        *self.service.get_mut(held) = Service::NONE;
        self.last_error.clear(held);
        self.usage.clear(held);
        for figure in [&self.in_flight, &self.breaker, &self.provider_failures] {
            figure.store(0, Release);
        }
        for figure in [&self.next_request_at, &self.p50_us, &self.p95_us, &self.last_error_at] {
            figure.store(0, Release);
        }
        self.proc_number.store(-1, Release);
        self.database.store(database, Release);
    }
}
