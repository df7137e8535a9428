//! A question that sessions put again and again to a few months of many.
#![allow(unsafe_code)] // pgrx's SPI cannot say how a statement is to be planned

use crate::host::error::raise;
use pgrx::FromDatum;
use pgrx::pg_sys::BuiltinOid;
use pgrx::prelude::*;
use std::cell::Cell;
use std::ffi::{CString, c_char, c_int};

/// So many times a session asks before it is worth planning for all months. Such a plan opens every partition once,
/// some milliseconds; after that only the months that count are touched, and nothing is planned any more. A plan for
/// the months that count is made in a fraction of that, but at each execution, and costs more than the execution.
const CUSTOM_PLAN_EXECUTIONS: u32 = 3;

/// A statement with two plans, both kept for the life of the session.
///
/// Runs as whoever asks, under whatever search path: its text names the schema of everything, operators too.
pub struct CachedQuery {
    sql: String,
    parameters: &'static [BuiltinOid],
    /// In a snapshot of its own, which at READ COMMITTED sees what others have committed since the query that calls us began.
    anew: bool,
    asked: Cell<u32>,
    for_these_values: Cell<pg_sys::SPIPlanPtr>,
    for_all_values: Cell<pg_sys::SPIPlanPtr>,
}

impl CachedQuery {
    pub fn new(sql: impl Into<String>, parameters: &'static [BuiltinOid]) -> Self {
        let none = std::ptr::null_mut();
        let (for_these_values, for_all_values) = (Cell::new(none), Cell::new(none));
        CachedQuery { sql: sql.into(), parameters, anew: false, asked: Cell::new(0), for_these_values, for_all_values }
    }

    pub fn fresh_snapshot(sql: impl Into<String>, parameters: &'static [BuiltinOid]) -> Self {
        CachedQuery { anew: true, ..CachedQuery::new(sql, parameters) }
    }

    /// Asks, in the snapshot of the query that calls us, and hands over each row. The arguments are of the parameters'
    /// types; `None` is NULL.
    pub fn execute(&self, arguments: &[Option<pg_sys::Datum>], mut each: impl FnMut(Row)) {
        assert_eq!(arguments.len(), self.parameters.len(), "as many arguments as the statement has parameters");
        let mut values: Vec<pg_sys::Datum> = arguments.iter().map(|a| a.unwrap_or(pg_sys::Datum::null())).collect();
        let nulls: Vec<c_char> = arguments.iter().map(|a| if a.is_some() { b' ' } else { b'n' } as c_char).collect();
        // SAFETY: SPI is connected for as long as its results are read; an error disconnects it by itself. The arrays have
        // an element for each parameter, and the result as many rows as were processed.
        unsafe {
            check(pg_sys::SPI_connect());
            let plan = self.plan();
            check(pg_sys::SPI_execute_plan(plan, values.as_mut_ptr(), nulls.as_ptr(), !self.anew, 0));
            let table = pg_sys::SPI_tuptable;
            if !table.is_null() {
                for at in 0..pg_sys::SPI_processed as usize {
                    each(Row { tuple: *(*table).vals.add(at), columns: (*table).tupdesc });
                }
            }
            check(pg_sys::SPI_finish());
        }
    }

    /// # Safety
    /// SPI is connected.
    unsafe fn plan(&self) -> pg_sys::SPIPlanPtr {
        let asked = self.asked.replace(self.asked.get().saturating_add(1));
        let (kept, how) = match asked < CUSTOM_PLAN_EXECUTIONS {
            true => (&self.for_these_values, pg_sys::CURSOR_OPT_CUSTOM_PLAN),
            false => (&self.for_all_values, pg_sys::CURSOR_OPT_GENERIC_PLAN),
        };
        if kept.get().is_null() {
            let sql = CString::new(self.sql.as_str()).expect("a statement of ours holds no zero byte");
            let mut types: Vec<pg_sys::Oid> = self.parameters.iter().map(|p| p.value()).collect();
            // SAFETY: prepared and kept by SPI, in memory that lives as long as the session.
            unsafe {
                let plan =
                    pg_sys::SPI_prepare_cursor(sql.as_ptr(), types.len() as c_int, types.as_mut_ptr(), how as c_int);
                if plan.is_null() {
                    check(pg_sys::SPI_result);
                }
                check(pg_sys::SPI_keepplan(plan));
                kept.set(plan);
            }
        }
        kept.get()
    }
}

/// A row of an answer, for as long as it is handed over.
pub struct Row {
    tuple: pg_sys::HeapTuple,
    columns: pg_sys::TupleDesc,
}

impl Row {
    /// A column, counted from 1, of the type that the statement gives it; `None`: NULL.
    pub fn get<T: FromDatum>(&self, column: c_int) -> Option<T> {
        let mut is_null = true;
        // SAFETY: the tuple is one of these columns.
        unsafe {
            let datum = pg_sys::SPI_getbinval(self.tuple, self.columns, column, &mut is_null);
            T::from_datum(datum, is_null)
        }
    }

    /// The row as it is.
    pub fn tuple(&self) -> pg_sys::HeapTuple {
        self.tuple
    }
}

/// SPI's own errors are negative; those of the statement are raised by Postgres.
fn check(code: c_int) {
    if code < 0 {
        raise(
            PgSqlErrorCode::ERRCODE_INTERNAL_ERROR,
            "a statement of voice_analytics cannot be run here",
            &format!("SPI says {code}."),
            "Please report this with the query that you ran.",
        );
    }
}
