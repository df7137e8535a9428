//! The triggers that write jobs, and the functions that wake the worker. In Rust because they remember what the
//! transaction has done already and act when it commits. Declared in `sql/functions/queue.sql`.

use crate::db::late;
use crate::error::rethrow;
use crate::guc;
use crate::host::{shmem, wake};
use pgrx::AllocatedByPostgres;
use pgrx::heap_tuple::PgHeapTuple;
use pgrx::prelude::*;

type Row<'a> = PgHeapTuple<'a, AllocatedByPostgres>;

/// `voice._enqueue()`: a call has ended in this transaction; so is its job written in it.
#[pg_trigger(sql = false)]
fn voice_enqueue<'a>(trigger: &'a pgrx::PgTrigger<'a>) -> Result<Option<Row<'a>>, Box<dyn std::error::Error>> {
    if let Some(call) = trigger.new()
        && let Some(id) = call.get_by_name::<pgrx::Uuid>("id")?
    {
        let tenant = call.get_by_name::<String>("tenant_id")?.unwrap_or_default();
        late::enqueue(id, &tenant, guc::ANALYZE_DELAY.get()).unwrap_or_else(|e| rethrow(e));
        wake::call_is_enqueued(*id.as_bytes());
        wake::ring_at_commit();
    }
    Ok(None)
}

/// `voice._turn_written()`: deferred to the commit, so that the look at the call happens once a transaction and as
/// late as can be; a call that ended before it gets its job (back).
#[pg_trigger(sql = false)]
fn voice_turn_written<'a>(trigger: &'a pgrx::PgTrigger<'a>) -> Result<Option<Row<'a>>, Box<dyn std::error::Error>> {
    let row = trigger.new().or_else(|| trigger.old());
    if let Some(row) = row
        && let Some(call_id) = row.get_by_name::<pgrx::Uuid>("call_id")?
        && wake::first_look_at(*call_id.as_bytes())
    {
        let tenant = row.get_by_name::<String>("tenant_id")?.unwrap_or_default();
        if late::enqueue_if_late(trigger.relid()?, call_id, &tenant).unwrap_or_else(|e| rethrow(e)) {
            wake::ring_at_commit();
        }
    }
    Ok(None)
}

/// `voice._wake()`: the worker of this database looks at the queue when this transaction commits.
#[pg_extern(sql = false)]
fn voice_wake() {
    wake::ring_at_commit();
}

/// `voice._announce()`: the extension has just been created here.
#[pg_extern(sql = false)]
fn voice_announce() {
    if shmem::slots().is_some() {
        wake::announce_at_commit();
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
