//! One transaction of the worker: as `voice_worker`, in a security-restricted context, its errors values.
#![allow(unsafe_code)]

use super::DbError;
use crate::host::process;
use pgrx::pg_sys::panic::CaughtError;
use pgrx::prelude::*;
use pgrx::spi::SpiClient;
use std::panic::AssertUnwindSafe;

/// Runs `work` in a transaction that commits if it returns `Ok`, and rolls back otherwise.
///
/// The session's user is a superuser, but nothing written by others may run as one: a function that somebody
/// attached to a table runs here as `role`, and the restricted context refuses it `SET ROLE` and its kin.
pub fn transaction<R>(
    doing: &str,
    role: pg_sys::Oid,
    work: impl FnOnce(&mut SpiClient<'_>) -> Result<R, DbError>,
) -> Result<R, DbError> {
    process::report_activity(Some(doing));
    // SAFETY: the sequence is that of Postgres' own main loop. StartTransaction wants an unrestricted context, so it
    // is entered right after and left right after the commit; an abort restores it by itself.
    let outcome = PgTryBuilder::new(AssertUnwindSafe(|| unsafe {
        pg_sys::SetCurrentStatementStartTimestamp();
        pg_sys::StartTransactionCommand();
        let (mut user, mut context) = (pg_sys::InvalidOid, 0);
        pg_sys::GetUserIdAndSecContext(&mut user, &mut context);
        if role != pg_sys::InvalidOid {
            pg_sys::SetUserIdAndSecContext(role, context | pg_sys::SECURITY_RESTRICTED_OPERATION as i32);
        }
        pg_sys::PushActiveSnapshot(pg_sys::GetTransactionSnapshot());
        match Spi::connect_mut(work) {
            Ok(value) => {
                pg_sys::PopActiveSnapshot();
                pg_sys::CommitTransactionCommand();
                pg_sys::SetUserIdAndSecContext(user, context);
                Ok(value)
            }
            Err(e) => {
                pg_sys::AbortCurrentTransaction();
                Err(e)
            }
        }
    }))
    .catch_others(|caught| {
        let error = describe(&caught);
        // SAFETY: the error has been copied out and flushed by pgrx.
        unsafe { pg_sys::AbortCurrentTransaction() };
        Err(error)
    })
    .catch_rust_panic(|caught| {
        let error = describe(&caught);
        // SAFETY: as above.
        unsafe { pg_sys::AbortCurrentTransaction() };
        Err(error)
    })
    .execute();
    process::report_activity(None);
    outcome
}

fn describe(caught: &CaughtError) -> DbError {
    let report = match caught {
        CaughtError::PostgresError(report) | CaughtError::ErrorReport(report) => report,
        CaughtError::RustPanic { ereport, .. } => ereport,
    };
    DbError { code: report.sql_error_code(), message: report.message().to_owned() }
}
