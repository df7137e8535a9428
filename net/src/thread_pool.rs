//! A crew of threads: as many as there is work, at most as many as allowed, none when there has been nothing to do.
//!
//! Postgres delivers latch wake-ups as signals to the process; a thread that had them unblocked would swallow them.
//! So every signal is blocked while a thread is started (it inherits the mask), and the caller's mask is put back.

use std::any::Any;
use std::collections::{HashSet, VecDeque};
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::{SigSet, SigmaskHow};

/// Enough for a TLS handshake in a debug build with room to spare; a thousand threads are 256 MB of address space, of
/// which only the touched pages are memory.
const STACK_BYTES: usize = 256 * 1024;

/// What the work function gave back, or the words of its panic.
pub type Outcome<A> = Result<A, String>;

/// Names a piece of work for as long as the crew lives; never used twice.
pub type TaskId = u64;

/// Threads that do `work`. Owned by one thread, which hands in and takes out.
pub struct ThreadPool<Q, A> {
    shared: Arc<Shared<Q, A>>,
    wake: Arc<PipeReader>,
    /// Whether it is for this crew to empty the pipe, which it may share with another.
    empties: bool,
    next: TaskId,
}

struct Shared<Q, A> {
    work: Box<dyn Fn(Q) -> A + Send + Sync>,
    idle_after: Duration,
    waker: Arc<Waker>,
    state: Mutex<State<Q, A>>,
    more: Condvar,
}

struct State<Q, A> {
    waiting: VecDeque<(TaskId, Q)>,
    done: Vec<(TaskId, Outcome<A>)>,
    /// Running work whose answer nobody wants any more; its thread no longer counts.
    abandoned: HashSet<TaskId>,
    threads: usize,
    idle: usize,
    limit: usize,
    closed: bool,
}

/// Wakes whoever waits for answers.
struct Waker(Mutex<WakerState>);

struct WakerState {
    /// A byte is in the pipe: one is enough for however many answers.
    signalled: bool,
    wake: PipeWriter,
}

impl Waker {
    fn wake(&self) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !state.signalled {
            // The pipe is empty, so there is room; the reader is gone only when nobody wants answers any more.
            state.signalled = state.wake.write(&[1]).is_ok();
        }
    }

    fn clear(&self, mut wake: &PipeReader) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.signalled {
            let _ = wake.read(&mut [0; 16]);
            state.signalled = false;
        }
    }
}

/// Why work could not be taken in.
#[derive(Debug)]
pub struct NoThread(pub io::Error);

impl<Q: Send + 'static, A: Send + 'static> ThreadPool<Q, A> {
    /// A crew without a single thread yet; one that had nothing to do for `idle_after` leaves.
    pub fn new(
        limit: usize,
        idle_after: Duration,
        work: impl Fn(Q) -> A + Send + Sync + 'static,
    ) -> io::Result<ThreadPool<Q, A>> {
        let (wake, writer) = io::pipe()?;
        nonblocking(wake.as_fd())?;
        nonblocking(writer.as_fd())?;
        let waker = Arc::new(Waker(Mutex::new(WakerState { signalled: false, wake: writer })));
        Ok(ThreadPool::with(Arc::new(wake), waker, true, limit, idle_after, work))
    }

    /// A crew of its own that wakes whoever waits for `other`. The other is the one to collect from first: it empties the
    /// pipe, and what is done here after that makes it readable again.
    pub fn beside<R, B>(
        other: &ThreadPool<R, B>,
        limit: usize,
        idle_after: Duration,
        work: impl Fn(Q) -> A + Send + Sync + 'static,
    ) -> ThreadPool<Q, A> {
        ThreadPool::with(Arc::clone(&other.wake), Arc::clone(&other.shared.waker), false, limit, idle_after, work)
    }

    fn with(
        wake: Arc<PipeReader>,
        waker: Arc<Waker>,
        empties: bool,
        limit: usize,
        idle_after: Duration,
        work: impl Fn(Q) -> A + Send + Sync + 'static,
    ) -> ThreadPool<Q, A> {
        let state = State {
            waiting: VecDeque::new(),
            done: Vec::new(),
            abandoned: HashSet::new(),
            threads: 0,
            idle: 0,
            limit,
            closed: false,
        };
        let shared = Shared { work: Box::new(work), idle_after, waker, state: Mutex::new(state), more: Condvar::new() };
        ThreadPool { shared: Arc::new(shared), wake, empties, next: 0 }
    }

    /// How many may work at once. Lowering it interrupts nobody: threads leave as they finish.
    pub fn set_limit(&self, limit: usize) {
        let mut state = self.shared.state();
        state.limit = limit;
        if state.idle > 0 && state.threads > limit {
            self.shared.more.notify_all();
        }
        let wanted = state.waiting.len().saturating_sub(state.idle);
        for _ in 0..wanted.min(limit.saturating_sub(state.threads)) {
            // Without a further thread the work waits for one of those that run.
            if self.shared.spawn_thread(&mut state).is_err() {
                break;
            }
        }
    }

    /// Hands in work. It waits if all are busy and the limit is reached; it is refused only if no thread runs and none
    /// can be started.
    pub fn submit(&mut self, question: Q) -> Result<TaskId, NoThread> {
        let task_id = self.next;
        self.next += 1;
        let mut state = self.shared.state();
        state.waiting.push_back((task_id, question));
        if state.idle >= state.waiting.len() {
            self.shared.more.notify_one();
        } else if state.threads < state.limit
            && let Err(error) = self.shared.spawn_thread(&mut state)
            && state.threads == 0
        {
            state.waiting.pop_back();
            return Err(NoThread(error));
        }
        Ok(task_id)
    }

    /// Takes what is done and empties the pipe. Work listed in `overdue` that is not done is given up: its answer, should
    /// one still come, is dropped, and its thread's place is free at once. Returns the done and the given up.
    pub fn collect(&mut self, overdue: impl IntoIterator<Item = TaskId>) -> (Vec<(TaskId, Outcome<A>)>, Vec<TaskId>) {
        let mut state = self.shared.state();
        if self.empties {
            // Under the lock, as the write is: no byte for an answer that is not in `done`, no answer without a byte.
            self.shared.waker.clear(&self.wake);
        }
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
        // The places of the abandoned are for those that still wait.
        let wanted = state.waiting.len().saturating_sub(state.idle);
        for _ in 0..wanted.min(state.limit.saturating_sub(state.threads)) {
            if self.shared.spawn_thread(&mut state).is_err() {
                break;
            }
        }
        (done, given_up)
    }

    /// Readable when something is done.
    pub fn wake_fd(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }

    #[cfg(test)]
    fn threads(&self) -> usize {
        self.shared.state().threads
    }
}

impl<Q, A> Drop for ThreadPool<Q, A> {
    /// Lets the idle ones go. Nobody is joined: a process that exits must not wait for a server that does not answer.
    fn drop(&mut self) {
        self.shared.state().closed = true;
        self.shared.more.notify_all();
    }
}

impl<Q, A> Shared<Q, A> {
    /// A panic inside the lock is impossible short of a failed allocation, and then the state is still sound.
    fn state(&self) -> MutexGuard<'_, State<Q, A>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<Q: Send + 'static, A: Send + 'static> Shared<Q, A> {
    fn spawn_thread(self: &Arc<Self>, state: &mut State<Q, A>) -> io::Result<()> {
        let shared = Arc::clone(self);
        let before = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK)?;
        let started =
            thread::Builder::new().name("voice-http".into()).stack_size(STACK_BYTES).spawn(move || shared.run());
        let restored = before.thread_set_mask();
        started?;
        state.threads += 1;
        restored.map_err(io::Error::from)
    }

    fn run(&self) {
        let mut state = self.state();
        loop {
            if state.closed || state.threads > state.limit {
                state.threads -= 1;
                // It may have been signalled for work that it does not take: somebody else must be.
                if !state.waiting.is_empty() {
                    self.more.notify_one();
                }
                return;
            }
            let Some((task_id, question)) = state.waiting.pop_front() else {
                state.idle += 1;
                let (again, wait) =
                    self.more.wait_timeout(state, self.idle_after).unwrap_or_else(PoisonError::into_inner);
                state = again;
                state.idle -= 1;
                if wait.timed_out() && state.waiting.is_empty() {
                    state.threads -= 1;
                    return;
                }
                continue;
            };
            drop(state);

            // The question is moved in and nothing else is touched, so a panic leaves nothing half-changed behind.
            let outcome = catch_unwind(AssertUnwindSafe(|| (self.work)(question))).map_err(|panic| words(&*panic));

            state = self.state();
            if state.abandoned.remove(&task_id) {
                return;
            }
            state.done.push((task_id, outcome));
            self.waker.wake();
        }
    }
}

fn words(panic: &(dyn Any + Send)) -> String {
    let words = panic.downcast_ref::<&str>().map(|words| (*words).to_owned());
    words.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".into())
}

fn nonblocking(fd: BorrowedFd<'_>) -> io::Result<()> {
    let flags = OFlag::from_bits_retain(fcntl(fd, FcntlArg::F_GETFL)?);
    fcntl(fd, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
    Ok(())
}

#[cfg(test)]
mod tests;
