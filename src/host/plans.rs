//! Which plan of a prepared statement is kept.
//!
//! PostgreSQL prefers one plan for all values (a generic plan) where it reckons that it costs no more than a plan for these
//! values and the planning of it. What it leaves out (ExecInitModifyTable of nodeModifyTable.c) is that an UPDATE or DELETE by
//! a generic plan opens every partition at each execution, however many it then reads: with sixty months that costs twice as
//! much as planning for one. So such plans are told to cost it. From version 18 on only those are opened that may be written,
//! and nothing of this is needed.
//!
//! Not guarded by pgrx, on purpose, as `foreign_keys`.
#![allow(unsafe_code)] // a hook is a C function

use pgrx::pg_sys;
use std::ffi::{c_char, c_int};

static mut NEXT: pg_sys::planner_hook_type = None;

/// Puts the hook in place. To be called once a process, when the library is loaded.
pub fn count_partitions() {
    // SAFETY: called once, from _PG_init; the hook before ours is kept and called.
    unsafe {
        NEXT = pg_sys::planner_hook;
        pg_sys::planner_hook = Some(plan);
    }
}

/// In units of `cpu_operator_cost`, of which PostgreSQL reckons 1000 for the planning of each relation (cached_plan_cost of
/// plancache.c): 3000 for an UPDATE of one call, which takes 165 thousand instructions. Opening a month takes 6 (callgrind,
/// docs/decisions/0113-fewer-statements.md).
const OPENING: f64 = 110.0;

// The server's own functions, as the linker finds them: pgrx's bindings would catch every error on its way.
unsafe extern "C-unwind" {
    fn get_namespace_oid(name: *const c_char, missing_ok: bool) -> pg_sys::Oid;
    fn get_rel_namespace(table: pg_sys::Oid) -> pg_sys::Oid;
    #[link_name = "standard_planner"]
    fn by_postgres(
        query: *mut pg_sys::Query,
        text: *const c_char,
        options: c_int,
        values: pg_sys::ParamListInfo,
    ) -> *mut pg_sys::PlannedStmt;
}

/// Every statement that is planned passes here.
unsafe extern "C-unwind" fn plan(
    query: *mut pg_sys::Query,
    text: *const c_char,
    options: c_int,
    values: pg_sys::ParamListInfo,
) -> *mut pg_sys::PlannedStmt {
    // SAFETY: arguments are passed on as they came. NEXT is written once, before the hook can be called. A statement that
    // writes has a list of what it may write; the first is in its range table, counted from 1. Looked up in a transaction.
    unsafe {
        let plan = NEXT.unwrap_or(by_postgres)(query, text, options, values);
        let written = (*plan).resultRelations;
        if !values.is_null() || written.is_null() || (*written).length < 2 {
            return plan;
        }
        let first = (*(*written).elements).int_value as usize - 1;
        let table = (*(*(*plan).rtable).elements.add(first)).ptr_value.cast::<pg_sys::RangeTblEntry>();
        if get_rel_namespace((*table).relid) == get_namespace_oid(c"voice".as_ptr(), true) {
            (*(*plan).planTree).total_cost += OPENING * pg_sys::cpu_operator_cost * f64::from((*written).length);
        }
        plan
    }
}
