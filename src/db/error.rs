//! What a statement or transaction of ours failed with.

use pgrx::function_name;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

/// Why a transaction failed; it left nothing behind.
#[derive(Debug, Clone)]
pub struct DbError {
    pub code: PgSqlErrorCode,
    pub message: String,
}

impl std::fmt::Display for DbError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<pgrx::spi::Error> for DbError {
    fn from(e: pgrx::spi::Error) -> Self {
        DbError { code: PgSqlErrorCode::ERRCODE_INTERNAL_ERROR, message: e.to_string() }
    }
}

/// Raises what a statement of ours ran into, under its own SQLSTATE.
pub fn rethrow(error: DbError) -> ! {
    ErrorReport::new(error.code, error.message, function_name!()).report(PgLogLevel::ERROR);
    unreachable!("an ERROR does not return")
}
