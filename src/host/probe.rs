//! One row of a table by its key, read without a statement: what SPI does around such a probe costs many times the probe.
#![allow(unsafe_code)] // relations, snapshots and scans are C structures

use super::trigger::Row;
use pgrx::pg_sys;
use std::ffi::CStr;

/// What came of a probe.
pub enum Probed<R> {
    /// There is no such table any more.
    NoTable,
    /// There is no such row, or not for us to see.
    NoRow,
    Row(R),
}

/// Looks for the row whose primary key is this uuid, its only column, and hands it over. Whoever the session's user is: no
/// privilege is asked for, no policy applied.
///
/// In a snapshot of its own, which sees what others have committed by now and what this transaction has done so far, as a
/// statement would. In a session that sees the past only, it sees that.
pub fn by_uuid<R>(table: pg_sys::Oid, id: &[u8; 16], read: impl FnOnce(&Row<'_>) -> R) -> Probed<R> {
    // SAFETY: inside a transaction. The table stays locked to its end, as after any query; the row is read before the scan
    // and with it the buffer is let go. An error gives everything back.
    unsafe {
        let relation = pg_sys::try_relation_open(table, pg_sys::AccessShareLock as i32);
        if relation.is_null() {
            return Probed::NoTable;
        }
        // Also notes which of them is the primary key's.
        pg_sys::list_free(pg_sys::RelationGetIndexList(relation));
        let index = (*relation).rd_pkindex;
        if index == pg_sys::InvalidOid {
            pg_sys::relation_close(relation, pg_sys::NoLock as i32);
            return Probed::NoTable;
        }
        let mut read = Some(read);
        let found = scan(relation, index, id, &mut |row| read.take().map(|read| read(row)));
        let probed = found.map_or(Probed::NoRow, Probed::Row);
        pg_sys::relation_close(relation, pg_sys::NoLock as i32);
        probed
    }
}

/// Whether `voice.<table>` has a row of which this uuid is the first column of the index `voice.<index>`, and for which `is`
/// says yes. `None`: there is no such index. As [`by_uuid`]: nobody's privileges, no policy, a snapshot of its own.
pub fn any_by_index(table: &CStr, index: &CStr, id: &[u8; 16], is: impl Fn(&Row<'_>) -> bool) -> Option<bool> {
    // SAFETY: as in `by_uuid`; an index that is of another table is not used.
    unsafe {
        let schema = pg_sys::get_namespace_oid(c"voice".as_ptr(), true);
        let index = pg_sys::get_relname_relid(index.as_ptr(), schema);
        let table = pg_sys::get_relname_relid(table.as_ptr(), schema);
        if index == pg_sys::InvalidOid || pg_sys::IndexGetRelation(index, true) != table {
            return None;
        }
        let relation = pg_sys::try_relation_open(table, pg_sys::AccessShareLock as i32);
        if relation.is_null() {
            return None;
        }
        let found = scan(relation, index, id, &mut |row| is(row).then_some(()));
        pg_sys::relation_close(relation, pg_sys::NoLock as i32);
        Some(found.is_some())
    }
}

/// Hands over the rows with this uuid in the first column of the index, until `read` gives something.
///
/// # Safety
/// The relation is open, and the index one of its own. A transaction is in progress.
unsafe fn scan<R>(
    relation: pg_sys::Relation,
    index: pg_sys::Oid,
    id: &[u8; 16],
    read: &mut dyn FnMut(&Row<'_>) -> Option<R>,
) -> Option<R> {
    // SAFETY: as the caller says; a row is read before the scan goes on, and with that the buffer is let go.
    unsafe {
        let index_relation = pg_sys::index_open(index, pg_sys::AccessShareLock as i32);
        let column = (*(*index_relation).rd_index).indkey.values.as_slice(1)[0];
        pg_sys::index_close(index_relation, pg_sys::NoLock as i32);

        let mut key: pg_sys::ScanKeyData = std::mem::zeroed();
        pg_sys::ScanKeyInit(
            &mut key,
            column,
            pg_sys::BTEqualStrategyNumber as u16,
            UUID_EQ,
            pg_sys::Datum::from(id.as_ptr()),
        );
        pg_sys::CommandCounterIncrement();
        pg_sys::PushActiveSnapshot(pg_sys::GetTransactionSnapshot());
        let scan = pg_sys::systable_beginscan(relation, index, true, pg_sys::GetActiveSnapshot(), 1, &mut key);
        let mut found = None;
        while found.is_none() {
            let tuple = pg_sys::systable_getnext(scan);
            if tuple.is_null() {
                break;
            }
            found = read(&Row::of(tuple, (*relation).rd_att));
        }
        pg_sys::systable_endscan(scan);
        pg_sys::PopActiveSnapshot();
        found
    }
}

/// `uuid_eq`, the function of the operator; the same number in every version.
const UUID_EQ: pg_sys::Oid = pg_sys::Oid::from_u32(2956);
