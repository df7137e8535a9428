//! Looks at calls in progress: which are due, what is known by those before, and what they found.

use super::claim::{Claimed, PreparedJobs, Waiting};
use super::outcome::{LockedCall, Look, Settled};
use super::prepare::{self, PreparedCall};
use super::row_statement::RowStatement;
use super::{DbError, Statement};
use crate::host::clock;
use crate::host::row_array::{RowArray, Value, jsonb, value};
use crate::host::tenant_binding;
use pgrx::Uuid;
use pgrx::pg_sys::BuiltinOid::*;
use pgrx::spi::SpiClient;
use std::collections::HashMap;
use std::time::Duration;
use voice_core::live::Standing;
use voice_core::notification::{self, LiveCall};
use voice_core::round_robin::ReadyJobs;

/// What is read for a look.
pub struct Prepared {
    pub call: PreparedCall,
    /// How long the job has been due.
    pub waited: Duration,
    /// `None`: there was no look yet.
    pub last: Option<LastLook>,
    pub standing: Standing,
}

/// What the last look at a call left.
pub struct LastLook {
    pub notes: String,
    pub seen: Vec<u8>,
    pub whole_lines: usize,
    pub redacted: bool,
}

/// Finds about `limit` due looks, an equal share of each tenant. Locks nothing.
///
/// # Errors
/// The statement failed; so must its transaction.
pub fn poll(client: &mut SpiClient<'_>, limit: usize) -> Result<Waiting<String>, DbError> {
    thread_local! {
        static POLL: Statement = const { Statement::for_poll(include_str!("../../sql/queries/look_live.sql"), &[INT8OID]) };
    }
    let mut waiting = Waiting::default();
    for row in POLL.with(|s| s.run(client, &[(limit as i64).into()]))? {
        let key = row.get(2)?.unwrap_or_default();
        let (priority, jobs) = (row.get(1)?.unwrap_or_default(), row.get(3)?.unwrap_or_default());
        waiting.push(ReadyJobs { priority, key, jobs, more: false }, row.get(4)?);
    }
    // A tenant that did not use up its share has no more jobs.
    let share = (limit / waiting.due.len().max(1)).max(1);
    waiting.due.iter_mut().for_each(|of_tenant| of_tenant.more = of_tenant.jobs.len() >= share);
    Ok(waiting)
}

/// Pairs each claimed job with its call and what is known of it; `None` where the call is gone.
///
/// # Errors
/// A statement failed; so must its transaction.
pub fn prepare(client: &mut SpiClient<'_>, claimed: Vec<Claimed>) -> Result<PreparedJobs<Prepared>, DbError> {
    thread_local! {
        static LAST: Statement =
            const { Statement::for_worker(include_str!("../../sql/queries/prepare_live.sql"), &[INT8ARRAYOID]) };
    }
    if claimed.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<i64> = claimed.iter().map(|job| job.id).collect();
    let mut known = HashMap::new();
    for row in LAST.with(|s| s.run(client, &[ids.into()]))? {
        let Some(job) = row.get::<i64>(1)? else { continue };
        let waited = Duration::from_secs_f64(row.get::<f64>(2)?.unwrap_or_default().clamp(0.0, 86_400.0));
        let last = match row.get::<String>(3)? {
            None => None,
            Some(notes) => Some(LastLook {
                notes,
                seen: row.get(4)?.unwrap_or_default(),
                whole_lines: row.get::<i32>(5)?.map_or(0, |lines| lines.max(0) as usize),
                redacted: row.get(6)?.unwrap_or_default(),
            }),
        };
        let standing = Standing { low_looks: row.get(7)?.unwrap_or_default(), alerts: row.get(8)?.unwrap_or_default() };
        known.insert(job, (waited, last, standing));
    }
    let calls = prepare::prepare(client, claimed, |_| false)?;
    let prepared = calls.into_iter().map(|(job, call)| {
        let prepared = call.zip(known.remove(&job.id)).map(|(call, (waited, last, standing))| Prepared {
            call,
            waited,
            last,
            standing,
        });
        (job, prepared)
    });
    Ok(prepared.collect())
}

/// Stores what looks found, and tells of it. Gives how many deliveries were written.
///
/// # Errors
/// A statement failed; so must its transaction.
pub fn store(client: &mut SpiClient<'_>, looks: &[(&Settled, &LockedCall, &Look)]) -> Result<usize, DbError> {
    thread_local! {
        static STORE: RowStatement = const {
            RowStatement::new(
                include_str!("../../sql/queries/settle_live.sql"),
                RowArray {
                    table: c"live",
                    columns: &[
                        "call_id", "tenant_id", "asked_at", "alerted_at", "sentiment", "lead_score", "intent", "criteria",
                        "summary", "turn", "whole_lines", "low_looks", "alerts", "redacted", "seen", "model",
                        "prompt_tokens", "completion_tokens",
                    ],
                },
            )
        };
        static NOTIFY: Statement = const {
            Statement::for_session(include_str!("../../sql/queries/settle_notify.sql"), &[TEXTARRAYOID, TEXTARRAYOID])
        };
        static LISTEN: Statement = const { Statement::for_worker(include_str!("../../sql/queries/webhooks_listen.sql"), &[]) };
    }
    if looks.is_empty() {
        return Ok(0);
    }
    let rows: Vec<Vec<Value>> = looks.iter().map(|(settled, call, look)| row(settled, call, look)).collect();
    STORE.with(|s| s.run(client, &rows))?;
    let calls = looks.iter().map(|(settled, _, look)| LiveCall {
        call_id: settled.job.call_id.to_string(),
        turn: look.turns,
        lead_score: look.lead_score.map(i32::from),
        sentiment: look.sentiment,
        intent: look.intent,
        alert: look.raised,
    });
    let (channels, payloads): (Vec<String>, Vec<String>) =
        notification::of_live(calls.collect(), tenant_binding::somebody_is_pinned()).into_iter().unzip();
    NOTIFY.with(|s| s.run(client, &[channels.into(), payloads.into()]).map(drop))?;
    let somebody = LISTEN.with(|s| s.run(client, &[]))?.next().and_then(|row| row.get(1).ok().flatten());
    if somebody != Some(true) {
        return Ok(0);
    }
    let ids: Vec<Uuid> = looks.iter().map(|(settled, ..)| settled.job.call_id).collect();
    let tenants: Vec<String> = looks.iter().map(|(_, call, _)| call.tenant.clone()).collect();
    let raised: Vec<bool> = looks.iter().map(|(.., look)| look.raised).collect();
    let announce = include_str!("../../sql/queries/settle_live_announce.sql");
    Ok(client.update(announce, None, &[ids.into(), tenants.into(), raised.into()])?.len())
}

fn row(settled: &Settled, call: &LockedCall, look: &Look) -> Vec<Value> {
    let asked_at = clock::time_datum(look.asked_us);
    vec![
        value(settled.job.call_id),
        value(call.tenant.as_str()),
        asked_at,
        if look.raised { asked_at } else { None },
        value(look.sentiment),
        value(look.lead_score),
        value(look.intent.map(|intent| intent.as_str())),
        jsonb(&look.criteria.to_string()),
        value(look.notes.as_str()),
        value(look.turns),
        value(look.whole_lines),
        value(look.standing.low_looks),
        value(look.standing.alerts.clone()),
        value(look.redacted),
        value(look.seen.as_slice()),
        value(settled.model.as_deref()),
        value(settled.tokens.prompt),
        value(settled.tokens.completion),
    ]
}

/// Removes what is known of these calls by looks, and the jobs of looks: the calls have been judged, or cannot be.
///
/// # Errors
/// The statement failed; so must its transaction.
pub fn forget(client: &mut SpiClient<'_>, calls: Vec<Uuid>) -> Result<(), DbError> {
    thread_local! {
        static FORGET: Statement =
            const { Statement::for_worker(include_str!("../../sql/queries/settle_live_gone.sql"), &[UUIDARRAYOID]) };
    }
    if calls.is_empty() {
        return Ok(());
    }
    FORGET.with(|s| s.run(client, &[calls.into()]).map(drop))
}
