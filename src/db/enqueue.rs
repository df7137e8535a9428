//! Jobs written by the transactions that end calls and add turns, as the triggers ask.

use super::outcome::{ANALYZE, LIVE};
use super::{DbError, Statement};
use crate::host::insert::Insert;
use crate::host::probe::{self, Probed};
use crate::host::trigger::Row;
use crate::host::{clock, process, user};
use pgrx::IntoDatum;
use pgrx::pg_sys::BuiltinOid::*;
use pgrx::prelude::*;
use pgrx::spi::SpiClient;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use voice_core::vocabulary::{IN_PROGRESS, LATE_WORDS};

thread_local! {
    static ENQUEUE: Statement =
        const { Statement::for_session(include_str!("../../sql/queries/enqueue.sql"), &[TEXTOID, UUIDOID, INT4OID]) };
    static ENQUEUE_LATE: Statement =
        const { Statement::for_session(include_str!("../../sql/queries/enqueue_late.sql"), &[TEXTOID, UUIDOID]) };
    static ENQUEUE_LOOK: Statement =
        const { Statement::for_session(include_str!("../../sql/queries/enqueue_look.sql"), &[TEXTOID, UUIDOID, INT4OID]) };
    static ENQUEUE_MANY: Statement =
        const { Statement::for_session(include_str!("../../sql/queries/enqueue_many.sql"), &[TEXTOID, UUIDARRAYOID, INT4OID]) };
    static JOB: Insert = const {
        Insert {
            table: c"job",
            sequence: c"job_id_seq",
            unless_in: c"job_one_analysis_a_call_idx",
            columns: &[
                ("kind", pg_sys::TEXTOID),
                ("priority", pg_sys::INT2OID),
                ("attempt", pg_sys::INT2OID),
                ("run_at", pg_sys::TIMESTAMPTZOID),
                ("call_id", pg_sys::UUIDOID),
                ("tenant_id", pg_sys::TEXTOID),
            ],
            constant: 3,
            known: Cell::new(None),
        }
    };
    static GATHERED: RefCell<Option<Jobs>> = const { RefCell::new(None) };
    /// By leaf of voice.turn: the leaf of voice.call that it references.
    static CALL_LEAVES: RefCell<HashMap<pg_sys::Oid, pg_sys::Oid>> = RefCell::new(HashMap::new());
}

/// While it lives, jobs of calls that end are gathered instead of written.
pub struct Gathered(());

#[derive(Default)]
struct Jobs {
    tenant: String,
    calls: Vec<pgrx::Uuid>,
    delay_ms: i32,
}

impl Gathered {
    pub fn begin() -> Gathered {
        GATHERED.set(Some(Jobs::default()));
        Gathered(())
    }

    /// Writes what was gathered, in one statement.
    pub fn write(self) -> Result<(), DbError> {
        let Some(jobs) = GATHERED.take().filter(|jobs| !jobs.calls.is_empty()) else { return Ok(()) };
        let values = [jobs.tenant.into(), jobs.calls.into(), jobs.delay_ms.into()];
        Spi::connect_mut(|client| ENQUEUE_MANY.with(|s| s.run(client, &values).map(drop)))
    }
}

impl Drop for Gathered {
    fn drop(&mut self) {
        GATHERED.set(None);
    }
}

/// Whether the job waits to be written with others of its tenant.
fn gather(call_id: pgrx::Uuid, tenant: &str, delay_ms: i32) -> bool {
    GATHERED.with_borrow_mut(|jobs| match jobs {
        Some(jobs) if jobs.calls.is_empty() || jobs.tenant == tenant => {
            if jobs.calls.is_empty() {
                (jobs.tenant, jobs.delay_ms) = (tenant.to_owned(), delay_ms);
            }
            jobs.calls.push(call_id);
            true
        }
        _ => false,
    })
}

/// The job of a call that has just ended, due after `delay_ms`. A row without a statement, which every call is spared; where
/// that cannot be (there is a job already; a trigger of a DBA on the queue), by its statement.
pub fn enqueue(call_id: pgrx::Uuid, tenant: &str, delay_ms: i32) -> Result<(), DbError> {
    if gather(call_id, tenant, delay_ms) || insert(call_id, tenant, delay_ms) {
        return Ok(());
    }
    user::as_voice_worker(|| {
        Spi::connect_mut(|client| {
            ENQUEUE.with(|s| s.run(client, &[tenant.into(), call_id.into(), delay_ms.into()]).map(drop))
        })
    })
}

fn insert(call_id: pgrx::Uuid, tenant: &str, delay_ms: i32) -> bool {
    let run_at = clock::transaction_start() + i64::from(delay_ms) * 1000;
    JOB.with(|job| {
        job.run(&[
            ANALYZE.into_datum(),
            0_i16.into_datum(),
            0_i16.into_datum(),
            clock::time_datum(run_at),
            call_id.into_datum(),
            tenant.into_datum(),
        ])
    })
}

/// The words of a call were completed, be its end long ago.
pub fn enqueue_again(call_id: pgrx::Uuid, tenant: &str) -> Result<(), DbError> {
    Spi::connect_mut(|client| ENQUEUE_LATE.with(|s| s.run(client, &[tenant.into(), call_id.into()]).map(drop)))
}

/// A turn was written: if its call has ended, and not long ago, its analysis is to be made current again; if the call goes on,
/// and such calls are looked at (every `live_interval_ms`; 0: they are not), it gets its job for that. Says whether a job was
/// written.
pub fn enqueue_if_late_or_live(
    turn_leaf: pg_sys::Oid,
    call_id: [u8; 16],
    tenant: &str,
    live_interval_ms: i32,
) -> Result<bool, DbError> {
    let seen = look(turn_leaf, &call_id)?;
    let looks = live_interval_ms > 0
        && matches!(seen, Some((false, _)))
        && enqueue_look(pgrx::Uuid::from_bytes(call_id), tenant, live_interval_ms)?;
    Ok(enqueue_if_late(seen, pgrx::Uuid::from_bytes(call_id), tenant)? || looks)
}

/// Writes the job of a call in progress that has none. Whether it has one, an index says: most turns cost no statement.
fn enqueue_look(call_id: pgrx::Uuid, tenant: &str, interval_ms: i32) -> Result<bool, DbError> {
    let is_look = |job: &Row<'_>| job.text("kind") == Some(LIVE);
    match probe::any_by_index(c"job", c"job_one_trial_a_call_idx", call_id.as_bytes(), is_look) {
        Some(false) => user::as_voice_worker(|| {
            Spi::connect_mut(|client| {
                ENQUEUE_LOOK.with(|s| s.run(client, &[tenant.into(), call_id.into(), interval_ms.into()]).map(drop))?;
                Ok(true)
            })
        }),
        // There is one; or the tables are of an older version.
        Some(true) | None => Ok(false),
    }
}

fn enqueue_if_late(seen: Option<(bool, bool)>, call_id: pgrx::Uuid, tenant: &str) -> Result<bool, DbError> {
    let (ended, recently) = match seen {
        Some(seen) => seen,
        None if process::uses_transaction_snapshot() => (false, false),
        // The call is being deleted.
        None => return Ok(false),
    };
    // A transaction that sees the past only cannot know whether the call has ended. A job too many costs nothing.
    let unknown = !ended && process::uses_transaction_snapshot();
    if !unknown && !ended {
        return Ok(false);
    }
    user::as_voice_worker(|| {
        Spi::connect_mut(|client| {
            if !unknown && !recently && !settled_recently(client, call_id)? {
                return Ok(false);
            }
            ENQUEUE_LATE.with(|s| s.run(client, &[tenant.into(), call_id.into()]).map(drop))?;
            Ok(true)
        })
    })
}

/// (has ended, by its own clock within [`LATE_WORDS`]), or `None`: no such call (it is being deleted). One index probe in the
/// leaf that the turn's own leaf references, however many months there are.
fn look(turn_leaf: pg_sys::Oid, call_id: &[u8; 16]) -> Result<Option<(bool, bool)>, DbError> {
    let read = |call: &Row<'_>| {
        let ended = call.text("status").is_some_and(|status| status != IN_PROGRESS);
        let recently = call.time("ended_at").is_some_and(|at| at > clock::now() - LATE_WORDS.as_micros() as i64);
        call.time("deleted_at").is_none().then_some((ended, recently))
    };
    let leaf = match CALL_LEAVES.with_borrow(|known| known.get(&turn_leaf).copied()) {
        Some(leaf) => leaf,
        None => match referenced_leaf(turn_leaf)? {
            // A table without a sibling is not one of ours any more (detached): nothing to keep current.
            None => return Ok(None),
            Some(leaf) => {
                CALL_LEAVES.with_borrow_mut(|known| known.insert(turn_leaf, leaf));
                leaf
            }
        },
    };
    match probe::by_uuid(leaf, call_id, read) {
        Probed::Row(seen) => Ok(seen),
        Probed::NoRow => Ok(None),
        Probed::NoTable => {
            CALL_LEAVES.with_borrow_mut(|known| known.remove(&turn_leaf));
            Ok(None)
        }
    }
}

fn referenced_leaf(turn_leaf: pg_sys::Oid) -> Result<Option<pg_sys::Oid>, DbError> {
    user::as_voice_worker(|| {
        Spi::connect_mut(|client| {
            let sql = include_str!("../../sql/queries/late_leaf.sql");
            let row = client.select(sql, Some(1), &[turn_leaf.into()])?.next();
            Ok(row.map(|row| row.get::<pg_sys::Oid>(1)).transpose()?.flatten())
        })
    })
}

fn settled_recently(client: &mut SpiClient<'_>, call_id: pgrx::Uuid) -> Result<bool, DbError> {
    let mut rows = client.select(include_str!("../../sql/queries/late_recent.sql"), Some(1), &[call_id.into()])?;
    Ok(rows.next().and_then(|row| row.get(1).ok().flatten()).unwrap_or(false))
}
