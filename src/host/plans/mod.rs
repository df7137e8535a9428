//! Which plans of statements that write are kept.
//!
//! PostgreSQL prefers one plan for all values (a generic plan) where it reckons that it costs no more than a plan for these
//! values and the planning of it. What it leaves out (ExecInitModifyTable of nodeModifyTable.c) is that an UPDATE or DELETE by
//! a generic plan opens every partition at each execution, however many it then reads: with sixty months that costs twice as
//! much as planning for one. So such plans are told to cost it. And where a statement asks for one row by its key, the plan for
//! its month is kept ([`of_a_month`]), and planning costs next to nothing.
//!
//! From version 18 on only those partitions are opened that may be written, and nothing of this is needed.
//!
//! Not guarded by pgrx, on purpose, as `foreign_keys`.
#![allow(unsafe_code)] // a hook is a C function

mod condition;
mod of_a_month;
mod server;

use pgrx::pg_sys;
use std::ffi::{c_char, c_int};

static mut NEXT: pg_sys::planner_hook_type = None;

/// Puts the hook in place. To be called once a process, when the library is loaded.
pub fn keep() {
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
/// What is reckoned for planning, and not needed where the plan for the month is kept.
const PLANNING: f64 = 3000.0;

/// Whether the table is in the schema `voice`.
///
/// # Safety
/// Called in a transaction.
unsafe fn is_in_voice(table: pg_sys::Oid) -> bool {
    // SAFETY: catalog look-ups.
    unsafe { server::get_rel_namespace(table) == server::get_namespace_oid(c"voice".as_ptr(), true) }
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
        let planner = NEXT.unwrap_or(server::standard_planner);
        let plan = of_a_month::plan(query, text, options, values, planner);
        if !plan.is_null() {
            return plan;
        }
        let would_be_kept = values.is_null()
            && !condition::written(query).is_null()
            && condition::is_by_key(query)
            && condition::uses_own_functions(query);
        let plan = planner(query, text, options, values);
        let written = (*plan).resultRelations;
        if !values.is_null() || written.is_null() || (*written).length < 2 {
            return plan;
        }
        let first = (*(*written).elements).int_value as usize - 1;
        let table = (*(*(*plan).rtable).elements.add(first)).ptr_value.cast::<pg_sys::RangeTblEntry>();
        if is_in_voice((*table).relid) {
            let more = OPENING * f64::from((*written).length) + if would_be_kept { PLANNING } else { 0.0 };
            (*(*plan).planTree).total_cost += more * pg_sys::cpu_operator_cost;
        }
        plan
    }
}
