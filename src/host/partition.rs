//! Which leaf of a partitioned table holds some ids: what the executor asks for every row, asked once for many.
#![allow(unsafe_code)] // relations and their partition descriptors are C structures

use pgrx::pg_sys;
use std::ffi::CStr;

/// The leaf of `voice.<family>` that holds all ids from the lowest to the highest, by its quoted name. `None`: they lie in
/// several, or in the DEFAULT, or there is no such table; or the leaf is one that its family gives to read and that by its
/// name would be refused, or show nothing: another owner's, in another schema, or with row-level security for its owner
/// too.
///
/// Until the transaction ends the leaf is neither detached, dropped nor renamed: the family and it stay locked as by a
/// query.
pub fn holding(family: &CStr, lowest: &[u8; 16], highest: &[u8; 16]) -> Option<String> {
    // SAFETY: inside a transaction; descriptors live as long as their relation is open, and longer while it is locked. The
    // key of every family is one uuid, of which a datum is a pointer to its bytes. An error gives everything back.
    unsafe {
        let schema = pg_sys::get_namespace_oid(c"voice".as_ptr(), true);
        let table = pg_sys::get_relname_relid(family.as_ptr(), schema);
        let relation = pg_sys::try_relation_open(table, pg_sys::AccessShareLock as i32);
        if relation.is_null() {
            return None;
        }
        let leaf = match (*(*relation).rd_rel).relkind as u8 {
            pg_sys::RELKIND_PARTITIONED_TABLE => {
                let partitions = &*pg_sys::RelationGetPartitionDesc(relation, true);
                find(partitions, lowest).filter(|leaf| find(partitions, highest) == Some(*leaf)).map(|leaf| leaf.table)
            }
            _ => None,
        };
        pg_sys::relation_close(relation, pg_sys::NoLock as i32);
        let relation = pg_sys::try_relation_open(leaf?, pg_sys::AccessShareLock as i32);
        if relation.is_null() {
            return None;
        }
        let of_leaf = &*(*relation).rd_rel;
        let is_ours = of_leaf.relowner == pg_sys::GetUserId()
            && of_leaf.relnamespace == schema
            && !of_leaf.relforcerowsecurity
            && of_leaf.relkind as u8 == pg_sys::RELKIND_RELATION;
        let quoted = pg_sys::quote_qualified_identifier(c"voice".as_ptr(), of_leaf.relname.data.as_ptr());
        pg_sys::relation_close(relation, pg_sys::NoLock as i32);
        is_ours.then(|| CStr::from_ptr(quoted).to_string_lossy().into_owned())
    }
}

/// A partition that holds ids from the lowest on, and below the highest.
#[derive(Clone, Copy, PartialEq)]
pub(super) struct Leaf {
    pub(super) table: pg_sys::Oid,
    /// `None`: from the very first on.
    pub(super) lowest: Option<[u8; 16]>,
    pub(super) highest: Option<[u8; 16]>,
}

/// The partition whose range holds the id; `None`: none has it, or the DEFAULT.
///
/// # Safety
/// The descriptor is that of a table partitioned by ranges of one uuid.
pub(super) unsafe fn find(partitions: &pg_sys::PartitionDescData, id: &[u8; 16]) -> Option<Leaf> {
    // SAFETY: as the caller says. The bounds ascend; `indexes[n]` is the partition that ends where the n-th bound stands, or
    // negative where there is none, and there is one entry more than bounds (partbounds.h).
    unsafe {
        use pg_sys::PartitionRangeDatumKind::*;
        let bounds = partitions.boundinfo.as_ref().filter(|bounds| bounds.strategy as u8 == b'r')?;
        let value = |n: usize| match **bounds.kind.add(n) {
            PARTITION_RANGE_DATUM_VALUE => Some(*(**bounds.datums.add(n)).cast_mut_ptr::<[u8; 16]>()),
            _ => None,
        };
        let begins_before = |n: usize| match **bounds.kind.add(n) {
            PARTITION_RANGE_DATUM_MINVALUE => true,
            PARTITION_RANGE_DATUM_MAXVALUE => false,
            _ => value(n).is_some_and(|bound| bound <= *id),
        };
        let (mut low, mut high) = (0, bounds.ndatums as usize);
        while low < high {
            let middle = (low + high) / 2;
            if begins_before(middle) { low = middle + 1 } else { high = middle }
        }
        let at = usize::try_from(*bounds.indexes.add(low)).ok()?;
        let leaf = || Leaf {
            table: *partitions.oids.add(at),
            lowest: low.checked_sub(1).and_then(value),
            highest: (low < bounds.ndatums as usize).then(|| value(low)).flatten(),
        };
        (at != bounds.default_index as usize).then(leaf)
    }
}
