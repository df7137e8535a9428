//! Which row a statement writes, as its condition says.
#![allow(unsafe_code)] // statements are C structures

use super::server;
use pgrx::pg_sys;
use std::ffi::{CStr, c_int, c_void};
use std::ptr;

/// Operators of uuid, by their fixed numbers (pg_operator.dat).
const EQUAL: pg_sys::Oid = pg_sys::Oid::from_u32(2972);
const LESS: pg_sys::Oid = pg_sys::Oid::from_u32(2974);
const NOT_LESS: pg_sys::Oid = pg_sys::Oid::from_u32(2977);

/// `column = $n`, of the table that a statement writes; the column is a uuid.
struct Equality {
    column: *mut pg_sys::Var,
    parameter: c_int,
}

/// What an UPDATE or DELETE writes, where it is a partitioned table and all that the statement reads. Null: it is something else.
///
/// # Safety
/// The query came to the planner.
pub(super) unsafe fn written(query: *mut pg_sys::Query) -> *mut pg_sys::RangeTblEntry {
    // SAFETY: lists of a query have the nodes that parsenodes.h says.
    unsafe {
        let of = &*query;
        let is_written = matches!(of.commandType, pg_sys::CmdType::CMD_UPDATE | pg_sys::CmdType::CMD_DELETE);
        if !is_written || of.resultRelation != 1 || of.hasSubLinks || !of.cteList.is_null() || length(of.rtable) != 1 {
            return ptr::null_mut();
        }
        let entry = element::<pg_sys::RangeTblEntry>(of.rtable, 0);
        let is_partitioned = (*entry).rtekind == pg_sys::RTEKind::RTE_RELATION
            && (*entry).relkind as u8 == pg_sys::RELKIND_PARTITIONED_TABLE
            && (*entry).inh;
        if is_partitioned { entry } else { ptr::null_mut() }
    }
}

/// Whether the statement says by a parameter which uuid a column must equal.
///
/// # Safety
/// The query came to the planner, and is one that [`written`] knows.
pub(super) unsafe fn is_by_key(query: *mut pg_sys::Query) -> bool {
    // SAFETY: as the caller says.
    unsafe { equality(query, |_| true).is_some() }
}

/// Whether a plan of the statement holds whoever asks, by whatever search path, and however functions and operators of others
/// change: where it uses none of theirs, which the planner may replace by what they do, or by what they gave.
///
/// # Safety
/// As [`is_by_key`].
pub(super) unsafe fn uses_own_functions(query: *mut pg_sys::Query) -> bool {
    // SAFETY: as the caller says. Policies and checks of views are among what is walked.
    unsafe { !server::query_tree_walker(query, calls_others, ptr::null_mut(), 0) }
}

/// # Safety
/// A node of a query, or null.
unsafe extern "C-unwind" fn calls_others(node: *mut pg_sys::Node, context: *mut c_void) -> bool {
    // SAFETY: as the caller says.
    unsafe {
        !node.is_null()
            && (server::check_functions_in_node(node, is_of_others, context)
                || server::expression_tree_walker(node, calls_others, context))
    }
}

/// The server's own have numbers below this one (FirstUnpinnedObjectId of transam.h).
const FIRST_OF_OTHERS: u32 = 12000;

/// Whether the function is neither the server's own nor the one that policies of ours ask.
///
/// # Safety
/// In a transaction.
unsafe extern "C-unwind" fn is_of_others(function: pg_sys::Oid, _: *mut c_void) -> bool {
    // SAFETY: catalog look-ups.
    unsafe {
        if function.to_u32() < FIRST_OF_OTHERS {
            return false;
        }
        let name = server::get_func_name(function);
        name.is_null()
            || CStr::from_ptr(name) != c"_tenant"
            || server::get_func_namespace(function) != server::get_namespace_oid(c"voice".as_ptr(), true)
    }
}

/// The value that the column must equal.
///
/// # Safety
/// The query came to the planner with these values, and is one that [`written`] knows.
pub(super) unsafe fn key_of(
    query: *mut pg_sys::Query,
    column: pg_sys::AttrNumber,
    values: pg_sys::ParamListInfo,
) -> Option<[u8; 16]> {
    // SAFETY: as the caller says.
    unsafe { value_of(values, equality(query, |var| var.varattno == column)?.parameter) }
}

/// A condition that stands alone, or beside others that must hold as well.
///
/// # Safety
/// The query came to the planner, and is one that [`written`] knows.
unsafe fn equality(query: *mut pg_sys::Query, is_wanted: impl Fn(&pg_sys::Var) -> bool) -> Option<Equality> {
    // SAFETY: nodes are what their tags say.
    unsafe {
        let condition = (*(*query).jointree).quals;
        if condition.is_null() {
            return None;
        }
        let read = |node| read_equality(node).filter(|read| is_wanted(&*read.column));
        let all = and_arguments(condition);
        if all.is_null() { read(condition) } else { (0..length(all)).find_map(|n| read(element(all, n))) }
    }
}

/// # Safety
/// A node of a query that writes its first table, and reads no other.
unsafe fn read_equality(node: *mut pg_sys::Node) -> Option<Equality> {
    // SAFETY: nodes are what their tags say.
    unsafe {
        if (*node).type_ != pg_sys::NodeTag::T_OpExpr {
            return None;
        }
        let of = &*node.cast::<pg_sys::OpExpr>();
        if of.opno != EQUAL || length(of.args) != 2 {
            return None;
        }
        let (left, right) = (element::<pg_sys::Node>(of.args, 0), element::<pg_sys::Node>(of.args, 1));
        let (left, right) = if (*left).type_ == pg_sys::NodeTag::T_Param { (right, left) } else { (left, right) };
        if (*left).type_ != pg_sys::NodeTag::T_Var || (*right).type_ != pg_sys::NodeTag::T_Param {
            return None;
        }
        let (column, parameter) = (left.cast::<pg_sys::Var>(), &*right.cast::<pg_sys::Param>());
        let is_it = (*column).varlevelsup == 0
            && (*column).varattno > 0
            && parameter.paramkind == pg_sys::ParamKind::PARAM_EXTERN
            && parameter.paramtype == pg_sys::UUIDOID;
        is_it.then_some(Equality { column, parameter: parameter.paramid })
    }
}

/// As eval_const_expressions_mutator() of clauses.c asks for it.
///
/// # Safety
/// The values came to the planner.
unsafe fn value_of(values: pg_sys::ParamListInfo, number: c_int) -> Option<[u8; 16]> {
    // SAFETY: as many values as it says follow the list; a uuid that is not NULL points to its bytes.
    unsafe {
        if number < 1 || number > (*values).numParams {
            return None;
        }
        let mut room = pg_sys::ParamExternData::default();
        let value = match (*values).paramFetch {
            Some(fetch) => fetch(values, number, true, &raw mut room),
            None => (*values).params.as_mut_ptr().add(number as usize - 1),
        };
        let is_known = (*value).ptype == pg_sys::UUIDOID
            && !(*value).isnull
            && u32::from((*value).pflags) & pg_sys::PARAM_FLAG_CONST != 0;
        is_known.then(|| *(*value).value.cast_mut_ptr::<[u8; 16]>())
    }
}

/// `AND column >= lowest AND column < highest`.
///
/// # Safety
/// [`key_of`] has a value of this column.
pub(super) unsafe fn add_bounds(
    query: *mut pg_sys::Query,
    column: pg_sys::AttrNumber,
    lowest: &[u8; 16],
    highest: &[u8; 16],
) {
    // SAFETY: as the caller says; nodes are made in the memory of the statement.
    unsafe {
        let Some(asked) = equality(query, |var| var.varattno == column) else { return };
        let condition = (*(*query).jointree).quals;
        let mut all = and_arguments(condition);
        let was_one = all.is_null();
        if was_one {
            all = server::lappend(all, condition.cast());
        }
        for (operator, bound) in [(NOT_LESS, lowest), (LESS, highest)] {
            let (none, uuid) = (pg_sys::InvalidOid, pg_sys::UUIDOID);
            let bytes = server::palloc(16).cast::<[u8; 16]>();
            *bytes = *bound;
            let bound = server::makeConst(uuid, -1, none, 16, pg_sys::Datum::from(bytes), false, false);
            let column = server::copyObjectImpl(asked.column.cast());
            let clause =
                server::make_opclause(operator, pg_sys::BOOLOID, false, column.cast(), bound.cast(), none, none);
            (*clause.cast::<pg_sys::OpExpr>()).opfuncid = server::get_opcode(operator);
            all = server::lappend(all, clause.cast());
        }
        if was_one {
            (*(*query).jointree).quals = server::makeBoolExpr(pg_sys::BoolExprType::AND_EXPR, all, -1).cast();
        } else {
            (*condition.cast::<pg_sys::BoolExpr>()).args = all;
        }
    }
}

/// The arguments of an AND; null: it is none.
///
/// # Safety
/// A node of a query.
unsafe fn and_arguments(node: *mut pg_sys::Node) -> *mut pg_sys::List {
    // SAFETY: nodes are what their tags say.
    unsafe {
        let of = node.cast::<pg_sys::BoolExpr>();
        let is_and = (*node).type_ == pg_sys::NodeTag::T_BoolExpr && (*of).boolop == pg_sys::BoolExprType::AND_EXPR;
        if is_and { (*of).args } else { ptr::null_mut() }
    }
}

/// # Safety
/// A list, or null.
pub(super) unsafe fn length(list: *mut pg_sys::List) -> usize {
    // SAFETY: as the caller says.
    unsafe { if list.is_null() { 0 } else { (*list).length as usize } }
}

/// # Safety
/// The list has that many elements of this kind, counted from 0.
pub(super) unsafe fn element<T>(list: *mut pg_sys::List, at: usize) -> *mut T {
    // SAFETY: as the caller says.
    unsafe { (*(*list).elements.add(at)).ptr_value.cast() }
}
