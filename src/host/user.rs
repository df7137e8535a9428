//! Acting as another user for a moment.
#![allow(unsafe_code)] // what a SECURITY DEFINER function's entry and exit do

use pgrx::pg_sys;

/// Runs `work` as `voice_worker`; the restricted context keeps `SET ROLE` away. An error rolls the (sub)transaction back,
/// and with it Postgres restores the user. The search path stays the caller's: what runs here names schemas, of
/// operators too.
pub fn as_voice_worker<R>(work: impl FnOnce() -> R) -> R {
    // SAFETY: inside a transaction; the user is put back as it was.
    unsafe {
        let (mut user, mut context) = (pg_sys::InvalidOid, 0);
        pg_sys::GetUserIdAndSecContext(&mut user, &mut context);
        let worker = pg_sys::get_role_oid(c"voice_worker".as_ptr(), false);
        pg_sys::SetUserIdAndSecContext(worker, context | pg_sys::SECURITY_LOCAL_USERID_CHANGE as i32);
        let result = work();
        pg_sys::SetUserIdAndSecContext(user, context);
        result
    }
}
