//! The foreign keys of a table that one probe answers, as the catalogs declare them.
#![allow(unsafe_code)] // relations are C structures

use super::known::{COLUMNS, Key, is_check};
use pgrx::pg_sys;
use std::ffi::c_int;

/// Whether the table is one of the extension's, or a month of one.
pub(super) unsafe fn is_ours(table: pg_sys::Relation) -> bool {
    // SAFETY: the relation is open; a catalog look-up.
    unsafe { (*(*table).rd_rel).relnamespace == pg_sys::get_namespace_oid(c"voice".as_ptr(), true) }
}

/// # Safety
/// The relation is open.
pub(super) unsafe fn keys_of(table: pg_sys::Relation) -> Vec<Key> {
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
            let right = right as pg_sys::AclMode;
            pg_sys::pg_class_aclcheck((*referenced).rd_id, of.relowner, right) == pg_sys::AclResult::ACLCHECK_OK
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
