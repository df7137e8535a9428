//! Rows of a table as one argument of a statement: an array of the table's row type. What is stored together travels
//! together, and costs a fraction of an array a column, or of JSON.
#![allow(unsafe_code)] // tuples and arrays are C structures

use super::tuple::{attribute, is_named};
use pgrx::datum::DatumWithOid;
use pgrx::{IntoDatum, pg_sys};
use std::ffi::{CStr, c_char};

/// A value of a column; NULL where it is `None`.
pub type Value = Option<pg_sys::Datum>;

/// The columns of a table of schema `voice` that a statement fills.
pub struct RowArray {
    pub table: &'static CStr,
    pub columns: &'static [&'static str],
}

impl RowArray {
    /// The type of the argument: the array of the table's row type. Invalid where there is no such table.
    pub fn type_oid(&self) -> pg_sys::Oid {
        // SAFETY: catalog look-ups inside a transaction.
        unsafe { pg_sys::get_array_type(self.row_type()) }
    }

    fn row_type(&self) -> pg_sys::Oid {
        // SAFETY: catalog look-ups inside a transaction; a schema that is missing is the invalid oid.
        unsafe {
            let schema = pg_sys::get_namespace_oid(c"voice".as_ptr(), true);
            let table = pg_sys::get_relname_relid(self.table.as_ptr(), schema);
            if table == pg_sys::InvalidOid { pg_sys::InvalidOid } else { pg_sys::get_rel_type_id(table) }
        }
    }

    /// The array of these rows, each with a value for each of `columns`, of the column's type; the table's other columns
    /// are NULL. `None`: the table is missing or lacks one of the columns.
    pub fn argument(&self, rows: &[Vec<Value>]) -> Option<DatumWithOid<'static>> {
        let row_type = self.row_type();
        if row_type == pg_sys::InvalidOid {
            return None;
        }
        // SAFETY: the description is a copy of our own; each tuple is made of arrays with an element for each of its
        // columns. Memory is the statement's, which outlives the call.
        unsafe {
            let description = pg_sys::lookup_rowtype_tupdesc_copy(row_type, -1);
            let count = (*description).natts as usize;
            let place = |name: &str| (0..count).find(|at| is_named(&*attribute(description, *at), name));
            let places = self.columns.iter().map(|name| place(name)).collect::<Option<Vec<usize>>>()?;
            let (mut values, mut nulls) = (vec![pg_sys::Datum::null(); count], vec![true; count]);
            let mut tuples = Vec::with_capacity(rows.len());
            for row in rows {
                for (at, value) in places.iter().zip(row) {
                    values[*at] = value.unwrap_or(pg_sys::Datum::null());
                    nulls[*at] = value.is_none();
                }
                let tuple = pg_sys::heap_form_tuple(description, values.as_mut_ptr(), nulls.as_mut_ptr());
                tuples.push(pg_sys::heap_copy_tuple_as_datum(tuple, description));
                pg_sys::heap_freetuple(tuple);
            }
            let align = pg_sys::TYPALIGN_DOUBLE as c_char;
            let array = pg_sys::construct_array(tuples.as_mut_ptr(), tuples.len() as i32, row_type, -1, false, align);
            Some(DatumWithOid::new(pg_sys::Datum::from(array), self.type_oid()))
        }
    }
}

/// A value of a type that pgrx knows.
pub fn value(value: impl IntoDatum) -> Value {
    value.into_datum()
}

/// JSON text as a jsonb. What is no JSON is Postgres' error.
pub fn jsonb(json: &str) -> Value {
    let json = std::ffi::CString::new(json).ok()?;
    // SAFETY: jsonb_in takes a C string.
    unsafe { pgrx::direct_function_call_as_datum(pg_sys::jsonb_in, &[Some(pg_sys::Datum::from(json.as_ptr()))]) }
}
