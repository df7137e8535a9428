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
//! "plain old frames"); `known::learn`, which has, is guarded.
#![allow(unsafe_code)] // hooks, triggers and scans are C

mod catalog_keys;
mod known;
mod server;

use known::{COLUMNS, Key, has_keys, is_check, key_of};
use pgrx::pg_sys;
use std::ffi::c_int;
use std::ptr;

static mut NEXT: pg_sys::ExecutorFinish_hook_type = None;

/// Puts the hook in place. To be called once a process, when the library is loaded.
pub fn check_by_probes() {
    // SAFETY: called once, from _PG_init; the hook before ours is kept and called. The callback lives as long as the library.
    unsafe {
        NEXT = pg_sys::ExecutorFinish_hook;
        pg_sys::ExecutorFinish_hook = Some(finish);
    }
}

/// Every statement of every user passes here before its AFTER triggers fire; most have written nothing of ours.
unsafe extern "C-unwind" fn finish(query: *mut pg_sys::QueryDesc) {
    // SAFETY: the hook is given a query that was run; NEXT is written once, before the hook can be called. What is made here
    // lives as long as the query, in whose memory standard_ExecutorFinish() would make it; after an error it goes with it.
    unsafe {
        let state = (*query).estate;
        let callers = pg_sys::CurrentMemoryContext;
        pg_sys::CurrentMemoryContext = (*state).es_query_cxt;
        put_first(state, (*state).es_opened_result_relations, false);
        put_first(state, (*state).es_tuple_routing_result_relations, true);
        pg_sys::CurrentMemoryContext = callers;
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

/// In place of `RI_FKey_check_ins` and `RI_FKey_check_upd`.
unsafe extern "C-unwind" fn check(call: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
    // SAFETY: called as the trigger of a row, with what `put_first` has put there.
    unsafe {
        let function = &*(*call).flinfo;
        if is_there((*call).context.cast(), function.fn_extra.cast()) {
            pg_sys::Datum::null()
        } else if function.fn_oid == known::CHECK_ON_UPDATE {
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
        for (value, column) in values.iter_mut().zip((*key).columns).take((*key).length) {
            if (*row).tts_nvalid < column {
                server::slot_getsomeattrs_int(row, c_int::from(column));
            }
            if *(*row).tts_isnull.add(column as usize - 1) {
                return false;
            }
            value.sk_argument = *(*row).tts_values.add(column as usize - 1);
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
