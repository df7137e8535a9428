//! The foreign keys of our tables, checked by one index probe where PostgreSQL's own trigger would run a query (as version 19
//! does by itself).
//!
//! Up to version 18 the triggers of a foreign key (`RI_FKey_check_ins`, `…_upd`, ri_triggers.c) run `SELECT … FOR KEY SHARE` through SPI
//! as another user for each row: of the 14 statements of a call that is a fifth of the work. The keys stay keys of the catalogs,
//! and their triggers are fired as ever; but before those of a statement on our tables fire, `ExecutorFinish_hook` puts
//! [`check`] before the function of each. What it does is what the query does: it looks for the key in the newest snapshot, by
//! the unique index, and locks the row FOR KEY SHARE. It only ever says yes. Whatever else it finds (no such row, one that is
//! being changed, a session that sees the past), PostgreSQL's own function decides, with its own words.
//!
//! Nothing here is guarded by pgrx, on purpose: an error of Postgres (a timeout while waiting for a row) passes these frames
//! by longjmp, as it passes C, and keeps its context. That is sound because nothing in them has a destructor (RFC 2945,
//! "plain old frames"); [`learn`], which has, is guarded.
#![allow(unsafe_code)] // hooks, triggers and scans are C

use super::catalog;
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::cell::UnsafeCell;
use std::ffi::c_int;
use std::ptr;

/// Columns of the longest key of ours.
const COLUMNS: usize = 2;

/// What a trigger of a foreign key needs to know. Never freed: triggers in flight point to it. There is one a key and leaf.
struct Key {
    trigger: pg_sys::Oid,
    /// The table whose rows are checked, the one that is referenced, and its index.
    table: pg_sys::Oid,
    referenced: pg_sys::Oid,
    index: pg_sys::Oid,
    /// How the index is asked, and in the order of its columns where the values stand in the row that is checked.
    scan: [pg_sys::ScanKeyData; COLUMNS],
    columns: [pg_sys::AttrNumber; COLUMNS],
    length: usize,
    /// The catalogs said so, and nothing of it has changed since.
    is_current: bool,
}

/// Tables that have been looked at, in the order of their numbers, and the keys that can be checked here.
struct Known {
    tables: Vec<(u32, bool)>,
    keys: Vec<*mut Key>,
    /// How many changes of the catalogs have come in.
    changes: u64,
}

struct Cell(UnsafeCell<Known>);
// SAFETY: a backend has one thread that runs code of Postgres; the other threads (net/) never come here.
unsafe impl Sync for Cell {}
static KNOWN: Cell = Cell(UnsafeCell::new(Known { tables: Vec::new(), keys: Vec::new(), changes: 0 }));

static mut NEXT: pg_sys::ExecutorFinish_hook_type = None;

/// Puts the hook in place. To be called once a process, when the library is loaded.
pub fn check_by_probes() {
    // SAFETY: called once, from _PG_init; the hook before ours is kept and called. The callback lives as long as the library.
    unsafe {
        NEXT = pg_sys::ExecutorFinish_hook;
        pg_sys::ExecutorFinish_hook = Some(finish);
    }
}

// The server's own functions, as the linker finds them: pgrx's bindings would catch every error on its way.
mod server {
    use pgrx::pg_sys::*;
    use std::ffi::c_int;

    unsafe extern "C-unwind" {
        pub fn standard_ExecutorFinish(query: *mut QueryDesc);
        pub fn RI_FKey_check_ins(call: FunctionCallInfo) -> Datum;
        pub fn RI_FKey_check_upd(call: FunctionCallInfo) -> Datum;
        pub fn CommandCounterIncrement();
        pub fn ExecDropSingleTupleTableSlot(slot: *mut TupleTableSlot);
        #[cfg(feature = "pg14")]
        pub fn ExecGetTriggerResultRel(state: *mut EState, table: Oid) -> *mut ResultRelInfo;
        #[cfg(not(feature = "pg14"))]
        pub fn ExecGetTriggerResultRel(state: *mut EState, table: Oid, root: *mut ResultRelInfo) -> *mut ResultRelInfo;
        pub fn GetCurrentCommandId(used: bool) -> CommandId;
        pub fn GetTransactionSnapshot() -> Snapshot;
        pub fn RegisterSnapshot(snapshot: Snapshot) -> Snapshot;
        pub fn UnregisterSnapshot(snapshot: Snapshot);
        pub fn fmgr_info_cxt(function: Oid, info: *mut FmgrInfo, memory: MemoryContext);
        #[cfg(not(feature = "pg18"))]
        pub fn index_beginscan(
            table: Relation,
            index: Relation,
            snapshot: Snapshot,
            keys: c_int,
            order: c_int,
        ) -> IndexScanDesc;
        #[cfg(feature = "pg18")]
        pub fn index_beginscan(
            table: Relation,
            index: Relation,
            snapshot: Snapshot,
            instrument: *mut IndexScanInstrumentation,
            keys: c_int,
            order: c_int,
        ) -> IndexScanDesc;
        pub fn index_close(index: Relation, lock: LOCKMODE);
        pub fn index_endscan(scan: IndexScanDesc);
        pub fn index_getnext_slot(
            scan: IndexScanDesc,
            direction: ScanDirection::Type,
            slot: *mut TupleTableSlot,
        ) -> bool;
        pub fn index_open(index: Oid, lock: LOCKMODE) -> Relation;
        pub fn index_rescan(scan: IndexScanDesc, keys: ScanKey, count: c_int, order: ScanKey, orders: c_int);
        pub fn relation_close(relation: Relation, lock: LOCKMODE);
        pub fn slot_getsomeattrs_int(slot: *mut TupleTableSlot, column: c_int);
        pub fn table_slot_create(table: Relation, registered: *mut *mut List) -> *mut TupleTableSlot;
        pub fn try_relation_open(table: Oid, lock: LOCKMODE) -> Relation;
    }
}

/// Every statement of every user passes here before its AFTER triggers fire; most have written nothing of ours.
unsafe extern "C-unwind" fn finish(query: *mut pg_sys::QueryDesc) {
    // SAFETY: the hook is given a query that was run; NEXT is written once, before the hook can be called.
    unsafe {
        let state = (*query).estate;
        put_first(state, (*state).es_opened_result_relations, false);
        put_first(state, (*state).es_tuple_routing_result_relations, true);
        NEXT.unwrap_or(server::standard_ExecutorFinish)(query);
    }
}

/// Puts [`check`] before the function of each foreign key's trigger.
///
/// # Safety
/// The state of a query, and a list of its `ResultRelInfo`, or NULL: those that its plan names, or the months to which rows
/// were routed.
unsafe fn put_first(state: *mut pg_sys::EState, written: *mut pg_sys::List, is_routed: bool) {
    // SAFETY: as the caller says. ri_TrigFunctions has as many elements as ri_TrigDesc has triggers; trigger.c fills in each
    // when it fires first, and by fn_oid it sees that one is filled in. It fires those of the ResultRelInfo that
    // ExecGetTriggerResultRel() finds or makes, which from 15 on is not the one by which a month was written.
    unsafe {
        if written.is_null() {
            return;
        }
        for n in 0..(*written).length as usize {
            let one = (*(*written).elements.add(n)).ptr_value.cast::<pg_sys::ResultRelInfo>();
            let triggers = (*one).ri_TrigDesc;
            let may_fire = |on: *mut pg_sys::TriggerDesc| (*on).trig_insert_after_row || (*on).trig_update_after_row;
            // A plan may have opened all months for the one that it changed: only that one's triggers have seen a row.
            let is_untouched = !is_routed && !(*one).ri_RootResultRelInfo.is_null() && (*one).ri_TrigOldSlot.is_null();
            if triggers.is_null() || is_untouched || !may_fire(triggers) || !has_keys((*one).ri_RelationDesc) {
                continue;
            }
            let table = (*(*one).ri_RelationDesc).rd_id;
            #[cfg(feature = "pg14")]
            let one = server::ExecGetTriggerResultRel(state, table);
            #[cfg(not(feature = "pg14"))]
            let one = server::ExecGetTriggerResultRel(state, table, ptr::null_mut());
            let triggers = (*one).ri_TrigDesc;
            if triggers.is_null() {
                continue;
            }
            for at in 0..(*triggers).numtriggers as usize {
                let (trigger, function) = ((*triggers).triggers.add(at), (*one).ri_TrigFunctions.add(at));
                if !is_check((*trigger).tgfoid) || (*function).fn_oid != pg_sys::InvalidOid {
                    continue;
                }
                let key = key_of((*trigger).tgoid);
                if !key.is_null() {
                    server::fmgr_info_cxt((*trigger).tgfoid, function, (*state).es_query_cxt);
                    (*function).fn_addr = Some(check);
                    (*function).fn_extra = key.cast();
                }
            }
        }
    }
}

/// `RI_FKey_check_ins` and `RI_FKey_check_upd`, by their fixed numbers (pg_proc.dat).
const CHECK_ON_INSERT: pg_sys::Oid = pg_sys::Oid::from_u32(1644);
const CHECK_ON_UPDATE: pg_sys::Oid = pg_sys::Oid::from_u32(1645);

fn is_check(function: pg_sys::Oid) -> bool {
    function == CHECK_ON_INSERT || function == CHECK_ON_UPDATE
}

/// Whether the table has foreign keys that are checked here, as known or as the catalogs say.
///
/// # Safety
/// The relation is open.
unsafe fn has_keys(table: pg_sys::Relation) -> bool {
    // SAFETY: what is known is borrowed for the search only, in which nothing else runs.
    unsafe {
        let known = &(*KNOWN.0.get()).tables;
        match known.binary_search_by_key(&(*table).rd_id.to_u32(), |(table, _)| *table) {
            Ok(at) => known[at].1,
            Err(_) => learn(table),
        }
    }
}

fn key_of(trigger: pg_sys::Oid) -> *mut Key {
    // SAFETY: keys are never freed; what is known is borrowed for the search only.
    unsafe {
        let known = &(*KNOWN.0.get()).keys;
        known.iter().copied().find(|key| (**key).trigger == trigger && (**key).is_current).unwrap_or(ptr::null_mut())
    }
}

/// In place of `RI_FKey_check_ins` and `RI_FKey_check_upd`.
unsafe extern "C-unwind" fn check(call: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
    // SAFETY: called as the trigger of a row, with what `put_first` has put there.
    unsafe {
        let function = &*(*call).flinfo;
        if is_there((*call).context.cast(), function.fn_extra.cast()) {
            pg_sys::Datum::null()
        } else if function.fn_oid == CHECK_ON_UPDATE {
            server::RI_FKey_check_upd(call)
        } else {
            server::RI_FKey_check_ins(call)
        }
    }
}

/// Whether the row that is referenced is there, and ours to hold: it is locked FOR KEY SHARE until the transaction ends.
///
/// # Safety
/// The trigger of a row on the key's table.
unsafe fn is_there(trigger: *mut pg_sys::TriggerData, key: *const Key) -> bool {
    // SAFETY: as the caller says. Locks and pins are those of the query, given back at the end of it also after an error.
    // The numbers of columns are of the very relation, whatever others of its family look like.
    unsafe {
        // A session that sees the past is told of a change since by PostgreSQL's own.
        if pg_sys::XactIsoLevel >= pg_sys::XACT_REPEATABLE_READ as c_int {
            return false;
        }
        let is_update = (*trigger).tg_event & pg_sys::TRIGGER_EVENT_OPMASK == pg_sys::TRIGGER_EVENT_UPDATE;
        let row = if is_update { (*trigger).tg_newslot } else { (*trigger).tg_trigslot };
        let mut values = (*key).scan;
        for n in 0..(*key).length {
            let column = (*key).columns[n];
            if (*row).tts_nvalid < column {
                server::slot_getsomeattrs_int(row, c_int::from(column));
            }
            if *(*row).tts_isnull.add(column as usize - 1) {
                return false;
            }
            values[n].sk_argument = *(*row).tts_values.add(column as usize - 1);
        }
        let referenced = server::try_relation_open((*key).referenced, pg_sys::RowShareLock as c_int);
        if referenced.is_null() {
            return false;
        }
        // By now every change of the table is known to this session, and none comes before the transaction ends.
        let is_found = (*key).is_current && find_and_lock(referenced, key, &mut values);
        server::relation_close(referenced, pg_sys::NoLock as c_int);
        is_found
    }
}

/// # Safety
/// The table that is referenced is open, and what is known of the key is current.
unsafe fn find_and_lock(
    referenced: pg_sys::Relation,
    key: *const Key,
    values: &mut [pg_sys::ScanKeyData; COLUMNS],
) -> bool {
    // SAFETY: as the caller says; a snapshot that is registered lives until it is given back.
    unsafe {
        let length = (*key).length as c_int;
        let index = server::index_open((*key).index, pg_sys::AccessShareLock as c_int);
        // As SPI does before a query: what this transaction has written so far is seen, and what others have committed.
        server::CommandCounterIncrement();
        let snapshot = server::RegisterSnapshot(server::GetTransactionSnapshot());
        let slot = server::table_slot_create(referenced, ptr::null_mut());
        #[cfg(not(feature = "pg18"))]
        let scan = server::index_beginscan(referenced, index, snapshot, length, 0);
        #[cfg(feature = "pg18")]
        let scan = server::index_beginscan(referenced, index, snapshot, ptr::null_mut(), length, 0);
        server::index_rescan(scan, values.as_mut_ptr(), length, ptr::null_mut(), 0);
        let mut is_locked = false;
        if server::index_getnext_slot(scan, pg_sys::ScanDirection::ForwardScanDirection, slot)
            && let Some(lock) = (*(*referenced).rd_tableam).tuple_lock
        {
            let mut failure: pg_sys::TM_FailureData = std::mem::zeroed();
            let outcome = lock(
                referenced,
                &mut (*slot).tts_tid,
                snapshot,
                slot,
                server::GetCurrentCommandId(false),
                pg_sys::LockTupleMode::LockTupleKeyShare,
                pg_sys::LockWaitPolicy::LockWaitBlock,
                (pg_sys::TUPLE_LOCK_FLAG_LOCK_UPDATE_IN_PROGRESS | pg_sys::TUPLE_LOCK_FLAG_FIND_LAST_VERSION) as u8,
                &mut failure,
            );
            // A newer version was locked: whether it still has the key is not ours to say.
            is_locked = outcome == pg_sys::TM_Result::TM_Ok && !failure.traversed;
        }
        server::index_endscan(scan);
        server::ExecDropSingleTupleTableSlot(slot);
        server::UnregisterSnapshot(snapshot);
        server::index_close(index, pg_sys::NoLock as c_int);
        is_locked
    }
}

/// Notes of a table which of its foreign keys can be checked here, from the catalogs. Says whether it has any.
#[pg_guard]
unsafe extern "C-unwind" fn learn(table: pg_sys::Relation) -> bool {
    // SAFETY: the relation is open; catalog look-ups in a transaction. While they run, nothing that is known is borrowed.
    unsafe {
        catalog::listen(changed);
        let changes = (*KNOWN.0.get()).changes;
        let keys = if is_ours(table) { keys_of(table) } else { Vec::new() };
        let has_keys = !keys.is_empty();
        let known = &mut *KNOWN.0.get();
        if known.changes != changes {
            // While the catalogs were read. The next statement reads them again.
            return false;
        }
        for key in keys {
            match known.keys.iter().find(|known| (***known).trigger == key.trigger) {
                // In its place: a trigger in flight may point to it.
                Some(known) => **known = key,
                None => known.keys.push(Box::into_raw(Box::new(key))),
            }
        }
        if let Err(at) = known.tables.binary_search_by_key(&(*table).rd_id.to_u32(), |(table, _)| *table) {
            known.tables.insert(at, ((*table).rd_id.to_u32(), has_keys));
        }
        has_keys
    }
}

/// A table or an index has changed (0: any may have): what is known of a table is forgotten when it changes, or one that it
/// references.
fn changed(relation: pg_sys::Oid) {
    // SAFETY: called between two steps of the one thread that reads what is known; nothing here allocates or calls Postgres.
    unsafe {
        let Known { tables, keys, changes } = &mut *KNOWN.0.get();
        *changes += 1;
        if relation == pg_sys::InvalidOid {
            tables.clear();
            keys.iter().for_each(|key| (**key).is_current = false);
            return;
        }
        let mut forget = |table: pg_sys::Oid| {
            if let Ok(at) = tables.binary_search_by_key(&table.to_u32(), |(table, _)| *table) {
                tables.remove(at);
            }
        };
        forget(relation);
        for key in keys.iter().map(|key| &mut **key) {
            if [key.table, key.referenced, key.index].contains(&relation) {
                key.is_current = false;
                forget(key.table);
            }
        }
    }
}

/// Whether the table is one of the extension's, or a month of one.
unsafe fn is_ours(table: pg_sys::Relation) -> bool {
    // SAFETY: the relation is open; a catalog look-up.
    unsafe { (*(*table).rd_rel).relnamespace == pg_sys::get_namespace_oid(c"voice".as_ptr(), true) }
}

/// # Safety
/// The relation is open.
unsafe fn keys_of(table: pg_sys::Relation) -> Vec<Key> {
    // SAFETY: as the caller says; a relation that has triggers describes them.
    unsafe {
        let triggers = (*table).trigdesc;
        let declared = pg_sys::RelationGetFKeyList(table);
        if triggers.is_null() || declared.is_null() {
            return Vec::new();
        }
        let declared: Vec<*const pg_sys::ForeignKeyCacheInfo> = (0..(*declared).length as usize)
            .map(|n| (*(*declared).elements.add(n)).ptr_value.cast_const().cast())
            .collect();
        let triggers = std::slice::from_raw_parts((*triggers).triggers, (*triggers).numtriggers as usize);
        let checks = triggers.iter().filter(|trigger| is_check(trigger.tgfoid));
        checks
            .filter_map(|trigger| {
                let declared = declared.iter().find(|key| (***key).conoid == trigger.tgconstraint)?;
                let table = (*table).rd_id;
                let referenced = pg_sys::try_relation_open((**declared).confrelid, pg_sys::AccessShareLock as c_int);
                if referenced.is_null() {
                    return None;
                }
                let key = key_by_index(trigger.tgoid, table, &**declared, referenced);
                pg_sys::relation_close(referenced, pg_sys::NoLock as c_int);
                key
            })
            .collect()
    }
}

/// The key, where the table that is referenced is a plain one of the extension that its owner may read, and a unique index
/// answers the question with nothing but the operators of the key.
unsafe fn key_by_index(
    trigger: pg_sys::Oid,
    table: pg_sys::Oid,
    declared: &pg_sys::ForeignKeyCacheInfo,
    referenced: pg_sys::Relation,
) -> Option<Key> {
    // SAFETY: the relation is open; catalog look-ups.
    unsafe {
        let of = &*(*referenced).rd_rel;
        // PostgreSQL's query reads as the owner; for the lock it wants one of the rights to write.
        let may = |right: u32| {
            pg_sys::pg_class_aclcheck((*referenced).rd_id, of.relowner, right.into()) == pg_sys::AclResult::ACLCHECK_OK
        };
        let length = declared.nkeys as usize;
        if !is_ours(referenced)
            || of.relkind as u8 != pg_sys::RELKIND_RELATION
            || !may(pg_sys::ACL_SELECT)
            || !may(pg_sys::ACL_UPDATE)
            || length > COLUMNS
        {
            return None;
        }
        let indexes = pg_sys::RelationGetIndexList(referenced);
        let indexes: Vec<pg_sys::Oid> = if indexes.is_null() {
            Vec::new()
        } else {
            (0..(*indexes).length as usize).map(|n| (*(*indexes).elements.add(n)).oid_value).collect()
        };
        indexes.into_iter().find_map(|number| {
            let index = pg_sys::index_open(number, pg_sys::AccessShareLock as c_int);
            let asked = how_to_ask(index, declared, length);
            pg_sys::index_close(index, pg_sys::NoLock as c_int);
            let (scan, columns) = asked?;
            let referenced = (*referenced).rd_id;
            Some(Key { trigger, table, referenced, index: number, scan, columns, length, is_current: true })
        })
    }
}

type Asked = ([pg_sys::ScanKeyData; COLUMNS], [pg_sys::AttrNumber; COLUMNS]);

/// How the index is asked for a key; `None`: it is not the one.
unsafe fn how_to_ask(index: pg_sys::Relation, declared: &pg_sys::ForeignKeyCacheInfo, length: usize) -> Option<Asked> {
    // SAFETY: the index is open; its arrays have as many elements as it has columns.
    unsafe {
        let of = &*(*index).rd_index;
        let is_plain = of.indisunique
            && of.indimmediate
            && of.indisvalid
            && of.indnkeyatts as usize == length
            && (*(*index).rd_rel).relam == BTREE
            && pg_sys::RelationGetIndexPredicate(index).is_null()
            && pg_sys::RelationGetIndexExpressions(index).is_null();
        if !is_plain {
            return None;
        }
        let mut asked: Asked = std::mem::zeroed();
        for (n, referenced) in of.indkey.values.as_slice(length).iter().enumerate() {
            let at = declared.confkey[..length].iter().position(|column| column == referenced)?;
            let operator = declared.conpfeqop[at];
            let collation = *(*index).rd_indcollation.add(n);
            let is_of_the_index = pg_sys::get_op_opfamily_strategy(operator, *(*index).rd_opfamily.add(n))
                == pg_sys::BTEqualStrategyNumber as c_int;
            // Equal by other rules than byte for byte: left to PostgreSQL.
            if !is_of_the_index
                || !(collation == pg_sys::InvalidOid || pg_sys::get_collation_isdeterministic(collation))
            {
                return None;
            }
            let mut function: pg_sys::FmgrInfo = std::mem::zeroed();
            pg_sys::fmgr_info_cxt(pg_sys::get_opcode(operator), &mut function, pg_sys::TopMemoryContext);
            asked.0[n] = pg_sys::ScanKeyData {
                sk_attno: n as pg_sys::AttrNumber + 1,
                sk_strategy: pg_sys::BTEqualStrategyNumber as pg_sys::StrategyNumber,
                sk_collation: collation,
                sk_func: function,
                ..std::mem::zeroed()
            };
            asked.1[n] = declared.conkey[at];
        }
        Some(asked)
    }
}

/// The access method btree, by its fixed number (pg_am.dat).
const BTREE: pg_sys::Oid = pg_sys::Oid::from_u32(403);
