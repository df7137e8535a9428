//! The columns of a row type, wherever a version of Postgres keeps them.
#![allow(unsafe_code)] // a C structure

use pgrx::pg_sys;
use std::ffi::CStr;

/// The description of the column number `n`, counted from 0.
///
/// # Safety
/// The description lives, and has more than `n` columns.
pub unsafe fn attribute(description: pg_sys::TupleDesc, n: usize) -> *const pg_sys::FormData_pg_attribute {
    // SAFETY: the caller's. Up to 17 the columns stand at the end of the struct, from 18 on behind compact ones.
    unsafe {
        #[cfg(not(feature = "pg18"))]
        return (*description).attrs.as_ptr().add(n);
        #[cfg(feature = "pg18")]
        {
            // TupleDescAttr() of access/tupdesc.h, which is an inline function.
            let compact = (*description).compact_attrs.as_ptr();
            return compact.add((*description).natts as usize).cast::<pg_sys::FormData_pg_attribute>().add(n);
        }
    }
}

/// Whether the column is there and has this name.
pub fn is_named(column: &pg_sys::FormData_pg_attribute, name: &str) -> bool {
    // SAFETY: a name ends with a zero.
    !column.attisdropped && unsafe { CStr::from_ptr(column.attname.data.as_ptr()) }.to_bytes() == name.as_bytes()
}
