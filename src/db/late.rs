//! Jobs written by the transactions that end calls and add turns, as the triggers ask.

use super::{DbError, Statement};
use crate::worker::process;
use pgrx::pg_sys::BuiltinOid::*;
use pgrx::prelude::*;
use pgrx::spi::{OwnedPreparedStatement, SpiClient};
use std::cell::RefCell;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

thread_local! {
    static ENQUEUE: Statement =
        const { Statement::new(include_str!("../../sql/queries/enqueue.sql"), &[TEXTOID, UUIDOID, INT4OID]) };
    static ENQUEUE_LATE: Statement =
        const { Statement::new(include_str!("../../sql/queries/enqueue_late.sql"), &[TEXTOID, UUIDOID]) };
    /// By leaf of voice.turn: the probe of the leaf of voice.call beside it.
    static PROBES: RefCell<HashMap<pg_sys::Oid, OwnedPreparedStatement>> = RefCell::new(HashMap::new());
}

/// The job of a call that has just ended, due after `delay_ms`.
pub fn enqueue(call_id: pgrx::Uuid, tenant: &str, delay_ms: i32) -> Result<(), DbError> {
    Spi::connect_mut(|client| {
        ENQUEUE.with(|s| s.run(client, &[tenant.into(), call_id.into(), delay_ms.into()]).map(drop))
    })
}

/// A turn was written: if its call has ended, and not long ago, its analysis is to be made current again.
/// Says whether a job was written.
pub fn enqueue_if_late(turn_leaf: pg_sys::Oid, call_id: pgrx::Uuid) -> Result<bool, DbError> {
    Spi::connect_mut(|client| {
        let Some((ended, recently, tenant)) = probe(client, turn_leaf, call_id)? else { return Ok(false) };
        // A transaction that sees the past only cannot know whether the call has ended. A job too many costs nothing.
        let unknown = !ended && process::sees_the_past();
        if !unknown && (!ended || !(recently || settled_recently(client, call_id)?)) {
            return Ok(false);
        }
        ENQUEUE_LATE.with(|s| s.run(client, &[tenant.into(), call_id.into()]).map(drop))?;
        Ok(true)
    })
}

/// (has ended, by its own clock within ten minutes, tenant), or `None`: no such call (it is being deleted).
fn probe(
    client: &mut SpiClient<'_>,
    turn_leaf: pg_sys::Oid,
    call_id: pgrx::Uuid,
) -> Result<Option<(bool, bool, String)>, DbError> {
    PROBES.with_borrow_mut(|probes| {
        let plan = match probes.entry(turn_leaf) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(free) => {
                let found: Option<String> = client
                    .select(include_str!("../../sql/queries/late_leaf.sql"), Some(1), &[turn_leaf.into()])?
                    .next()
                    .and_then(|row| row.get(1).ok().flatten());
                // A turn table without a sibling is not one of ours any more (detached): nothing to keep current.
                let Some(call_leaf) = found else { return Ok(None) };
                let sql = include_str!("../../sql/queries/late_probe.sql").replace("{call}", &call_leaf);
                free.insert(client.prepare_mut(sql.as_str(), &[PgOid::BuiltIn(UUIDOID)])?.keep())
            }
        };
        let Some(row) = client.update(&*plan, Some(1), &[call_id.into()])?.next() else {
            return Ok(None);
        };
        Ok(Some((row.get(1)?.unwrap_or(false), row.get(2)?.unwrap_or(false), row.get(3)?.unwrap_or_default())))
    })
}

fn settled_recently(client: &mut SpiClient<'_>, call_id: pgrx::Uuid) -> Result<bool, DbError> {
    let mut rows = client.select(include_str!("../../sql/queries/late_recent.sql"), Some(1), &[call_id.into()])?;
    Ok(rows.next().and_then(|row| row.get(1).ok().flatten()).unwrap_or(false))
}
