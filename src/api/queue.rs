//! The functions that wake the worker and the launcher. In Rust because they act when the transaction commits. Declared
//! in `sql/queue/wake.sql`.

use crate::host::{commit_hooks, shmem};
use pgrx::prelude::*;

/// `voice._wake()`: the worker of this database looks at the queue when this transaction commits, and asks the LLM server
/// whatever it did before.
#[pg_extern(sql = false)]
fn voice_wake() {
    commit_hooks::probe_at_commit();
}

/// `voice._reread_limits()`: the worker of this database reads the limits of tenants again when this transaction commits.
#[pg_extern(sql = false)]
fn voice_reread_limits() {
    commit_hooks::reread_limits_at_commit();
}

/// `voice._announce()`: the extension has just been created here.
#[pg_extern(sql = false)]
fn voice_announce() {
    if shmem::slots().is_some() {
        commit_hooks::announce_at_commit();
        return;
    }
    pgrx::pg_sys::panic::ErrorReport::new(
        PgSqlErrorCode::ERRCODE_WARNING,
        "voice_analytics is not preloaded: calls are stored and queued, but nothing analyses them",
        pgrx::function_name!(),
    )
    .set_detail("Its background worker starts with the server.")
    .set_hint("Add voice_analytics to shared_preload_libraries and restart the server; the queue waits.")
    .report(PgLogLevel::WARNING);
}
