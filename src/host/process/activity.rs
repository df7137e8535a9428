//! What `pg_stat_activity` and the statistics system learn from this process.

use pgrx::prelude::*;
use std::ffi::CString;

/// Shows this text as the query that runs; `None`: shows the process as idle.
pub fn report_activity(doing: Option<&str>) {
    // SAFETY: Postgres copies the text.
    unsafe {
        match doing.and_then(|d| CString::new(d).ok()) {
            Some(text) => pg_sys::pgstat_report_activity(pg_sys::BackendState::STATE_RUNNING, text.as_ptr()),
            None => pg_sys::pgstat_report_activity(pg_sys::BackendState::STATE_IDLE, std::ptr::null()),
        }
    }
}

/// Shows the process as idle, with a text that says what it waits for.
pub fn report_idle(waiting_for: &str) {
    let Ok(text) = CString::new(waiting_for) else { return };
    // SAFETY: Postgres copies the text.
    unsafe { pg_sys::pgstat_report_activity(pg_sys::BackendState::STATE_IDLE, text.as_ptr()) }
}

/// Reports the rows that this process has written, so that autovacuum knows of them.
pub fn report_statistics() {
    // SAFETY: outside a transaction, as asked.
    unsafe {
        pg_sys::pgstat_report_stat(false);
    }
}
