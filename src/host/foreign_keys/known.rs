//! What a session knows of foreign keys, until the catalogs change.
#![allow(unsafe_code)] // what is known is read by hooks, without guards

use super::catalog_keys::{is_ours, keys_of};
use crate::host::catalog;
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::cell::UnsafeCell;
use std::ptr;

/// Columns of the longest key of ours.
pub(super) const COLUMNS: usize = 2;

/// What a trigger of a foreign key needs to know. Never freed: triggers in flight point to it. There is one a key and leaf.
pub(super) struct Key {
    pub(super) trigger: pg_sys::Oid,
    /// The table whose rows are checked, the one that is referenced, and its index.
    pub(super) table: pg_sys::Oid,
    pub(super) referenced: pg_sys::Oid,
    pub(super) index: pg_sys::Oid,
    /// How the index is asked, and in the order of its columns where the values stand in the row that is checked.
    pub(super) scan: [pg_sys::ScanKeyData; COLUMNS],
    pub(super) columns: [pg_sys::AttrNumber; COLUMNS],
    pub(super) length: usize,
    /// The catalogs said so, and nothing of it has changed since.
    pub(super) is_current: bool,
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

/// `RI_FKey_check_ins` and `RI_FKey_check_upd`, by their fixed numbers (pg_proc.dat).
const CHECK_ON_INSERT: pg_sys::Oid = pg_sys::Oid::from_u32(1644);
pub(super) const CHECK_ON_UPDATE: pg_sys::Oid = pg_sys::Oid::from_u32(1645);

pub(super) fn is_check(function: pg_sys::Oid) -> bool {
    function == CHECK_ON_INSERT || function == CHECK_ON_UPDATE
}

/// Whether the table has foreign keys that are checked here, as known or as the catalogs say.
///
/// # Safety
/// The relation is open.
pub(super) unsafe fn has_keys(table: pg_sys::Relation) -> bool {
    // SAFETY: what is known is borrowed for the search only, in which nothing else runs.
    unsafe {
        let known = &(*KNOWN.0.get()).tables;
        match known.binary_search_by_key(&(*table).rd_id.to_u32(), |(table, _)| *table) {
            Ok(at) => known[at].1,
            Err(_) => learn(table),
        }
    }
}

pub(super) fn key_of(trigger: pg_sys::Oid) -> *mut Key {
    // SAFETY: keys are never freed; what is known is borrowed for the search only.
    unsafe {
        let known = &(*KNOWN.0.get()).keys;
        known.iter().copied().find(|key| (**key).trigger == trigger && (**key).is_current).unwrap_or(ptr::null_mut())
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
