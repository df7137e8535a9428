//! The thread on which the requests of one pool run, however many there are: they wait for sockets, not for each other.
//!
//! Postgres delivers latch wake-ups as signals to the process; a thread that had them unblocked would swallow them.
//! So every signal is blocked while the thread is started (it and those it starts inherit the mask), and the caller's mask
//! is restored.

use std::future::Future;
use std::io;
use std::thread::{self, JoinHandle};

use nix::sys::signal::{SigSet, SigmaskHow};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

/// Of each thread. An overflow ends the whole server, and deep frames (`getaddrinfo` with unusual NSS modules, TLS in a
/// debug build) are not ours to bound. Only touched pages are memory.
const STACK_BYTES: usize = 1024 * 1024;
/// Threads that look names up, at most: each host's name is looked up by one at a time.
const LOOK_UPS_MAX: usize = 64;

/// Ends with its owner, and whatever runs on it.
pub struct Runtime {
    handle: Handle,
    thread: JoinHandle<()>,
    /// Dropping it ends the thread.
    _stop: oneshot::Sender<()>,
}

impl Runtime {
    /// Starts the thread.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start() -> io::Result<Runtime> {
        let runtime = Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .thread_name("voice-lookup")
            .thread_stack_size(STACK_BYTES)
            .max_blocking_threads(LOOK_UPS_MAX)
            .build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let before = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK)?;
        let started = thread::Builder::new().name("voice-http".into()).stack_size(STACK_BYTES).spawn(move || {
            // It ends by an error: nothing is ever sent.
            let _ = runtime.block_on(stopped);
            // A look-up that hangs is not waited for.
            runtime.shutdown_background();
        });
        let restored = before.thread_set_mask();
        let thread = started?;
        restored?;
        Ok(Runtime { handle, thread, _stop: stop })
    }

    /// Whether the thread runs. Only a bug ends it before its owner does.
    pub fn is_running(&self) -> bool {
        !self.thread.is_finished()
    }

    /// Runs the future on the thread, until it is done or aborted.
    pub fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        self.handle.spawn(future).abort_handle()
    }
}
