//! The foreign keys of a table that one probe answers, as the catalogs declare them.
#![allow(unsafe_code)] // relations are C structures

use super::known::{COLUMNS, Key, is_check};
use crate::host::catalog;
use crate::host::tuple::attribute;
use pgrx::pg_sys;
use std::ffi::c_int;

/// Whether the table is one of the extension's, or a month of one: in its schema, and of its owner.
pub(super) unsafe fn is_ours(table: pg_sys::Relation) -> bool {
    // SAFETY: the relation is open; catalog look-ups, after which nothing of the relation is read.
    unsafe {
        let (schema, owner) = ((*(*table).rd_rel).relnamespace, (*(*table).rd_rel).relowner);
        schema == pg_sys::get_namespace_oid(c"voice".as_ptr(), true)
            && owner == pg_sys::get_role_oid(c"voice_worker".as_ptr(), true)
    }
}

/// A foreign key as declared, with the types of its columns. A copy: what a relation holds may be freed by any look-up, which
/// takes in what others have changed meanwhile.
struct Declared {
    trigger: pg_sys::Oid,
    key: pg_sys::ForeignKeyCacheInfo,
    types: [pg_sys::Oid; COLUMNS],
}

/// # Safety
/// The relation is open.
pub(super) unsafe fn keys_of(table: pg_sys::Relation) -> Vec<Key> {
    // SAFETY: as the caller says; a relation that has triggers describes them. Everything is copied before anything is looked up.
    unsafe {
        let number = (*table).rd_id;
        let declared = declared_keys(table);
        declared
            .iter()
            .filter_map(|declared| {
                let referenced = pg_sys::try_relation_open(declared.key.confrelid, pg_sys::AccessShareLock as c_int);
                if referenced.is_null() {
                    return None;
                }
                let key = key_by_index(number, declared, referenced);
                pg_sys::relation_close(referenced, pg_sys::NoLock as c_int);
                key
            })
            .collect()
    }
}

/// # Safety
/// The relation is open.
unsafe fn declared_keys(table: pg_sys::Relation) -> Vec<Declared> {
    // SAFETY: as the caller says. RelationGetFKeyList() may look up; the triggers are read after it, and nothing else is.
    unsafe {
        let list = pg_sys::RelationGetFKeyList(table);
        let triggers = (*table).trigdesc;
        if list.is_null() || triggers.is_null() {
            return Vec::new();
        }
        let keys: Vec<pg_sys::ForeignKeyCacheInfo> = (0..(*list).length as usize)
            .map(|n| *(*(*list).elements.add(n)).ptr_value.cast::<pg_sys::ForeignKeyCacheInfo>())
            .collect();
        let triggers = std::slice::from_raw_parts((*triggers).triggers, (*triggers).numtriggers as usize);
        let checks = triggers.iter().filter(|trigger| is_check(trigger.tgfoid));
        checks
            .filter_map(|trigger| {
                let key = *keys.iter().find(|key| key.conoid == trigger.tgconstraint)?;
                let length = usize::try_from(key.nkeys).ok().filter(|length| *length <= COLUMNS)?;
                let mut types = [pg_sys::InvalidOid; COLUMNS];
                for (type_, column) in types.iter_mut().zip(&key.conkey[..length]) {
                    *type_ = (*attribute((*table).rd_att, *column as usize - 1)).atttypid;
                }
                Some(Declared { trigger: trigger.tgoid, key, types })
            })
            .collect()
    }
}

/// The key, where the table that is referenced is a plain one of the extension that its owner may read, and a unique index
/// answers the question with nothing but the operators of the key.
unsafe fn key_by_index(table: pg_sys::Oid, declared: &Declared, referenced: pg_sys::Relation) -> Option<Key> {
    // SAFETY: the relation is open; catalog look-ups, before which what is needed of it is copied.
    unsafe {
        let (number, kind) = ((*referenced).rd_id, (*(*referenced).rd_rel).relkind as u8);
        let owner = (*(*referenced).rd_rel).relowner;
        // PostgreSQL's query reads as the owner; for the lock it wants one of the rights to write.
        let may = |right: u32| {
            pg_sys::pg_class_aclcheck(number, owner, right as pg_sys::AclMode) == pg_sys::AclResult::ACLCHECK_OK
        };
        let is_plain = kind == pg_sys::RELKIND_RELATION && is_ours(referenced);
        if !is_plain || !may(pg_sys::ACL_SELECT) || !may(pg_sys::ACL_UPDATE) {
            return None;
        }
        // A copy of the relation's own.
        let indexes = pg_sys::RelationGetIndexList(referenced);
        let indexes: Vec<pg_sys::Oid> = if indexes.is_null() {
            Vec::new()
        } else {
            (0..(*indexes).length as usize).map(|n| (*(*indexes).elements.add(n)).oid_value).collect()
        };
        indexes.into_iter().find_map(|index_number| {
            let index = pg_sys::index_open(index_number, pg_sys::AccessShareLock as c_int);
            let asked = how_to_ask(index, declared);
            pg_sys::index_close(index, pg_sys::NoLock as c_int);
            let (scan, columns) = asked?;
            Some(Key {
                trigger: declared.trigger,
                table,
                referenced: number,
                index: index_number,
                scan,
                columns,
                length: declared.key.nkeys as usize,
                is_current: true,
            })
        })
    }
}

type Asked = ([pg_sys::ScanKeyData; COLUMNS], [pg_sys::AttrNumber; COLUMNS]);

/// How the index is asked for a key; `None`: it is not the one, or values would have to be converted to be asked for.
unsafe fn how_to_ask(index: pg_sys::Relation, declared: &Declared) -> Option<Asked> {
    // SAFETY: the index is open; its arrays have as many elements as it has columns, and stay in their places.
    unsafe {
        let (of, key) = (&*(*index).rd_index, &declared.key);
        let length = key.nkeys as usize;
        let is_plain = of.indisunique
            && of.indimmediate
            && of.indisvalid
            && of.indnkeyatts as usize == length
            && (*(*index).rd_rel).relam == catalog::BTREE
            && pg_sys::RelationGetIndexPredicate(index).is_null()
            && pg_sys::RelationGetIndexExpressions(index).is_null();
        if !is_plain {
            return None;
        }
        let mut asked: Asked = std::mem::zeroed();
        for (n, referenced) in of.indkey.values.as_slice(length).iter().enumerate() {
            let at = key.confkey[..length].iter().position(|column| column == referenced)?;
            let operator = key.conpfeqop[at];
            let collation = *(*index).rd_indcollation.add(n);
            let type_ = *(*index).rd_opcintype.add(n);
            let is_of_the_index = pg_sys::get_op_opfamily_strategy(operator, *(*index).rd_opfamily.add(n))
                == pg_sys::BTEqualStrategyNumber as c_int;
            // Of other types than the index, or equal by other rules than byte for byte: left to PostgreSQL.
            if declared.types[at] != type_
                || !is_of_the_index
                || !(collation == pg_sys::InvalidOid || pg_sys::get_collation_isdeterministic(collation))
            {
                return None;
            }
            let (mut left, mut right) = (pg_sys::InvalidOid, pg_sys::InvalidOid);
            pg_sys::op_input_types(operator, &mut left, &mut right);
            if left != type_ || right != type_ {
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
            asked.1[n] = key.conkey[at];
        }
        Some(asked)
    }
}
