//! Deliveries of webhooks: enqueued with the analysis, found when due, and read. They are claimed and settled like jobs
//! of any other kind (`claim.rs`, `settle.rs`).

use super::claim::{Claimed, PreparedJobs, Waiting};
use super::partition::{PartitionScope, PartitionStatement};
use super::{DbError, Statement};
use pgrx::Uuid;
use pgrx::pg_sys::BuiltinOid::*;
use pgrx::spi::{SpiClient, SpiHeapTupleData};
use serde_json::value::RawValue;
use std::collections::HashMap;
use voice_core::round_robin::ReadyJobs;
use voice_core::webhook::Event;
use voice_core::webhook::alert_body::AlertEvent;
use voice_core::webhook::body::Lead;
use voice_core::webhook::live_body::LiveCall;

/// What a delivery delivers: an event, to a webhook.
#[derive(Debug, Clone)]
pub struct Delivery {
    pub webhook_id: Uuid,
    pub event: String,
}

/// A delivery with what its request is made of.
pub struct Prepared {
    pub delivery: Delivery,
    pub url: String,
    pub format: String,
    pub secret: Option<String>,
    /// What the secret was until it was changed less than a day ago.
    pub old_secret: Option<String>,
    pub told: Told,
}

/// What is told.
pub enum Told {
    Analyzed(Lead),
    Live(LiveCall),
    Alert(AlertEvent),
}

/// Enqueues a delivery for each webhook that wants an event of one of these calls. Gives their number.
///
/// # Errors
/// A statement failed; so must its transaction.
pub fn enqueue_deliveries(
    client: &mut SpiClient<'_>,
    calls: Vec<Uuid>,
    priorities: Vec<i16>,
    (lowest, highest): (Uuid, Uuid),
) -> Result<usize, DbError> {
    thread_local! {
        static LISTEN: Statement = const { Statement::for_worker(include_str!("../../sql/queries/webhooks_listen.sql"), &[]) };
    }
    let somebody = LISTEN.with(|s| s.run(client, &[]))?.next().and_then(|row| row.get(1).ok().flatten());
    if somebody != Some(true) {
        return Ok(0);
    }
    let arguments = [calls.into(), lowest.into(), highest.into(), priorities.into()];
    Ok(client.update(include_str!("../../sql/queries/settle_announce.sql"), None, &arguments)?.len())
}

/// Finds due deliveries, of each webhook no more than its capacity: as `capacities` says, or else `each`. Locks nothing.
///
/// # Errors
/// The statement failed; so must its transaction.
pub fn poll(client: &mut SpiClient<'_>, each: usize, capacities: &[(Uuid, usize)]) -> Result<Waiting<Uuid>, DbError> {
    thread_local! {
        static POLL: Statement = const {
            Statement::for_worker(include_str!("../../sql/queries/look_deliveries.sql"), &[INT8OID, UUIDARRAYOID, INT8ARRAYOID])
        };
    }
    let ids: Vec<Uuid> = capacities.iter().map(|(id, _)| *id).collect();
    let capacities: Vec<i64> = capacities.iter().map(|(_, capacity)| *capacity as i64).collect();
    let mut waiting = Waiting::default();
    for row in POLL.with(|s| s.run(client, &[(each as i64).into(), ids.into(), capacities.into()]))? {
        let Some(key) = row.get::<Uuid>(2)? else { continue };
        let (priority, jobs) = (row.get(1)?.unwrap_or_default(), row.get(3)?.unwrap_or_default());
        waiting.push(ReadyJobs { priority, key, jobs, more: false }, row.get(4)?);
    }
    Ok(waiting)
}

/// Pairs each claimed job with what it delivers; `None` where the webhook is disabled or gone, or the call is. The job of
/// an alert has the id of its event in the place of a call's.
///
/// # Errors
/// The statement failed; so must its transaction.
pub fn prepare(client: &mut SpiClient<'_>, claimed: Vec<Claimed>) -> Result<PreparedJobs<Prepared>, DbError> {
    thread_local! {
        static PREPARE: PartitionStatement = const {
            PartitionStatement::new(
                include_str!("../../sql/queries/prepare_deliveries.sql"),
                &[UUIDARRAYOID, UUIDOID, UUIDOID, INT8ARRAYOID],
            )
        };
    }
    if claimed.is_empty() {
        return Ok(Vec::new());
    }
    let jobs: Vec<i64> = claimed.iter().map(|c| c.id).collect();
    let calls: Vec<Uuid> = claimed.iter().map(|c| c.call_id).collect();
    let scope = PartitionScope::of(&calls);
    let arguments = [calls.into(), scope.bounds.0.into(), scope.bounds.1.into(), jobs.into()];
    let rows = PREPARE.with(|s| s.run(client, &scope, &arguments))?;
    let mut prepared = Vec::with_capacity(claimed.len());
    for (row, job) in rows.zip(&claimed) {
        let text = |at: usize| row.get::<String>(at).map(Option::unwrap_or_default);
        let (Some(webhook_id), Some(true), Some(true)) = (row.get::<Uuid>(2)?, row.get(4)?, row.get(9)?) else {
            prepared.push(None);
            continue;
        };
        let event = text(3)?;
        let told = match Event::from_word(&event) {
            Some(known) if known.is_live() => Told::Live(live_call(&row, job.call_id)?),
            Some(known) if known.is_of_alert() => match serde_json::from_str(&text(37)?) {
                Ok(alert) => Told::Alert(alert),
                Err(_) => {
                    prepared.push(None);
                    continue;
                }
            },
            _ => Told::Analyzed(lead(&row, job.call_id)?),
        };
        prepared.push(Some(Prepared {
            delivery: Delivery { webhook_id, event },
            url: text(5)?,
            format: text(6)?,
            secret: row.get(7)?,
            old_secret: row.get(8)?,
            told,
        }));
    }
    add_results(client, &claimed, &mut prepared, scope.bounds)?;
    Ok(claimed.into_iter().zip(prepared).collect())
}

/// The analysed call of a row.
fn lead(row: &SpiHeapTupleData<'_>, call_id: Uuid) -> Result<Lead, DbError> {
    let text = |at: usize| row.get::<String>(at).map(Option::unwrap_or_default);
    Ok(Lead {
        call_id: call_id.to_string(),
        agent_id: text(10)?,
        agent: text(11)?,
        vertical: text(12)?,
        lead_score: row.get(13)?.unwrap_or_default(),
        sentiment: row.get(14)?.unwrap_or_default(),
        intent: text(15)?,
        entities: RawValue::from_string(text(16)?).unwrap_or_else(|_| RawValue::NULL.to_owned()),
        summary: text(17)?,
        next_action: text(18)?,
        started_at: row.get(19)?,
        ended_at: row.get(20)?,
        analyzed_at: text(21)?,
        direction: text(22)?,
        contact_number: row.get(23)?,
        external_id: row.get(24)?,
        results: None,
    })
}

/// The call in progress of a row.
fn live_call(row: &SpiHeapTupleData<'_>, call_id: Uuid) -> Result<LiveCall, DbError> {
    let text = |at: usize| row.get::<String>(at).map(Option::unwrap_or_default);
    Ok(LiveCall {
        call_id: call_id.to_string(),
        agent_id: text(10)?,
        agent: text(11)?,
        vertical: text(25)?,
        turn: row.get(26)?,
        looks: row.get(27)?.unwrap_or_default(),
        sentiment: row.get(28)?,
        lead_score: row.get(29)?,
        intent: row.get(30)?,
        criteria: RawValue::from_string(text(31)?).unwrap_or_else(|_| RawValue::NULL.to_owned()),
        alerts: row.get(32)?.unwrap_or_default(),
        summary: text(33)?,
        started_at: row.get(19)?,
        asked_at: row.get(34)?,
        computed_at: text(35)?,
        alerted_at: text(36)?,
        direction: text(22)?,
        contact_number: row.get(23)?,
        external_id: row.get(24)?,
    })
}

/// Adds to the deliveries whose event carries them the results of the call. Planned anew each time: a kept plan would lock
/// every month.
fn add_results(
    client: &mut SpiClient<'_>,
    claimed: &[Claimed],
    prepared: &mut [Option<Prepared>],
    (lowest, highest): (Uuid, Uuid),
) -> Result<(), DbError> {
    let mut carrying: Vec<(Uuid, &mut Lead)> = claimed
        .iter()
        .zip(prepared)
        .filter_map(|(job, prepared)| Some((job.call_id, prepared.as_mut()?)))
        .filter(|(_, p)| Event::from_word(&p.delivery.event).is_some_and(Event::carries_results))
        .filter_map(|(call_id, p)| match &mut p.told {
            Told::Analyzed(lead) => Some((call_id, lead)),
            Told::Live(_) | Told::Alert(_) => None,
        })
        .collect();
    if carrying.is_empty() {
        return Ok(());
    }
    let calls: Vec<Uuid> = carrying.iter().map(|(call_id, _)| *call_id).collect();
    let arguments = [calls.into(), lowest.into(), highest.into()];
    let mut results = HashMap::new();
    for row in client.update(include_str!("../../sql/queries/delivery_results.sql"), None, &arguments)? {
        if let (Some(call_id), Some(of_call)) = (row.get::<Uuid>(1)?, row.get::<String>(2)?) {
            results.insert(call_id, of_call);
        }
    }
    for (call_id, lead) in &mut carrying {
        lead.results = results.get(call_id).and_then(|of_call| RawValue::from_string(of_call.clone()).ok());
    }
    Ok(())
}

/// Disables webhooks whose receivers want nothing any more (with the reason). Gives the ids of those that were enabled.
///
/// # Errors
/// The statement failed; so must its transaction.
pub fn disable(client: &mut SpiClient<'_>, gone: Vec<(Uuid, String)>) -> Result<Vec<String>, DbError> {
    let (ids, reasons): (Vec<Uuid>, Vec<String>) = gone.into_iter().unzip();
    let mut disabled = Vec::new();
    for row in
        client.update(include_str!("../../sql/queries/disable_webhooks.sql"), None, &[ids.into(), reasons.into()])?
    {
        disabled.extend(row.get::<String>(1)?);
    }
    Ok(disabled)
}
