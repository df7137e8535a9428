//! Whose tenant a role is, whatever it sets: the pins (`sql/tables/pin.sql`), kept in mind by each session.
//!
//! A pin that was learnt on this installation is a role's, by oid, whatever it is called by now. One that came with a dump
//! knows a name only, and so does one whose role is gone: they are whoever's has that name.
//!
//! Asked for every row, so the answer is remembered for each set of users a session acts as, until a pin or a role
//! changes: both send invalidations, which every session takes in before its next statement.
#![allow(unsafe_code)] // catalogs, callbacks of the caches, and a table read without SPI

use crate::host::error::raise;
use pgrx::prelude::*;
use pgrx::{FromDatum, pg_sys};
use std::cell::{Cell, RefCell};
use std::ffi::CStr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

/// Who logged in, who they act as (`SET ROLE`), and whose code is running.
type Users = [pg_sys::Oid; 3];

/// As many answers as are worth a look before they cost as much as asking.
const MOST: usize = 16;

/// What the table says of a set of users.
#[derive(Clone)]
struct Answer {
    tenant: Option<String>,
    /// Somebody is pinned, be it somebody else: there is a wall to go round.
    walls: bool,
}

/// A row of the table.
struct Pin {
    role: Option<String>,
    tenant: Option<String>,
    oid: Option<pg_sys::Oid>,
    /// The installation on which the oid means something.
    instance: Option<pgrx::Uuid>,
}

static STALE: AtomicBool = AtomicBool::new(false);
/// The table, once it was read.
static TABLE: AtomicU32 = AtomicU32::new(0);

thread_local! {
    static ANSWERS: RefCell<Vec<(Users, Answer)>> = const { RefCell::new(Vec::new()) };
    static LISTENING: Cell<bool> = const { Cell::new(false) };
}

/// The tenant that the session is pinned to. The pin of who logged in decides; else that of the role they have set; else
/// that of the role whose code this is: a pinned login is behind its wall whatever it calls or becomes.
pub fn tenant() -> Option<String> {
    let users = users();
    let answer = answer(users);
    if answer.tenant.is_none() && answer.walls && restricted() && !super::user::bypasses_rls(users[2]) {
        refuse_somebody_elses_command();
    }
    answer.tenant
}

/// Whether there are walls between tenants.
pub fn somebody_is_pinned() -> bool {
    answer(users()).walls
}

fn answer(users: Users) -> Answer {
    if STALE.swap(false, Relaxed) {
        ANSWERS.with_borrow_mut(Vec::clear);
    }
    let known =
        ANSWERS.with_borrow(|known| known.iter().find(|(of, _)| *of == users).map(|(_, answer)| answer.clone()));
    if let Some(answer) = known {
        return answer;
    }
    listen();
    let answer = read(users);
    ANSWERS.with_borrow_mut(|known| {
        if known.len() == MOST {
            known.clear();
        }
        known.push((users, answer.clone()));
    });
    answer
}

/// ANALYZE, VACUUM, REINDEX, CREATE INDEX or REFRESH, autovacuum's included: code of a table's owner runs as that owner in
/// the session of whoever looks after the table.
fn restricted() -> bool {
    // SAFETY: a variable of the session.
    unsafe { pg_sys::InSecurityRestrictedOperation() }
}

/// The session is a superuser's, or autovacuum's; the setting is what the owner of the code sets. A pinned login that may
/// become an unpinned role would leave an index behind as that role, and read as any tenant when it is analysed.
fn refuse_somebody_elses_command() -> ! {
    // SAFETY: a catalog look-up; `noerr` is false, so there is a name.
    let owner = unsafe { CStr::from_ptr(pg_sys::GetUserNameFromId(pg_sys::GetUserId(), false)).to_string_lossy() };
    raise(
        PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE,
        "nobody's tenant is seen from an index, a materialized view or a CHECK of a role without a tenant",
        &format!(
            "It belongs to {owner}, which is not pinned, and is computed in a session that need not be {owner}'s; \
             other roles here are pinned."
        ),
        &format!("SELECT voice_pin_tenant('{owner}', tenant), or keep the rows in a table that {owner} fills itself."),
    )
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

fn read(users: Users) -> Answer {
    // SAFETY: catalog look-ups and scans inside a transaction; the columns are those of pin.sql and schema.sql.
    unsafe {
        let schema = pg_sys::get_namespace_oid(c"voice".as_ptr(), false);
        let table = pg_sys::get_relname_relid(c"_pin".as_ptr(), schema);
        if table == pg_sys::InvalidOid {
            if pg_sys::superuser_arg(users[0]) {
                return Answer { tenant: None, walls: false };
            }
            raise(
                PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                "nobody knows whose tenant this role is",
                "The table voice._pin is missing: a restore is not complete.",
                "Restore it from the dump, or SELECT voice_install() and pin the roles again.",
            );
        }
        TABLE.store(table.to_u32(), Relaxed);
        let pins = rows(table, |row| Pin {
            role: String::from_datum(row[0].0, row[0].1),
            tenant: String::from_datum(row[1].0, row[1].1),
            oid: pg_sys::Oid::from_datum(row[2].0, row[2].1),
            instance: pgrx::Uuid::from_datum(row[3].0, row[3].1),
        });
        if pins.is_empty() {
            return Answer { tenant: None, walls: false };
        }
        let instance = pg_sys::get_relname_relid(c"_instance".as_ptr(), schema);
        let here = match instance {
            pg_sys::InvalidOid => None,
            table => rows(table, |row| pgrx::Uuid::from_datum(row[1].0, row[1].1)).into_iter().next().flatten(),
        };
        let tenant = users.iter().find_map(|user| of_role(&pins, here, *user));
        Answer { tenant, walls: true }
    }
}

/// The role's own pin, else the one that has its name and is nobody's by oid.
fn of_role(pins: &[Pin], here: Option<pgrx::Uuid>, role: pg_sys::Oid) -> Option<String> {
    let learnt = |pin: &Pin| here.is_some() && pin.instance == here;
    let own = pins.iter().find(|pin| learnt(pin) && pin.oid == Some(role));
    let pin = own.or_else(|| {
        let name = name_of(role)?;
        let is_gone = |oid: Option<pg_sys::Oid>| oid.is_none_or(|oid| name_of(oid).is_none());
        pins.iter().find(|pin| pin.role.as_deref() == Some(&name) && (!learnt(pin) || is_gone(pin.oid)))
    })?;
    pin.tenant.clone()
}

fn name_of(role: pg_sys::Oid) -> Option<String> {
    // SAFETY: a catalog look-up inside a transaction; NULL where there is no such role.
    unsafe {
        let name = pg_sys::GetUserNameFromId(role, true);
        (!name.is_null()).then(|| CStr::from_ptr(name).to_string_lossy().into_owned())
    }
}

/// # Safety
/// Inside a transaction; `of_row` gets as many columns (value, is null) as the table has, and takes them for their types.
unsafe fn rows<R>(table: pg_sys::Oid, of_row: impl Fn(&[(pg_sys::Datum, bool)]) -> R) -> Vec<R> {
    // SAFETY: a scan of an open relation. The snapshot is the catalogs' own, always a new one: an old one of the session's
    // would remember a pin as it was, and nothing would say that it has changed since.
    unsafe {
        let mut found = Vec::new();
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
            let row: Vec<_> = values.into_iter().zip(nulls).collect();
            found.push(of_row(&row));
        }
        pg_sys::systable_endscan(scan);
        pg_sys::table_close(relation, pg_sys::AccessShareLock as i32);
        found
    }
}
