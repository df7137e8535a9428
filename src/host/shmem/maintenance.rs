//! Maintenance requests: a session or the worker asks for a task, a process of its own does it and leaves the result
//! under the request's id. Several requests of one database may be in progress; each has its own entry.

use super::lock::{self, Exclusive, Locked};
use super::text::{MESSAGE, Text};
use super::{Segment, segment};
use pgrx::pg_sys;
use std::cell::Cell;

/// Requests that can be in progress at once in the whole cluster. Each needs a background worker, of which
/// `max_worker_processes` has eight by default.
const REQUESTS: usize = 64;
/// Longest quoted name of a schema, in bytes: 63 bytes, each doubled, and the quotes.
const SCHEMA: usize = 128;

/// What a maintenance process is to do.
#[derive(Clone, Copy)]
pub enum Task {
    /// Partitions ahead of time, roll-ups, retention: what the worker asks for every hour.
    RunAll,
    /// Sums up the results of days that are not over: what the worker asks for every minute or so while results come.
    RollUpOpenDays,
    /// Evaluates the alerts: what the worker asks for every minute where there are any.
    EvaluateAlerts,
    /// Creates partitions from the month of `since` (Unix seconds) to `ahead` months after this one.
    CreatePartitions { ahead: i32, since: i64 },
    /// Adds the extension's jobs to pg_cron (`schedule`), or removes them. `functions_in` is the quoted name of the
    /// extension's schema.
    Cron { schedule: bool, functions_in: Text<SCHEMA> },
}

#[derive(Clone, Copy)]
#[allow(clippy::large_enum_variant)] // nothing in shared memory can be boxed
enum Outcome {
    Pending,
    Succeeded,
    Failed(Text<MESSAGE>),
}

#[derive(Clone, Copy)]
struct Request {
    /// 0: the entry is free.
    id: u64,
    database: u32,
    /// Process id of whoever waits for the result; 0: nobody does any more.
    requester: i32,
    /// Process id of the maintenance process; 0: it has not begun yet, or has ended.
    process: i32,
    task: Task,
    outcome: Outcome,
}

#[derive(Clone, Copy)]
pub(super) struct Requests {
    last_id: u64,
    entries: [Request; REQUESTS],
}

impl Request {
    const FREE: Request =
        Request { id: 0, database: 0, requester: 0, process: 0, task: Task::RunAll, outcome: Outcome::Pending };
}

impl Requests {
    pub(super) const fn none() -> Locked<Requests> {
        Locked::new(Requests { last_id: 0, entries: [Request::FREE; REQUESTS] })
    }

    fn of(&mut self, id: u64) -> Option<&mut Request> {
        self.entries.iter_mut().find(|entry| id != 0 && entry.id == id)
    }
}

/// A request of this process, which is forgotten when this is dropped or the process ends.
pub struct Ticket(u64);

/// Files a request for a database. `None`: the library was not preloaded, or all entries are in use.
pub fn submit(database: pg_sys::Oid, task: Task) -> Option<Ticket> {
    thread_local!(static FORGETS: Cell<bool> = const { Cell::new(false) });
    let requests = &segment()?.requests;
    if !FORGETS.replace(true) {
        crate::host::process::at_exit(forget_mine, 0);
    }
    requests.write(|requests| {
        let id = requests.last_id + 1;
        let entry = requests.entries.iter_mut().find(|entry| entry.id == 0)?;
        let requester = std::process::id() as i32;
        *entry = Request { id, database: database.to_u32(), requester, task, ..Request::FREE };
        requests.last_id = id;
        Some(Ticket(id))
    })
}

impl Ticket {
    /// What the maintenance process is started with.
    pub fn id(&self) -> u64 {
        self.0
    }

    /// The result, once the process has ended.
    ///
    /// # Errors
    /// What went wrong, for the user.
    pub fn outcome(&self) -> Result<(), String> {
        let outcome = segment().and_then(|s| s.requests.write(|requests| requests.of(self.0).map(|r| r.outcome)));
        match outcome {
            Some(Outcome::Succeeded) => Ok(()),
            Some(Outcome::Failed(message)) => Err(message.as_str().to_owned()),
            Some(Outcome::Pending) | None => Err(ENDED_EARLY.to_owned()),
        }
    }
}

const ENDED_EARLY: &str = "the process ended early";

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(segment) = segment() {
            segment.requests.write(|requests| requests.of(self.0).map(forget));
        }
    }
}

/// Nobody waits for the result any more. While the process runs the entry stays: commands that need the database
/// without connections find the process by it.
fn forget(request: &mut Request) {
    request.requester = 0;
    if request.process == 0 {
        *request = Request::FREE;
    }
}

fn forget_mine(_: usize) {
    let me = std::process::id() as i32;
    if let Some(segment) = segment() {
        segment.requests.write(|requests| {
            requests.entries.iter_mut().filter(|entry| entry.id != 0 && entry.requester == me).for_each(forget);
        });
    }
}

/// The calling process begins with a request: its database and its task. `None`: whoever asked has gone, or a command
/// needs the database without connections. From here on that command finds this process.
pub fn begin(id: u64) -> Option<(pg_sys::Oid, Task)> {
    let segment = segment()?;
    crate::host::process::at_exit(end, id as usize);
    let mut held = lock::exclusive();
    let database = segment.requests.get_mut(&mut held).of(id)?.database;
    let blocked = is_blocked(segment, database, &mut held);
    let request = segment.requests.get_mut(&mut held).of(id)?;
    if blocked {
        request.outcome = Outcome::Failed(Text::truncated("a command needs the database without connections"));
        return None;
    }
    request.process = std::process::id() as i32;
    Some((pg_sys::Oid::from(database), request.task))
}

fn is_blocked(segment: &Segment, database: u32, held: &mut Exclusive) -> bool {
    segment.slots.iter().find(|slot| slot.database() == database).is_some_and(|slot| slot.is_blocked_locked(held))
}

/// The process that has begun with the request leaves its result.
pub fn finish(id: u64, result: Result<(), &str>) {
    let outcome = match result {
        Ok(()) => Outcome::Succeeded,
        Err(message) => Outcome::Failed(Text::truncated(message)),
    };
    if let Some(segment) = segment() {
        segment.requests.write(|requests| requests.of(id).map(|request| request.outcome = outcome));
    }
}

/// The process of a request ends, whether it has finished or not.
fn end(id: usize) {
    let Some(segment) = segment() else { return };
    segment.requests.write(|requests| {
        let Some(request) = requests.of(id as u64) else { return };
        request.process = 0;
        if request.requester == 0 {
            *request = Request::FREE;
        }
    });
}

/// Process ids of the maintenance processes of a database.
pub fn processes_in(database: u32) -> Vec<i32> {
    let Some(segment) = segment() else { return Vec::new() };
    segment.requests.read(|requests| {
        let of_database = |entry: &&Request| entry.id != 0 && entry.database == database && entry.process > 0;
        requests.entries.iter().filter(of_database).map(|entry| entry.process).collect()
    })
}
