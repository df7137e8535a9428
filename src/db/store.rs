//! What a settle stores of calls: analytics, search documents, the attempt_log, and the completed of them, each by one statement for
//! many calls. Whether it may be stored is decided in `settle.rs`. None of these statements reads a table that has months,
//! so their plans are kept.

use super::outcome::{Analyzed, LockedCall, Outcome, Settled};
use super::search::Search;
use super::{DbError, Statement, deliver};
use crate::host::tenant_binding;
use pgrx::Uuid;
use pgrx::datum::TimestampWithTimeZone;
use pgrx::pg_sys::BuiltinOid::*;
use pgrx::spi::SpiClient;
use voice_core::notification::{self, Headline};
use voice_core::tsvector_cache::Document;

/// An analysis that is to be stored.
pub struct CompletedAnalysis<'a> {
    pub settled: &'a Settled,
    pub analyzed: &'a Analyzed,
    pub call: &'a LockedCall,
    /// As they are searched.
    pub words: String,
}

/// Stores the analyses, and tells of them. Gives how many deliveries were written.
pub fn analyses(
    client: &mut SpiClient<'_>,
    bounds: (Uuid, Uuid),
    completed: &[CompletedAnalysis],
    search: &mut Search,
) -> Result<usize, DbError> {
    if completed.is_empty() {
        return Ok(0);
    }
    analytics(client, completed)?;
    documents(client, completed, search)?;
    notify(client, completed)?;
    // Whoever is to be told of these calls is told later, by jobs that are written now.
    let priorities = completed.iter().map(|n| n.settled.job.priority).collect();
    deliver::enqueue_deliveries(client, ids_of(completed), priorities, bounds)
}

fn analytics(client: &mut SpiClient<'_>, completed: &[CompletedAnalysis]) -> Result<(), DbError> {
    thread_local! {
        static STORE: Statement = const {
            Statement::for_session(
                include_str!("../../sql/queries/settle_analytics.sql"),
                &[
                    UUIDARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID, TEXTARRAYOID, TEXTARRAYOID, FLOAT8ARRAYOID,
                    INT4ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
                    BYTEAARRAYOID, INT4ARRAYOID, INT4ARRAYOID,
                ],
            )
        };
    }
    let of = |f: fn(&Analyzed) -> String| completed.iter().map(|n| f(n.analyzed)).collect::<Vec<_>>();
    let arguments = [
        ids_of(completed).into(),
        tenants_of(completed).into(),
        completed.iter().map(|n| n.call.agent.clone()).collect::<Vec<String>>().into(),
        completed.iter().map(|n| n.call.started_at).collect::<Vec<TimestampWithTimeZone>>().into(),
        completed.iter().map(|n| n.call.from_number.clone()).collect::<Vec<Option<String>>>().into(),
        of(|a| a.vertical.clone()).into(),
        completed.iter().map(|n| n.analyzed.analysis.sentiment).collect::<Vec<f64>>().into(),
        completed.iter().map(|n| n.analyzed.analysis.lead_score).collect::<Vec<i32>>().into(),
        of(|a| a.analysis.intent.as_str().to_owned()).into(),
        of(|a| serde_json::to_string(&a.analysis.entities).unwrap_or_else(|_| "{}".to_owned())).into(),
        of(|a| a.analysis.summary.clone()).into(),
        of(|a| a.analysis.next_action.clone()).into(),
        of(|a| a.model.clone()).into(),
        of(|a| a.prompt_version.clone()).into(),
        completed.iter().map(|n| n.analyzed.hash.clone()).collect::<Vec<Vec<u8>>>().into(),
        completed.iter().map(|n| n.settled.tokens.prompt).collect::<Vec<Option<i32>>>().into(),
        completed.iter().map(|n| n.settled.tokens.completion).collect::<Vec<Option<i32>>>().into(),
    ];
    STORE.with(|s| s.run(client, &arguments).map(drop))
}

fn documents(client: &mut SpiClient<'_>, completed: &[CompletedAnalysis], search: &mut Search) -> Result<(), DbError> {
    thread_local! {
        static STORE: Statement = const {
            Statement::for_session(
                include_str!("../../sql/queries/settle_search.sql"),
                &[UUIDARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTOID],
            )
        };
    }
    let texts: Vec<&str> = completed.iter().map(|n| n.words.as_str()).collect();
    let (documents, words): (Vec<_>, Vec<_>) = search
        .documents(client, &texts)?
        .into_iter()
        .zip(texts)
        .map(|(document, text)| match document {
            Document::Ready(document) => (Some(document), None),
            Document::Unfit => (None, Some(text.to_owned())),
        })
        .unzip();
    let arguments = [
        ids_of(completed).into(),
        tenants_of(completed).into(),
        documents.into(),
        words.into(),
        search.config().into(),
    ];
    STORE.with(|s| s.run(client, &arguments).map(drop))
}

/// Tells those who listen.
fn notify(client: &mut SpiClient<'_>, completed: &[CompletedAnalysis]) -> Result<(), DbError> {
    thread_local! {
        static NOTIFY: Statement = const {
            Statement::for_session(include_str!("../../sql/queries/settle_notify.sql"), &[TEXTARRAYOID, TEXTARRAYOID])
        };
    }
    let headlines = completed.iter().map(|n| Headline {
        call_id: n.settled.job.call_id.to_string(),
        lead_score: n.analyzed.analysis.lead_score,
        sentiment: n.analyzed.analysis.sentiment,
        intent: n.analyzed.analysis.intent,
    });
    let (channels, payloads): (Vec<String>, Vec<String>) =
        notification::notifications(headlines.collect(), tenant_binding::somebody_is_pinned()).into_iter().unzip();
    NOTIFY.with(|s| s.run(client, &[channels.into(), payloads.into()]).map(drop))
}

fn ids_of(completed: &[CompletedAnalysis]) -> Vec<Uuid> {
    completed.iter().map(|n| n.settled.job.call_id).collect()
}

fn tenants_of(completed: &[CompletedAnalysis]) -> Vec<String> {
    completed.iter().map(|n| n.call.tenant.clone()).collect()
}

/// One row for every attempt ever made, with what came of it.
pub fn attempt_log(client: &mut SpiClient<'_>, rows: &[(&Settled, &LockedCall, &str)]) -> Result<(), DbError> {
    thread_local! {
        static WRITE: Statement = const {
            Statement::for_session(
                include_str!("../../sql/queries/settle_ledger.sql"),
                &[
                    UUIDARRAYOID, TEXTARRAYOID, INT8ARRAYOID, INT2ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, INT4ARRAYOID,
                    TEXTARRAYOID, INT4ARRAYOID, INT4ARRAYOID, INT4ARRAYOID, UUIDARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
                ],
            )
        };
    }
    if rows.is_empty() {
        return Ok(());
    }
    let error_of = |s: &Settled| match &s.outcome {
        Outcome::Failed { error, .. } | Outcome::Snoozed { error, .. } | Outcome::Gone { error } => Some(error.clone()),
        _ => None,
    };
    let of_each = || rows.iter().map(|(s, ..)| *s);
    let arguments = [
        of_each().map(|s| s.job.call_id).collect::<Vec<Uuid>>().into(),
        rows.iter().map(|(_, call, _)| call.tenant.clone()).collect::<Vec<String>>().into(),
        of_each().map(|s| s.job.id).collect::<Vec<i64>>().into(),
        of_each().map(|s| s.job.attempt).collect::<Vec<i16>>().into(),
        rows.iter().map(|(.., outcome)| (*outcome).to_owned()).collect::<Vec<String>>().into(),
        of_each().map(error_of).collect::<Vec<Option<String>>>().into(),
        of_each().map(|s| s.http_status).collect::<Vec<Option<i32>>>().into(),
        of_each().map(|s| s.model.clone()).collect::<Vec<Option<String>>>().into(),
        of_each().map(|s| s.tokens.prompt).collect::<Vec<Option<i32>>>().into(),
        of_each().map(|s| s.tokens.completion).collect::<Vec<Option<i32>>>().into(),
        of_each().map(|s| s.latency.map(|l| l.as_millis() as i32)).collect::<Vec<Option<i32>>>().into(),
        of_each().map(|s| s.kind.delivery().map(|d| d.webhook_id)).collect::<Vec<Option<Uuid>>>().into(),
        of_each().map(|s| s.kind.delivery().map(|d| d.event.clone())).collect::<Vec<Option<String>>>().into(),
        of_each().map(|s| s.kind.as_str().to_owned()).collect::<Vec<String>>().into(),
    ];
    WRITE.with(|s| s.run(client, &arguments).map(drop))
}
