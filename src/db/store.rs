//! What a settle stores of calls: analytics, search documents, the ledger, and the news of them, each by one statement for
//! many calls. Whether it may be stored is decided in `settle.rs`.

use super::search::Search;
use super::settle::{Analyzed, Outcome, Settled};
use super::{DbError, deliver, prepare};
use pgrx::Uuid;
use pgrx::spi::SpiClient;
use voice_core::lexicon::Document;

/// The calls of a batch, as bounds by which the planner prunes to their months.
pub struct Scope {
    pub bounds: (Uuid, Uuid),
}

impl Scope {
    pub fn of(calls: &[Uuid]) -> Scope {
        Scope { bounds: prepare::bounds(calls) }
    }
}

/// Stores the analyses of calls whose words are `texts`, and tells of them. Gives how many deliveries were written.
pub fn analyses(
    client: &mut SpiClient<'_>,
    scope: &Scope,
    analyzed: &[(&Settled, &Analyzed)],
    texts: &[String],
    search: &mut Search,
) -> Result<usize, DbError> {
    if analyzed.is_empty() {
        return Ok(0);
    }
    analytics(client, scope, analyzed)?;
    documents(client, scope, analyzed, texts, search)?;
    notify(client, scope, analyzed)?;
    announce(client, scope, analyzed)
}

fn analytics(client: &mut SpiClient<'_>, scope: &Scope, analyzed: &[(&Settled, &Analyzed)]) -> Result<(), DbError> {
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
fn documents(
    client: &mut SpiClient<'_>,
    scope: &Scope,
    analyzed: &[(&Settled, &Analyzed)],
    texts: &[String],
    search: &mut Search,
) -> Result<(), DbError> {
    let (documents, words): (Vec<_>, Vec<_>) = search
        .documents(client, texts)?
        .into_iter()
        .zip(texts)
        .map(|(document, text)| match document {
            Document::Ready(document) => (Some(document), None),
            Document::Unfit => (None, Some(text.clone())),
        })
        .unzip();
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
    let arguments = [ids_of(analyzed).into(), scope.bounds.0.into(), scope.bounds.1.into()];
    client.update(include_str!("../../sql/queries/settle_notify.sql"), None, &arguments)?;
    Ok(())
}

fn ids_of(analyzed: &[(&Settled, &Analyzed)]) -> Vec<Uuid> {
    analyzed.iter().map(|(s, _)| s.job.call_id).collect()
}

/// Whoever is to be told of these calls is told later, by jobs that are written now.
fn announce(client: &mut SpiClient<'_>, scope: &Scope, analyzed: &[(&Settled, &Analyzed)]) -> Result<usize, DbError> {
    let ids = ids_of(analyzed);
    let priorities = analyzed.iter().map(|(s, _)| s.job.priority).collect();
    deliver::announce(client, ids, priorities, scope.bounds)
}

/// One row for every attempt ever made, with what came of it.
pub fn ledger(client: &mut SpiClient<'_>, scope: &Scope, rows: &[(&Settled, &str)]) -> Result<(), DbError> {
    if rows.is_empty() {
        return Ok(());
    }
    let of = |s: &Settled| match &s.outcome {
        Outcome::Failed { error, .. } | Outcome::Snoozed { error, .. } | Outcome::Gone { error } => Some(error.clone()),
        _ => None,
    };
    let of_each = || rows.iter().map(|(s, _)| *s);
    let arguments = [
        of_each().map(|s| s.job.call_id).collect::<Vec<Uuid>>().into(),
        scope.bounds.0.into(),
        scope.bounds.1.into(),
        of_each().map(|s| s.job.id).collect::<Vec<i64>>().into(),
        of_each().map(|s| s.job.attempt).collect::<Vec<i16>>().into(),
        rows.iter().map(|(_, o)| (*o).to_owned()).collect::<Vec<String>>().into(),
        of_each().map(of).collect::<Vec<Option<String>>>().into(),
        of_each().map(|s| s.http_status).collect::<Vec<Option<i32>>>().into(),
        of_each().map(|s| s.model.clone()).collect::<Vec<Option<String>>>().into(),
        of_each().map(|s| s.tokens.prompt).collect::<Vec<Option<i32>>>().into(),
        of_each().map(|s| s.tokens.completion).collect::<Vec<Option<i32>>>().into(),
        of_each().map(|s| s.latency.map(|l| l.as_millis() as i32)).collect::<Vec<Option<i32>>>().into(),
        of_each().map(|s| s.delivery.as_ref().map(|d| d.webhook_id)).collect::<Vec<Option<Uuid>>>().into(),
        of_each().map(|s| s.delivery.as_ref().map(|d| d.event.clone())).collect::<Vec<Option<String>>>().into(),
    ];
    client.update(include_str!("../../sql/queries/settle_ledger.sql"), None, &arguments)?;
    Ok(())
}
