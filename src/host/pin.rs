//! Whose tenant a role is, whatever it sets: the pins (`sql/tables/pin.sql`), kept in mind by each session.
//!
//! Asked for every row, so the answer is remembered for each set of users a session acts as, until a pin or a role
//! changes: both send invalidations, which every session takes in before its next statement.
#![allow(unsafe_code)] // catalogs, callbacks of the caches, and a table read without SPI

use crate::error::raise;
use pgrx::prelude::*;
use pgrx::{FromDatum, pg_sys};
use std::cell::{Cell, RefCell};
use std::ffi::CStr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

/// Who logged in, who they act as (`SET ROLE`), and whose code is running.
type Users = [pg_sys::Oid; 3];

/// As many answers as are worth a look before they cost as much as asking.
const MOST: usize = 16;

static STALE: AtomicBool = AtomicBool::new(false);
/// The table, once it was read.
static TABLE: AtomicU32 = AtomicU32::new(0);

thread_local! {
    static ANSWERS: RefCell<Vec<(Users, Option<String>)>> = const { RefCell::new(Vec::new()) };
    static LISTENING: Cell<bool> = const { Cell::new(false) };
}

/// The tenant that the session is pinned to. The pin of who logged in decides; else that of the role they have set; else
/// that of the role whose code this is: a pinned login is behind its wall whatever it calls or becomes.
pub fn tenant() -> Option<String> {
    let users = users();
    if STALE.swap(false, Relaxed) {
        ANSWERS.with_borrow_mut(Vec::clear);
    }
    let known =
        ANSWERS.with_borrow(|known| known.iter().find(|(of, _)| *of == users).map(|(_, tenant)| tenant.clone()));
    if let Some(tenant) = known {
        return tenant;
    }
    listen();
    let tenant = read(users);
    ANSWERS.with_borrow_mut(|known| {
        if known.len() == MOST {
            known.clear();
        }
        known.push((users, tenant.clone()));
    });
    tenant
}

/// What has changed is told to every session when this transaction commits, and to this one at its next command.
pub fn changed(table: pg_sys::Oid) {
    // SAFETY: inside a transaction; the relation is open.
    unsafe { pg_sys::CacheInvalidateRelcacheByRelid(table) };
}

fn users() -> Users {
    // SAFETY: three variables of the session.
    unsafe { [pg_sys::GetSessionUserId(), pg_sys::GetOuterUserId(), super::user::caller()] }
}

fn listen() {
    if LISTENING.replace(true) {
        return;
    }
    // SAFETY: once a process; the callbacks do nothing but set a flag.
    unsafe {
        pg_sys::CacheRegisterRelcacheCallback(Some(relation_changed), pg_sys::Datum::null());
        pg_sys::CacheRegisterSyscacheCallback(
            pg_sys::SysCacheIdentifier::AUTHOID as i32,
            Some(role_changed),
            pg_sys::Datum::null(),
        );
    }
}

unsafe extern "C-unwind" fn relation_changed(_: pg_sys::Datum, relation: pg_sys::Oid) {
    if relation == pg_sys::InvalidOid || relation.to_u32() == TABLE.load(Relaxed) {
        STALE.store(true, Relaxed);
    }
}

unsafe extern "C-unwind" fn role_changed(_: pg_sys::Datum, _: i32, _: u32) {
    STALE.store(true, Relaxed);
}

fn read(users: Users) -> Option<String> {
    // SAFETY: catalog look-ups and a scan inside a transaction. The snapshot is the catalogs' own, always a new one: an
    // old one of the session's would remember a pin as it was, and nothing would say that it has changed since. The
    // columns are two texts (pin.sql).
    unsafe {
        let schema = pg_sys::get_namespace_oid(c"voice".as_ptr(), false);
        let table = pg_sys::get_relname_relid(c"_pin".as_ptr(), schema);
        if table == pg_sys::InvalidOid {
            if pg_sys::superuser_arg(users[0]) {
                return None;
            }
            raise(
                PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                "nobody knows whose tenant this role is",
                "The table voice._pin is missing: a restore is not complete.",
                "Restore it from the dump, or SELECT voice_install() and pin the roles again.",
            );
        }
        TABLE.store(table.to_u32(), Relaxed);
        let names = users.map(|user| {
            let name = pg_sys::GetUserNameFromId(user, true);
            (!name.is_null()).then(|| CStr::from_ptr(name).to_string_lossy().into_owned())
        });
        let mut found: [Option<String>; 3] = [None, None, None];
        let relation = pg_sys::table_open(table, pg_sys::AccessShareLock as i32);
        let scan = pg_sys::systable_beginscan(
            relation,
            pg_sys::InvalidOid,
            false,
            std::ptr::null_mut(),
            0,
            std::ptr::null_mut(),
        );
        loop {
            let tuple = pg_sys::systable_getnext(scan);
            if tuple.is_null() {
                break;
            }
            let columns = (*relation).rd_att;
            let count = (*columns).natts as usize;
            let (mut values, mut nulls) = (vec![pg_sys::Datum::null(); count], vec![true; count]);
            pg_sys::heap_deform_tuple(tuple, columns, values.as_mut_ptr(), nulls.as_mut_ptr());
            let role = String::from_datum(values[0], nulls[0]);
            for (name, tenant) in names.iter().zip(&mut found) {
                if name.is_some() && *name == role {
                    *tenant = String::from_datum(values[1], nulls[1]);
                }
            }
        }
        pg_sys::systable_endscan(scan);
        pg_sys::table_close(relation, pg_sys::AccessShareLock as i32);
        found.into_iter().flatten().next()
    }
}
