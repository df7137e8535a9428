//! The analyses that tenants have defined, as the worker asks them.

use super::DbError;
use pgrx::spi::{SpiClient, SpiHeapTupleData};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use voice_core::definition::{DEFINITIONS_MAX, Definition, DefinitionSource};

/// The definitions that apply, by tenant, and what is wrong with those that cannot be read.
#[derive(Default)]
pub struct Definitions {
    pub by_tenant: HashMap<String, Vec<Arc<Definition>>>,
    pub errors: Vec<String>,
    /// Of all rows: where it is the same, nothing has changed.
    pub fingerprint: u64,
}

/// Reads all. One that cannot be read, such as one written by hand, is left out, and said.
///
/// # Errors
/// The statement failed; so must its transaction.
pub fn read(client: &mut SpiClient<'_>) -> Result<Definitions, DbError> {
    let mut found = Definitions::default();
    let mut hasher = DefaultHasher::new();
    for row in client.select(include_str!("../../sql/queries/definitions.sql"), None, &[])? {
        let tenant: String = row.get(1)?.unwrap_or_default();
        let row = DefinitionRow::read(&row, 2)?;
        let source = row.source();
        (&tenant, format!("{source:?}")).hash(&mut hasher);
        let of_tenant = found.by_tenant.entry(tenant.clone()).or_default();
        match Definition::parse(source) {
            Ok(_) if of_tenant.len() >= DEFINITIONS_MAX => found.errors.push(format!(
                "the analysis {} of tenant '{tenant}' is not asked: a tenant has {DEFINITIONS_MAX} at most",
                row.name
            )),
            Ok(definition) => of_tenant.push(Arc::new(definition)),
            Err(error) => {
                found.errors.push(format!("the analysis {} of tenant '{tenant}' cannot be asked: {error}", row.name))
            }
        }
    }
    found.fingerprint = hasher.finish();
    Ok(found)
}

/// A row of `voice.analysis`.
pub struct DefinitionRow {
    pub name: String,
    version: i32,
    schema: String,
    criteria: Option<String>,
    pub instructions: Option<String>,
    vertical: Option<String>,
    agent_id: Option<String>,
    model: Option<String>,
    min_user_turns: usize,
}

impl DefinitionRow {
    /// The columns from this one on: name, version, schema, criteria, instructions, vertical, agent_id, model, min_user_turns.
    pub fn read(row: &SpiHeapTupleData<'_>, first: usize) -> Result<DefinitionRow, DbError> {
        let text = |column: usize| row.get::<String>(first + column);
        Ok(DefinitionRow {
            name: text(0)?.unwrap_or_default(),
            version: row.get(first + 1)?.unwrap_or_default(),
            schema: text(2)?.unwrap_or_default(),
            criteria: text(3)?,
            instructions: text(4)?,
            vertical: text(5)?,
            agent_id: text(6)?,
            model: text(7)?,
            min_user_turns: row.get::<i32>(first + 8)?.map_or(0, |n| n.max(0) as usize),
        })
    }

    pub fn source(&self) -> DefinitionSource<'_> {
        DefinitionSource {
            name: &self.name,
            version: self.version,
            schema: &self.schema,
            criteria: self.criteria.as_deref(),
            instructions: self.instructions.as_deref(),
            vertical: self.vertical.as_deref(),
            agent_id: self.agent_id.as_deref(),
            model: self.model.as_deref(),
            min_user_turns: self.min_user_turns,
        }
    }
}
