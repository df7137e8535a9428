//! For tests that run inside a backend: each is a function of the schema `tests`, called in a transaction of its own, which is
//! rolled back. They stand in the module whose inside they look at; run by `scripts/pg-tests.sh`.

use pgrx::pg_sys::panic::CaughtError;
use pgrx::prelude::*;
use std::panic::AssertUnwindSafe;

/// What pgrx-tests calls before all tests: nothing has to be prepared.
pub fn setup(_options: Vec<&str>) {}

/// Shared memory is there only where the library is preloaded. No worker takes the jobs that the tests write.
#[must_use]
pub fn postgresql_conf_options() -> Vec<&'static str> {
    vec!["shared_preload_libraries = 'voice_analytics'", "voice_analytics.enabled = off", "fsync = off"]
}

/// An ERROR as a client sees it.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    pub code: PgSqlErrorCode,
    pub message: String,
    pub detail: String,
    pub hint: String,
}

/// Runs a statement in a subtransaction that is rolled back; gives the ERROR that it raised, if any.
#[allow(unsafe_code)] // subtransactions
pub fn refusal(sql: &str) -> Option<Refusal> {
    // SAFETY: inside a transaction, as every test is; what PL/pgSQL does around a block with EXCEPTION.
    unsafe {
        let (memory, owner) = (pg_sys::CurrentMemoryContext, pg_sys::CurrentResourceOwner);
        pg_sys::BeginInternalSubTransaction(std::ptr::null());
        let caught = PgTryBuilder::new(AssertUnwindSafe(|| {
            Spi::run(sql).expect("SPI connects");
            None
        }))
        .catch_others(|caught| Some(refused(&caught)))
        .execute();
        pg_sys::RollbackAndReleaseCurrentSubTransaction();
        pg_sys::MemoryContextSwitchTo(memory);
        pg_sys::CurrentResourceOwner = owner;
        caught
    }
}

fn refused(caught: &CaughtError) -> Refusal {
    let report = match caught {
        CaughtError::PostgresError(report) | CaughtError::ErrorReport(report) => report,
        CaughtError::RustPanic { ereport, .. } => ereport,
    };
    Refusal {
        code: report.sql_error_code(),
        message: report.message().to_owned(),
        detail: report.detail().unwrap_or_default().to_owned(),
        hint: report.hint().unwrap_or_default().to_owned(),
    }
}

/// A call that has ended a moment ago with these words, and its job with it.
pub fn ended_call(tenant: &str, words: &str) -> pgrx::Uuid {
    let agent = "INSERT INTO voice.agent (id, tenant_id, vertical) VALUES ('agent of ' || $1, $1, 'salon') ON CONFLICT DO NOTHING";
    Spi::run_with_args(agent, &[tenant.into()]).expect("an agent");
    let sql = "INSERT INTO voice.call (tenant_id, agent_id) VALUES ($1, 'agent of ' || $1) RETURNING id";
    let id: pgrx::Uuid = Spi::get_one_with_args(sql, &[tenant.into()]).expect("a call").expect("its id");
    let turn = "INSERT INTO voice.turn (call_id, tenant_id, role, text) VALUES ($1, $2, 'user', $3)";
    Spi::run_with_args(turn, &[id.into(), tenant.into(), words.into()]).expect("a turn");
    Spi::run_with_args("UPDATE voice.call SET status = 'completed' WHERE id = $1", &[id.into()]).expect("its end");
    id
}

/// The one value that a query gives.
pub fn value<T: pgrx::FromDatum + pgrx::IntoDatum>(sql: &str) -> Option<T> {
    Spi::get_one(sql).unwrap_or_else(|e| panic!("{sql}: {e}"))
}
