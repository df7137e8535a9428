//! A statement planned once a session.

use super::DbError;
use crate::host::process::IndexesOnly;
use pgrx::datum::DatumWithOid;
use pgrx::pg_sys::BuiltinOid;
use pgrx::prelude::*;
use pgrx::spi::{OwnedPreparedStatement, SpiClient, SpiTupleTable};
use std::cell::OnceCell;

/// Keeps its plan for the life of the session; Postgres makes it anew when a table under it changes.
///
/// Only for statements on unpartitioned tables or single leaves: a kept plan over a partitioned table locks every
/// partition at each execution.
pub struct Statement {
    sql: &'static str,
    parameters: &'static [BuiltinOid],
    plan: OnceCell<OwnedPreparedStatement>,
}

impl Statement {
    pub const fn new(sql: &'static str, parameters: &'static [BuiltinOid]) -> Self {
        Statement { sql, parameters, plan: OnceCell::new() }
    }

    /// Runs the statement. The snapshot is a new one, so it sees what others have committed since the last.
    pub fn run<'a>(
        &self,
        client: &mut SpiClient<'a>,
        arguments: &[DatumWithOid<'_>],
    ) -> Result<SpiTupleTable<'a>, DbError> {
        let plan = match self.plan.get() {
            Some(plan) => plan,
            None => {
                let types: Vec<PgOid> = self.parameters.iter().map(|p| PgOid::BuiltIn(*p)).collect();
                let plan = client.prepare_mut(self.sql, &types)?.keep();
                self.plan.get_or_init(|| plan)
            }
        };
        // A plan made while the queue is empty is kept when it is not: there is an index for every question.
        let _planning = IndexesOnly::begin();
        Ok(client.update(plan, None, arguments)?)
    }
}
