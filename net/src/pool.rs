//! Tasks in, responses out, each exactly once and none later than its deadline.

use std::any::Any;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::task::AbortHandle;

use crate::runtime::Runtime;
use crate::task::{Task, TaskError};
use crate::waker::Waker;

/// How long after its time-out a request is given up. Its own time-outs come first; this is for a thread that is stuck.
pub const GRACE: Duration = Duration::from_secs(1);

/// Runs tasks of one kind. Not for sharing: one thread submits and polls.
pub struct Pool<T: Task> {
    run: Arc<Run<T>>,
    /// Started with the first task.
    runtime: Option<Runtime>,
    /// Tasks that may run at once.
    limit: usize,
    next: TaskId,
    /// Beyond the limit, in their order.
    waiting: VecDeque<(TaskId, T)>,
    in_flight: HashMap<TaskId, InFlight<T>>,
    deadlines: BTreeSet<(Instant, TaskId)>,
    finished: Arc<Finished<T::Output>>,
    /// Responses to tasks that never ran.
    failed_to_start: Vec<T::Response>,
}

/// Names a task; never used twice in one pool.
type TaskId = u64;
type Run<T> = dyn Fn(T, Instant) -> Pin<Box<dyn Future<Output = <T as Task>::Output> + Send>> + Send + Sync;

struct InFlight<T: Task> {
    context: T::Context,
    submitted: Instant,
    /// When it is given up.
    deadline: Instant,
    /// `None`: it waits.
    running: Option<AbortHandle>,
}

/// What tasks gave back, until it is collected.
struct Finished<O> {
    tasks: Mutex<Vec<Ended<O>>>,
    waker: Waker,
}

struct Ended<O> {
    task_id: TaskId,
    /// Or the message of its panic.
    output: Result<O, String>,
    /// How long it ran.
    latency: Duration,
}

impl<O> Finished<O> {
    fn add(&self, ended: Ended<O>) {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).push(ended);
        self.waker.wake();
    }

    fn take(&self) -> Vec<Ended<O>> {
        std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<T: Task> Pool<T> {
    /// A pool that has no thread yet, and runs up to `limit` tasks at once. `run` gets each task with its deadline, by which
    /// its future has to end.
    pub fn new<F>(waker: &Waker, limit: usize, run: impl Fn(T, Instant) -> F + Send + Sync + 'static) -> Pool<T>
    where
        F: Future<Output = T::Output> + Send + 'static,
    {
        Pool {
            run: Arc::new(move |task, deadline| Box::pin(run(task, deadline))),
            runtime: None,
            limit,
            next: 0,
            waiting: VecDeque::new(),
            in_flight: HashMap::new(),
            deadlines: BTreeSet::new(),
            finished: Arc::new(Finished { tasks: Mutex::default(), waker: waker.clone() }),
            failed_to_start: Vec::new(),
        }
    }

    /// Sets how many requests may run at once. A lower limit interrupts none. Gives the limit that holds: it is lower where
    /// the process may not open so many files.
    pub fn set_limit(&mut self, limit: usize) -> usize {
        self.limit = allow_descriptors(limit);
        self.start_waiting();
        self.limit
    }

    /// Tasks submitted whose responses [`Pool::poll`] has not given yet.
    pub fn in_flight(&self) -> usize {
        self.in_flight.len() + self.failed_to_start.len()
    }

    /// Takes a task. Its time runs from here, so submit no more than the limit allows: a task that waits behind others may
    /// run out of time before it is started.
    pub fn submit(&mut self, task: T) {
        if !self.runtime.as_ref().is_some_and(Runtime::is_running) {
            match Runtime::start() {
                Ok(runtime) => self.runtime = Some(runtime),
                Err(error) => {
                    let failed = T::response(task.context(), Err(TaskError::NoThread(error)), Duration::ZERO);
                    return self.failed_to_start.push(failed);
                }
            }
        }
        let task_id = self.next;
        self.next += 1;
        let submitted = Instant::now();
        let deadline = submitted + task.timeout() + GRACE;
        self.deadlines.insert((deadline, task_id));
        self.in_flight.insert(task_id, InFlight { context: task.context(), submitted, deadline, running: None });
        self.waiting.push_back((task_id, task));
        self.start_waiting();
    }

    /// Gives every response there is, those included whose time has run out. Never blocks. Clear the waker before.
    pub fn poll(&mut self) -> Vec<T::Response> {
        let mut responses = std::mem::take(&mut self.failed_to_start);
        for Ended { task_id, output, latency } in self.finished.take() {
            // One that was given up is not there any more.
            if let Some(request) = self.remove(task_id) {
                responses.push(T::response(request.context, output.map_err(TaskError::Panic), latency));
            }
        }
        let now = Instant::now();
        while let Some((_, task_id)) = self.deadlines.first().copied().filter(|(deadline, _)| *deadline <= now) {
            let Some(request) = self.remove(task_id) else { break };
            match &request.running {
                Some(running) => running.abort(),
                None => self.waiting.retain(|(waiting, _)| *waiting != task_id),
            }
            responses.push(T::response(request.context, Err(TaskError::Abandoned), now - request.submitted));
        }
        self.start_waiting();
        responses
    }

    /// When to poll at the latest, even if the waker stays silent. `None`: nothing is in flight.
    pub fn next_deadline(&self) -> Option<Instant> {
        match self.failed_to_start.is_empty() {
            true => self.deadlines.first().map(|(deadline, _)| *deadline),
            false => Some(Instant::now()),
        }
    }

    /// Starts tasks that wait, as far as the limit allows.
    fn start_waiting(&mut self) {
        let Some(runtime) = &self.runtime else { return };
        while self.in_flight.len() - self.waiting.len() < self.limit {
            let Some((task_id, task)) = self.waiting.pop_front() else { return };
            let Some(request) = self.in_flight.get_mut(&task_id) else { continue };
            let (run, finished) = (Arc::clone(&self.run), Arc::clone(&self.finished));
            let deadline = request.deadline - GRACE;
            request.running = Some(runtime.spawn(async move {
                let started = Instant::now();
                // The task is moved in and nothing else is touched, so a panic leaves nothing half-changed behind.
                let output = AssertUnwindSafe(async { run(task, deadline).await }).catch_unwind().await;
                let output = output.map_err(|panic| message(&*panic));
                finished.add(Ended { task_id, output, latency: started.elapsed() });
            }));
        }
    }

    fn remove(&mut self, task_id: TaskId) -> Option<InFlight<T>> {
        let request = self.in_flight.remove(&task_id)?;
        self.deadlines.remove(&(request.deadline, task_id));
        Some(request)
    }
}

fn message(panic: &(dyn Any + Send)) -> String {
    let message = panic.downcast_ref::<&str>().map(|message| (*message).to_owned());
    message.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".into())
}

/// Files that the process keeps for itself: Postgres opens tables, logs and what it sleeps on, and ends with an error where
/// it cannot.
const FILES_OF_POSTGRES: usize = 256;

/// Raises the process's soft limit of open files for so many connections, as far as the hard limit allows: many systems
/// start services with 1024. Gives how many of them there is room for, one at least.
fn allow_descriptors(connections: usize) -> usize {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return connections };
    let wanted = (connections as u64 + 1024).min(hard);
    let allowed = match soft < wanted && setrlimit(Resource::RLIMIT_NOFILE, wanted, hard).is_ok() {
        true => wanted,
        false => soft,
    };
    connections.min(usize::try_from(allowed).unwrap_or(usize::MAX).saturating_sub(FILES_OF_POSTGRES)).max(1)
}

#[cfg(test)]
mod tests;
