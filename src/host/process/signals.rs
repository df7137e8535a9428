//! Signals that a background worker takes, and the one it is sent.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pgrx::prelude::*;
// What Postgres calls `pqsignal` in a server; libpq has another one of that name, from which 18 tells them apart.
#[cfg(not(feature = "pg18"))]
use pgrx::pg_sys::pqsignal;
#[cfg(feature = "pg18")]
use pgrx::pg_sys::pqsignal_be as pqsignal;
use std::ffi::c_int;

// Signal handlers are handed to the kernel as they are: wrapped by pgrx they would be other functions.
unsafe extern "C" {
    fn die(signal: c_int);
    fn SignalHandlerForConfigReload(signal: c_int);
}

/// SIGTERM as in any backend (Postgres' own handler for workers would end the process inside the handler; pgrx's
/// does not set the flag that frees a commit waiting for a standby), SIGHUP as in any auxiliary process.
pub fn take_signals() {
    // SAFETY: async-signal-safe handlers of Postgres itself; both types are the same but for unwinding, and a handler
    // does not unwind.
    unsafe {
        pqsignal(SIGTERM, Some(std::mem::transmute::<unsafe extern "C" fn(c_int), Handler>(die)));
        pqsignal(
            SIGHUP,
            Some(std::mem::transmute::<unsafe extern "C" fn(c_int), Handler>(SignalHandlerForConfigReload)),
        );
        pg_sys::BackgroundWorkerUnblockSignals();
        // A SIGHUP between the fork and Postgres' own `pqsignal(SIGHUP, SIG_IGN)` is lost, and the process has the
        // settings from before the fork: the file is read once more.
        (&raw mut pg_sys::ConfigReloadPending).write_volatile(1);
    }
}

type Handler = unsafe extern "C-unwind" fn(c_int);

const SIGHUP: c_int = Signal::SIGHUP as c_int;
const SIGTERM: c_int = Signal::SIGTERM as c_int;

/// Reads the configuration again if a SIGHUP has come. Gives whether it did.
pub fn reload_if_asked() -> bool {
    // SAFETY: a flag of this process, set by its handler; the process is between two transactions.
    unsafe {
        if (&raw const pg_sys::ConfigReloadPending).read_volatile() == 0 {
            return false;
        }
        (&raw mut pg_sys::ConfigReloadPending).write_volatile(0);
        pg_sys::ProcessConfigFile(pg_sys::GucContext::PGC_SIGHUP);
        true
    }
}

/// Asks a worker to end. It wrote its pid itself and clears it when it leaves; a worker that is gone already is no error.
pub fn ask_to_leave(pid: i32) {
    let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
}
