//! A statement that stores many rows of one table, which it is given as one argument.

use super::DbError;
use crate::host::row_array::{RowArray, Value};
use pgrx::prelude::*;
use pgrx::spi::{OwnedPreparedStatement, SpiClient};
use std::cell::RefCell;

/// `$1` is an array of rows of the table. The plan is kept for the life of the session, or until the table is another one.
/// As [`super::Statement::for_session`]: the planner's settings stay as they are.
pub struct RowStatement {
    sql: &'static str,
    rows: RowArray,
    /// With the type of `$1` that it was made for.
    plan: RefCell<Option<(pg_sys::Oid, OwnedPreparedStatement)>>,
}

impl RowStatement {
    pub const fn new(sql: &'static str, rows: RowArray) -> Self {
        RowStatement { sql, rows, plan: RefCell::new(None) }
    }

    /// Runs the statement; each row has a value for each column of [`RowArray::columns`].
    ///
    /// # Errors
    /// The table or one of the columns is missing, or what Postgres says.
    pub fn run(&self, client: &mut SpiClient<'_>, rows: &[Vec<Value>]) -> Result<(), DbError> {
        let Some(argument) = self.rows.argument(rows) else {
            return Err(DbError {
                code: PgSqlErrorCode::ERRCODE_UNDEFINED_TABLE,
                message: format!(
                    "voice.{} or a column of it is missing: SELECT voice_install()",
                    self.rows.table.to_string_lossy()
                ),
            });
        };
        let row_array = self.rows.type_oid();
        let mut plan = self.plan.borrow_mut();
        if plan.as_ref().is_none_or(|(type_oid, _)| *type_oid != row_array) {
            let prepared = client.prepare_mut(self.sql, &[PgOid::from(row_array)])?.keep();
            *plan = Some((row_array, prepared));
        }
        if let Some((_, plan)) = plan.as_ref() {
            client.update(plan, None, &[argument])?;
        }
        Ok(())
    }
}
