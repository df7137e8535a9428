//! Starts and imports of calls with one external id come one after the other, and find one call.

use super::cached_query::CachedQuery;
use crate::host::error::raise;
use crate::host::{lock, process};
use pgrx::IntoDatum;
use pgrx::pg_sys::BuiltinOid::*;
use pgrx::prelude::*;

thread_local! {
    static SEEN: CachedQuery =
        CachedQuery::new(include_str!("../../sql/queries/imports_known.sql"), &[TEXTARRAYOID, TEXTOID]);
}

/// Waits for whoever else starts or imports calls of these external ids; nobody does until this transaction ends. A
/// transaction whose snapshot does not show what somebody else has made of them meanwhile is to be tried again: it raises a
/// serialization failure (40001).
pub fn lock(external_ids: &[&str], tenant: &str) {
    lock::lock_external_ids(external_ids, tenant);
    let (true, Some(first)) = (process::uses_transaction_snapshot(), external_ids.first()) else { return };
    let arguments = [external_ids.to_vec().into_datum(), tenant.into_datum()];
    let count = || {
        let mut calls = 0;
        SEEN.with(|question| question.execute(&arguments, |_| calls += 1));
        calls
    };
    if process::with_latest_snapshot(count) > count() {
        raise(
            PgSqlErrorCode::ERRCODE_T_R_SERIALIZATION_FAILURE,
            "this call came in by another transaction meanwhile",
            &format!("It has one of {} external ids, of which the first is '{}'.", external_ids.len(), first),
            "Try the transaction again: it will find that call.",
        );
    }
}
