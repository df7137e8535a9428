//! Search documents as an argument of a statement.
#![allow(unsafe_code)] // an array is a C structure

use pgrx::datum::DatumWithOid;
use pgrx::{IntoDatum, pg_sys};
use std::ffi::c_char;

/// A `tsvector[]` of what `voice_core::tsvector::encode` has made; NULL where it is `None`.
pub fn array(documents: &[Option<Vec<u8>>]) -> DatumWithOid<'static> {
    // A bytea is its length word and its bytes, and so is a tsvector.
    let values = documents.iter().map(|document| document.as_deref().and_then(IntoDatum::into_datum));
    let (mut values, mut nulls): (Vec<pg_sys::Datum>, Vec<bool>) =
        values.map(|value| (value.unwrap_or(pg_sys::Datum::null()), value.is_none())).unzip();
    let (mut length, mut lower_bound) = (values.len() as i32, 1);
    // SAFETY: both arrays have `length` elements; each that is not NULL is a varlena, as a tsvector is. Memory is the
    // statement's, which outlives the call.
    unsafe {
        let array = pg_sys::construct_md_array(
            values.as_mut_ptr(),
            nulls.as_mut_ptr(),
            1,
            &raw mut length,
            &raw mut lower_bound,
            pg_sys::TSVECTOROID,
            -1,
            false,
            pg_sys::TYPALIGN_INT as c_char,
        );
        DatumWithOid::new(pg_sys::Datum::from(array), pg_sys::TSVECTORARRAYOID)
    }
}
