//! Storing what came of claimed jobs: many results, one transaction.
//!
//! Lock order is that of everybody else: the call first, then its job. Nothing is waited for: what somebody else holds
//! is left for the next turn of the loop, so no ingest and no DELETE ever stalls the worker.

use super::claim::Claimed;
use super::deliver::{self, Delivery};
use super::prepare::bounds;
use super::search::Search;
use super::{DbError, Statement};
use crate::host::wake;
use pgrx::Uuid;
use pgrx::pg_sys::BuiltinOid::*;
use pgrx::spi::SpiClient;
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};
use voice_core::analysis::Analysis;
use voice_core::reply::Tokens;

/// How long a result waits for writers of its call's turns.
const WRITERS_PATIENCE: Duration = Duration::from_secs(5);

/// What came of a job.
#[derive(Debug, Clone)]
pub enum Outcome {
    Analyzed(Box<Analyzed>),
    /// The stored analysis is of these words (their hash) and this prompt: no request was needed.
    Current {
        hash: Vec<u8>,
    },
    /// The call is deleted, in progress again, or gone.
    Needless,
    /// A webhook has been told.
    Delivered,
    /// A webhook that is to be told is disabled or gone, or the call is.
    Unwanted,
    /// The receiver wants nothing any more: its webhook is disabled.
    Gone {
        error: String,
    },
    /// An attempt failed; `Some`: try again after this long, `None`: that was the last.
    Failed {
        error: String,
        again: Option<Duration>,
    },
    /// The provider or the configuration is to blame: back into the queue, the attempt not counted.
    Snoozed {
        error: String,
        again: Duration,
    },
}

#[derive(Debug, Clone)]
pub struct Analyzed {
    pub analysis: Analysis,
    pub vertical: String,
    pub model: String,
    pub prompt_version: String,
    /// Of the words that were analysed.
    pub hash: Vec<u8>,
    /// Unix milliseconds of the hang-up.
    pub ended_ms: Option<i64>,
}

/// A job with its outcome, ready to be stored.
#[derive(Debug, Clone)]
pub struct Settled {
    pub job: Claimed,
    /// `None`: it is an analysis.
    pub delivery: Option<Delivery>,
    pub outcome: Outcome,
    pub http_status: Option<i32>,
    pub model: Option<String>,
    pub latency: Option<Duration>,
    /// What the answer cost, also when it was refused.
    pub tokens: Tokens,
    /// Since when it could not be stored because somebody else held its call, its job, or wrote its turns.
    pub held_up: Option<Instant>,
}

impl Settled {
    /// The words that it is about, where it says something about words.
    fn hash(&self) -> Option<&[u8]> {
        match &self.outcome {
            Outcome::Analyzed(a) => Some(&a.hash),
            Outcome::Current { hash } => Some(hash),
            _ => None,
        }
    }

    /// Somebody is about to commit turns of this call. Not waited for longer than a transaction should last: then it
    /// is stored, and looked at again later.
    fn waits_for_writers(&self) -> bool {
        self.hash().is_some()
            && wake::has_writers(self.job.call_id.as_bytes())
            && self.held_up.is_none_or(|since| since.elapsed() < WRITERS_PATIENCE)
    }
}

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
    let scope = Scope { bounds: bounds(&ids) };
    let calls = lock_calls(client, &scope, ids)?;
    let jobs = lock_jobs(client, settled, epoch)?;

    let mut ledger = Vec::new();
    let mut fates = Fates::default();
    let mut gone: Vec<(Uuid, String)> = Vec::new();
    let mut about_words: Vec<&Settled> = Vec::new();
    for s in settled {
        let id = s.job.id;
        match (jobs.get(&id), calls.get(&s.job.call_id)) {
            // Lost the lease, requeued, or deleted: the late answer changes nothing. A call that somebody holds is not
            // waited for just to write that down.
            (None, Some(Hold::Ours | Hold::OursUnfit)) => ledger.push((s, "discarded")),
            (None, _) => {}
            (Some(Hold::Elsewhere), _) | (_, Some(Hold::Elsewhere)) => _ = report.postponed.insert(id),
            (Some(_), None | Some(Hold::OursUnfit)) => fates.done.push(id),
            (Some(_), Some(Hold::Ours)) => match &s.outcome {
                _ if s.waits_for_writers() => {
                    report.postponed.insert(id);
                }
                Outcome::Analyzed(_) | Outcome::Current { .. } => about_words.push(s),
                // It was, when it was read; meanwhile it has ended, and found its job in the queue already.
                Outcome::Needless => fates.back(id, Duration::ZERO, 1),
                Outcome::Unwanted => fates.done.push(id),
                Outcome::Delivered => {
                    ledger.push((s, "ok"));
                    fates.done.push(id);
                }
                Outcome::Gone { error } => {
                    ledger.push((s, "dead"));
                    fates.dead.push((id, error.clone()));
                    gone.extend(s.delivery.iter().map(|to| (to.webhook_id, error.clone())));
                }
                Outcome::Failed { again: Some(pause), .. } => {
                    ledger.push((s, "failed"));
                    fates.back(id, *pause, 0);
                }
                Outcome::Failed { again: None, error } => {
                    ledger.push((s, "dead"));
                    fates.dead.push((id, error.clone()));
                }
                Outcome::Snoozed { again, .. } => {
                    ledger.push((s, "snoozed"));
                    fates.back(id, *again, 1);
                }
            },
        }
    }

    // Read after the job is locked and no writer is under way: what this sees is what the result must be of.
    let mut now = current_words(client, &scope, &about_words)?;
    let mut analyzed: Vec<(&Settled, &Analyzed)> = Vec::new();
    let mut texts: Vec<String> = Vec::new();
    for s in about_words {
        let known = now.get_mut(&s.job.call_id);
        let is_of_the_words = known.as_ref().is_some_and(|words| s.hash() == Some(&words.hash));
        let still_stored = known.as_ref().is_some_and(|words| words.analyzed.as_deref() == s.hash());
        match &s.outcome {
            Outcome::Analyzed(a) if is_of_the_words => {
                analyzed.push((s, a));
                texts.push(known.map(|words| std::mem::take(&mut words.text)).unwrap_or_default());
            }
            Outcome::Current { .. } if is_of_the_words && still_stored => {
                ledger.push((s, "skipped"));
                fates.done.push(s.job.id);
            }
            _ => {
                ledger.push((s, "stale"));
                fates.back(s.job.id, Duration::ZERO, 1);
            }
        }
    }
    store(client, &scope, &analyzed)?;
    store_documents(client, &scope, &analyzed, &texts, search)?;
    notify(client, &scope, &analyzed)?;
    report.announced = announce(client, &scope, &analyzed)?;
    for (s, _) in &analyzed {
        ledger.push((s, "ok"));
        report.stored.push(s.job.id);
        if wake::has_writers(s.job.call_id.as_bytes()) {
            fates.back(s.job.id, WRITERS_PATIENCE, 1);
        } else {
            fates.done.push(s.job.id);
        }
    }
    record(client, &scope, &ledger)?;
    report.back = fates.back.len();
    fates.apply(client)?;
    if !gone.is_empty() {
        report.disabled = deliver::disable(client, gone)?;
    }
    Ok(report)
}

struct Scope {
    bounds: (Uuid, Uuid),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Hold {
    Ours,
    /// Ours, and a call that is not to be analysed: in progress, or deleted.
    OursUnfit,
    Elsewhere,
}

fn lock_calls(client: &mut SpiClient<'_>, scope: &Scope, ids: Vec<Uuid>) -> Result<HashMap<Uuid, Hold>, DbError> {
    let (lowest, highest) = scope.bounds;
    let wanted: HashSet<Uuid> = ids.iter().copied().collect();
    let arguments = [ids.into(), lowest.into(), highest.into()];
    let mut found = HashMap::new();
    for row in client.update(include_str!("../../sql/queries/settle_lock_calls.sql"), None, &arguments)? {
        if let Some(id) = row.get::<Uuid>(1)? {
            found.insert(id, if row.get(2)? == Some(true) { Hold::OursUnfit } else { Hold::Ours });
        }
    }
    if found.len() < wanted.len() {
        for row in client.select(include_str!("../../sql/queries/settle_see_calls.sql"), None, &arguments)? {
            if let Some(id) = row.get::<Uuid>(1)? {
                found.entry(id).or_insert(Hold::Elsewhere);
            }
        }
    }
    Ok(found)
}

fn lock_jobs(client: &mut SpiClient<'_>, settled: &[Settled], epoch: i64) -> Result<HashMap<i64, Hold>, DbError> {
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
            found.insert(id, Hold::Ours);
        }
    }
    if found.len() < settled.len() {
        for row in SEE.with(|s| s.run(client, &arguments))? {
            if let Some(id) = row.get::<i64>(1)? {
                found.entry(id).or_insert(Hold::Elsewhere);
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
    scope: &Scope,
    about_words: &[&Settled],
) -> Result<HashMap<Uuid, Words>, DbError> {
    let mut found = HashMap::new();
    if about_words.is_empty() {
        return Ok(found);
    }
    let ids: Vec<Uuid> = about_words.iter().map(|s| s.job.call_id).collect();
    let (lowest, highest) = scope.bounds;
    let arguments = [ids.into(), lowest.into(), highest.into()];
    for row in client.update(include_str!("../../sql/queries/settle_words.sql"), None, &arguments)? {
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

/// The analytics of a batch.
fn store(client: &mut SpiClient<'_>, scope: &Scope, analyzed: &[(&Settled, &Analyzed)]) -> Result<(), DbError> {
    if analyzed.is_empty() {
        return Ok(());
    }
    let (lowest, highest) = scope.bounds;
    let column = |f: fn(&Analyzed) -> String| analyzed.iter().map(|(_, a)| f(a)).collect::<Vec<_>>();
    let sentiments: Vec<f64> = analyzed.iter().map(|(_, a)| a.analysis.sentiment).collect();
    let scores: Vec<i32> = analyzed.iter().map(|(_, a)| a.analysis.lead_score).collect();
    let prompt_tokens: Vec<Option<i32>> = analyzed.iter().map(|(s, _)| s.tokens.prompt).collect();
    let completion_tokens: Vec<Option<i32>> = analyzed.iter().map(|(s, _)| s.tokens.completion).collect();
    let hashes: Vec<Vec<u8>> = analyzed.iter().map(|(_, a)| a.hash.clone()).collect();
    let arguments = [
        ids_of(analyzed).into(),
        lowest.into(),
        highest.into(),
        column(|a| a.vertical.clone()).into(),
        sentiments.into(),
        scores.into(),
        column(|a| a.analysis.intent.as_str().to_owned()).into(),
        column(|a| serde_json::to_string(&a.analysis.entities).unwrap_or_else(|_| "{}".to_owned())).into(),
        column(|a| a.analysis.summary.clone()).into(),
        column(|a| a.analysis.next_action.clone()).into(),
        column(|a| a.model.clone()).into(),
        column(|a| a.prompt_version.clone()).into(),
        hashes.into(),
        prompt_tokens.into(),
        completion_tokens.into(),
    ];
    client.update(include_str!("../../sql/queries/settle_analytics.sql"), None, &arguments)?;
    Ok(())
}

/// The search documents of calls, whose words are `texts`.
fn store_documents(
    client: &mut SpiClient<'_>,
    scope: &Scope,
    analyzed: &[(&Settled, &Analyzed)],
    texts: &[String],
    search: &mut Search,
) -> Result<(), DbError> {
    if analyzed.is_empty() {
        return Ok(());
    }
    let (documents, words): (Vec<_>, Vec<_>) =
        search.documents(client, texts)?.into_iter().map(|p| (p.document, p.words)).unzip();
    let (lowest, highest) = scope.bounds;
    let arguments = [
        ids_of(analyzed).into(),
        lowest.into(),
        highest.into(),
        search.config().into(),
        documents.into(),
        words.into(),
    ];
    client.update(include_str!("../../sql/queries/settle_search.sql"), None, &arguments)?;
    Ok(())
}

/// Tells those who listen.
fn notify(client: &mut SpiClient<'_>, scope: &Scope, analyzed: &[(&Settled, &Analyzed)]) -> Result<(), DbError> {
    if analyzed.is_empty() {
        return Ok(());
    }
    let arguments = [ids_of(analyzed).into(), scope.bounds.0.into(), scope.bounds.1.into()];
    client.update(include_str!("../../sql/queries/settle_notify.sql"), None, &arguments)?;
    Ok(())
}

fn ids_of(analyzed: &[(&Settled, &Analyzed)]) -> Vec<Uuid> {
    analyzed.iter().map(|(s, _)| s.job.call_id).collect()
}

/// Whoever is to be told of these calls is told later, by jobs that are written now.
fn announce(client: &mut SpiClient<'_>, scope: &Scope, analyzed: &[(&Settled, &Analyzed)]) -> Result<usize, DbError> {
    if analyzed.is_empty() {
        return Ok(0);
    }
    let ids = ids_of(analyzed);
    let priorities = analyzed.iter().map(|(s, _)| s.job.priority).collect();
    deliver::announce(client, ids, priorities, scope.bounds)
}

/// One row for every attempt ever made.
fn record(client: &mut SpiClient<'_>, scope: &Scope, ledger: &[(&Settled, &str)]) -> Result<(), DbError> {
    if ledger.is_empty() {
        return Ok(());
    }
    let of = |s: &Settled| match &s.outcome {
        Outcome::Failed { error, .. } | Outcome::Snoozed { error, .. } | Outcome::Gone { error } => Some(error.clone()),
        _ => None,
    };
    let rows = || ledger.iter().map(|(s, _)| *s);
    let arguments = [
        rows().map(|s| s.job.call_id).collect::<Vec<Uuid>>().into(),
        scope.bounds.0.into(),
        scope.bounds.1.into(),
        rows().map(|s| s.job.id).collect::<Vec<i64>>().into(),
        rows().map(|s| s.job.attempt).collect::<Vec<i16>>().into(),
        ledger.iter().map(|(_, o)| (*o).to_owned()).collect::<Vec<String>>().into(),
        rows().map(of).collect::<Vec<Option<String>>>().into(),
        rows().map(|s| s.http_status).collect::<Vec<Option<i32>>>().into(),
        rows().map(|s| s.model.clone()).collect::<Vec<Option<String>>>().into(),
        rows().map(|s| s.tokens.prompt).collect::<Vec<Option<i32>>>().into(),
        rows().map(|s| s.tokens.completion).collect::<Vec<Option<i32>>>().into(),
        rows().map(|s| s.latency.map(|l| l.as_millis() as i32)).collect::<Vec<Option<i32>>>().into(),
        rows().map(|s| s.delivery.as_ref().map(|d| d.webhook_id)).collect::<Vec<Option<Uuid>>>().into(),
        rows().map(|s| s.delivery.as_ref().map(|d| d.event.clone())).collect::<Vec<Option<String>>>().into(),
    ];
    client.update(include_str!("../../sql/queries/settle_ledger.sql"), None, &arguments)?;
    Ok(())
}

/// What becomes of the jobs themselves.
#[derive(Default)]
struct Fates {
    done: Vec<i64>,
    back: Vec<(i64, Duration, i16)>,
    dead: Vec<(i64, String)>,
}

impl Fates {
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
