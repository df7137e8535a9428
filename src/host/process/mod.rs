//! A process of Postgres: how it is registered, what it is connected to, and how it ends.
#![allow(unsafe_code)] // variables and calls of the server

mod activity;
mod interrupts;
mod registration;
mod settings;
mod signals;

pub use activity::{report_activity, report_idle, report_statistics};
pub use interrupts::{check_for_interrupts, wait};
pub use registration::{BgwStatus, Handle, register_launcher, start_maintenance, start_worker};
pub use settings::{PlannerOverride, apply_database_setting, pin_session_settings, setting};
pub use signals::{ask_to_leave, reload_if_asked, take_signals};

use pgrx::prelude::*;
use std::cell::RefCell;
use std::ffi::{CStr, CString, c_int};

/// Connects to the shared catalogs only.
pub fn connect_to_none() {
    // SAFETY: called once in the process, before any other use of a database.
    unsafe { pg_sys::BackgroundWorkerInitializeConnection(std::ptr::null(), std::ptr::null(), 0) }
}

/// Connects to one database. The session belongs to the bootstrap superuser, as Postgres knows no other way to
/// connect a worker as a role without LOGIN; every transaction then runs as `voice_worker` (`db/transaction.rs`).
pub fn connect_to(database: pg_sys::Oid) {
    // SAFETY: called once in the process, before any other use of a database.
    unsafe { pg_sys::BackgroundWorkerInitializeConnectionByOid(database, pg_sys::InvalidOid, 0) }
}

/// Connects to the database of this name, as `connect_to` does.
pub fn connect_to_named(database: &str) {
    let Ok(name) = CString::new(database) else { return };
    // SAFETY: called once in the process, before any other use of a database; Postgres copies the name.
    unsafe { pg_sys::BackgroundWorkerInitializeConnection(name.as_ptr(), std::ptr::null(), 0) }
}

/// Oid of the database this process is connected to.
pub fn my_database() -> pg_sys::Oid {
    // SAFETY: set at connect, never again.
    unsafe { pg_sys::MyDatabaseId }
}

/// Name of the database this process is connected to. To be called in a transaction.
pub fn my_database_name() -> String {
    // SAFETY: in a transaction, as every SQL function is; the name is copied before anything can free it.
    unsafe {
        let name = pg_sys::get_database_name(pg_sys::MyDatabaseId);
        if name.is_null() { String::new() } else { CStr::from_ptr(name).to_string_lossy().into_owned() }
    }
}

/// A function and its argument.
type ExitHook = (fn(usize), usize);

thread_local! {
    /// Functions to call, with their arguments; `None`: the callback is not registered.
    static AT_EXIT: RefCell<Option<Vec<ExitHook>>> = const { RefCell::new(None) };
}

/// Calls the function with the argument when this process ends, however it ends short of a crash (after which Postgres
/// makes shared memory anew). Shared memory and its lock can still be used then.
pub fn at_exit(call: fn(usize), argument: usize) {
    // Postgres has 20 places for such callbacks in a process: we take one for all of ours.
    #[pg_guard]
    unsafe extern "C-unwind" fn call_all(_code: c_int, _argument: pg_sys::Datum) {
        let calls = AT_EXIT.with(|calls| calls.try_borrow_mut().ok().and_then(|mut calls| calls.take()));
        for (call, argument) in calls.into_iter().flatten().rev() {
            call(argument);
        }
    }
    AT_EXIT.with_borrow_mut(|calls| {
        let calls = calls.get_or_insert_with(|| {
            // SAFETY: the callback lives as long as the library, which is never unloaded.
            unsafe { pg_sys::before_shmem_exit(Some(call_all), pg_sys::Datum::null()) };
            Vec::new()
        });
        calls.push((call, argument));
    });
}

/// Whether the server is loading `shared_preload_libraries`, the only time to ask for shared memory and workers.
pub fn preloading() -> bool {
    // SAFETY: a flag of the postmaster.
    unsafe { pg_sys::process_shared_preload_libraries_in_progress }
}

/// Whether this server runs for pg_upgrade, which wants the data as it left them: we write nothing then, and send
/// nothing on behalf of a database that is half restored.
pub fn upgrading() -> bool {
    // SAFETY: a flag of the postmaster, set by its option -b.
    unsafe { pg_sys::IsBinaryUpgrade }
}

/// Runs `work` with a snapshot of this moment, whatever the isolation level: queries that ask in the snapshot of who calls
/// them see what others have committed since the transaction began. They must not write.
pub fn with_latest_snapshot<R>(work: impl FnOnce() -> R) -> R {
    // SAFETY: inside a transaction; an error unwinds the stack of snapshots with its (sub)transaction.
    unsafe {
        pg_sys::PushActiveSnapshot(pg_sys::GetLatestSnapshot());
        let result = work();
        pg_sys::PopActiveSnapshot();
        result
    }
}

/// Whether all queries of this transaction use the snapshot of its first one: REPEATABLE READ or SERIALIZABLE.
pub fn uses_transaction_snapshot() -> bool {
    // SAFETY: a variable of this backend.
    unsafe { pg_sys::XactIsoLevel >= pg_sys::XACT_REPEATABLE_READ as c_int }
}
