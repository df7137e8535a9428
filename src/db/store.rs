//! What a settle stores of calls: analytics, search documents, attempts and notifications, each by one statement for many
//! calls. Whether it may be stored is decided in `settle.rs`. None of these statements reads a table that has months,
//! so their plans are kept.

use super::outcome::{CompletedAnalysis, Fixed};
use super::results;
use super::row_statement::RowStatement;
use super::search::Search;
use super::{DbError, Statement, deliver};
use crate::host::row_array::{RowArray, jsonb, value};
use crate::host::{tenant_binding, tsvector};
use pgrx::Uuid;
use pgrx::pg_sys::BuiltinOid::*;
use pgrx::spi::SpiClient;
use voice_core::evidence;
use voice_core::notification::{self, AnalyzedCall};
use voice_core::search;
use voice_core::tsvector_cache::Document;

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
    let fixed: Vec<(&CompletedAnalysis, &Fixed)> =
        completed.iter().filter_map(|n| Some((n, n.analyzed.fixed.as_ref()?))).collect();
    analytics(client, &fixed)?;
    results::store(client, completed)?;
    documents(client, completed, search)?;
    notify(client, &fixed)?;
    // Whoever is to be told of these calls is told later, by jobs that are written now.
    let priorities = completed.iter().map(|n| n.settled.job.priority).collect();
    deliver::enqueue_deliveries(client, ids_of(completed), priorities, bounds)
}

fn analytics(client: &mut SpiClient<'_>, completed: &[(&CompletedAnalysis, &Fixed)]) -> Result<(), DbError> {
    thread_local! {
        static STORE: RowStatement = const {
            RowStatement::new(
                include_str!("../../sql/queries/settle_analytics.sql"),
                RowArray {
                    table: c"analytics",
                    columns: &[
                        "call_id", "tenant_id", "agent_id", "started_at", "from_number", "vertical", "sentiment", "lead_score",
                        "intent", "entities", "summary", "next_action", "model", "prompt_version", "transcript_hash",
                        "prompt_tokens", "completion_tokens", "contact_number", "external_id", "evidence", "unsupported",
                    ],
                },
            )
        };
    }
    if completed.is_empty() {
        return Ok(());
    }
    let row = |(n, fixed): &(&CompletedAnalysis, &Fixed)| {
        let (call, analyzed, analysis) = (n.call, n.analyzed, &fixed.analysis);
        let evidence = (!fixed.evidence.is_empty()).then(|| evidence::to_json(&fixed.evidence));
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
            value(fixed.model.as_str()),
            value(fixed.prompt_version.as_str()),
            value(analyzed.hash.as_slice()),
            value(fixed.tokens.prompt),
            value(fixed.tokens.completion),
            value(call.contact_number.as_deref()),
            value(call.external_id.as_deref()),
            evidence.as_deref().and_then(jsonb),
            value((!fixed.evidence.is_empty()).then(|| evidence::unsupported(&fixed.evidence) as i16)),
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
                &[UUIDARRAYOID, TEXTARRAYOID, TSVECTORARRAYOID, TEXTARRAYOID, TEXTOID, TEXTARRAYOID],
            )
        };
    }
    let texts: Vec<(&str, Vec<String>)> =
        completed.iter().map(|n| (n.words.as_str(), search::lexemes(&n.words))).collect();
    let (mut documents, mut words, mut more) = (Vec::new(), Vec::new(), Vec::new());
    for (document, (text, lexemes)) in search.documents(client, &texts)?.into_iter().zip(texts) {
        let document = match document {
            Document::Ready(document) => Some(document),
            Document::Unknown | Document::Unfit => None,
        };
        let is_ready = document.is_some();
        words.push((!is_ready).then(|| text.to_owned()));
        more.push((!is_ready && !lexemes.is_empty()).then(|| search::to_text(&lexemes)));
        documents.push(document);
    }
    let arguments = [
        ids_of(completed).into(),
        tenants_of(completed).into(),
        tsvector::array(&documents),
        words.into(),
        search.config().into(),
        more.into(),
    ];
    STORE.with(|s| s.run(client, &arguments).map(drop))
}

/// Tells those who listen.
fn notify(client: &mut SpiClient<'_>, completed: &[(&CompletedAnalysis, &Fixed)]) -> Result<(), DbError> {
    thread_local! {
        static NOTIFY: Statement = const {
            Statement::for_session(include_str!("../../sql/queries/settle_notify.sql"), &[TEXTARRAYOID, TEXTARRAYOID])
        };
    }
    let calls = completed.iter().map(|(n, fixed)| AnalyzedCall {
        call_id: n.settled.job.call_id.to_string(),
        lead_score: fixed.analysis.lead_score,
        sentiment: fixed.analysis.sentiment,
        intent: fixed.analysis.intent,
    });
    if completed.is_empty() {
        return Ok(());
    }
    let (channels, payloads): (Vec<String>, Vec<String>) =
        notification::notifications(calls.collect(), tenant_binding::somebody_is_pinned()).into_iter().unzip();
    NOTIFY.with(|s| s.run(client, &[channels.into(), payloads.into()]).map(drop))
}

fn ids_of(completed: &[CompletedAnalysis]) -> Vec<Uuid> {
    completed.iter().map(|n| n.settled.job.call_id).collect()
}

fn tenants_of(completed: &[CompletedAnalysis]) -> Vec<String> {
    completed.iter().map(|n| n.call.tenant.clone()).collect()
}
