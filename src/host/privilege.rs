//! What the current user may read. In a SECURITY DEFINER function that is its owner, in an index expression the owner of
//! the table.
#![allow(unsafe_code)] // catalog look-ups

use pgrx::pg_sys;
use std::ffi::{CStr, CString};

/// Whether the user has SELECT on each of these columns of a table of schema `voice`, or on the whole table (needed where
/// no column is named). `true` where there is no such table or column: the statement that comes next says so better.
#[allow(clippy::useless_conversion)] // AclMode is wider from PostgreSQL 16 on
pub fn may_read_columns(table: &CStr, columns: &[&str]) -> bool {
    // SAFETY: catalog look-ups inside a transaction.
    unsafe {
        let schema = pg_sys::get_namespace_oid(c"voice".as_ptr(), false);
        let table = pg_sys::get_relname_relid(table.as_ptr(), schema);
        let user = pg_sys::GetUserId();
        let granted = |result| result == pg_sys::AclResult::ACLCHECK_OK;
        table == pg_sys::InvalidOid
            || granted(pg_sys::pg_class_aclcheck(table, user, pg_sys::ACL_SELECT.into()))
            || !columns.is_empty()
                && columns.iter().all(|column| {
                    let Ok(name) = CString::new(*column) else { return false };
                    let number = pg_sys::get_attnum(table, name.as_ptr());
                    number == pg_sys::InvalidAttrNumber as i16
                        || granted(pg_sys::pg_attribute_aclcheck(table, number, user, pg_sys::ACL_SELECT.into()))
                })
    }
}
