//! What a settle stores of calls: analytics, search documents, attempts and notifications, each by one statement for many
//! calls. Whether it may be stored is decided in `settle.rs`. None of these statements reads a table that has months,
//! so their plans are kept.

use super::outcome::{Analyzed, LockedCall, Outcome, Settled};
use super::row_statement::RowStatement;
use super::search::Search;
use super::{DbError, Statement, deliver};
use crate::host::row_array::{RowArray, jsonb, value};
use crate::host::tenant_binding;
use pgrx::Uuid;
use pgrx::pg_sys::BuiltinOid::*;
use pgrx::spi::SpiClient;
use voice_core::notification::{self, Headline};
use voice_core::search;
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
        static STORE: RowStatement = const {
            RowStatement::new(
                include_str!("../../sql/queries/settle_analytics.sql"),
                RowArray {
                    table: c"analytics",
                    columns: &[
                        "call_id", "tenant_id", "agent_id", "started_at", "from_number", "vertical", "sentiment", "lead_score",
                        "intent", "entities", "summary", "next_action", "model", "prompt_version", "transcript_hash",
                        "prompt_tokens", "completion_tokens", "contact_number", "external_id",
                    ],
                },
            )
        };
    }
    let row = |n: &CompletedAnalysis| {
        let (call, analyzed, analysis) = (n.call, n.analyzed, &n.analyzed.analysis);
        vec![
            value(n.settled.job.call_id),
            value(call.tenant.as_str()),
            value(call.agent.as_str()),
            value(call.started_at),
            value(call.from_number.as_deref()),
            value(analyzed.vertical.as_str()),
            value(analysis.sentiment),
            value(analysis.lead_score as i16),
            value(analysis.intent.as_str()),
            jsonb(&serde_json::to_string(&analysis.entities).unwrap_or_else(|_| "{}".to_owned())),
            value(analysis.summary.as_str()),
            value(analysis.next_action.as_str()),
            value(analyzed.model.as_str()),
            value(analyzed.prompt_version.as_str()),
            value(analyzed.hash.as_slice()),
            value(n.settled.tokens.prompt),
            value(n.settled.tokens.completion),
            value(call.contact_number.as_deref()),
            value(call.external_id.as_deref()),
        ]
    };
    let rows: Vec<_> = completed.iter().map(row).collect();
    STORE.with(|s| s.run(client, &rows))
}

fn documents(client: &mut SpiClient<'_>, completed: &[CompletedAnalysis], search: &mut Search) -> Result<(), DbError> {
    thread_local! {
        static STORE: Statement = const {
            Statement::for_session(
                include_str!("../../sql/queries/settle_search.sql"),
                &[UUIDARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTOID, TEXTARRAYOID],
            )
        };
    }
    let texts: Vec<&str> = completed.iter().map(|n| n.words.as_str()).collect();
    let (mut documents, mut words, mut more) = (Vec::new(), Vec::new(), Vec::new());
    for (document, text) in search.documents(client, &texts)?.into_iter().zip(texts) {
        let lexemes = search::lexemes(text);
        match document {
            Document::Ready(document) => {
                documents.push(Some(if lexemes.is_empty() { document } else { format!("{document} {lexemes}") }));
                words.push(None);
                more.push(None);
            }
            Document::Unfit => {
                documents.push(None);
                words.push(Some(text.to_owned()));
                more.push(Some(lexemes).filter(|lexemes| !lexemes.is_empty()));
            }
        }
    }
    let arguments = [
        ids_of(completed).into(),
        tenants_of(completed).into(),
        documents.into(),
        words.into(),
        search.config().into(),
        more.into(),
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
        static WRITE: RowStatement = const {
            RowStatement::new(
                include_str!("../../sql/queries/settle_attempts.sql"),
                RowArray {
                    table: c"attempt",
                    columns: &[
                        "call_id", "tenant_id", "kind", "job_id", "attempt", "outcome", "error", "http_status", "model",
                        "prompt_tokens", "completion_tokens", "latency_ms", "webhook_id", "event", "mended",
                    ],
                },
            )
        };
    }
    if rows.is_empty() {
        return Ok(());
    }
    let row = |(s, call, outcome): &(&Settled, &LockedCall, &str)| {
        let error = match &s.outcome {
            Outcome::Failed { error, .. } | Outcome::Snoozed { error, .. } | Outcome::Gone { error } => {
                Some(error.as_str())
            }
            _ => None,
        };
        let delivery = s.kind.delivery();
        let mended = matches!(&s.outcome, Outcome::Analyzed(analyzed) if analyzed.mended);
        vec![
            value(s.job.call_id),
            value(call.tenant.as_str()),
            value(s.kind.as_str()),
            value(s.job.id),
            value(s.job.attempt),
            value(*outcome),
            value(error),
            value(s.http_status),
            value(s.model.as_deref()),
            value(s.tokens.prompt),
            value(s.tokens.completion),
            value(s.latency.map(|latency| latency.as_millis() as i32)),
            value(delivery.map(|d| d.webhook_id)),
            value(delivery.map(|d| d.event.as_str())),
            // NULL takes no room.
            value(mended.then_some(true)),
        ]
    };
    let rows: Vec<_> = rows.iter().map(row).collect();
    WRITE.with(|s| s.run(client, &rows))
}
