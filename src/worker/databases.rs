//! The databases of the cluster, read from the shared catalog: the launcher is connected to none of them.
#![allow(unsafe_code)]

use pgrx::prelude::*;

/// One row of `pg_database`.
pub struct Database {
    pub oid: pg_sys::Oid,
    pub name: String,
}

/// Every database that one can connect to and that is no template: a worker in a template would block each
/// `CREATE DATABASE`.
pub fn list() -> Vec<Database> {
    let mut found = Vec::new();
    // SAFETY: a catalog scan as autovacuum's launcher does it; tuples are read while the scan holds them.
    unsafe {
        pg_sys::StartTransactionCommand();
        pg_sys::PushActiveSnapshot(pg_sys::GetTransactionSnapshot());
        let relation = pg_sys::table_open(pg_sys::DatabaseRelationId, pg_sys::AccessShareLock as i32);
        let scan = pg_sys::table_beginscan_catalog(relation, 0, std::ptr::null_mut());
        loop {
            let tuple = pg_sys::heap_getnext(scan, pg_sys::ScanDirection::ForwardScanDirection);
            if tuple.is_null() {
                break;
            }
            let header = (*tuple).t_data;
            let row = &*header.cast::<u8>().add((*header).t_hoff as usize).cast::<pg_sys::FormData_pg_database>();
            if row.datallowconn && !row.datistemplate {
                let name = std::ffi::CStr::from_ptr(row.datname.data.as_ptr()).to_string_lossy().into_owned();
                found.push(Database { oid: row.oid, name });
            }
        }
        pg_sys::heap_endscan(scan);
        pg_sys::table_close(relation, pg_sys::AccessShareLock as i32);
        pg_sys::PopActiveSnapshot();
        pg_sys::CommitTransactionCommand();
    }
    found
}
