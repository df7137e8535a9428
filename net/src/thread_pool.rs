//! Threads that run tasks: as many as there are tasks, up to a limit, and none after some idle time.
//!
//! Postgres delivers latch wake-ups as signals to the process; a thread that had them unblocked would swallow them.
//! So every signal is blocked while a thread is started (it inherits the mask), and the caller's mask is restored.

use std::any::Any;
use std::collections::{HashSet, VecDeque};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{SigSet, SigmaskHow};

use crate::waker::Waker;

/// Of each thread. An overflow ends the whole server, and deep frames (`getaddrinfo` with unusual NSS modules, TLS in a
/// debug build) are not ours to bound. A thousand threads reserve 1 GB of address space; only touched pages are memory.
const STACK_BYTES: usize = 1024 * 1024;
/// Abandoned threads at most, as a multiple of the limit. With so many, new tasks are refused until some have ended.
const ABANDONED_PER_LIMIT: usize = 2;

/// What the function gave back for a task, or the message of its panic.
pub type Outcome<O> = Result<O, String>;

/// Names a task; never used twice in one pool.
pub type TaskId = u64;

/// Threads that call one function with tasks `T`, which gives `O`. Owned by one thread, which submits and collects.
pub struct ThreadPool<T, O> {
    shared: Arc<Shared<T, O>>,
    next: TaskId,
}

struct Shared<T, O> {
    run: Box<dyn Fn(T) -> O + Send + Sync>,
    /// A thread without a task for so long ends.
    idle_after: Duration,
    waker: Waker,
    state: Mutex<State<T, O>>,
    /// Signals idle threads.
    task_added: Condvar,
}

struct State<T, O> {
    waiting: VecDeque<(TaskId, T)>,
    done: Vec<(TaskId, Outcome<O>)>,
    /// Running tasks that were given up. Their threads are not in `threads`, and their outcomes are dropped.
    abandoned: HashSet<TaskId>,
    threads: usize,
    /// Those of `threads` that wait for a task.
    idle: usize,
    /// Tasks that may run at once.
    limit: usize,
    closed: bool,
}

/// Why a task was refused.
#[derive(Debug)]
pub struct NoThread(pub io::Error);

impl<T: Send + 'static, O: Send + 'static> ThreadPool<T, O> {
    /// A pool that has no thread yet. `waker` is woken for every outcome.
    pub fn new(
        waker: &Waker,
        limit: usize,
        idle_after: Duration,
        run: impl Fn(T) -> O + Send + Sync + 'static,
    ) -> ThreadPool<T, O> {
        let state = State {
            waiting: VecDeque::new(),
            done: Vec::new(),
            abandoned: HashSet::new(),
            threads: 0,
            idle: 0,
            limit,
            closed: false,
        };
        let shared = Shared {
            run: Box::new(run),
            idle_after,
            waker: waker.clone(),
            state: Mutex::new(state),
            task_added: Condvar::new(),
        };
        ThreadPool { shared: Arc::new(shared), next: 0 }
    }

    /// Sets how many tasks may run at once. A lower limit interrupts none: threads end as their tasks do.
    pub fn set_limit(&self, limit: usize) {
        let mut state = self.shared.state();
        state.limit = limit;
        if state.idle > 0 && state.threads > limit {
            self.shared.task_added.notify_all();
        }
        self.shared.spawn_for_waiting(&mut state);
    }

    /// Takes a task. It waits if the limit is reached.
    ///
    /// # Errors
    /// No thread runs and none can be started, or too many threads are abandoned: whatever they hang in, this task would
    /// hang there too, and each is memory.
    pub fn submit(&mut self, task: T) -> Result<TaskId, NoThread> {
        let task_id = self.next;
        self.next += 1;
        let mut state = self.shared.state();
        if state.is_full_of_abandoned() {
            let message = format!("{} requests hang past their time", state.abandoned.len());
            return Err(NoThread(io::Error::other(message)));
        }
        state.waiting.push_back((task_id, task));
        if state.idle >= state.waiting.len() {
            self.shared.task_added.notify_one();
        } else if state.threads < state.limit
            && let Err(error) = self.shared.spawn_thread(&mut state)
            && state.threads == 0
        {
            state.waiting.pop_back();
            return Err(NoThread(error));
        }
        Ok(task_id)
    }

    /// Takes the outcomes there are; see [`Waker`]. Tasks listed in `overdue` without an outcome are given up: an outcome
    /// that still comes is dropped, and another task may run in place of each. Gives the outcomes and the given up.
    pub fn collect(&mut self, overdue: impl IntoIterator<Item = TaskId>) -> (Vec<(TaskId, Outcome<O>)>, Vec<TaskId>) {
        let mut state = self.shared.state();
        let done = std::mem::take(&mut state.done);
        let given_up: Vec<TaskId> =
            overdue.into_iter().filter(|task_id| !done.iter().any(|(other, _)| other == task_id)).collect();
        for task_id in &given_up {
            match state.waiting.iter().position(|(waiting, _)| waiting == task_id) {
                Some(at) => {
                    state.waiting.remove(at);
                }
                None => {
                    state.abandoned.insert(*task_id);
                    state.threads -= 1;
                }
            }
        }
        self.shared.spawn_for_waiting(&mut state);
        (done, given_up)
    }

    #[cfg(test)]
    fn threads(&self) -> usize {
        self.shared.state().threads
    }
}

impl<T, O> State<T, O> {
    fn is_full_of_abandoned(&self) -> bool {
        self.abandoned.len() >= self.limit.saturating_mul(ABANDONED_PER_LIMIT)
    }
}

impl<T, O> Drop for ThreadPool<T, O> {
    /// Ends the idle threads. Joins none: a process that exits must not wait for a server that does not answer.
    fn drop(&mut self) {
        self.shared.state().closed = true;
        self.shared.task_added.notify_all();
    }
}

impl<T, O> Shared<T, O> {
    /// A panic inside the lock is impossible short of a failed allocation, and then the state is still sound.
    fn state(&self) -> MutexGuard<'_, State<T, O>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Send + 'static, O: Send + 'static> Shared<T, O> {
    /// Starts threads for tasks that wait, as far as the limit allows.
    fn spawn_for_waiting(self: &Arc<Self>, state: &mut State<T, O>) {
        let wanted = state.waiting.len().saturating_sub(state.idle);
        for _ in 0..wanted.min(state.limit.saturating_sub(state.threads)) {
            // Without a further thread, or with too many abandoned, the task waits for a thread that runs.
            if state.is_full_of_abandoned() || self.spawn_thread(state).is_err() {
                break;
            }
        }
    }

    fn spawn_thread(self: &Arc<Self>, state: &mut State<T, O>) -> io::Result<()> {
        let shared = Arc::clone(self);
        let before = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK)?;
        let started =
            thread::Builder::new().name("voice-http".into()).stack_size(STACK_BYTES).spawn(move || shared.work());
        let restored = before.thread_set_mask();
        started?;
        state.threads += 1;
        restored.map_err(io::Error::from)
    }

    /// What each thread does.
    fn work(&self) {
        let mut state = self.state();
        loop {
            if state.closed || state.threads > state.limit {
                state.threads -= 1;
                // This thread may have been signalled for a task that it does not take: signal another.
                if !state.waiting.is_empty() {
                    self.task_added.notify_one();
                }
                return;
            }
            let Some((task_id, task)) = state.waiting.pop_front() else {
                state.idle += 1;
                let (again, wait) =
                    self.task_added.wait_timeout(state, self.idle_after).unwrap_or_else(PoisonError::into_inner);
                state = again;
                state.idle -= 1;
                if wait.timed_out() && state.waiting.is_empty() {
                    state.threads -= 1;
                    return;
                }
                continue;
            };
            drop(state);

            // The task is moved in and nothing else is touched, so a panic leaves nothing half-changed behind.
            let outcome = catch_unwind(AssertUnwindSafe(|| (self.run)(task))).map_err(|panic| message(&*panic));

            state = self.state();
            if state.abandoned.remove(&task_id) {
                return;
            }
            state.done.push((task_id, outcome));
            self.waker.wake();
        }
    }
}

fn message(panic: &(dyn Any + Send)) -> String {
    let message = panic.downcast_ref::<&str>().map(|message| (*message).to_owned());
    message.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".into())
}

#[cfg(test)]
mod tests;
