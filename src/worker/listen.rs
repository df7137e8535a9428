//! `NOTIFY voice_analytics` from any client wakes the worker. `LISTEN` as a command is refused in a background
//! worker; the function behind it works (tried on 15). pgrx binds none of these.
#![allow(unsafe_code)]

use pgrx::pg_sys::submodules::ffi::pg_guard_ffi_boundary;
use std::ffi::{c_char, c_int};

unsafe extern "C-unwind" {
    fn Async_Listen(channel: *const c_char);
    fn ProcessNotifyInterrupt(flush: bool);
}

unsafe extern "C" {
    static mut notifyInterruptPending: c_int;
}

/// Listens from the end of the current transaction on. To be called inside one.
pub fn listen() {
    // SAFETY: the channel is a literal; Postgres copies it.
    unsafe { pg_guard_ffi_boundary(|| Async_Listen(c"voice_analytics".as_ptr())) }
}

/// Reads what has arrived, so that the server's queue is not held up, and says whether there was anything.
/// To be called outside a transaction: it opens its own.
pub fn drain() -> bool {
    // SAFETY: a flag that the SIGUSR1 handler of this process sets; ProcessNotifyInterrupt clears it.
    unsafe {
        let pending = (&raw const notifyInterruptPending).read_volatile() != 0;
        if pending {
            pg_guard_ffi_boundary(|| ProcessNotifyInterrupt(false));
        }
        pending
    }
}
