//! A statement planned once a session.

use super::DbError;
use crate::host::process::PlannerOverride;
use pgrx::datum::DatumWithOid;
use pgrx::pg_sys::BuiltinOid;
use pgrx::prelude::*;
use pgrx::spi::{OwnedPreparedStatement, SpiClient, SpiTupleTable};
use std::cell::OnceCell;

/// Keeps its plan for the life of the session; Postgres makes it anew when a table under it changes.
///
/// Only for statements that read unpartitioned tables, whatever they write: a kept plan that reads a partitioned table locks
/// every partition at each execution (see `partition.rs`).
pub struct Statement {
    sql: &'static str,
    parameters: &'static [BuiltinOid],
    planning: Planning,
    plan: OnceCell<OwnedPreparedStatement>,
}

/// What the planner is told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Planning {
    /// Nothing.
    AsEver,
    /// See [`PlannerOverride::by_index`].
    ByIndex,
    /// See [`PlannerOverride::in_order`].
    InOrder,
}

impl Statement {
    /// A statement of the worker. Its plan is made while the queue may be empty and kept when it is not, so it always uses
    /// the indexes, of which there is one for every such statement.
    pub const fn for_worker(sql: &'static str, parameters: &'static [BuiltinOid]) -> Self {
        Statement { sql, parameters, planning: Planning::ByIndex, plan: OnceCell::new() }
    }

    /// One that reads the first few of a long queue. Where a vacuum has just found nothing but jobs that were being written,
    /// the planner takes the queue to be empty, and would read all of it by any index and sort it.
    pub const fn for_poll(sql: &'static str, parameters: &'static [BuiltinOid]) -> Self {
        Statement { sql, parameters, planning: Planning::InOrder, plan: OnceCell::new() }
    }

    /// A statement of a client's session, or one that fires triggers of others: the planner's settings stay as they are.
    pub const fn for_session(sql: &'static str, parameters: &'static [BuiltinOid]) -> Self {
        Statement { sql, parameters, planning: Planning::AsEver, plan: OnceCell::new() }
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
        let _planning = match self.planning {
            Planning::AsEver => None,
            Planning::ByIndex => Some(PlannerOverride::by_index()),
            Planning::InOrder => Some(PlannerOverride::in_order()),
        };
        Ok(client.update(plan, None, arguments)?)
    }
}
