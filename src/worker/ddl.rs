//! Postgres refuses `DROP DATABASE`, `ALTER DATABASE … RENAME` or `… SET TABLESPACE` and `CREATE DATABASE … TEMPLATE` while
//! anyone is connected to the database. Before such a command our worker and the maintenance processes of the database
//! are asked to leave, the command waits until they have left, and none starts until the last such command is over.
#![allow(unsafe_code)] // a hook is a C function, and so is the statement it is given

use crate::host::process;
use crate::host::shmem::{self, Slot, maintenance};
use pgrx::prelude::*;
use std::cell::RefCell;
use std::ffi::{CStr, c_char};
use std::time::{Duration, Instant};

/// Longest wait for our processes to leave; after it the command goes on, and Postgres says who is connected.
const PATIENCE: Duration = Duration::from_secs(5);

static mut NEXT: pg_sys::ProcessUtility_hook_type = None;

/// Puts the hook in place. To be called while libraries are preloaded.
pub fn watch() {
    // SAFETY: called once, from _PG_init in the postmaster, which has one thread; the hook before ours is kept and called.
    unsafe {
        NEXT = pg_sys::ProcessUtility_hook;
        pg_sys::ProcessUtility_hook = Some(hook);
    }
}

// The server's own function, as the linker finds it: pgrx's binding would catch every error on its way and raise it again.
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

/// Every utility statement of every user passes here. Not guarded on purpose: an error of somebody else's statement passes
/// this frame by longjmp. That is sound because nothing in this function has a destructor (RFC 2945, "plain old frames").
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
    // SAFETY: Postgres hands a valid statement; arguments are passed on as they came. NEXT is written once, before the hook
    // can be called.
    unsafe {
        let may_need_empty_database = matches!(
            (*(*statement).utilityStmt).type_,
            pg_sys::NodeTag::T_DropdbStmt
                | pg_sys::NodeTag::T_RenameStmt
                | pg_sys::NodeTag::T_CreatedbStmt
                | pg_sys::NodeTag::T_AlterDatabaseStmt
        );
        let next = NEXT.unwrap_or(by_postgres);
        if may_need_empty_database {
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
#[allow(clippy::too_many_arguments)] // Postgres' signature
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
    // SAFETY: the arguments are those of the hook, passed on as they came.
    let go_on = || unsafe {
        pg_sys::submodules::ffi::pg_guard_ffi_boundary(|| {
            next(statement, text, read_only_tree, context, params, environment, destination, completion)
        })
    };
    // SAFETY: the hook was given a valid statement.
    let Some(slot) = (unsafe { database_wanted_empty(statement) }) else { return go_on() };
    let blocked = Blocked::begin(slot);
    let emptied = || {
        stop_processes(slot);
        go_on();
    };
    PgTryBuilder::new(std::panic::AssertUnwindSafe(emptied)).finally(|| blocked.end()).execute();
}

/// The slot of the database that the statement needs without connections. `None`: the statement needs none, the user
/// may not do this to the database, or we know nothing of it.
///
/// # Safety
/// The statement is one that Postgres hands to the hook.
unsafe fn database_wanted_empty(statement: *mut pg_sys::PlannedStmt) -> Option<&'static Slot> {
    // SAFETY: each node is cast to the type that its tag names; catalog look-ups run inside the command's transaction.
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
        // A user who may not do this to the database may not stop its worker either.
        if database == pg_sys::InvalidOid || !may_empty(database) {
            return None;
        }
        shmem::slot_of(database, shmem::SlotPolicy::Existing)
    }
}

/// The option of this name, if it has a value.
///
/// # Safety
/// A list of `DefElem`, or NULL.
unsafe fn option(options: *mut pg_sys::List, name: &CStr) -> Option<*mut pg_sys::DefElem> {
    // SAFETY: as the caller says; a list has `length` elements.
    unsafe {
        if options.is_null() {
            return None;
        }
        (0..(*options).length as usize)
            .map(|i| (*(*options).elements.add(i)).ptr_value.cast::<pg_sys::DefElem>())
            .find(|option| CStr::from_ptr((**option).defname) == name && !(**option).arg.is_null())
    }
}

/// Whether the user owns the database. Each of these commands asks for that; CREATE DATABASE too, unless the template is
/// marked as one.
///
/// # Safety
/// Inside a transaction.
unsafe fn may_empty(database: pg_sys::Oid) -> bool {
    // SAFETY: a catalog look-up inside a transaction.
    unsafe {
        let user = pg_sys::GetUserId();
        #[cfg(any(feature = "pg14", feature = "pg15"))]
        return pg_sys::pg_database_ownercheck(database, user);
        #[cfg(not(any(feature = "pg14", feature = "pg15")))]
        return pg_sys::object_ownercheck(pg_sys::DatabaseRelationId, database, user);
    }
}

/// A command of this backend in progress, counted in the slot of the database that it needs.
struct Blocked(&'static Slot);

thread_local! {
    /// The databases that this backend keeps empty; `None`: it has never done so.
    static BLOCKED: RefCell<Option<Vec<&'static Slot>>> = const { RefCell::new(None) };
}

impl Blocked {
    fn begin(slot: &'static Slot) -> Blocked {
        BLOCKED.with_borrow_mut(|blocked| {
            let blocked = blocked.get_or_insert_with(|| {
                process::at_exit(end_all, 0);
                Vec::new()
            });
            blocked.push(slot);
            slot.block();
        });
        Blocked(slot)
    }

    fn end(&self) {
        let ours = BLOCKED.with_borrow_mut(|blocked| {
            let blocked = blocked.as_mut()?;
            let at = blocked.iter().position(|slot| std::ptr::eq(*slot, self.0))?;
            Some(blocked.swap_remove(at))
        });
        if let Some(slot) = ours {
            slot.unblock();
            shmem::wake_launcher();
        }
    }
}

/// A backend that is terminated in the middle of a command does not reach `Blocked::end`.
fn end_all(_: usize) {
    let left = BLOCKED.with(|blocked| blocked.try_borrow_mut().ok().and_then(|mut blocked| blocked.take()));
    for slot in left.into_iter().flatten() {
        slot.unblock();
        shmem::wake_launcher();
    }
}

/// Asks our processes in the database to leave, and waits until they have, at most [`PATIENCE`].
fn stop_processes(slot: &Slot) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut pids = maintenance::processes_in(slot.database());
        pids.extend(Some(slot.pid()).filter(|pid| *pid > 0));
        if pids.is_empty() || Instant::now() > deadline {
            return;
        }
        pids.into_iter().for_each(process::ask_to_leave);
        process::check_for_interrupts();
        process::wait(None, Some(Duration::from_millis(10)));
    }
}
