//! Errors that a user sees carry no stack of the library, whatever RUST_BACKTRACE says in the server's environment.

use pgrx::pg_sys::panic::{CaughtError, ErrorReport, ErrorReportWithLevel};
use std::any::Any;
use std::panic;

/// Keeps stacks out of the DETAIL of errors. To be called once, when the library is loaded.
///
/// pgrx turns an error of Postgres that passes a Rust frame into a panic, and its panic hook then notes a stack, which
/// later goes into the DETAIL. Such an error has a place of its own already, so the hook is not called for it. A real
/// panic, which is a bug, still shows its stack to whoever has set RUST_BACKTRACE. The hook is that of this library's copy
/// of the standard library: other extensions and the environment stay as they are.
pub fn keep_out_of_errors() {
    let hook_of_pgrx = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !is_error_report(info.payload()) {
            hook_of_pgrx(info);
        }
    }));
}

fn is_error_report(payload: &(dyn Any + Send)) -> bool {
    payload.is::<CaughtError>() || payload.is::<ErrorReportWithLevel>() || payload.is::<ErrorReport>()
}
