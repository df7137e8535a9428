//! The server's own functions, as the linker finds them: pgrx's bindings would catch every error on its way.
#![allow(unsafe_code)] // functions of C

use pgrx::pg_sys::*;
use std::ffi::{c_char, c_int, c_void};

/// As `planner_hook` has it.
pub type Planner = unsafe extern "C-unwind" fn(*mut Query, *const c_char, c_int, ParamListInfo) -> *mut PlannedStmt;

/// Looks at a node of an expression and at those below it, until it says that this is enough.
pub type Walker = unsafe extern "C-unwind" fn(*mut Node, *mut c_void) -> bool;

/// How a table is partitioned (partcache.h), as far as it is asked here.
#[repr(C)]
pub struct PartitionKey {
    #[cfg(any(feature = "pg14", feature = "pg15"))]
    pub strategy: c_char,
    #[cfg(not(any(feature = "pg14", feature = "pg15")))]
    pub strategy: std::ffi::c_uint,
    pub columns: i16,
    pub column: *const AttrNumber,
}

unsafe extern "C-unwind" {
    pub fn standard_planner(
        query: *mut Query,
        text: *const c_char,
        options: c_int,
        values: ParamListInfo,
    ) -> *mut PlannedStmt;
    pub fn get_namespace_oid(name: *const c_char, missing_ok: bool) -> Oid;
    pub fn get_rel_namespace(table: Oid) -> Oid;
    pub fn get_atttype(table: Oid, column: AttrNumber) -> Oid;
    pub fn get_opcode(operator: Oid) -> Oid;
    pub fn get_func_name(function: Oid) -> *mut c_char;
    pub fn get_func_namespace(function: Oid) -> Oid;
    #[cfg_attr(not(any(feature = "pg14", feature = "pg15")), link_name = "query_tree_walker_impl")]
    pub fn query_tree_walker(query: *mut Query, walker: Walker, context: *mut c_void, flags: c_int) -> bool;
    #[cfg_attr(not(any(feature = "pg14", feature = "pg15")), link_name = "expression_tree_walker_impl")]
    pub fn expression_tree_walker(node: *mut Node, walker: Walker, context: *mut c_void) -> bool;
    pub fn check_functions_in_node(
        node: *mut Node,
        checker: unsafe extern "C-unwind" fn(Oid, *mut c_void) -> bool,
        context: *mut c_void,
    ) -> bool;
    pub fn try_relation_open(table: Oid, lock: LOCKMODE) -> Relation;
    pub fn relation_close(relation: Relation, lock: LOCKMODE);
    pub fn RelationGetPartitionDesc(relation: Relation, omit_detached: bool) -> PartitionDesc;
    pub fn RelationGetPartitionKey(relation: Relation) -> *const PartitionKey;
    pub fn LockRelationOid(relation: Oid, lock: LOCKMODE);
    pub fn copyObjectImpl(node: *const c_void) -> *mut c_void;
    pub fn equal(one: *const c_void, other: *const c_void) -> bool;
    pub fn lappend(list: *mut List, element: *mut c_void) -> *mut List;
    pub fn makeBoolExpr(kind: BoolExprType::Type, arguments: *mut List, location: c_int) -> *mut Expr;
    pub fn makeConst(
        type_: Oid,
        modifier: i32,
        collation: Oid,
        length: c_int,
        value: Datum,
        is_null: bool,
        by_value: bool,
    ) -> *mut Const;
    pub fn make_opclause(
        operator: Oid,
        result: Oid,
        gives_set: bool,
        left: *mut Expr,
        right: *mut Expr,
        collation: Oid,
        input_collation: Oid,
    ) -> *mut Expr;
    pub fn palloc(size: usize) -> *mut c_void;
    pub fn AllocSetContextCreateInternal(
        parent: MemoryContext,
        name: *const c_char,
        least: usize,
        first: usize,
        most: usize,
    ) -> MemoryContext;
    pub fn MemoryContextSetParent(memory: MemoryContext, parent: MemoryContext);
    pub fn MemoryContextDelete(memory: MemoryContext);
}
