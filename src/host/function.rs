//! What Postgres calls a function with, read without conversions, and rows given back as they are.
#![allow(unsafe_code)] // calls and results are C structures

use crate::host::error::raise;
use pgrx::prelude::*;
use pgrx::{FromDatum, pg_sys};
use std::ffi::{CStr, CString};
use std::marker::PhantomData;

/// The arguments of one call of a SQL function. Lives as long as the call.
#[derive(Clone, Copy)]
pub struct FunctionCall<'call>(pg_sys::FunctionCallInfo, PhantomData<&'call pg_sys::FunctionCallInfo>);

impl<'call> FunctionCall<'call> {
    /// `fcinfo` is what Postgres called the function with, borrowed for the call.
    pub fn of(fcinfo: &'call pg_sys::FunctionCallInfo) -> FunctionCall<'call> {
        FunctionCall(*fcinfo, PhantomData)
    }

    /// The argument as Postgres gave it; `None`: NULL.
    pub fn datum(self, at: usize) -> Option<pg_sys::Datum> {
        // SAFETY: the number of arguments is that of the function's declaration, of which `at` is one.
        unsafe {
            let arguments = (*self.0).args.as_slice((*self.0).nargs as usize);
            (!arguments[at].isnull).then_some(arguments[at].value)
        }
    }

    /// Of an argument declared integer.
    pub fn integer(self, at: usize) -> Option<i32> {
        // SAFETY: the argument is declared with this type.
        self.datum(at).and_then(|datum| unsafe { i32::from_datum(datum, false) })
    }

    /// Of an argument declared text.
    pub fn text(self, at: usize) -> Option<String> {
        // SAFETY: the argument is declared with this type.
        self.datum(at).and_then(|datum| unsafe { String::from_datum(datum, false) })
    }

    /// Of an argument declared uuid.
    pub fn uuid(self, at: usize) -> Option<pgrx::Uuid> {
        // SAFETY: the argument is declared uuid.
        self.datum(at).and_then(|datum| unsafe { pgrx::Uuid::from_datum(datum, false) })
    }

    /// Of an argument declared boolean.
    pub fn boolean(self, at: usize) -> Option<bool> {
        // SAFETY: the argument is declared with this type.
        self.datum(at).and_then(|datum| unsafe { bool::from_datum(datum, false) })
    }

    /// Of an argument declared timestamptz: microseconds since 2000, `i64::MIN` and `i64::MAX` the infinities.
    pub fn time(self, at: usize) -> Option<i64> {
        // SAFETY: the argument is declared with this type.
        self.datum(at).and_then(|datum| unsafe { i64::from_datum(datum, false) })
    }

    /// Of an argument declared interval.
    pub fn interval(self, at: usize) -> Option<pgrx::datum::Interval> {
        // SAFETY: the argument is declared with this type.
        self.datum(at).and_then(|datum| unsafe { pgrx::datum::Interval::from_datum(datum, false) })
    }

    /// Of an argument declared jsonb: its text.
    pub fn json(self, at: usize) -> Option<String> {
        // SAFETY: as declared; Postgres writes it out as a C string.
        self.datum(at).map(|datum| unsafe { json_text(datum) })
    }

    /// Of an argument declared jsonb[]: its elements, for as long as the call lasts.
    pub fn json_elements(self, at: usize) -> Vec<Json> {
        let Some(datum) = self.datum(at) else { return Vec::new() };
        // SAFETY: as declared; both arrays have the number of elements.
        unsafe {
            let array = pg_sys::pg_detoast_datum(datum.cast_mut_ptr()).cast::<pg_sys::ArrayType>();
            let (mut elements, mut nulls, mut count) = (std::ptr::null_mut(), std::ptr::null_mut(), 0);
            let align = pg_sys::TYPALIGN_INT as std::ffi::c_char;
            pg_sys::deconstruct_array(array, pg_sys::JSONBOID, -1, false, align, &mut elements, &mut nulls, &mut count);
            let element = |at: usize| Json((!*nulls.add(at)).then(|| *elements.add(at)));
            (0..count as usize).map(element).collect()
        }
    }

    /// A scalar result that is NULL.
    pub fn null(self) -> pg_sys::Datum {
        // SAFETY: the field is there for the function to set.
        unsafe { (*self.0).isnull = true };
        pg_sys::Datum::null()
    }

    /// Where the rows of a set-returning function go: all of them at once (materialize mode).
    pub fn rows(self) -> Rows {
        // SAFETY: a set-returning function is called with a ReturnSetInfo; its memory is the query's, so that the rows
        // outlive this call.
        unsafe {
            let result = (*self.0).resultinfo.cast::<pg_sys::ReturnSetInfo>();
            if result.is_null()
                || (*result).type_ != pg_sys::NodeTag::T_ReturnSetInfo
                || (*result).allowedModes & pg_sys::SetFunctionReturnMode::SFRM_Materialize as i32 == 0
            {
                raise(
                    PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
                    "a set of rows has no place here",
                    "The function was called where it cannot give all rows at once.",
                    "SELECT … FROM the function.",
                );
            }
            let before = pg_sys::MemoryContextSwitchTo((*(*result).econtext).ecxt_per_query_memory);
            let store = pg_sys::tuplestore_begin_heap(true, false, pg_sys::work_mem);
            (*result).returnMode = pg_sys::SetFunctionReturnMode::SFRM_Materialize;
            (*result).setResult = store;
            (*result).setDesc = pg_sys::CreateTupleDescCopy((*result).expectedDesc);
            pg_sys::MemoryContextSwitchTo(before);
            Rows(store)
        }
    }
}

/// # Safety
/// The datum is a jsonb.
unsafe fn json_text(datum: pg_sys::Datum) -> String {
    // SAFETY: as the caller says.
    unsafe {
        let json = pg_sys::pg_detoast_datum(datum.cast_mut_ptr()).cast::<pg_sys::Jsonb>();
        let length = pgrx::varsize_any(json.cast()) as i32;
        let text = pg_sys::JsonbToCString(std::ptr::null_mut(), &raw mut (*json).root, length);
        let json = CStr::from_ptr(text).to_string_lossy().into_owned();
        pg_sys::pfree(text.cast());
        json
    }
}

/// An element of an array of jsonb.
#[derive(Clone, Copy)]
pub struct Json(Option<pg_sys::Datum>);

impl Json {
    /// `None`: NULL.
    pub fn text(self) -> Option<String> {
        // SAFETY: an element of a jsonb[].
        self.0.map(|datum| unsafe { json_text(datum) })
    }
}

/// Runs `work` with memory that is given back after it; what it gives is Rust's own.
pub fn in_memory_of_its_own<R>(work: impl FnOnce() -> R) -> R {
    let mut memory = pgrx::PgMemoryContexts::new("voice_analytics");
    // SAFETY: nothing that was allocated in it is given back.
    unsafe { memory.switch_to(|_| work()) }
}

/// A result declared jsonb, of its text; what is none is Postgres' error.
pub fn jsonb(json: &str) -> pg_sys::Datum {
    let text = CString::new(json).unwrap_or_default();
    // SAFETY: jsonb_in takes a C string.
    let jsonb =
        unsafe { pgrx::direct_function_call_as_datum(pg_sys::jsonb_in, &[Some(pg_sys::Datum::from(text.as_ptr()))]) };
    jsonb.unwrap_or_else(pg_sys::Datum::null)
}

/// The rows of a set-returning function.
pub struct Rows(*mut pg_sys::Tuplestorestate);

impl Rows {
    /// `tuple` has the columns of the function's declaration.
    pub fn put(&self, tuple: pg_sys::HeapTuple) {
        // SAFETY: copied into the store.
        unsafe { pg_sys::tuplestore_puttuple(self.0, tuple) }
    }
}

/// Declares a function to Postgres by its C symbol, as `#[pg_extern]` and `#[pg_trigger]` do, without conversions: the
/// function takes what Postgres gave, as a `FunctionCall` of this module or of `trigger`.
#[macro_export]
macro_rules! declare_function {
    ($symbol:ident, $information:ident, $call:path, $function:path) => {
        #[allow(unsafe_code)] // Postgres finds both by name
        #[unsafe(no_mangle)]
        #[doc(hidden)]
        pub extern "C" fn $information() -> &'static pgrx::pg_sys::Pg_finfo_record {
            const VERSION_1: pgrx::pg_sys::Pg_finfo_record = pgrx::pg_sys::Pg_finfo_record { api_version: 1 };
            &VERSION_1
        }

        /// # Safety
        /// Called by Postgres only.
        #[allow(unsafe_code)]
        #[pgrx::pg_guard]
        #[unsafe(no_mangle)]
        pub unsafe extern "C-unwind" fn $symbol(fcinfo: pgrx::pg_sys::FunctionCallInfo) -> pgrx::pg_sys::Datum {
            $function(<$call>::of(&fcinfo))
        }
    };
}
