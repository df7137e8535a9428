//! Interrupts, and waiting for the latch.

use pgrx::prelude::*;
use std::ffi::{c_int, c_long};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

/// `CHECK_FOR_INTERRUPTS`: answers barriers (without that, `DROP DATABASE` of any database waits for ever) and ends the
/// process on SIGTERM.
pub fn check_for_interrupts() {
    // SAFETY: flags of this process. A commit that waits for a standby while its postmaster dies sets ProcDiePending but
    // not InterruptPending (SyncRepWaitForLSN).
    unsafe {
        if (&raw const pg_sys::ProcDiePending).read_volatile() != 0 {
            (&raw mut pg_sys::InterruptPending).write_volatile(1);
        }
    }
    pgrx::check_for_interrupts!();
}

/// Waits until the latch is set, the descriptor is readable, or the time is over (`None`: no limit). Clears the latch.
pub fn wait(readable: Option<BorrowedFd<'_>>, limit: Option<Duration>) {
    let mut events = pg_sys::WL_LATCH_SET | pg_sys::WL_EXIT_ON_PM_DEATH;
    let mut timeout = -1;
    if let Some(limit) = limit {
        events |= pg_sys::WL_TIMEOUT;
        // Milliseconds, rounded up: a wait that ends a moment early would run one more cycle for nothing.
        timeout = limit.as_micros().div_ceil(1000).min(i32::MAX as u128) as c_long;
    }
    let mut socket = pg_sys::PGINVALID_SOCKET;
    if let Some(fd) = readable {
        events |= pg_sys::WL_SOCKET_READABLE;
        socket = fd.as_raw_fd();
    }
    // SAFETY: this process' own latch; the descriptor is borrowed, so it stays open during the call.
    unsafe {
        pg_sys::WaitLatchOrSocket(pg_sys::MyLatch, events as c_int, socket, timeout, pg_sys::PG_WAIT_EXTENSION);
        pg_sys::ResetLatch(pg_sys::MyLatch);
    }
}
