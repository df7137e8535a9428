//! Waiting for other transactions by a name.
#![allow(unsafe_code)] // Postgres' advisory locks

use pgrx::{IntoDatum, pg_sys};

/// Two arrivals of one external id of one tenant, also from two clients at once, must find one call: the second waits here
/// until the first's transaction is over. In one order, so that two requests for many do not wait for one another.
pub fn lock_external_ids(external_ids: &[&str], tenant: &str) {
    let mut keys: Vec<u64> = external_ids.iter().map(|id| key_of(id, tenant)).collect();
    keys.sort_unstable();
    keys.dedup();
    for key in keys {
        // SAFETY: an advisory lock of the transaction, by its key.
        unsafe {
            pgrx::direct_function_call_as_datum(pg_sys::pg_advisory_xact_lock_int8, &[(key as i64).into_datum()])
        };
    }
}

/// FNV-1a (Fowler, Noll, Vo), 64 bits: the same in every process. Two names of one key only wait for one another.
fn key_of(external_id: &str, tenant: &str) -> u64 {
    let bytes = tenant.bytes().chain([0]).chain(external_id.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
