//! What a session remembers of the catalogs is to be forgotten when they change.
#![allow(unsafe_code)] // a callback of Postgres

use pgrx::pg_sys;
use std::cell::RefCell;

/// Told of a table or an index that has changed; 0: any may have. Must not raise an error, nor ask the catalogs.
type Told = fn(pg_sys::Oid);

thread_local! {
    static TOLD: RefCell<Vec<Told>> = const { RefCell::new(Vec::new()) };
}

/// From now on `told` is told of changes, however often it asks. To be called before that is read which it will remember.
pub fn listen(told: Told) {
    TOLD.with_borrow_mut(|all| {
        if all.is_empty() {
            // SAFETY: the callback lives as long as the library, which is never unloaded. There are ten of them in a process,
            // for all its libraries: so there is one of ours.
            unsafe { pg_sys::CacheRegisterRelcacheCallback(Some(changed), pg_sys::Datum::null()) };
        }
        if !all.iter().any(|one| std::ptr::fn_addr_eq(*one, told)) {
            all.push(told);
        }
    });
}

/// Called wherever Postgres takes in what others have changed.
unsafe extern "C-unwind" fn changed(_: pg_sys::Datum, relation: pg_sys::Oid) {
    // Borrowed for writing by nobody: listen() takes in no change.
    TOLD.with(|all| {
        if let Ok(all) = all.try_borrow() {
            all.iter().for_each(|told| told(relation));
        }
    });
}

/// The access method btree, by its fixed number (pg_am.dat).
pub const BTREE: pg_sys::Oid = pg_sys::Oid::from_u32(403);
