//! The rows that a trigger is called with, read without copying.
#![allow(unsafe_code)] // trigger calls and tuples are C structures

use super::clock;
use super::tuple::{attribute, is_named};
use crate::host::error::raise;
use pgrx::prelude::*;
use pgrx::{FromDatum, pg_sys};
use std::marker::PhantomData;

/// One call of a row trigger. Lives as long as the call.
#[derive(Clone, Copy)]
pub struct TriggerCall<'call>(*mut pg_sys::TriggerData, PhantomData<&'call pg_sys::TriggerData>);

/// A row and the names of its columns, for as long as the trigger's call or the scan that found it. Column numbers differ
/// between partitions of one table once columns were dropped.
pub struct Row<'call> {
    description: pg_sys::TupleDesc,
    values: Vec<pg_sys::Datum>,
    nulls: Vec<bool>,
    call: PhantomData<&'call pg_sys::TriggerData>,
}

impl<'call> TriggerCall<'call> {
    /// `fcinfo` is what Postgres called the trigger function with, borrowed for the call.
    ///
    /// # Errors
    /// The function was not called as the trigger of a row.
    pub fn of(fcinfo: &'call pg_sys::FunctionCallInfo) -> TriggerCall<'call> {
        // SAFETY: the context of a call by the trigger manager is its TriggerData, which outlives the call.
        unsafe {
            let context = (**fcinfo).context;
            let call = TriggerCall(context.cast(), PhantomData);
            if context.is_null() || (*context).type_ != pg_sys::NodeTag::T_TriggerData || !call.is_of_a_row() {
                raise(
                    PgSqlErrorCode::ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED,
                    "this function is the trigger of a row",
                    "It was called as a function, or for a whole statement.",
                    "It stands on the tables of voice_analytics, where it belongs.",
                );
            }
            call
        }
    }

    /// # Safety
    /// The context is a TriggerData.
    unsafe fn is_of_a_row(self) -> bool {
        // SAFETY: as the caller says.
        unsafe { (*self.0).tg_event & pg_sys::TRIGGER_EVENT_ROW != 0 && !(*self.0).tg_trigtuple.is_null() }
    }

    /// Oid of the partition that the row is in.
    pub fn leaf(self) -> pg_sys::Oid {
        // SAFETY: the relation is open as long as the trigger runs.
        unsafe { (*(*self.0).tg_relation).rd_id }
    }

    /// The row as it is (to be) stored; `None`: it is deleted.
    pub fn new_row(self) -> Option<Row<'call>> {
        match self.operation() {
            // SAFETY: the TriggerData lives as long as the call; an INSERT has its row in tg_trigtuple.
            pg_sys::TRIGGER_EVENT_INSERT => Some(self.row(unsafe { (*self.0).tg_trigtuple })),
            // SAFETY: the TriggerData lives as long as the call; an UPDATE has its new row in tg_newtuple.
            pg_sys::TRIGGER_EVENT_UPDATE => Some(self.row(unsafe { (*self.0).tg_newtuple })),
            _ => None,
        }
    }

    /// The row as it was; `None`: it is inserted.
    pub fn old_row(self) -> Option<Row<'call>> {
        match self.operation() {
            pg_sys::TRIGGER_EVENT_INSERT => None,
            // SAFETY: the TriggerData lives as long as the call; UPDATE and DELETE have the old row in tg_trigtuple.
            _ => Some(self.row(unsafe { (*self.0).tg_trigtuple })),
        }
    }

    /// What a BEFORE trigger gives back to let things be, a DELETE included.
    pub fn unchanged(self) -> pg_sys::Datum {
        // SAFETY: the TriggerData lives as long as the call.
        unsafe { pg_sys::Datum::from((*self.0).tg_trigtuple) }
    }

    fn operation(self) -> u32 {
        // SAFETY: the TriggerData lives as long as the call.
        unsafe { (*self.0).tg_event & pg_sys::TRIGGER_EVENT_OPMASK }
    }

    fn row(self, tuple: pg_sys::HeapTuple) -> Row<'call> {
        // SAFETY: the tuple is one of the relation.
        unsafe { Row::of(tuple, (*(*self.0).tg_relation).rd_att) }
    }

    /// What a BEFORE trigger gives back: the row, with these columns changed.
    pub fn stored_with<const N: usize>(
        self,
        row: &Row,
        changes: [(&str, pg_sys::Oid, Option<pg_sys::Datum>); N],
    ) -> pg_sys::Datum {
        // SAFETY: the tuple is one of the relation; the columns are those of the relation, by name and type.
        unsafe {
            let tuple = match self.operation() {
                pg_sys::TRIGGER_EVENT_UPDATE => (*self.0).tg_newtuple,
                _ => (*self.0).tg_trigtuple,
            };
            if N == 0 {
                return pg_sys::Datum::from(tuple);
            }
            let mut columns = changes.map(|(name, type_, _)| row.column(name, type_) as i32 + 1);
            let mut values = changes.map(|(.., value)| value.unwrap_or(pg_sys::Datum::null()));
            let mut nulls = changes.map(|(.., value)| value.is_none());
            pg_sys::Datum::from(pg_sys::heap_modify_tuple_by_cols(
                tuple,
                row.description,
                N as i32,
                columns.as_mut_ptr(),
                values.as_mut_ptr(),
                nulls.as_mut_ptr(),
            ))
        }
    }
}

impl<'call> Row<'call> {
    /// # Safety
    /// The tuple is of these columns; both outlive the row.
    pub(super) unsafe fn of(tuple: pg_sys::HeapTuple, description: pg_sys::TupleDesc) -> Row<'call> {
        // SAFETY: the arrays have the number of columns.
        unsafe {
            let columns = (*description).natts as usize;
            let (mut values, mut nulls) = (vec![pg_sys::Datum::null(); columns], vec![true; columns]);
            pg_sys::heap_deform_tuple(tuple, description, values.as_mut_ptr(), nulls.as_mut_ptr());
            Row { description, values, nulls, call: PhantomData }
        }
    }

    /// The text of a column; `None`: NULL.
    pub fn text(&self, name: &str) -> Option<&str> {
        // SAFETY: a text that is not NULL; what is toasted is copied out by Postgres, into memory that lives as long as
        // the trigger's call.
        self.value(name, pg_sys::TEXTOID).map(|datum| unsafe {
            let text = pg_sys::pg_detoast_datum_packed(datum.cast_mut_ptr());
            pgrx::text_to_rust_str_unchecked(text)
        })
    }

    pub fn uuid(&self, name: &str) -> Option<[u8; 16]> {
        // SAFETY: a uuid that is not NULL points to its sixteen bytes.
        self.value(name, pg_sys::UUIDOID).map(|datum| unsafe { *datum.cast_mut_ptr::<[u8; 16]>() })
    }

    pub fn integer(&self, name: &str) -> Option<i32> {
        // SAFETY: an int4 that is not NULL.
        self.value(name, pg_sys::INT4OID).and_then(|datum| unsafe { i32::from_datum(datum, false) })
    }

    pub fn long(&self, name: &str) -> Option<i64> {
        // SAFETY: an int8 that is not NULL.
        self.value(name, pg_sys::INT8OID).and_then(|datum| unsafe { i64::from_datum(datum, false) })
    }

    /// Of a numeric; what a float cannot hold is an infinity. None where there is no such column: the tables may be those
    /// of an older version, until they are updated.
    pub fn number(&self, name: &str) -> Option<f64> {
        let column = self.find(name, pg_sys::NUMERICOID).filter(|column| !self.nulls[*column])?;
        // SAFETY: a numeric that is not NULL; the conversion raises no error.
        unsafe { pgrx::direct_function_call(pg_sys::numeric_float8_no_overflow, &[Some(self.values[column])]) }
    }

    pub fn real(&self, name: &str) -> Option<f32> {
        // SAFETY: a float4 that is not NULL.
        self.value(name, pg_sys::FLOAT4OID).and_then(|datum| unsafe { f32::from_datum(datum, false) })
    }

    pub fn boolean(&self, name: &str) -> Option<bool> {
        // SAFETY: a boolean that is not NULL.
        self.value(name, pg_sys::BOOLOID).and_then(|datum| unsafe { bool::from_datum(datum, false) })
    }

    /// Microseconds since 1970; `i64::MIN` and `i64::MAX` are the infinities.
    pub fn time(&self, name: &str) -> Option<i64> {
        // SAFETY: a timestamptz that is not NULL is an integer.
        let at = self.value(name, pg_sys::TIMESTAMPTZOID).and_then(|datum| unsafe { i64::from_datum(datum, false) })?;
        Some(clock::unix_us(at))
    }

    fn value(&self, name: &str, type_: pg_sys::Oid) -> Option<pg_sys::Datum> {
        let column = self.column(name, type_);
        (!self.nulls[column]).then(|| self.values[column])
    }

    fn column(&self, name: &str, type_: pg_sys::Oid) -> usize {
        self.find(name, type_).unwrap_or_else(|| {
            raise(
                PgSqlErrorCode::ERRCODE_UNDEFINED_COLUMN,
                "this is not a table of voice_analytics",
                &format!("It has no column {name} of the type that the trigger expects."),
                "Leave the columns of the tables in schema voice as they are; add your own beside them.",
            )
        })
    }

    fn find(&self, name: &str, type_: pg_sys::Oid) -> Option<usize> {
        // SAFETY: the description lives as long as the relation is open, and has as many columns as values.
        let columns = (0..self.values.len()).map(|n| unsafe { &*attribute(self.description, n) });
        let found = columns.enumerate().find(|(_, column)| is_named(column, name));
        found.filter(|(_, column)| column.atttypid == type_).map(|(at, _)| at)
    }
}
