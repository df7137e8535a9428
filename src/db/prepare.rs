//! Reads the calls that claimed analyses are of.

use super::DbError;
use super::claim::{Claimed, PreparedJobs};
use super::partition::{PartitionScope, PartitionStatement};
use pgrx::Uuid;
use pgrx::pg_sys::BuiltinOid::*;
use pgrx::spi::SpiClient;
use voice_core::transcript::{Role, Turn};

/// A call as it is stored now.
#[derive(Debug)]
pub struct PreparedCall {
    pub in_progress: bool,
    pub deleted: bool,
    pub vertical: String,
    /// Unix milliseconds of the hang-up.
    pub ended_ms: Option<i64>,
    pub turns: Vec<Turn>,
    /// Hash of the words in `turns`; empty where there are none.
    pub hash: Vec<u8>,
    /// The stored analysis, if there is one.
    pub known: Option<Known>,
}

/// What the stored analysis was made of.
#[derive(Debug)]
pub struct Known {
    pub hash: Vec<u8>,
    pub prompt_version: String,
    pub model: String,
}

/// Pairs each claimed job with its call; `None` where the call is gone.
///
/// # Errors
/// The statement failed; so must its transaction.
pub fn prepare(client: &mut SpiClient<'_>, claimed: Vec<Claimed>) -> Result<PreparedJobs<PreparedCall>, DbError> {
    thread_local! {
        static PREPARE: PartitionStatement = const {
            PartitionStatement::new(include_str!("../../sql/queries/prepare.sql"), &[UUIDARRAYOID, UUIDOID, UUIDOID])
        };
    }
    if claimed.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Uuid> = claimed.iter().map(|c| c.call_id).collect();
    let scope = PartitionScope::of(&ids);
    let mut calls = Vec::with_capacity(claimed.len());
    let arguments = [ids.into(), scope.bounds.0.into(), scope.bounds.1.into()];
    for row in PREPARE.with(|s| s.run(client, &scope, &arguments))? {
        if row.get::<bool>(2)? != Some(true) {
            calls.push(None);
            continue;
        }
        let roles: Vec<Option<String>> = row.get(11)?.unwrap_or_default();
        let texts: Vec<Option<String>> = row.get(12)?.unwrap_or_default();
        let mut speakers = row.get::<Vec<Option<String>>>(14)?.unwrap_or_default().into_iter();
        let turns = roles.iter().zip(texts).map(|(role, text)| Turn {
            role: match role.as_deref() {
                Some("user") => Role::User,
                Some("system") => Role::System,
                _ => Role::Assistant,
            },
            speaker: speakers.next().flatten(),
            text: text.unwrap_or_default(),
        });
        calls.push(Some(PreparedCall {
            in_progress: row.get::<String>(3)?.as_deref() == Some("in_progress"),
            deleted: row.get(7)?.unwrap_or(false),
            vertical: row.get(5)?.unwrap_or_default(),
            ended_ms: row.get(6)?,
            turns: turns.collect(),
            hash: row.get(13)?.unwrap_or_default(),
            known: match (row.get::<Vec<u8>>(8)?, row.get::<String>(9)?, row.get::<String>(10)?) {
                // voice_reanalyze() removes the hash: the analysis is then made again.
                (Some(hash), Some(prompt_version), Some(model)) => Some(Known { hash, prompt_version, model }),
                _ => None,
            },
        }));
    }
    Ok(claimed.into_iter().zip(calls).collect())
}
