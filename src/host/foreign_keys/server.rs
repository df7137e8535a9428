//! The server's own functions, as the linker finds them: pgrx's bindings would catch every error on its way.
#![allow(unsafe_code)] // functions of C

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
    pub fn index_getnext_slot(scan: IndexScanDesc, direction: ScanDirection::Type, slot: *mut TupleTableSlot) -> bool;
    pub fn index_open(index: Oid, lock: LOCKMODE) -> Relation;
    pub fn index_rescan(scan: IndexScanDesc, keys: ScanKey, count: c_int, order: ScanKey, orders: c_int);
    pub fn relation_close(relation: Relation, lock: LOCKMODE);
    pub fn slot_getsomeattrs_int(slot: *mut TupleTableSlot, column: c_int);
    pub fn table_slot_create(table: Relation, registered: *mut *mut List) -> *mut TupleTableSlot;
    pub fn try_relation_open(table: Oid, lock: LOCKMODE) -> Relation;
}
