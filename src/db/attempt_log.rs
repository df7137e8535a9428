//! The log of attempts, `voice.attempt`: one row for each request ever made, with what came of it.

use super::DbError;
use super::outcome::{EarlierRequest, LockedCall, Outcome, Settled};
use super::row_statement::RowStatement;
use crate::host::row_array::{RowArray, Value, value};
use pgrx::spi::SpiClient;
use std::time::Duration;

/// Writes the rows of these attempts; the text is the outcome.
///
/// # Errors
/// The statement failed; so must its transaction.
pub fn write(client: &mut SpiClient<'_>, attempts: &[(&Settled, &LockedCall, &str)]) -> Result<(), DbError> {
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
    if attempts.is_empty() {
        return Ok(());
    }
    let mut rows = Vec::with_capacity(attempts.len());
    for (settled, call, outcome) in attempts {
        rows.extend(settled.earlier.iter().map(|request| row_of_earlier(settled, call, request)));
        rows.push(row(settled, call, outcome));
    }
    WRITE.with(|s| s.run(client, &rows))
}

fn row(s: &Settled, call: &LockedCall, outcome: &str) -> Vec<Value> {
    let outcome_of_request = match &s.outcome {
        Outcome::Analyzed(analyzed) => analyzed.rest.as_deref().unwrap_or(&s.outcome),
        outcome => outcome,
    };
    let error = match outcome_of_request {
        Outcome::Failed { error, .. } | Outcome::Snoozed { error, .. } | Outcome::Gone { error } => {
            Some(error.as_str())
        }
        Outcome::Tried(tried) => tried.after.as_ref().err().map(String::as_str),
        _ => None,
    };
    let mended = matches!(&s.outcome, Outcome::Analyzed(analyzed) if analyzed.mended);
    vec![
        value(s.job.call_id),
        value(call.tenant.as_str()),
        value(s.kind.as_str()),
        value(s.job.id),
        value(s.job.attempt),
        value(outcome),
        value(error),
        value(s.http_status),
        value(s.model.as_deref()),
        value(s.tokens.prompt),
        value(s.tokens.completion),
        value(s.latency.map(milliseconds)),
        value(s.kind.delivery().map(|d| d.webhook_id)),
        value(s.kind.event()),
        // NULL takes no room.
        value(mended.then_some(true)),
    ]
}

fn row_of_earlier(s: &Settled, call: &LockedCall, request: &EarlierRequest) -> Vec<Value> {
    vec![
        value(s.job.call_id),
        value(call.tenant.as_str()),
        value(s.kind.as_str()),
        value(s.job.id),
        value(s.job.attempt),
        value("part"),
        None,
        value(request.http_status),
        value(request.model.as_deref()),
        value(request.tokens.prompt),
        value(request.tokens.completion),
        value(milliseconds(request.latency)),
        None,
        value(s.kind.event()),
        None,
    ]
}

fn milliseconds(latency: Duration) -> i32 {
    i32::try_from(latency.as_millis()).unwrap_or(i32::MAX)
}
