//! Acting as another user for a moment.
#![allow(unsafe_code)] // what a SECURITY DEFINER function's entry and exit do

use pgrx::pg_sys;
use std::cell::Cell;

thread_local! {
    /// Who asked, while we act as `voice_worker`.
    static ASKED: Cell<Option<(pg_sys::Oid, pg_sys::Oid)>> = const { Cell::new(None) };
}

/// Runs `work` as `voice_worker`; the restricted context keeps `SET ROLE` away. An error rolls the (sub)transaction back,
/// and with it Postgres restores the user. The search path stays the caller's: what runs here names schemas, of
/// operators too.
pub fn as_voice_worker<R>(work: impl FnOnce() -> R) -> R {
    // SAFETY: inside a transaction; the user is put back as it was.
    unsafe {
        let (mut user, mut context) = (pg_sys::InvalidOid, 0);
        pg_sys::GetUserIdAndSecContext(&mut user, &mut context);
        let worker = pg_sys::get_role_oid(c"voice_worker".as_ptr(), false);
        let asked = ASKED.get();
        let _forget = Forget(asked);
        // Whoever acts as voice_worker already is asked for whom.
        ASKED.set(Some((worker, caller_of(user, asked))));
        pg_sys::SetUserIdAndSecContext(worker, context | pg_sys::SECURITY_LOCAL_USERID_CHANGE as i32);
        let result = work();
        pg_sys::SetUserIdAndSecContext(user, context);
        result
    }
}

/// The current user; while we act as `voice_worker`, who asked us to.
pub fn caller() -> pg_sys::Oid {
    // SAFETY: a variable of the session.
    caller_of(unsafe { pg_sys::GetUserId() }, ASKED.get())
}

/// Whom no policy holds: the owner of the tables, superusers, roles with BYPASSRLS.
pub fn bypasses_rls(role: pg_sys::Oid) -> bool {
    // SAFETY: catalog look-ups inside a transaction.
    unsafe { role == pg_sys::get_role_oid(c"voice_worker".as_ptr(), true) || pg_sys::has_bypassrls_privilege(role) }
}

fn caller_of(user: pg_sys::Oid, asked: Option<(pg_sys::Oid, pg_sys::Oid)>) -> pg_sys::Oid {
    match asked {
        Some((worker, who)) if worker == user => who,
        _ => user,
    }
}

/// Puts back who asked before, also when an error passes through.
struct Forget(Option<(pg_sys::Oid, pg_sys::Oid)>);

impl Drop for Forget {
    fn drop(&mut self) {
        ASKED.set(self.0);
    }
}
