//! Tasks in, responses out, each exactly once and none later than its deadline.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::task::{Task, TaskError};
use crate::thread_pool::{NoThread, TaskId, ThreadPool};
use crate::waker::Waker;

/// How long after its time-out a request is abandoned with its thread. The client's own time-outs come first; this is for
/// what they cannot interrupt (a name look-up that hangs).
pub const GRACE: Duration = Duration::from_secs(1);
const IDLE_AFTER: Duration = Duration::from_secs(30);

/// Threads that run tasks of one kind. Not for sharing: one thread submits and polls.
pub struct Pool<T: Task> {
    threads: ThreadPool<Submission<T>, (T::Output, Duration)>,
    in_flight: HashMap<TaskId, InFlight<T>>,
    deadlines: BTreeSet<(Instant, TaskId)>,
    /// Responses to tasks that never got a thread.
    failed_to_start: Vec<T::Response>,
}

struct Submission<T> {
    task: T,
    deadline: Instant,
}

struct InFlight<T: Task> {
    context: T::Context,
    submitted: Instant,
    deadline: Instant,
}

impl<T: Task> Pool<T> {
    /// A pool that has no thread yet, and runs up to `limit` tasks at once. `run` gets each task with its deadline.
    pub fn new(waker: &Waker, limit: usize, run: impl Fn(T, Instant) -> T::Output + Send + Sync + 'static) -> Pool<T> {
        let timed = move |Submission { task, deadline }: Submission<T>| {
            let started = Instant::now();
            (run(task, deadline), started.elapsed())
        };
        Pool {
            threads: ThreadPool::new(waker, limit, IDLE_AFTER, timed),
            in_flight: HashMap::new(),
            deadlines: BTreeSet::new(),
            failed_to_start: Vec::new(),
        }
    }

    /// Sets how many requests may run at once. A lower limit interrupts none.
    pub fn set_limit(&mut self, limit: usize) {
        allow_descriptors(limit);
        self.threads.set_limit(limit);
    }

    /// Tasks submitted whose responses [`Pool::poll`] has not given yet.
    pub fn in_flight(&self) -> usize {
        self.in_flight.len() + self.failed_to_start.len()
    }

    /// Takes a task. Its time runs from here, so submit no more than the limit allows: a task that waits behind others may
    /// run out of time before it is started.
    pub fn submit(&mut self, task: T) {
        let submitted = Instant::now();
        let deadline = submitted + task.timeout();
        let context = task.context();
        match self.threads.submit(Submission { task, deadline }) {
            Ok(task_id) => {
                let deadline = deadline + GRACE;
                self.deadlines.insert((deadline, task_id));
                self.in_flight.insert(task_id, InFlight { context, submitted, deadline });
            }
            Err(NoThread(error)) => {
                self.failed_to_start.push(T::response(context, Err(TaskError::NoThread(error)), Duration::ZERO));
            }
        }
    }

    /// Gives every response there is, those included whose time has run out. Never blocks. Clear the waker before.
    pub fn poll(&mut self) -> Vec<T::Response> {
        let mut responses = std::mem::take(&mut self.failed_to_start);
        let now = Instant::now();
        let overdue: Vec<TaskId> =
            self.deadlines.iter().take_while(|(deadline, _)| *deadline <= now).map(|(_, task_id)| *task_id).collect();
        let (done, given_up) = self.threads.collect(overdue);
        for (task_id, outcome) in done {
            if let Some(request) = self.remove_in_flight(task_id) {
                responses.push(match outcome {
                    Ok((output, latency)) => T::response(request.context, Ok(output), latency),
                    Err(panic) => {
                        T::response(request.context, Err(TaskError::Panic(panic)), request.submitted.elapsed())
                    }
                });
            }
        }
        for task_id in given_up {
            if let Some(request) = self.remove_in_flight(task_id) {
                responses.push(T::response(request.context, Err(TaskError::Abandoned), now - request.submitted));
            }
        }
        responses
    }

    /// When to poll at the latest, even if the waker stays silent. `None`: nothing is in flight.
    pub fn next_deadline(&self) -> Option<Instant> {
        match self.failed_to_start.is_empty() {
            true => self.deadlines.first().map(|(deadline, _)| *deadline),
            false => Some(Instant::now()),
        }
    }

    fn remove_in_flight(&mut self, task_id: TaskId) -> Option<InFlight<T>> {
        let request = self.in_flight.remove(&task_id)?;
        self.deadlines.remove(&(request.deadline, task_id));
        Some(request)
    }
}

/// Raises the process's soft limit of open files for so many connections, as far as the hard limit allows: many systems
/// start services with 1024, of which Postgres takes up to 1000 for itself. A connection that still does not fit fails as
/// a provider's failure, which is tried again.
fn allow_descriptors(connections: usize) {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return };
    let wanted = (connections as u64 + 1024).min(hard);
    if soft < wanted {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, wanted, hard);
    }
}

#[cfg(test)]
mod tests;
