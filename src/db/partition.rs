//! Reading calls of one month: the leaf is named in the statement, so that its plan can be kept. A statement that names the
//! family is planned anew each time, which costs many times what it does to a few calls; kept, it would lock every month
//! there is.

use super::DbError;
use crate::host::partition;
use crate::host::process::PlannerOverride;
use pgrx::Uuid;
use pgrx::datum::DatumWithOid;
use pgrx::pg_sys::BuiltinOid;
use pgrx::prelude::*;
use pgrx::spi::{OwnedPreparedStatement, SpiClient, SpiTupleTable};
use std::cell::RefCell;
use std::ffi::CStr;

/// Months whose plans are kept, of each statement.
const PLANS_KEPT: usize = 4;
/// The families that such statements read. `state::lock_tables` has locked those of them whose order matters.
const PARTITIONED_TABLES: [(&str, &CStr); 4] =
    [("{call}", c"call"), ("{turn}", c"turn"), ("{tool_call}", c"tool_call"), ("{analytics}", c"analytics")];

/// The calls of a batch, and where they lie.
pub struct PartitionScope {
    /// The lowest and the highest of their ids: the planner prunes by them to the months of the batch.
    pub bounds: (Uuid, Uuid),
    /// The leaves of PARTITIONED_TABLES, where each has one for all of the calls.
    leaves: Option<[String; PARTITIONED_TABLES.len()]>,
}

impl PartitionScope {
    /// Locks the families as a query would.
    pub fn of(calls: &[Uuid]) -> PartitionScope {
        let lowest = calls.iter().min().copied().unwrap_or_else(|| Uuid::from_bytes([0; 16]));
        let highest = calls.iter().max().copied().unwrap_or_else(|| Uuid::from_bytes([0; 16]));
        let of_all =
            PARTITIONED_TABLES.map(|(_, family)| partition::holding(family, lowest.as_bytes(), highest.as_bytes()));
        let leaves = of_all.into_iter().collect::<Option<Vec<String>>>().and_then(|leaves| leaves.try_into().ok());
        PartitionScope { bounds: (lowest, highest), leaves }
    }
}

/// A statement that reads calls. Its text has `{call}`, `{turn}`, `{tool_call}` or `{analytics}` for a table, and `{within column}` for
/// the condition that a call's id lies between the bounds, which are its parameters $2 and $3.
///
/// It must be of a form that reads those tables by their keys whatever the planner believes of them: a plan is made once.
pub struct PartitionStatement {
    text: &'static str,
    parameters: &'static [BuiltinOid],
    plans: RefCell<Vec<([String; PARTITIONED_TABLES.len()], OwnedPreparedStatement)>>,
}

impl PartitionStatement {
    pub const fn new(text: &'static str, parameters: &'static [BuiltinOid]) -> Self {
        PartitionStatement { text, parameters, plans: RefCell::new(Vec::new()) }
    }

    /// Runs it where the calls lie. The snapshot is a new one.
    pub fn run<'a>(
        &self,
        client: &mut SpiClient<'a>,
        scope: &PartitionScope,
        arguments: &[DatumWithOid<'_>],
    ) -> Result<SpiTupleTable<'a>, DbError> {
        let Some(leaves) = &scope.leaves else {
            let families = PARTITIONED_TABLES.map(|(mark, _)| format!("voice.{}", mark.trim_matches(['{', '}'])));
            return Ok(client.update(
                &named(self.text, &families, |id| format!("{id} BETWEEN $2 AND $3")),
                None,
                arguments,
            )?);
        };
        let mut plans = self.plans.borrow_mut();
        let known = plans.iter().position(|(of, _)| of == leaves);
        let at = match known {
            Some(at) => at,
            None => {
                let types: Vec<PgOid> = self.parameters.iter().map(|p| PgOid::BuiltIn(*p)).collect();
                let text = named(self.text, leaves, |_| "true".to_owned());
                let plan = client.prepare_mut(&text, &types)?.keep();
                if plans.len() == PLANS_KEPT {
                    plans.remove(0);
                }
                plans.push((leaves.clone(), plan));
                plans.len() - 1
            }
        };
        let _planning = PlannerOverride::by_index();
        Ok(client.update(&plans[at].1, None, arguments)?)
    }
}

/// The text with its marks replaced.
fn named(text: &str, tables: &[String], within: impl Fn(&str) -> String) -> String {
    let mut named = String::with_capacity(text.len() + 64);
    let mut rest = text;
    while let Some((before, mark)) = rest.split_once("{within ") {
        let (id, after) = mark.split_once('}').unwrap_or((mark, ""));
        named.push_str(before);
        named.push_str(&within(id));
        rest = after;
    }
    named.push_str(rest);
    for ((mark, _), table) in PARTITIONED_TABLES.iter().zip(tables) {
        named = named.replace(mark, table);
    }
    named
}
