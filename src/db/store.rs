//! What a settle stores of calls: analytics, search documents, the ledger, and the news of them, each by one statement for
//! many calls. Whether it may be stored is decided in `settle.rs`. None of these statements reads a table that has months,
//! so their plans are kept.

use super::search::Search;
use super::settle::{Analyzed, Locked, Outcome, Settled};
use super::{DbError, Statement, deliver};
use crate::host::pin;
use pgrx::Uuid;
use pgrx::datum::TimestampWithTimeZone;
use pgrx::pg_sys::BuiltinOid::*;
use pgrx::spi::SpiClient;
use voice_core::headline::{self, Headline};
use voice_core::lexicon::Document;

/// An analysis that is to be stored.
pub struct News<'a> {
    pub settled: &'a Settled,
    pub analyzed: &'a Analyzed,
    pub call: &'a Locked,
    /// As they are searched.
    pub words: String,
}

/// Stores the analyses, and tells of them. Gives how many deliveries were written.
pub fn analyses(
    client: &mut SpiClient<'_>,
    bounds: (Uuid, Uuid),
    news: &[News],
    search: &mut Search,
) -> Result<usize, DbError> {
    if news.is_empty() {
        return Ok(0);
    }
    analytics(client, news)?;
    documents(client, news, search)?;
    notify(client, news)?;
    // Whoever is to be told of these calls is told later, by jobs that are written now.
    let priorities = news.iter().map(|n| n.settled.job.priority).collect();
    deliver::announce(client, ids_of(news), priorities, bounds)
}

fn analytics(client: &mut SpiClient<'_>, news: &[News]) -> Result<(), DbError> {
    thread_local! {
        static STORE: Statement = const {
            Statement::plain(
                include_str!("../../sql/queries/settle_analytics.sql"),
                &[
                    UUIDARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID, TEXTARRAYOID, TEXTARRAYOID, FLOAT8ARRAYOID,
                    INT4ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
                    BYTEAARRAYOID, INT4ARRAYOID, INT4ARRAYOID,
                ],
            )
        };
    }
    let of = |f: fn(&Analyzed) -> String| news.iter().map(|n| f(n.analyzed)).collect::<Vec<_>>();
    let arguments = [
        ids_of(news).into(),
        tenants_of(news).into(),
        news.iter().map(|n| n.call.agent.clone()).collect::<Vec<String>>().into(),
        news.iter().map(|n| n.call.started_at).collect::<Vec<TimestampWithTimeZone>>().into(),
        news.iter().map(|n| n.call.from_number.clone()).collect::<Vec<Option<String>>>().into(),
        of(|a| a.vertical.clone()).into(),
        news.iter().map(|n| n.analyzed.analysis.sentiment).collect::<Vec<f64>>().into(),
        news.iter().map(|n| n.analyzed.analysis.lead_score).collect::<Vec<i32>>().into(),
        of(|a| a.analysis.intent.as_str().to_owned()).into(),
        of(|a| serde_json::to_string(&a.analysis.entities).unwrap_or_else(|_| "{}".to_owned())).into(),
        of(|a| a.analysis.summary.clone()).into(),
        of(|a| a.analysis.next_action.clone()).into(),
        of(|a| a.model.clone()).into(),
        of(|a| a.prompt_version.clone()).into(),
        news.iter().map(|n| n.analyzed.hash.clone()).collect::<Vec<Vec<u8>>>().into(),
        news.iter().map(|n| n.settled.tokens.prompt).collect::<Vec<Option<i32>>>().into(),
        news.iter().map(|n| n.settled.tokens.completion).collect::<Vec<Option<i32>>>().into(),
    ];
    STORE.with(|s| s.run(client, &arguments).map(drop))
}

fn documents(client: &mut SpiClient<'_>, news: &[News], search: &mut Search) -> Result<(), DbError> {
    thread_local! {
        static STORE: Statement = const {
            Statement::plain(
                include_str!("../../sql/queries/settle_search.sql"),
                &[UUIDARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTOID],
            )
        };
    }
    let texts: Vec<&str> = news.iter().map(|n| n.words.as_str()).collect();
    let (documents, words): (Vec<_>, Vec<_>) = search
        .documents(client, &texts)?
        .into_iter()
        .zip(texts)
        .map(|(document, text)| match document {
            Document::Ready(document) => (Some(document), None),
            Document::Unfit => (None, Some(text.to_owned())),
        })
        .unzip();
    let arguments =
        [ids_of(news).into(), tenants_of(news).into(), documents.into(), words.into(), search.config().into()];
    STORE.with(|s| s.run(client, &arguments).map(drop))
}

/// Tells those who listen.
fn notify(client: &mut SpiClient<'_>, news: &[News]) -> Result<(), DbError> {
    thread_local! {
        static NOTIFY: Statement = const {
            Statement::plain(include_str!("../../sql/queries/settle_notify.sql"), &[TEXTARRAYOID, TEXTARRAYOID])
        };
    }
    let headlines = news.iter().map(|n| Headline {
        call_id: n.settled.job.call_id.to_string(),
        lead_score: n.analyzed.analysis.lead_score,
        sentiment: n.analyzed.analysis.sentiment,
        intent: n.analyzed.analysis.intent,
    });
    let (channels, payloads): (Vec<String>, Vec<String>) =
        headline::notifications(headlines.collect(), pin::somebody_is_pinned()).into_iter().unzip();
    NOTIFY.with(|s| s.run(client, &[channels.into(), payloads.into()]).map(drop))
}

fn ids_of(news: &[News]) -> Vec<Uuid> {
    news.iter().map(|n| n.settled.job.call_id).collect()
}

fn tenants_of(news: &[News]) -> Vec<String> {
    news.iter().map(|n| n.call.tenant.clone()).collect()
}

/// One row for every attempt ever made, with what came of it.
pub fn ledger(client: &mut SpiClient<'_>, rows: &[(&Settled, &Locked, &str)]) -> Result<(), DbError> {
    thread_local! {
        static WRITE: Statement = const {
            Statement::plain(
                include_str!("../../sql/queries/settle_ledger.sql"),
                &[
                    UUIDARRAYOID, TEXTARRAYOID, INT8ARRAYOID, INT2ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, INT4ARRAYOID,
                    TEXTARRAYOID, INT4ARRAYOID, INT4ARRAYOID, INT4ARRAYOID, UUIDARRAYOID, TEXTARRAYOID,
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
        of_each().map(|s| s.delivery.as_ref().map(|d| d.webhook_id)).collect::<Vec<Option<Uuid>>>().into(),
        of_each().map(|s| s.delivery.as_ref().map(|d| d.event.clone())).collect::<Vec<Option<String>>>().into(),
    ];
    WRITE.with(|s| s.run(client, &arguments).map(drop))
}
