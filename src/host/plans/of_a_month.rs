//! The plan of a statement for one month, kept for all values of that month.
//!
//! An UPDATE or DELETE of one row by its key (`WHERE id = $1`) of a table of many months is planned anew at each execution, and
//! always where it comes as an unnamed statement, as most ORMs send it; yet what comes out differs by the month alone. So it is
//! planned with the month's bounds as a condition beside the others, and without its values: a plan that any value of the month
//! may use. A statement that is the same, node by node, with a key of that month gets a copy.
//!
//! A copy is as good as a plan that was just made: the leaf is locked as the planner locks it, and what has changed by then is
//! taken in; whatever changes of the tables makes it forgotten (as in plancache.c), and a statement that calls functions or
//! operators of others is not kept. Row-level security, privileges and triggers are those of the table that the statement
//! names. A plan for the wrong month would find no row.
#![allow(unsafe_code)] // statements, plans and relations are C structures

use super::condition::{add_bounds, element, key_of, length, uses_own_functions, written};
use super::server::{self, Planner};
use crate::host::{catalog, partition};
use pgrx::pg_sys;
use std::cell::UnsafeCell;
use std::ffi::{c_char, c_int};
use std::ptr;

/// So many plans a session: some statements in some months.
const KEPT: usize = 32;

#[derive(Clone, Copy)]
struct Kept {
    /// Of the two below; null: nothing is kept here.
    memory: pg_sys::MemoryContext,
    /// As it came to the planner.
    query: *mut pg_sys::Query,
    plan: *mut pg_sys::PlannedStmt,
    options: c_int,
    table: pg_sys::Oid,
    /// The key of the table, counted from 1.
    column: pg_sys::AttrNumber,
    leaf: pg_sys::Oid,
    lowest: [u8; 16],
    /// Not in the month any more.
    highest: [u8; 16],
    /// Nothing that it rests on has changed.
    is_current: bool,
}

struct State {
    kept: [Kept; KEPT],
    /// Which one goes next where all are current.
    next: usize,
    /// How many changes of the catalogs have come in.
    changes: u64,
    listens: bool,
}

struct Cell(UnsafeCell<State>);
// SAFETY: a backend has one thread that runs code of Postgres; the other threads (net/) never come here.
unsafe impl Sync for Cell {}
static STATE: Cell = Cell(UnsafeCell::new(State {
    kept: [Kept {
        memory: ptr::null_mut(),
        query: ptr::null_mut(),
        plan: ptr::null_mut(),
        options: 0,
        table: pg_sys::InvalidOid,
        column: 0,
        leaf: pg_sys::InvalidOid,
        lowest: [0; 16],
        highest: [0; 16],
        is_current: false,
    }; KEPT],
    next: 0,
    changes: 0,
    listens: false,
}));

/// The plan of such a statement, kept or made and kept. Null: it is not one, and the query is untouched.
///
/// # Safety
/// As a planner is called, in a transaction. An error passes through: nothing here is left half done by one, and nothing but
/// memory of the statement is taken before a plan is kept.
pub(super) unsafe fn plan(
    query: *mut pg_sys::Query,
    text: *const c_char,
    options: c_int,
    values: pg_sys::ParamListInfo,
    planner: Planner,
) -> *mut pg_sys::PlannedStmt {
    // SAFETY: as the caller says. STATE is read and written by single steps, between which Postgres may call `changed`.
    unsafe {
        let entry = written(query);
        if values.is_null() || entry.is_null() {
            return ptr::null_mut();
        }
        let (state, table, lock) = (STATE.0.get(), (*entry).relid, (*entry).rellockmode);
        for at in 0..KEPT {
            let kept = (*state).kept[at];
            if !kept.is_current || kept.table != table || kept.options != options {
                continue;
            }
            let Some(key) = key_of(query, kept.column, values) else { continue };
            if key < kept.lowest || key >= kept.highest || !server::equal(kept.query.cast(), query.cast()) {
                continue;
            }
            server::LockRelationOid(kept.leaf, lock);
            // With a lock comes what has changed before it.
            if (*state).kept[at].is_current {
                let plan = server::copyObjectImpl(kept.plan.cast()).cast::<pg_sys::PlannedStmt>();
                (*plan).queryId = (*query).queryId;
                (*plan).stmt_location = (*query).stmt_location;
                (*plan).stmt_len = (*query).stmt_len;
                return plan;
            }
        }
        learn(query, text, options, values, planner, table)
    }
}

/// # Safety
/// As [`plan`]; the query writes this table and reads nothing else.
unsafe fn learn(
    query: *mut pg_sys::Query,
    text: *const c_char,
    options: c_int,
    values: pg_sys::ParamListInfo,
    planner: Planner,
    table: pg_sys::Oid,
) -> *mut pg_sys::PlannedStmt {
    // SAFETY: as the caller says. The statement has locked the table, so it stays as it is while it is described.
    unsafe {
        let state = STATE.0.get();
        if !(*state).listens {
            (*state).listens = true;
            catalog::listen(changed);
        }
        let changes = (*state).changes;
        if !uses_own_functions(query) {
            return ptr::null_mut();
        }
        let Some((column, leaf)) = leaf_of(query, values, table) else { return ptr::null_mut() };
        let (Some(lowest), Some(highest)) = (leaf.lowest, leaf.highest) else { return ptr::null_mut() };
        let memory = server::AllocSetContextCreateInternal(
            pg_sys::CurrentMemoryContext,
            c"voice plan of a month".as_ptr(),
            pg_sys::ALLOCSET_SMALL_MINSIZE as usize,
            pg_sys::ALLOCSET_SMALL_INITSIZE as usize,
            pg_sys::ALLOCSET_SMALL_MAXSIZE as usize,
        );
        let as_it_came = copy_to(memory, query);
        add_bounds(query, column, &lowest, &highest);
        let plan = planner(query, text, options, ptr::null_mut());
        if (*state).changes != changes || !is_for_one_row(plan, table, leaf.table) {
            server::MemoryContextDelete(memory);
            return plan;
        }
        let kept = Kept {
            memory,
            query: as_it_came,
            plan: copy_to(memory, plan),
            options,
            table,
            column,
            leaf: leaf.table,
            lowest,
            highest,
            is_current: true,
        };
        server::MemoryContextSetParent(memory, pg_sys::CacheMemoryContext);
        let free = (0..KEPT).find(|at| !(*state).kept[*at].is_current);
        let at = free.unwrap_or((*state).next);
        (*state).next = (at + 1) % KEPT;
        let before = (*state).kept[at].memory;
        (*state).kept[at] = kept;
        if !before.is_null() {
            server::MemoryContextDelete(before);
        }
        plan
    }
}

/// The key of a table of ours that is partitioned by one uuid, and the leaf of the row that is wanted.
///
/// # Safety
/// In a transaction, with the table locked.
unsafe fn leaf_of(
    query: *mut pg_sys::Query,
    values: pg_sys::ParamListInfo,
    table: pg_sys::Oid,
) -> Option<(pg_sys::AttrNumber, partition::Leaf)> {
    // SAFETY: what describes a relation lives as long as it is open; no error can come between.
    unsafe {
        if !super::is_in_voice(table) {
            return None;
        }
        let relation = server::try_relation_open(table, pg_sys::NoLock as c_int);
        if relation.is_null() {
            return None;
        }
        let by = &*server::RelationGetPartitionKey(relation);
        let column = *by.column;
        let is_by_uuid = by.strategy as u8 == b'r'
            && by.columns == 1
            && column > 0
            && server::get_atttype(table, column) == pg_sys::UUIDOID;
        let leaf = is_by_uuid.then(|| key_of(query, column, values)).flatten().and_then(|key| {
            // A partition that is being detached is still one for transactions that began before, and for no other.
            let partitions = &*server::RelationGetPartitionDesc(relation, true);
            if partitions.detached_exist { None } else { partition::find(partitions, &key) }
        });
        server::relation_close(relation, pg_sys::NoLock as c_int);
        leaf.map(|leaf| (column, leaf))
    }
}

/// Whether the plan finds its row by an index of the leaf, whatever the values, as long as nothing changes that is listened to.
/// (A leaf that is read as a whole may have grown by the next time.)
///
/// # Safety
/// The planner made it.
unsafe fn is_for_one_row(plan: *mut pg_sys::PlannedStmt, table: pg_sys::Oid, leaf: pg_sys::Oid) -> bool {
    // SAFETY: nodes are what their tags say.
    unsafe {
        let of = &*plan;
        let writes = of.planTree;
        if of.transientPlan
            || !of.subplans.is_null()
            || (*writes).type_ != pg_sys::NodeTag::T_ModifyTable
            || length((*writes.cast::<pg_sys::ModifyTable>()).resultRelations) != 1
            || (*writes).lefttree.is_null()
            || (*(*writes).lefttree).type_ != pg_sys::NodeTag::T_IndexScan
        {
            return false;
        }
        // By function it may depend on ours, which is called as it is; not on types, whose rules may change.
        let functions = pg_sys::SysCacheIdentifier::PROCOID as c_int;
        let mut items = (0..length(of.invalItems)).map(|n| element::<pg_sys::PlanInvalItem>(of.invalItems, n));
        let tables = (0..length(of.rtable)).map(|n| element::<pg_sys::RangeTblEntry>(of.rtable, n));
        tables
            .filter(|entry| (**entry).rtekind == pg_sys::RTEKind::RTE_RELATION)
            .all(|entry| [table, leaf].contains(&(*entry).relid))
            && items.all(|item| (*item).cacheId == functions)
    }
}

/// A table or an index has changed (0: any may have).
fn changed(relation: pg_sys::Oid) {
    // SAFETY: called between two steps of the one thread that reads what is kept; nothing here allocates or calls Postgres.
    // The memory of what is forgotten is freed when its place is taken.
    unsafe {
        let state = &mut *STATE.0.get();
        state.changes += 1;
        for kept in &mut state.kept {
            if relation == pg_sys::InvalidOid || [kept.table, kept.leaf].contains(&relation) {
                kept.is_current = false;
            }
        }
    }
}

/// # Safety
/// The node can be copied.
unsafe fn copy_to<T>(memory: pg_sys::MemoryContext, node: *mut T) -> *mut T {
    // SAFETY: as the caller says. After an error Postgres sets the memory of its own.
    unsafe {
        let before = pg_sys::CurrentMemoryContext;
        pg_sys::CurrentMemoryContext = memory;
        let copy = server::copyObjectImpl(node.cast()).cast();
        pg_sys::CurrentMemoryContext = before;
        copy
    }
}
