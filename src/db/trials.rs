//! Trials: which call is judged how, and what came of it.

use super::DbError;
use super::claim::{Claimed, Waiting};
use super::definitions::DefinitionRow;
use super::outcome::{Settled, TrialOutcome};
use pgrx::JsonB;
use pgrx::spi::SpiClient;
use std::collections::HashMap;
use std::sync::Arc;
use voice_core::definition::{Definition, DefinitionSource};
use voice_core::round_robin::ReadyJobs;

/// How a trial judges.
#[derive(Debug, Clone)]
pub struct TrialSetup {
    pub trial_id: i64,
    /// `None`: the model that judges without a trial.
    pub model: Option<String>,
    /// Of the fixed fields: added to the prompt.
    pub instructions: Option<String>,
    /// With the trial's instructions in place of its own. `None`: the fixed fields are tried.
    pub definition: Option<Arc<Definition>>,
}

/// Finds at most `limit` due jobs of trials. Locks nothing.
///
/// # Errors
/// The statement failed; so must its transaction.
pub fn poll(client: &mut SpiClient<'_>, limit: usize) -> Result<Waiting<String>, DbError> {
    let mut waiting = Waiting::default();
    for row in client.select(include_str!("../../sql/queries/look_trials.sql"), None, &[(limit as i64).into()])? {
        let key = row.get(2)?.unwrap_or_default();
        let (priority, jobs) = (row.get(1)?.unwrap_or_default(), row.get::<Vec<i64>>(3)?.unwrap_or_default());
        let more = jobs.len() >= limit;
        waiting.push(ReadyJobs { priority, key, jobs, more }, row.get(4)?);
    }
    Ok(waiting)
}

/// How the trials of these jobs judge, by job. A job whose trial is gone is not among them.
///
/// # Errors
/// The statement failed; so must its transaction.
pub fn setups(
    client: &mut SpiClient<'_>,
    claimed: &[Claimed],
) -> Result<HashMap<i64, Result<TrialSetup, String>>, DbError> {
    let ids: Vec<i64> = claimed.iter().map(|job| job.id).collect();
    let mut found = HashMap::new();
    for row in client.select(include_str!("../../sql/queries/prepare_trials.sql"), None, &[ids.into()])? {
        let (Some(job), Some(trial_id)) = (row.get::<i64>(1)?, row.get(2)?) else { continue };
        let (model, instructions): (Option<String>, Option<String>) = (row.get(3)?, row.get(4)?);
        let written = DefinitionRow::read(&row, 5)?;
        let definition = match written.name.is_empty() {
            true => Ok(None),
            false => {
                let source = written.source();
                let own = DefinitionSource { instructions: instructions.as_deref().or(source.instructions), ..source };
                Definition::parse(own).map(|definition| Some(Arc::new(definition))).map_err(|error| error.to_string())
            }
        };
        found.insert(job, definition.map(|definition| TrialSetup { trial_id, model, instructions, definition }));
    }
    Ok(found)
}

/// Stores what trials made of calls.
///
/// # Errors
/// The statement failed; so must its transaction.
pub fn store(client: &mut SpiClient<'_>, tries: &[(&Settled, &TrialOutcome)]) -> Result<(), DbError> {
    for (settled, tried) in tries {
        let (after, unsupported, error) = match &tried.after {
            Ok((after, unsupported)) => (Some(JsonB(after.clone())), Some(*unsupported as i32), None),
            Err(error) => (None, None, Some(error.clone())),
        };
        let tokens = settled.all_tokens();
        let latency = settled.latency.map(|latency| i32::try_from(latency.as_millis()).unwrap_or(i32::MAX));
        let arguments = [
            tried.trial_id.into(),
            settled.job.call_id.into(),
            after.into(),
            unsupported.into(),
            settled.model.clone().into(),
            tokens.prompt.into(),
            tokens.completion.into(),
            latency.into(),
            error.into(),
        ];
        client.update(include_str!("../../sql/queries/settle_trial.sql"), None, &arguments)?;
    }
    Ok(())
}
