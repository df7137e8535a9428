//! Stores results of analyses that tenants have defined, in `voice.result`.

use super::DbError;
use super::outcome::{AnalysisResult, CompletedAnalysis};
use super::row_statement::RowStatement;
use crate::host::row_array::{RowArray, Value, jsonb, value};
use pgrx::spi::SpiClient;
use voice_core::definition::criteria_json;
use voice_core::evidence;

/// Stores the results of these calls. What other versions say of them stays.
///
/// # Errors
/// The statement failed; so must its transaction.
pub fn store(client: &mut SpiClient<'_>, completed: &[CompletedAnalysis]) -> Result<(), DbError> {
    thread_local! {
        static STORE: RowStatement = const {
            RowStatement::new(
                include_str!("../../sql/queries/settle_results.sql"),
                RowArray {
                    table: c"result",
                    columns: &[
                        "call_id", "tenant_id", "agent_id", "started_at", "vertical", "transcript_hash", "analysis", "version",
                        "values", "criteria", "score", "success", "evidence", "unsupported", "refused", "model",
                        "prompt_version", "prompt_tokens", "completion_tokens",
                    ],
                },
            )
        };
    }
    let rows: Vec<Vec<Value>> =
        completed.iter().flat_map(|n| n.analyzed.results.iter().map(|result| row(n, result))).collect();
    if rows.is_empty() {
        return Ok(());
    }
    STORE.with(|s| s.run(client, &rows))
}

fn row(completed: &CompletedAnalysis, result: &AnalysisResult) -> Vec<Value> {
    let (call, analyzed, answer) = (completed.call, completed.analyzed, &result.answer);
    let scored = answer.scored();
    let values = serde_json::to_string(&answer.values).unwrap_or_else(|_| "{}".to_owned());
    vec![
        value(completed.settled.job.call_id),
        value(call.tenant.as_str()),
        value(call.agent.as_str()),
        value(call.started_at),
        value(analyzed.vertical.as_str()),
        value(analyzed.hash.as_slice()),
        value(answer.name.as_str()),
        value(answer.version),
        jsonb(&values),
        jsonb(&criteria_json(&answer.criteria).to_string()),
        value(scored.score),
        value(scored.success.as_str()),
        jsonb(&evidence::to_json(&result.evidence)),
        value(i16::try_from(evidence::unsupported(&result.evidence)).unwrap_or(i16::MAX)),
        value((!answer.refused.is_empty()).then(|| answer.refused.clone())),
        value(result.model.as_str()),
        value(result.prompt_version.as_str()),
        value(result.tokens.prompt),
        value(result.tokens.completion),
    ]
}
