//! What requests to the language model took, booked by day in `voice.daily_usage`: of every answer, also of one that was refused,
//! came too late, or was for a trial.

use super::DbError;
use super::outcome::{DELIVER, EarlierRequest, LIVE, Settled, TRIAL};
use super::row_statement::RowStatement;
use crate::host::row_array::{RowArray, value};
use pgrx::spi::SpiClient;
use std::collections::BTreeMap;
use voice_core::reply::Tokens;

/// Longest texts of a row, in bytes: its key must fit an entry of an index, whatever a server calls its model.
const TENANT_MAX: usize = 1024;
const AGENT_MAX: usize = 512;
const MODEL_MAX: usize = 256;
const ASKED_MAX: usize = 512;

/// Tenant, agent, model, what was asked.
type Key<'a> = (&'a str, &'a str, &'a str, &'a str);

#[derive(Default)]
struct Sums {
    requests: i64,
    unmetered: i64,
    prompt: i64,
    cached: i64,
    completion: i64,
}

/// Adds the requests of these outcomes to the sums of today; with the agent of each one's call (empty: the call is gone).
///
/// # Errors
/// The statement failed; so must its transaction.
pub fn book<'a>(
    client: &mut SpiClient<'_>,
    settled: impl Iterator<Item = (&'a Settled, &'a str)>,
) -> Result<(), DbError> {
    thread_local! {
        static BOOK: RowStatement = const {
            RowStatement::new(
                include_str!("../../sql/queries/settle_usage.sql"),
                RowArray {
                    table: c"daily_usage",
                    columns: &[
                        "tenant_id", "agent_id", "model", "analysis", "requests", "unmetered", "prompt_tokens",
                        "cached_tokens", "completion_tokens",
                    ],
                },
            )
        };
    }
    let mut sums: BTreeMap<Key<'a>, Sums> = BTreeMap::new();
    for (s, agent) in settled {
        if s.kind.as_str() == DELIVER || s.job.tenant.len() > TENANT_MAX {
            continue;
        }
        let mut add = |model: Option<&'a str>, asked: &'a str, status: Option<i32>, tokens: Tokens| {
            let metered = tokens.prompt.is_some() || tokens.completion.is_some();
            // Without an answer, or with one that says an error, nothing was spent; nor by a rule.
            if !metered && !status.is_some_and(|status| (200..300).contains(&status)) {
                return;
            }
            let asked = match s.kind.as_str() {
                TRIAL => "(trial)",
                LIVE => "(live)",
                _ => cut(asked, ASKED_MAX),
            };
            let key = (s.job.tenant.as_str(), cut(agent, AGENT_MAX), cut(model.unwrap_or_default(), MODEL_MAX), asked);
            let sum = sums.entry(key).or_default();
            let count = |tokens: Option<i32>| i64::from(tokens.unwrap_or_default().max(0));
            sum.requests += 1;
            sum.unmetered += i64::from(!metered);
            sum.prompt += count(tokens.prompt);
            sum.cached += count(tokens.cached);
            sum.completion += count(tokens.completion);
        };
        for EarlierRequest { http_status, model, tokens, asked, .. } in &s.earlier {
            add(model.as_deref().or(s.model.as_deref()), asked, *http_status, *tokens);
        }
        add(s.model.as_deref(), &s.asked, s.http_status, s.tokens);
    }
    if sums.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = sums
        .iter()
        .map(|((tenant, agent, model, asked), sum)| {
            vec![
                value(*tenant),
                value(*agent),
                value(*model),
                value(*asked),
                value(sum.requests),
                value(sum.unmetered),
                value(sum.prompt),
                value(sum.cached),
                value(sum.completion),
            ]
        })
        .collect();
    BOOK.with(|s| s.run(client, &rows))
}

/// The first so many bytes, whole characters.
fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}
