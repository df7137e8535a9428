//! Storing what came of claimed jobs: many results, one transaction.
//!
//! Lock order is that of everybody else: the call first, then its job. Nothing is waited for: what somebody else holds
//! is left for the next turn of the loop, so no ingest and no DELETE ever stalls the worker.

use super::deliver;
use super::outcome::{LockedCall, Outcome, Settled, WRITERS_PATIENCE};
use super::partition::{PartitionScope, PartitionStatement};
use super::search::Search;
use super::store::{self, CompletedAnalysis};
use super::{DbError, Statement};
use crate::host::commit_hooks;
use pgrx::Uuid;
use pgrx::pg_sys::BuiltinOid::*;
use pgrx::spi::SpiClient;
use std::collections::{HashMap, HashSet};
use std::time::Duration;

/// What a settle did.
#[derive(Default)]
pub struct Report {
    /// Jobs whose analysis is stored now.
    pub stored: Vec<i64>,
    /// Jobs that somebody else holds at this moment: to be settled again.
    pub postponed: HashSet<i64>,
    /// Jobs that went back into the queue, whether now or later.
    pub back: usize,
    /// Deliveries that were written.
    pub announced: usize,
    /// Webhooks that were disabled.
    pub disabled: Vec<String>,
}

/// Stores all of it or, on an error, nothing.
pub fn settle(
    client: &mut SpiClient<'_>,
    settled: &[Settled],
    epoch: i64,
    search: &mut Search,
) -> Result<Report, DbError> {
    let mut report = Report::default();
    if settled.is_empty() {
        return Ok(report);
    }
    let ids: Vec<Uuid> = settled.iter().map(|s| s.job.call_id).collect();
    let scope = PartitionScope::of(&ids);
    let calls = lock_calls(client, &scope, ids)?;
    let jobs = lock_jobs(client, settled, epoch)?;

    let mut attempt_log = Vec::new();
    let mut updates = JobUpdates::default();
    let mut gone: Vec<(Uuid, String)> = Vec::new();
    let mut about_words: Vec<(&Settled, &LockedCall)> = Vec::new();
    for s in settled {
        let id = s.job.id;
        match (jobs.get(&id), calls.get(&s.job.call_id)) {
            // Lost the lease, requeued, or deleted: the late answer changes nothing. A call that somebody holds is not
            // waited for just to write that down.
            (None, Some(Some(call))) => attempt_log.push((s, call, "discarded")),
            (None, _) => {}
            (Some(JobLock::ByOthers), _) | (_, Some(None)) => _ = report.postponed.insert(id),
            (Some(_), None | Some(Some(LockedCall { not_analyzable: true, .. }))) => updates.done.push(id),
            (Some(_), Some(Some(call))) => match &s.outcome {
                _ if s.waits_for_writers() => {
                    report.postponed.insert(id);
                }
                Outcome::Analyzed(_) | Outcome::Current { .. } => about_words.push((s, call)),
                // It was, when it was read; meanwhile it has ended, and found its job in the queue already.
                Outcome::Needless => updates.back(id, Duration::ZERO, 1),
                Outcome::Unwanted => updates.done.push(id),
                Outcome::Delivered => {
                    attempt_log.push((s, call, "ok"));
                    updates.done.push(id);
                }
                Outcome::Gone { error } => {
                    attempt_log.push((s, call, "dead"));
                    updates.dead.push((id, error.clone()));
                    gone.extend(s.delivery.iter().map(|to| (to.webhook_id, error.clone())));
                }
                Outcome::Failed { again: Some(pause), .. } => {
                    attempt_log.push((s, call, "failed"));
                    updates.back(id, *pause, 0);
                }
                Outcome::Failed { again: None, error } => {
                    attempt_log.push((s, call, "dead"));
                    updates.dead.push((id, error.clone()));
                }
                Outcome::Snoozed { again, .. } => {
                    attempt_log.push((s, call, "snoozed"));
                    updates.back(id, *again, 1);
                }
            },
        }
    }

    // Read after the job is locked and no writer is under way: what this sees is what the result must be of.
    let mut now = current_words(client, &scope, &about_words)?;
    let mut completed: Vec<CompletedAnalysis> = Vec::new();
    for (s, call) in about_words {
        let known = now.get_mut(&s.job.call_id);
        let is_of_the_words = known.as_ref().is_some_and(|words| s.hash() == Some(&words.hash));
        let still_stored = known.as_ref().is_some_and(|words| words.analyzed.as_deref() == s.hash());
        match &s.outcome {
            Outcome::Analyzed(analyzed) if is_of_the_words => {
                let words = known.map(|words| std::mem::take(&mut words.text)).unwrap_or_default();
                completed.push(CompletedAnalysis { settled: s, analyzed, call, words });
            }
            Outcome::Current { .. } if is_of_the_words && still_stored => {
                attempt_log.push((s, call, "skipped"));
                updates.done.push(s.job.id);
            }
            _ => {
                attempt_log.push((s, call, "stale"));
                updates.back(s.job.id, Duration::ZERO, 1);
            }
        }
    }
    report.announced = store::analyses(client, scope.bounds, &completed, search)?;
    for CompletedAnalysis { settled: s, call, .. } in &completed {
        attempt_log.push((s, call, "ok"));
        report.stored.push(s.job.id);
        if commit_hooks::has_writers(s.job.call_id.as_bytes()) {
            updates.back(s.job.id, WRITERS_PATIENCE, 1);
        } else {
            updates.done.push(s.job.id);
        }
    }
    store::attempt_log(client, &attempt_log)?;
    report.back = updates.back.len();
    updates.apply(client)?;
    if !gone.is_empty() {
        report.disabled = deliver::disable(client, gone)?;
    }
    Ok(report)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum JobLock {
    ByUs,
    ByOthers,
}

/// `None`: somebody else holds it.
type Calls = HashMap<Uuid, Option<LockedCall>>;

fn lock_calls(client: &mut SpiClient<'_>, scope: &PartitionScope, ids: Vec<Uuid>) -> Result<Calls, DbError> {
    thread_local! {
        static LOCK: PartitionStatement = const {
            PartitionStatement::new(include_str!("../../sql/queries/settle_lock_calls.sql"), &[UUIDARRAYOID, UUIDOID, UUIDOID])
        };
        static SEE: PartitionStatement = const {
            PartitionStatement::new(include_str!("../../sql/queries/settle_see_calls.sql"), &[UUIDARRAYOID, UUIDOID, UUIDOID])
        };
    }
    let (lowest, highest) = scope.bounds;
    let wanted: HashSet<Uuid> = ids.iter().copied().collect();
    let arguments = [ids.into(), lowest.into(), highest.into()];
    let mut found = HashMap::new();
    for row in LOCK.with(|s| s.run(client, scope, &arguments))? {
        if let (Some(id), Some(started_at)) = (row.get::<Uuid>(1)?, row.get(5)?) {
            let locked = LockedCall {
                not_analyzable: row.get(2)? == Some(true),
                tenant: row.get(3)?.unwrap_or_default(),
                agent: row.get(4)?.unwrap_or_default(),
                started_at,
                from_number: row.get(6)?,
            };
            found.insert(id, Some(locked));
        }
    }
    if found.len() < wanted.len() {
        for row in SEE.with(|s| s.run(client, scope, &arguments))? {
            if let Some(id) = row.get::<Uuid>(1)? {
                found.entry(id).or_insert(None);
            }
        }
    }
    Ok(found)
}

fn lock_jobs(client: &mut SpiClient<'_>, settled: &[Settled], epoch: i64) -> Result<HashMap<i64, JobLock>, DbError> {
    thread_local! {
        static LOCK: Statement = const {
            Statement::new(include_str!("../../sql/queries/settle_lock_jobs.sql"), &[INT8ARRAYOID, INT2ARRAYOID, INT8OID])
        };
        static SEE: Statement = const {
            Statement::new(include_str!("../../sql/queries/settle_see_jobs.sql"), &[INT8ARRAYOID, INT2ARRAYOID, INT8OID])
        };
    }
    let ids: Vec<i64> = settled.iter().map(|s| s.job.id).collect();
    let attempts: Vec<i16> = settled.iter().map(|s| s.job.attempt).collect();
    let arguments = [ids.into(), attempts.into(), epoch.into()];
    let mut found = HashMap::new();
    for row in LOCK.with(|s| s.run(client, &arguments))? {
        if let Some(id) = row.get::<i64>(1)? {
            found.insert(id, JobLock::ByUs);
        }
    }
    if found.len() < settled.len() {
        for row in SEE.with(|s| s.run(client, &arguments))? {
            if let Some(id) = row.get::<i64>(1)? {
                found.entry(id).or_insert(JobLock::ByOthers);
            }
        }
    }
    Ok(found)
}

/// The words of a call as they stand.
struct Words {
    hash: Vec<u8>,
    /// The hash of those that the stored analysis is of (none: no analysis, or to be made anew).
    analyzed: Option<Vec<u8>>,
    /// As they are searched.
    text: String,
}

fn current_words(
    client: &mut SpiClient<'_>,
    scope: &PartitionScope,
    about_words: &[(&Settled, &LockedCall)],
) -> Result<HashMap<Uuid, Words>, DbError> {
    thread_local! {
        static WORDS: PartitionStatement = const {
            PartitionStatement::new(include_str!("../../sql/queries/settle_words.sql"), &[UUIDARRAYOID, UUIDOID, UUIDOID])
        };
    }
    let mut found = HashMap::new();
    if about_words.is_empty() {
        return Ok(found);
    }
    let ids: Vec<Uuid> = about_words.iter().map(|(s, _)| s.job.call_id).collect();
    let (lowest, highest) = scope.bounds;
    let arguments = [ids.into(), lowest.into(), highest.into()];
    for row in WORDS.with(|s| s.run(client, scope, &arguments))? {
        if let Some(id) = row.get::<Uuid>(1)? {
            let words = Words {
                hash: row.get(2)?.unwrap_or_default(),
                analyzed: row.get(3)?,
                text: row.get(4)?.unwrap_or_default(),
            };
            found.insert(id, words);
        }
    }
    Ok(found)
}

/// What becomes of the jobs themselves.
#[derive(Default)]
struct JobUpdates {
    done: Vec<i64>,
    back: Vec<(i64, Duration, i16)>,
    dead: Vec<(i64, String)>,
}

impl JobUpdates {
    /// Back into the queue after a pause, with `refund` attempts given back.
    fn back(&mut self, id: i64, pause: Duration, refund: i16) {
        self.back.push((id, pause, refund));
    }

    fn apply(self, client: &mut SpiClient<'_>) -> Result<(), DbError> {
        thread_local! {
            static DONE: Statement =
                const { Statement::new(include_str!("../../sql/queries/settle_done.sql"), &[INT8ARRAYOID]) };
            static BACK: Statement = const {
                Statement::new(
                    include_str!("../../sql/queries/settle_back.sql"),
                    &[INT8ARRAYOID, FLOAT8ARRAYOID, INT2ARRAYOID],
                )
            };
            static DEAD: Statement =
                const { Statement::new(include_str!("../../sql/queries/settle_dead.sql"), &[INT8ARRAYOID, TEXTARRAYOID]) };
        }
        if !self.back.is_empty() {
            let ids: Vec<i64> = self.back.iter().map(|b| b.0).collect();
            let pauses: Vec<f64> = self.back.iter().map(|b| b.1.as_secs_f64()).collect();
            let refunds: Vec<i16> = self.back.iter().map(|b| b.2).collect();
            BACK.with(|s| s.run(client, &[ids.into(), pauses.into(), refunds.into()]).map(drop))?;
        }
        if !self.dead.is_empty() {
            let (ids, errors): (Vec<i64>, Vec<String>) = self.dead.into_iter().unzip();
            DEAD.with(|s| s.run(client, &[ids.into(), errors.into()]).map(drop))?;
        }
        if !self.done.is_empty() {
            DONE.with(|s| s.run(client, &[self.done.into()]).map(drop))?;
        }
        Ok(())
    }
}
