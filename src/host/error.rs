//! Errors that the server reports to a client.

use pgrx::function_name;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

/// Raises an error that says what was wrong, with which value, and the way out.
pub fn raise(code: PgSqlErrorCode, message: &str, detail: &str, hint: &str) -> ! {
    ErrorReport::new(code, message.to_owned(), function_name!())
        .set_detail(detail)
        .set_hint(hint)
        .report(PgLogLevel::ERROR);
    unreachable!("an ERROR does not return")
}

/// Tells the client something that is no error.
pub fn notice(message: &str) {
    ErrorReport::new(PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION, message.to_owned(), function_name!())
        .report(PgLogLevel::NOTICE);
}

/// Tells the client of what is stored, but looks wrong.
pub fn warn(message: &str, detail: &str, hint: &str) {
    ErrorReport::new(PgSqlErrorCode::ERRCODE_WARNING, message.to_owned(), function_name!())
        .set_detail(detail)
        .set_hint(hint)
        .report(PgLogLevel::WARNING);
}

/// The first two characters of the SQLSTATE. Postgres packs five characters of six bits each, the first lowest.
pub fn class_of(code: PgSqlErrorCode) -> [u8; 2] {
    let packed = code as i32;
    [(packed & 0x3f) as u8 + b'0', ((packed >> 6) & 0x3f) as u8 + b'0']
}
