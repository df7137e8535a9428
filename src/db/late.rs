//! Jobs written by the transactions that end calls and add turns, as the triggers ask.

use super::{DbError, Statement};
use crate::host::process;
use pgrx::pg_sys::BuiltinOid::*;
use pgrx::prelude::*;
use pgrx::spi::{OwnedPreparedStatement, SpiClient};
use std::cell::RefCell;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

thread_local! {
    static ENQUEUE: Statement =
        const { Statement::of_a_client(include_str!("../../sql/queries/enqueue.sql"), &[TEXTOID, UUIDOID, INT4OID]) };
    static ENQUEUE_LATE: Statement =
        const { Statement::of_a_client(include_str!("../../sql/queries/enqueue_late.sql"), &[TEXTOID, UUIDOID]) };
    /// By leaf of voice.turn: the probe of the leaf of voice.call beside it.
    static PROBES: RefCell<HashMap<pg_sys::Oid, Probe>> = RefCell::new(HashMap::new());
}

/// The question put to one leaf of voice.call. By name, as SQL is; a leaf that is renamed needs another.
struct Probe {
    leaf: pg_sys::Oid,
    name: String,
    plan: OwnedPreparedStatement,
}

/// The job of a call that has just ended, due after `delay_ms`.
pub fn enqueue(call_id: pgrx::Uuid, tenant: &str, delay_ms: i32) -> Result<(), DbError> {
    Spi::connect_mut(|client| {
        ENQUEUE.with(|s| s.run(client, &[tenant.into(), call_id.into(), delay_ms.into()]).map(drop))
    })
}

/// A turn was written: if its call has ended, and not long ago, its analysis is to be made current again.
/// Says whether a job was written.
pub fn enqueue_if_late(turn_leaf: pg_sys::Oid, call_id: pgrx::Uuid, tenant: &str) -> Result<bool, DbError> {
    Spi::connect_mut(|client| {
        let (ended, recently) = match probe(client, turn_leaf, call_id)? {
            Some(seen) => seen,
            None if process::sees_the_past() => (false, false),
            // The call is being deleted.
            None => return Ok(false),
        };
        // A transaction that sees the past only cannot know whether the call has ended. A job too many costs nothing.
        let unknown = !ended && process::sees_the_past();
        if !unknown && (!ended || !(recently || settled_recently(client, call_id)?)) {
            return Ok(false);
        }
        ENQUEUE_LATE.with(|s| s.run(client, &[tenant.into(), call_id.into()]).map(drop))?;
        Ok(true)
    })
}

/// (has ended, by its own clock within ten minutes), or `None`: no such call (it is being deleted).
fn probe(
    client: &mut SpiClient<'_>,
    turn_leaf: pg_sys::Oid,
    call_id: pgrx::Uuid,
) -> Result<Option<(bool, bool)>, DbError> {
    PROBES.with_borrow_mut(|probes| {
        if probes.get(&turn_leaf).is_some_and(|p| process::name_of_relation(p.leaf).as_ref() != Some(&p.name)) {
            probes.remove(&turn_leaf);
        }
        let probe = match probes.entry(turn_leaf) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(free) => {
                let row = client
                    .select(include_str!("../../sql/queries/late_leaf.sql"), Some(1), &[turn_leaf.into()])?
                    .next();
                // A table without a sibling is not one of ours any more (detached): nothing to keep current.
                let Some(row) = row else { return Ok(None) };
                let (Some(leaf), Some(qualified)) = (row.get::<pg_sys::Oid>(1)?, row.get::<String>(2)?) else {
                    return Ok(None);
                };
                let sql = include_str!("../../sql/queries/late_probe.sql").replace("{call}", &qualified);
                let plan = client.prepare_mut(sql.as_str(), &[PgOid::BuiltIn(UUIDOID)])?.keep();
                free.insert(Probe { leaf, name: process::name_of_relation(leaf).unwrap_or_default(), plan })
            }
        };
        let Some(row) = client.update(&probe.plan, Some(1), &[call_id.into()])?.next() else {
            return Ok(None);
        };
        Ok(Some((row.get(1)?.unwrap_or(false), row.get(2)?.unwrap_or(false))))
    })
}

fn settled_recently(client: &mut SpiClient<'_>, call_id: pgrx::Uuid) -> Result<bool, DbError> {
    let mut rows = client.select(include_str!("../../sql/queries/late_recent.sql"), Some(1), &[call_id.into()])?;
    Ok(rows.next().and_then(|row| row.get(1).ok().flatten()).unwrap_or(false))
}
