//! What the worker of this database says of itself.

use crate::guc;
use crate::host::{process, shmem};
use pgrx::prelude::*;
use std::sync::atomic::Ordering::*;

/// `voice._worker_status()`: read from shared memory, without a lock.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)] // the row is the contract's
fn voice_worker_status() -> TableIterator<
    'static,
    (
        name!(worker_pid, Option<i32>),
        name!(state, String),
        name!(reason, Option<String>),
        name!(analyzer, String),
        name!(in_flight, i32),
        name!(p50_ms, Option<f64>),
        name!(p95_ms, Option<f64>),
        name!(last_error, Option<String>),
        name!(last_error_at, Option<TimestampWithTimeZone>),
    ),
> {
    let analyzer = guc::ANALYZER.get().name().to_owned();
    let nothing = |state: &str, reason: &str| {
        (None, state.to_owned(), Some(reason.to_owned()), analyzer.clone(), 0, None, None, None, None)
    };
    let row = if shmem::slots().is_none() {
        nothing(
            "not preloaded",
            "add voice_analytics to shared_preload_libraries and restart the server; the queue waits",
        )
    } else {
        match shmem::slot_of(process::my_database(), shmem::Otherwise::Nothing) {
            None => nothing("not running", why_not_running()),
            Some(slot) => {
                let pid = slot.pid.load(Acquire);
                let millis = |us: u64| (us > 0).then_some(us as f64 / 1000.0);
                let at = slot.last_error_at.load(Acquire);
                (
                    (pid > 0).then_some(pid),
                    if pid > 0 { slot.state().to_owned() } else { "not running".to_owned() },
                    if pid > 0 { slot.reason.read() } else { Some(why_not_running().to_owned()) },
                    analyzer,
                    slot.in_flight.load(Acquire) as i32,
                    millis(slot.p50_us.load(Acquire)),
                    millis(slot.p95_us.load(Acquire)),
                    slot.last_error.read(),
                    (at > 0).then(|| pgrx::datum::to_timestamp(at as f64 / 1e6)),
                )
            }
        }
    };
    TableIterator::once(row)
}

/// Where a worker should be and is none.
fn why_not_running() -> &'static str {
    if guc::covers_database(&process::my_database_name()) {
        "starting, or no free background worker: see the server log, and max_worker_processes"
    } else {
        "this database is not among those of voice_analytics.databases"
    }
}
