//! Settling claimed jobs: stores the outcomes of many jobs in one transaction.
//!
//! Lock order is that of every other statement: the call first, then its job. Nothing waits for a lock: a row that
//! another session has locked is postponed, so neither an ingest nor a DELETE stalls the worker.

use super::outcome::{ANALYZE, CompletedAnalysis, DELIVER, LIVE, LockedCall, Outcome, Settled, WRITERS_PATIENCE};
use super::partition::{PartitionScope, PartitionStatement};
use super::search::Search;
use super::store;
use super::{DbError, Statement};
use super::{alerts, attempt_log, deliver, live, trials, usage};
use crate::host::commit_hooks;
use pgrx::Uuid;
use pgrx::pg_sys::BuiltinOid::*;
use pgrx::spi::SpiClient;
use std::collections::{HashMap, HashSet};
use std::time::Duration;

/// Summary of one settle transaction.
#[derive(Default)]
pub struct Report {
    /// Ids of jobs whose analysis is stored now.
    pub stored: Vec<i64>,
    /// Whether anybody was notified of something.
    pub notified: bool,
    /// Ids of jobs that could not be locked, or whose call could not: to be settled again.
    pub postponed: HashSet<i64>,
    /// Kinds that have more jobs in the queue now: retried, or enqueued.
    pub enqueued: HashSet<&'static str>,
    /// Ids of webhooks that were disabled.
    pub disabled: Vec<String>,
}

/// Stores the outcomes of these jobs, which were claimed in this epoch.
///
/// # Errors
/// A statement failed. The transaction must then be rolled back, so that nothing is stored.
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

    let mut attempts = Vec::new();
    let mut updates = JobUpdates::default();
    let mut gone: Vec<(Uuid, String)> = Vec::new();
    let mut tries = Vec::new();
    let mut looks = Vec::new();
    // Calls of which nothing is to be left in voice.live, or is to come there.
    let mut judged: Vec<Uuid> = Vec::new();
    let mut about_words: Vec<(&Settled, &LockedCall)> = Vec::new();
    for s in settled {
        let id = s.job.id;
        match (jobs.get(&id), calls.get(&s.job.call_id)) {
            // The lease is lost, or the job is requeued or deleted: the late answer changes nothing. The attempt is
            // logged only if the call is free.
            (None, Some(Some(call))) => attempts.push((s, call, "discarded")),
            (None, _) => {}
            (Some(JobLock::ByOthers), _) | (_, Some(None)) => _ = report.postponed.insert(id),
            (Some(_), None) => updates.done.push(id),
            (Some(_), Some(Some(call))) if !call.takes(&s.kind) => {
                // The call has ended during a look, or it was deleted: what the look found is dropped.
                if matches!(s.outcome, Outcome::Looked(_)) {
                    attempts.push((s, call, "discarded"));
                }
                if s.kind.as_str() == LIVE {
                    judged.push(s.job.call_id);
                }
                updates.done.push(id);
            }
            (Some(_), Some(Some(call))) => match &s.outcome {
                _ if s.waits_for_writers() => {
                    report.postponed.insert(id);
                }
                Outcome::Analyzed(_) | Outcome::Current { .. } | Outcome::Unchanged { .. } => {
                    about_words.push((s, call));
                }
                Outcome::Looked(look) => {
                    attempts.push((s, call, "ok"));
                    looks.push((s, call, &**look));
                    updates.back(s, look.interval.saturating_sub(look.asked.elapsed()), 1);
                }
                Outcome::Expired { again } => updates.back(s, *again, 1),
                // The call was in progress when it was read and has ended since. Its end found this job in the queue and
                // enqueued no other, so this one goes back.
                Outcome::Cancelled if s.kind.as_str() == ANALYZE => updates.back(s, Duration::ZERO, 1),
                Outcome::Cancelled => updates.done.push(id),
                Outcome::Completed => {
                    attempts.push((s, call, "ok"));
                    updates.done.push(id);
                }
                Outcome::Tried(tried) => {
                    attempts.push((s, call, if tried.after.is_ok() { "ok" } else { "dead" }));
                    updates.done.push(id);
                    tries.push((s, &**tried));
                }
                Outcome::Gone { error } => {
                    attempts.push((s, call, "dead"));
                    updates.dead.push((id, error.clone()));
                    gone.extend(s.kind.delivery().map(|to| (to.webhook_id, error.clone())));
                }
                Outcome::Failed { .. } | Outcome::Snoozed { .. } => {
                    attempts.push((s, call, updates.unanswered(s, &s.outcome)));
                }
            },
        }
    }

    // Read after the job is locked and while no writer is at work: a result must be of the words read here.
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
                attempts.push((s, call, "skipped"));
                updates.done.push(s.job.id);
            }
            // Who writes a turn has seen this job and written no other.
            Outcome::Unchanged { .. } if !is_of_the_words => updates.back(s, Duration::ZERO, 1),
            Outcome::Unchanged { .. } if commit_hooks::has_writers(s.job.call_id.as_bytes()) => {
                updates.back(s, WRITERS_PATIENCE, 1);
            }
            Outcome::Unchanged { .. } => updates.done.push(s.job.id),
            _ => {
                attempts.push((s, call, "stale"));
                updates.back(s, Duration::ZERO, 1);
            }
        }
    }
    if store::analyses(client, scope.bounds, &completed, search)? > 0 {
        report.enqueued.insert(DELIVER);
    }
    for CompletedAnalysis { settled: s, call, .. } in &completed {
        report.stored.push(s.job.id);
        judged.push(s.job.call_id);
        let rest = match &s.outcome {
            Outcome::Analyzed(analyzed) => analyzed.rest.as_deref(),
            _ => None,
        };
        // What was answered is stored; the job goes on for what was not.
        if let Some(rest) = rest {
            attempts.push((s, call, updates.unanswered(s, rest)));
            continue;
        }
        attempts.push((s, call, "ok"));
        if commit_hooks::has_writers(s.job.call_id.as_bytes()) {
            updates.back(s, WRITERS_PATIENCE, 1);
        } else {
            updates.done.push(s.job.id);
        }
    }
    trials::store(client, &tries)?;
    if live::store(client, &looks)? > 0 {
        report.enqueued.insert(DELIVER);
    }
    report.notified = !report.stored.is_empty() || !looks.is_empty();
    let dead = updates.dead.iter().map(|(id, _)| *id).collect::<HashSet<i64>>();
    judged.extend(
        settled.iter().filter(|s| s.kind.as_str() == ANALYZE && dead.contains(&s.job.id)).map(|s| s.job.call_id),
    );
    live::forget(client, judged)?;
    // The log is a family of calls.
    attempts.retain(|(_, call, _)| !call.is_alert);
    attempt_log::write(client, &attempts)?;
    let agent = |s: &Settled| calls.get(&s.job.call_id).and_then(Option::as_ref).map_or("", |call| call.agent.as_str());
    // What is postponed is settled again.
    let answered = settled.iter().filter(|s| !report.postponed.contains(&s.job.id));
    usage::book(client, answered.map(|s| (s, agent(s))))?;
    report.enqueued.extend(&updates.retried_kinds);
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

/// Calls by id; `None`: another session has locked it.
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
                is_alert: false,
                in_progress: row.get(2)? == Some(true),
                deleted: row.get(9)? == Some(true),
                tenant: row.get(3)?.unwrap_or_default(),
                agent: row.get(4)?.unwrap_or_default(),
                started_at,
                from_number: row.get(6)?,
                contact_number: row.get(7)?,
                external_id: row.get(8)?,
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
    if found.len() < wanted.len() {
        let missing = wanted.into_iter().filter(|id| !found.contains_key(id)).collect();
        found.extend(alerts::events(client, missing)?.into_iter().map(|(id, event)| (id, Some(event))));
    }
    Ok(found)
}

fn lock_jobs(client: &mut SpiClient<'_>, settled: &[Settled], epoch: i64) -> Result<HashMap<i64, JobLock>, DbError> {
    thread_local! {
        static LOCK: Statement = const {
            Statement::for_worker(include_str!("../../sql/queries/settle_lock_jobs.sql"), &[INT8ARRAYOID, INT2ARRAYOID, INT8OID])
        };
        static SEE: Statement = const {
            Statement::for_worker(include_str!("../../sql/queries/settle_see_jobs.sql"), &[INT8ARRAYOID, INT2ARRAYOID, INT8OID])
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

/// The words of a call as they are stored now.
struct Words {
    hash: Vec<u8>,
    /// Hash of the words that the stored analysis is of; `None`: there is no analysis, or it is to be made again.
    analyzed: Option<Vec<u8>>,
    /// The text that is searched.
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

/// Changes to the rows of `voice.job`.
#[derive(Default)]
struct JobUpdates {
    done: Vec<i64>,
    /// Id, pause before the next attempt, attempts given back.
    back: Vec<(i64, Duration, i16)>,
    retried_kinds: HashSet<&'static str>,
    dead: Vec<(i64, String)>,
}

impl JobUpdates {
    /// Puts the job back into the queue after a pause, with `refund` attempts given back.
    fn back(&mut self, settled: &Settled, pause: Duration, refund: i16) {
        self.retried_kinds.insert(settled.kind.as_str());
        self.back.push((settled.job.id, pause, refund));
    }

    /// The job is retried, or dies. Gives the outcome as the attempt log has it.
    fn unanswered(&mut self, settled: &Settled, outcome: &Outcome) -> &'static str {
        match outcome {
            Outcome::Failed { again: None, error } => {
                self.dead.push((settled.job.id, error.clone()));
                "dead"
            }
            Outcome::Snoozed { again, .. } => {
                self.back(settled, *again, 1);
                "snoozed"
            }
            Outcome::Failed { again: Some(pause), .. } => {
                self.back(settled, *pause, 0);
                "failed"
            }
            // Nothing was left unanswered.
            _ => {
                self.done.push(settled.job.id);
                "ok"
            }
        }
    }

    fn apply(self, client: &mut SpiClient<'_>) -> Result<(), DbError> {
        thread_local! {
            static DONE: Statement =
                const { Statement::for_worker(include_str!("../../sql/queries/settle_done.sql"), &[INT8ARRAYOID]) };
            static BACK: Statement = const {
                Statement::for_worker(
                    include_str!("../../sql/queries/settle_back.sql"),
                    &[INT8ARRAYOID, FLOAT8ARRAYOID, INT2ARRAYOID],
                )
            };
            static DEAD: Statement =
                const { Statement::for_worker(include_str!("../../sql/queries/settle_dead.sql"), &[INT8ARRAYOID, TEXTARRAYOID]) };
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
