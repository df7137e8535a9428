//! One row inserted, unless one like it is there, without a statement: what SPI and the executor do around such an insertion
//! cost three times the row and its index entries.
#![allow(unsafe_code)] // relations, slots and indexes are C structures

use super::catalog;
use super::row_array::Value;
use super::tuple::{attribute, is_named};
use pgrx::pg_sys::submodules::ffi::pg_guard_ffi_boundary;
use pgrx::{IntoDatum, pg_sys};
use std::cell::{Cell, RefCell};
use std::ffi::{CStr, c_int};

/// `INSERT INTO voice.<table> (columns) VALUES (…) ON CONFLICT (of the unique index) DO NOTHING`, as the owner of the table.
pub struct Insert {
    pub table: &'static CStr,
    /// Gives the rows their `id`.
    pub sequence: &'static CStr,
    /// The unique index that says whether one like it is there.
    pub unless_in: &'static CStr,
    pub columns: &'static [(&'static str, pg_sys::Oid)],
    /// So many of the columns, from the first, have the same value in every row; the predicates of partial indexes may ask for
    /// these, and for columns that are not given, which are NULL.
    pub constant: usize,
    pub known: Cell<Option<Known>>,
}

/// What a session knows of the table.
pub struct Known {
    /// [`CHANGES`] before the catalogs were read.
    changes: u64,
    /// `None`: it has what only a statement respects.
    shape: Option<Shape>,
}

/// What the catalogs say of the table.
struct Shape {
    table: pg_sys::Oid,
    sequence: pg_sys::Oid,
    /// Where `id` and each of the columns stand, counted from 0.
    places: Vec<usize>,
    /// The indexes that take such a row.
    entries: Vec<Entry>,
}

struct Entry {
    index: pg_sys::Oid,
    columns: Vec<usize>,
    unique: pg_sys::IndexUniqueCheck::Type,
}

// sequence.c: the next number, whoever the session's user is.
unsafe extern "C-unwind" {
    fn nextval_internal(sequence: pg_sys::Oid, check_permissions: bool) -> i64;
}

thread_local! {
    /// How often a table, or an index of one, that is known has changed.
    static CHANGES: Cell<u64> = const { Cell::new(0) };
    static WATCHED: RefCell<Vec<pg_sys::Oid>> = const { RefCell::new(Vec::new()) };
}

impl Insert {
    /// Inserts a row of these values. `false`: nothing was done, because one like it is there or is being written, or because
    /// the table has what only a statement respects (triggers, checks, defaults, other kinds of indexes).
    pub fn run(&self, values: &[Value]) -> bool {
        let known = self.known.take().filter(|known| known.changes == CHANGES.get());
        let Some(known) = known.or_else(|| self.learn(values)) else { return false };
        let is_done = match &known.shape {
            // SAFETY: inside a transaction; the table stays locked to its end, as after any statement. An error gives all back.
            Some(shape) => unsafe {
                let table = pg_sys::try_relation_open(shape.table, pg_sys::RowExclusiveLock as c_int);
                if table.is_null() {
                    return false;
                }
                // By now every change of the table has come in, and none comes before the transaction ends.
                let is_done = known.changes == CHANGES.get() && insert(table, shape, values);
                pg_sys::relation_close(table, pg_sys::NoLock as c_int);
                is_done
            },
            None => false,
        };
        self.known.set(Some(known));
        is_done
    }

    /// `None`: there is no such table.
    fn learn(&self, values: &[Value]) -> Option<Known> {
        catalog::listen(changed);
        // SAFETY: catalog look-ups in a transaction; the relation is open while it is described.
        unsafe {
            let schema = pg_sys::get_namespace_oid(c"voice".as_ptr(), true);
            let number = |name: &CStr| pg_sys::get_relname_relid(name.as_ptr(), schema);
            let (table, sequence, unless_in) = (number(self.table), number(self.sequence), number(self.unless_in));
            watch(table);
            let changes = CHANGES.get();
            if sequence == pg_sys::InvalidOid {
                return None;
            }
            let relation = pg_sys::try_relation_open(table, pg_sys::RowExclusiveLock as c_int);
            if relation.is_null() {
                return None;
            }
            let shape = self.describe(relation, sequence, unless_in, values);
            pg_sys::relation_close(relation, pg_sys::NoLock as c_int);
            watch(sequence);
            shape.iter().flat_map(|shape| &shape.entries).for_each(|entry| watch(entry.index));
            Some(Known { changes, shape })
        }
    }

    /// # Safety
    /// The relation is open, and locked for writing.
    unsafe fn describe(
        &self,
        relation: pg_sys::Relation,
        sequence: pg_sys::Oid,
        unless_in: pg_sys::Oid,
        values: &[Value],
    ) -> Option<Shape> {
        // SAFETY: as the caller says. Lists, and their elements, live as long as the relation is open.
        unsafe {
            let (of, description) = (&*(*relation).rd_rel, (*relation).rd_att);
            let constraints = (*description).constr;
            let is_plain = of.relkind as u8 == pg_sys::RELKIND_RELATION
                && !of.relispartition
                && !of.relhasrules
                && (*relation).trigdesc.is_null()
                && (constraints.is_null() || (*constraints).num_check == 0 && !(*constraints).has_generated_stored);
            if !is_plain {
                return None;
            }
            let columns = || (0..(*description).natts as usize).map(|at| &*attribute(description, at));
            let place =
                |name: &str, type_: pg_sys::Oid| columns().position(|c| is_named(c, name) && c.atttypid == type_);
            let places = std::iter::once(&("id", pg_sys::INT8OID)).chain(self.columns);
            let places = places.map(|(name, type_)| place(name, *type_)).collect::<Option<Vec<usize>>>()?;
            // What is not given is NULL.
            let may_be_null = |column: &pg_sys::FormData_pg_attribute| {
                !column.attnotnull
                    && !column.atthasdef
                    && pg_sys::get_typtype(column.atttypid) as u8 != pg_sys::TYPTYPE_DOMAIN
            };
            if columns().enumerate().any(|(at, c)| !places.contains(&at) && !c.attisdropped && !may_be_null(c)) {
                return None;
            }
            let varying: Vec<usize> = places[..1].iter().chain(&places[1 + self.constant..]).copied().collect();
            let slot = row_of(relation, &places, 0, values);
            let indexes = pg_sys::RelationGetIndexList(relation);
            let count = if indexes.is_null() { 0 } else { (*indexes).length as usize };
            let entries = (0..count).map(|n| {
                let number = (*(*indexes).elements.add(n)).oid_value;
                let index = pg_sys::index_open(number, pg_sys::RowExclusiveLock as c_int);
                let entry = entry_of(index, number == unless_in, &varying, slot);
                pg_sys::index_close(index, pg_sys::NoLock as c_int);
                entry
            });
            let entries = entries.collect::<Option<Vec<Option<Entry>>>>();
            pg_sys::ExecDropSingleTupleTableSlot(slot);
            let entries: Vec<Entry> = entries?.into_iter().flatten().collect();
            let answers = entries.iter().any(|entry| entry.index == unless_in);
            answers.then(|| Shape { table: (*relation).rd_id, sequence, places, entries })
        }
    }
}

/// Changes of the relation count from now on.
fn watch(relation: pg_sys::Oid) {
    WATCHED.with_borrow_mut(|watched| {
        if !watched.contains(&relation) {
            watched.push(relation);
        }
    });
}

/// A table or an index has changed (0: any may have).
fn changed(relation: pg_sys::Oid) {
    let is_watched = relation == pg_sys::InvalidOid
        || WATCHED.with(|watched| watched.try_borrow().map_or(true, |watched| watched.contains(&relation)));
    if is_watched {
        CHANGES.set(CHANGES.get() + 1);
    }
}

/// What the index takes of such rows; `Some(None)`: nothing; `None`: that cannot be said.
///
/// # Safety
/// The index is open; the slot holds a row of its table.
unsafe fn entry_of(
    index: pg_sys::Relation,
    answers: bool,
    varying: &[usize],
    slot: *mut pg_sys::TupleTableSlot,
) -> Option<Option<Entry>> {
    // SAFETY: as the caller says. A predicate is evaluated in a state of its own, as CREATE INDEX does.
    unsafe {
        let of = &*(*index).rd_index;
        // Other access methods keep what they need between insertions in the executor's memory.
        let is_whole = of.indisvalid
            && of.indisready
            && of.indimmediate
            && !of.indisexclusion
            && (*(*index).rd_rel).relam == catalog::BTREE;
        if !is_whole || !pg_sys::RelationGetIndexExpressions(index).is_null() {
            return None;
        }
        let predicate = pg_sys::RelationGetIndexPredicate(index);
        if !predicate.is_null() {
            let mut asked = std::ptr::null_mut();
            pg_sys::pull_varattnos(predicate.cast(), 1, &mut asked);
            let number = |place: &usize| *place as c_int + 1 - pg_sys::FirstLowInvalidHeapAttributeNumber;
            if varying.iter().any(|place| pg_sys::bms_is_member(number(place), asked)) {
                return None;
            }
            let state = pg_sys::CreateExecutorState();
            let context = pg_sys::MakePerTupleExprContext(state);
            (*context).ecxt_scantuple = slot;
            let takes = is_true(pg_sys::ExecPrepareQual(predicate, state), context);
            pg_sys::FreeExecutorState(state);
            if !takes {
                return Some(None);
            }
        }
        let columns = of.indkey.values.as_slice(of.indnatts as usize).iter();
        Some(Some(Entry {
            index: (*index).rd_id,
            // A column of the system has a negative number.
            columns: columns.map(|number| usize::try_from(number - 1).ok()).collect::<Option<Vec<usize>>>()?,
            unique: match (of.indisunique, answers) {
                (false, _) => pg_sys::IndexUniqueCheck::UNIQUE_CHECK_NO,
                (true, false) => pg_sys::IndexUniqueCheck::UNIQUE_CHECK_YES,
                (true, true) => pg_sys::IndexUniqueCheck::UNIQUE_CHECK_PARTIAL,
            },
        }))
    }
}

/// ExecQual() of executor.h, which is an inline function.
///
/// # Safety
/// A condition that was prepared, and the context of what it reads.
unsafe fn is_true(condition: *mut pg_sys::ExprState, context: *mut pg_sys::ExprContext) -> bool {
    // SAFETY: as the caller says.
    unsafe {
        let mut is_null = false;
        let Some(evaluate) = (*condition).evalfunc else { return false };
        pg_guard_ffi_boundary(|| evaluate(condition, context, &mut is_null)).value() != 0
    }
}

/// A slot with the row, to be dropped.
///
/// # Safety
/// The relation is open; each place is one of its columns, of the value's type.
unsafe fn row_of(
    relation: pg_sys::Relation,
    places: &[usize],
    id: i64,
    values: &[Value],
) -> *mut pg_sys::TupleTableSlot {
    // SAFETY: as the caller says; a slot has room for each column of its relation.
    unsafe {
        let slot = pg_sys::table_slot_create(relation, std::ptr::null_mut());
        for at in 0..(*(*relation).rd_att).natts as usize {
            *(*slot).tts_isnull.add(at) = true;
        }
        for (at, value) in places.iter().zip(std::iter::once(&id.into_datum()).chain(values)) {
            *(*slot).tts_values.add(*at) = value.unwrap_or(pg_sys::Datum::null());
            *(*slot).tts_isnull.add(*at) = value.is_none();
        }
        pg_sys::ExecStoreVirtualTuple(slot)
    }
}

/// The insertion of ExecInsert() with ON CONFLICT (nodeModifyTable.c), without its look beforehand: a row that turns out to be
/// one too many is taken back, and who asked for it tries again by a statement. Whoever inserts one like it meanwhile waits
/// for the token, not for our transaction.
///
/// # Safety
/// The relation is open, locked for writing, and as the shape says.
unsafe fn insert(relation: pg_sys::Relation, shape: &Shape, values: &[Value]) -> bool {
    // SAFETY: as the caller says. An error leaves the insertion to the end of the transaction, which takes it back.
    unsafe {
        let access = &*(*relation).rd_tableam;
        let (Some(begin), Some(complete)) = (access.tuple_insert_speculative, access.tuple_complete_speculative) else {
            return false;
        };
        let id = pg_guard_ffi_boundary(|| nextval_internal(shape.sequence, false));
        let slot = row_of(relation, &shape.places, id, values);
        let transaction = pg_sys::GetCurrentTransactionId();
        let token = pg_sys::SpeculativeInsertionLockAcquire(transaction);
        pg_guard_ffi_boundary(|| {
            begin(relation, slot, pg_sys::GetCurrentCommandId(true), 0, std::ptr::null_mut(), token)
        });
        let mut is_the_only = true;
        for entry in &shape.entries {
            let mut keys = [pg_sys::Datum::null(); pg_sys::INDEX_MAX_KEYS as usize];
            let mut nulls = [true; pg_sys::INDEX_MAX_KEYS as usize];
            for (n, column) in entry.columns.iter().enumerate() {
                keys[n] = *(*slot).tts_values.add(*column);
                nulls[n] = *(*slot).tts_isnull.add(*column);
            }
            let index = pg_sys::index_open(entry.index, pg_sys::RowExclusiveLock as c_int);
            let mut about: pg_sys::IndexInfo = std::mem::zeroed();
            about.type_ = pg_sys::NodeTag::T_IndexInfo;
            is_the_only &= pg_sys::index_insert(
                index,
                keys.as_mut_ptr(),
                nulls.as_mut_ptr(),
                &mut (*slot).tts_tid,
                relation,
                entry.unique,
                false,
                &mut about,
            ) || entry.unique != pg_sys::IndexUniqueCheck::UNIQUE_CHECK_PARTIAL;
            pg_sys::index_close(index, pg_sys::NoLock as c_int);
            if !is_the_only {
                break;
            }
        }
        pg_guard_ffi_boundary(|| complete(relation, slot, token, is_the_only));
        pg_sys::SpeculativeInsertionLockRelease(transaction);
        pg_sys::ExecDropSingleTupleTableSlot(slot);
        is_the_only
    }
}
