//! `DROP DATABASE`, `ALTER DATABASE … RENAME` or `… SET TABLESPACE` and `CREATE DATABASE … TEMPLATE` are refused by Postgres while
//! anyone is connected to the database. Our worker must not be the one: it is asked to leave, the command waits
//! until it has left, and the launcher keeps away until the command is over.
#![allow(unsafe_code)] // a hook is a C function, and so is the statement it is given

use crate::host::process;
use crate::host::shmem::{self, Slot, Stage};
use pgrx::prelude::*;
use std::ffi::{CStr, c_char};
use std::sync::atomic::Ordering::*;
use std::time::{Duration, Instant};

/// Longest wait for a worker to leave; after it the command goes on and Postgres says who is connected.
const PATIENCE: Duration = Duration::from_secs(5);

static mut NEXT: pg_sys::ProcessUtility_hook_type = None;

/// Puts the hook in place. To be called while libraries are preloaded.
pub fn watch() {
    // SAFETY: chained as the hook's documentation asks, once, in the postmaster.
    unsafe {
        NEXT = pg_sys::ProcessUtility_hook;
        pg_sys::ProcessUtility_hook = Some(hook);
    }
}

/// Whether a command that is still running keeps workers away from this database.
pub fn is_blocked(slot: &Slot) -> bool {
    let holder = slot.blocked_by_pid.load(Acquire);
    if holder == 0 {
        return false;
    }
    // SAFETY: looks a pid up among the living backends. A holder that died without letting go holds nothing.
    if unsafe { pg_sys::BackendPidGetProc(holder) }.is_null() {
        let _ = slot.blocked_by_pid.compare_exchange(holder, 0, AcqRel, Acquire);
        return false;
    }
    true
}

// The server's own, as the linker finds it: pgrx's binding would catch every error on its way.
unsafe extern "C-unwind" {
    #[link_name = "standard_ProcessUtility"]
    fn by_postgres(
        statement: *mut pg_sys::PlannedStmt,
        text: *const c_char,
        read_only_tree: bool,
        context: pg_sys::ProcessUtilityContext::Type,
        params: pg_sys::ParamListInfo,
        environment: *mut pg_sys::QueryEnvironment,
        destination: *mut pg_sys::DestReceiver,
        completion: *mut pg_sys::QueryCompletion,
    );
}

/// Every utility statement of every user passes here. Those that are none of ours go on without a Rust frame that
/// would catch their errors and raise them again as its own: nothing in this function has a destructor.
#[allow(clippy::too_many_arguments)] // Postgres' signature
unsafe extern "C-unwind" fn hook(
    statement: *mut pg_sys::PlannedStmt,
    text: *const c_char,
    read_only_tree: bool,
    context: pg_sys::ProcessUtilityContext::Type,
    params: pg_sys::ParamListInfo,
    environment: *mut pg_sys::QueryEnvironment,
    destination: *mut pg_sys::DestReceiver,
    completion: *mut pg_sys::QueryCompletion,
) {
    // SAFETY: a valid statement of Postgres' own; arguments are passed on as they came.
    unsafe {
        let wants_a_database_empty = matches!(
            (*(*statement).utilityStmt).type_,
            pg_sys::NodeTag::T_DropdbStmt
                | pg_sys::NodeTag::T_RenameStmt
                | pg_sys::NodeTag::T_CreatedbStmt
                | pg_sys::NodeTag::T_AlterDatabaseStmt
        );
        let next = NEXT.unwrap_or(by_postgres);
        if wants_a_database_empty {
            run_after_stopping(
                statement,
                next,
                text,
                read_only_tree,
                context,
                params,
                environment,
                destination,
                completion,
            );
        } else {
            next(statement, text, read_only_tree, context, params, environment, destination, completion);
        }
    }
}

type Utility = unsafe extern "C-unwind" fn(
    *mut pg_sys::PlannedStmt,
    *const c_char,
    bool,
    pg_sys::ProcessUtilityContext::Type,
    pg_sys::ParamListInfo,
    *mut pg_sys::QueryEnvironment,
    *mut pg_sys::DestReceiver,
    *mut pg_sys::QueryCompletion,
);

#[pg_guard]
#[allow(clippy::too_many_arguments)] // as above
unsafe extern "C-unwind" fn run_after_stopping(
    statement: *mut pg_sys::PlannedStmt,
    next: Utility,
    text: *const c_char,
    read_only_tree: bool,
    context: pg_sys::ProcessUtilityContext::Type,
    params: pg_sys::ParamListInfo,
    environment: *mut pg_sys::QueryEnvironment,
    destination: *mut pg_sys::DestReceiver,
    completion: *mut pg_sys::QueryCompletion,
) {
    // SAFETY: as above.
    let go_on = || unsafe {
        pg_sys::submodules::ffi::pg_guard_ffi_boundary(|| {
            next(statement, text, read_only_tree, context, params, environment, destination, completion)
        })
    };
    // SAFETY: as above.
    let Some(slot) = (unsafe { database_wanted_empty(statement) }) else { return go_on() };
    let emptied = || {
        stop_workers(slot);
        go_on();
    };
    PgTryBuilder::new(std::panic::AssertUnwindSafe(emptied)).finally(|| unblock(slot)).execute();
}

/// The slot of the database that the statement needs for itself, if its worker may be there.
unsafe fn database_wanted_empty(statement: *mut pg_sys::PlannedStmt) -> Option<&'static Slot> {
    unsafe {
        let node = (*statement).utilityStmt;
        let name = match (*node).type_ {
            pg_sys::NodeTag::T_DropdbStmt => (*node.cast::<pg_sys::DropdbStmt>()).dbname,
            pg_sys::NodeTag::T_RenameStmt => {
                let rename = node.cast::<pg_sys::RenameStmt>();
                if (*rename).renameType != pg_sys::ObjectType::OBJECT_DATABASE {
                    return None;
                }
                (*rename).subname
            }
            pg_sys::NodeTag::T_CreatedbStmt => {
                let statement = node.cast::<pg_sys::CreatedbStmt>();
                pg_sys::defGetString(option((*statement).options, c"template")?)
            }
            pg_sys::NodeTag::T_AlterDatabaseStmt => {
                let statement = node.cast::<pg_sys::AlterDatabaseStmt>();
                option((*statement).options, c"tablespace")?;
                (*statement).dbname
            }
            _ => return None,
        };
        if name.is_null() {
            return None;
        }
        let database = pg_sys::get_database_oid(name, true);
        // Whoever may not do this to the database may not send its worker away either.
        if database == pg_sys::InvalidOid || !may_empty(database) {
            return None;
        }
        shmem::slot_of(database, shmem::SlotPolicy::Existing)
    }
}

/// An option of this name that has a value.
unsafe fn option(options: *mut pg_sys::List, name: &CStr) -> Option<*mut pg_sys::DefElem> {
    unsafe {
        if options.is_null() {
            return None;
        }
        (0..(*options).length as usize)
            .map(|i| (*(*options).elements.add(i)).ptr_value.cast::<pg_sys::DefElem>())
            .find(|option| CStr::from_ptr((**option).defname) == name && !(**option).arg.is_null())
    }
}

/// Each of these commands asks for the owner; CREATE DATABASE too, where the template is not marked as one.
unsafe fn may_empty(database: pg_sys::Oid) -> bool {
    unsafe {
        let user = pg_sys::GetUserId();
        #[cfg(any(feature = "pg14", feature = "pg15"))]
        return pg_sys::pg_database_ownercheck(database, user);
        #[cfg(not(any(feature = "pg14", feature = "pg15")))]
        return pg_sys::object_ownercheck(pg_sys::DatabaseRelationId, database, user);
    }
}

fn stop_workers(slot: &Slot) {
    slot.blocked_by_pid.store(std::process::id() as i32, Release);
    let deadline = Instant::now() + PATIENCE;
    loop {
        let pids = [slot.pid.load(Acquire), slot.maintenance_pid.load(Acquire)];
        if pids == [0, 0] || Instant::now() > deadline {
            return;
        }
        pids.into_iter().filter(|pid| *pid > 0).for_each(process::ask_to_leave);
        process::check_for_interrupts();
        process::wait(None, Some(Duration::from_millis(10)));
    }
}

fn unblock(slot: &Slot) {
    slot.blocked_by_pid.store(0, Release);
    if slot.stage() == Stage::Started {
        slot.set_stage(Stage::Wanted);
    }
    shmem::wake_launcher();
}
