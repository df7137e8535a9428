//! Being a process of Postgres: registration, signals, identity of a connection, waiting.
#![allow(unsafe_code)]

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pgrx::prelude::*;
use std::ffi::{CString, c_char, c_int};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

// Signal handlers are handed to the kernel as they are: wrapped by pgrx they would be other functions.
unsafe extern "C" {
    fn die(signal: c_int);
    fn SignalHandlerForConfigReload(signal: c_int);
}

// What Postgres calls `pqsignal` in a server; libpq has another one of that name, from which 18 tells them apart.
#[cfg(not(feature = "pg18"))]
use pg_sys::pqsignal;
#[cfg(feature = "pg18")]
use pg_sys::pqsignal_be as pqsignal;

/// Registers the launcher. To be called while libraries are preloaded.
pub fn register_launcher() {
    let mut worker = blank("voice_analytics launcher", c"voice_analytics_launcher");
    worker.bgw_start_time = pg_sys::BgWorkerStartTime::BgWorkerStart_RecoveryFinished;
    worker.bgw_restart_time = 5;
    // SAFETY: Postgres copies the struct.
    unsafe { pg_sys::RegisterBackgroundWorker(&mut worker) }
}

/// A worker that the launcher has started, by Postgres' own handle.
pub struct Handle(*mut pg_sys::BackgroundWorkerHandle);

/// What Postgres says of a started worker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BgwStatus {
    NotStarted,
    Running,
    Stopped,
}

/// Starts a worker for the database in the given slot. `None`: no free place among `max_worker_processes`.
pub fn start_worker(slot: usize, database: &str) -> Option<Handle> {
    let mut worker = blank(&format!("voice_analytics worker: {database}"), c"voice_analytics_worker");
    worker.bgw_start_time = pg_sys::BgWorkerStartTime::BgWorkerStart_RecoveryFinished;
    // The launcher owns restarts, with a back-off; Postgres would forget a worker that leaves with code 0.
    worker.bgw_restart_time = pg_sys::BGW_NEVER_RESTART;
    worker.bgw_main_arg = pg_sys::Datum::from(slot);
    start(worker)
}

/// Starts a process that does the task and leaves (`worker/maintenance.rs`). `None`: no free place among
/// `max_worker_processes`.
pub fn start_maintenance(task: &str) -> Option<Handle> {
    let mut worker = blank("voice_analytics maintenance", c"voice_analytics_maintenance");
    worker.bgw_start_time = pg_sys::BgWorkerStartTime::BgWorkerStart_RecoveryFinished;
    worker.bgw_restart_time = pg_sys::BGW_NEVER_RESTART;
    copy(&mut worker.bgw_extra, task.as_bytes());
    start(worker)
}

fn start(mut worker: pg_sys::BackgroundWorker) -> Option<Handle> {
    let mut handle = std::ptr::null_mut();
    // SAFETY: Postgres copies the struct and allocates the handle, which lives in the long-lived context chosen here.
    unsafe {
        worker.bgw_notify_pid = pg_sys::MyProcPid;
        let before = pg_sys::MemoryContextSwitchTo(pg_sys::TopMemoryContext);
        let started = pg_sys::RegisterDynamicBackgroundWorker(&mut worker, &mut handle);
        pg_sys::MemoryContextSwitchTo(before);
        // Lazily: without a worker there is no handle to be freed.
        started.then(|| Handle(handle))
    }
}

/// The task that this process was started with.
pub fn my_task() -> String {
    // SAFETY: set for every background worker before its function is called; the text ends before the array does.
    unsafe { std::ffi::CStr::from_ptr((*pg_sys::MyBgworkerEntry).bgw_extra.as_ptr()).to_string_lossy().into_owned() }
}

/// Clears the pid that this process wrote into the slot of its database, however it ends.
pub fn leave_maintenance_at_exit(database: pg_sys::Oid) {
    #[pg_guard]
    unsafe extern "C-unwind" fn leave(_code: c_int, database: pg_sys::Datum) {
        let database = pg_sys::Oid::from(database.value() as u32);
        if let Some(slot) = super::shmem::slot_of(database, super::shmem::SlotPolicy::Existing) {
            use std::sync::atomic::Ordering::*;
            let _ = slot.maintenance_pid.compare_exchange(std::process::id() as i32, 0, AcqRel, Acquire);
        }
    }
    // SAFETY: runs while shared memory is still attached.
    unsafe { pg_sys::before_shmem_exit(Some(leave), pg_sys::Datum::from(database.to_u32())) }
}

/// Connects to the database of this name.
pub fn connect_to_named(database: &str) {
    let Ok(name) = CString::new(database) else { return };
    // SAFETY: once, before anything else.
    unsafe { pg_sys::BackgroundWorkerInitializeConnection(name.as_ptr(), std::ptr::null(), 0) }
}

/// A setting by its name; `None`: there is none.
pub fn setting(name: &std::ffi::CStr) -> Option<String> {
    // SAFETY: a plain C string; missing_ok, so nothing is raised. The value is copied at once.
    unsafe {
        let value = pg_sys::GetConfigOption(name.as_ptr(), true, false);
        (!value.is_null()).then(|| std::ffi::CStr::from_ptr(value).to_string_lossy().into_owned())
    }
}

impl Handle {
    /// Waits until the process is gone. A cancelled wait ends it.
    pub fn wait_for_end(self) {
        struct Ends(Handle);
        impl Drop for Ends {
            fn drop(&mut self) {
                if self.0.life() != BgwStatus::Stopped {
                    self.0.terminate();
                }
            }
        }
        let ends = Ends(self);
        // SAFETY: the handle is as RegisterDynamicBackgroundWorker made it; this process is the one to be notified.
        unsafe { pg_sys::WaitForBackgroundWorkerShutdown(ends.0.0) };
    }

    pub fn life(&self) -> BgwStatus {
        let mut pid = 0;
        // SAFETY: the handle is as RegisterDynamicBackgroundWorker made it.
        match unsafe { pg_sys::GetBackgroundWorkerPid(self.0, &mut pid) } {
            pg_sys::BgwHandleStatus::BGWH_STARTED => BgwStatus::Running,
            pg_sys::BgwHandleStatus::BGWH_NOT_YET_STARTED => BgwStatus::NotStarted,
            _ => BgwStatus::Stopped,
        }
    }

    pub fn terminate(&self) {
        // SAFETY: as above.
        unsafe { pg_sys::TerminateBackgroundWorker(self.0) }
    }
}

/// Asks a worker to end. It wrote its pid itself and clears it when it leaves; one that is gone already is no error.
pub fn ask_to_leave(pid: i32) {
    let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: allocated by Postgres with palloc, used by nobody else.
        unsafe { pg_sys::pfree(self.0.cast()) }
    }
}

fn blank(name: &str, function: &std::ffi::CStr) -> pg_sys::BackgroundWorker {
    // SAFETY: the struct is plain data for which zero is valid.
    let mut worker: pg_sys::BackgroundWorker = unsafe { std::mem::zeroed() };
    copy(&mut worker.bgw_name, name.as_bytes());
    let kind = name.split(':').next().unwrap_or(name);
    copy(&mut worker.bgw_type, kind.as_bytes());
    copy_library(&mut worker.bgw_library_name);
    copy(&mut worker.bgw_function_name, function.to_bytes());
    worker.bgw_flags = (pg_sys::BGWORKER_SHMEM_ACCESS | pg_sys::BGWORKER_BACKEND_DATABASE_CONNECTION) as c_int;
    worker
}

fn copy_library<const N: usize>(to: &mut [c_char; N]) {
    copy(to, b"voice_analytics");
}

fn copy<const N: usize>(to: &mut [c_char; N], from: &[u8]) {
    for (t, f) in to[..N - 1].iter_mut().zip(from) {
        *t = *f as c_char;
    }
}

/// SIGTERM as in any backend (Postgres' own handler for workers would end the process inside the handler; pgrx's
/// does not set the flag that frees a commit waiting for a standby), SIGHUP as in any auxiliary process.
pub fn take_signals() {
    // SAFETY: async-signal-safe handlers of Postgres itself.
    unsafe {
        pqsignal(libc_sigterm(), Some(std::mem::transmute::<unsafe extern "C" fn(c_int), Handler>(die)));
        pqsignal(
            libc_sighup(),
            Some(std::mem::transmute::<unsafe extern "C" fn(c_int), Handler>(SignalHandlerForConfigReload)),
        );
        pg_sys::BackgroundWorkerUnblockSignals();
        // A SIGHUP between the fork and Postgres' own `pqsignal(SIGHUP, SIG_IGN)` is gone, and what was forked has the
        // settings of before: the file is read once more.
        (&raw mut pg_sys::ConfigReloadPending).write_volatile(1);
    }
}

type Handler = unsafe extern "C-unwind" fn(c_int);

const fn libc_sighup() -> c_int {
    1
}

const fn libc_sigterm() -> c_int {
    15
}

/// Connects to the shared catalogs only.
pub fn connect_to_none() {
    // SAFETY: once, before anything else.
    unsafe { pg_sys::BackgroundWorkerInitializeConnection(std::ptr::null(), std::ptr::null(), 0) }
}

/// Connects to one database. The session belongs to the bootstrap superuser, as Postgres knows no other way to
/// connect a worker as a role without LOGIN; every transaction then runs as `voice_worker` (`db/transaction.rs`).
pub fn connect_to(database: pg_sys::Oid) {
    // SAFETY: once, before anything else.
    unsafe { pg_sys::BackgroundWorkerInitializeConnectionByOid(database, pg_sys::InvalidOid, 0) }
}

/// `CHECK_FOR_INTERRUPTS`: answers barriers (or `DROP DATABASE` of any database hangs) and ends the process on
/// SIGTERM.
pub fn check_for_interrupts() {
    // SAFETY: flags of this process. A commit that waits for a standby while its postmaster dies sets the one that says
    // what there is, but not the one that says that there is something (SyncRepWaitForLSN).
    unsafe {
        if (&raw const pg_sys::ProcDiePending).read_volatile() != 0 {
            (&raw mut pg_sys::InterruptPending).write_volatile(1);
        }
    }
    pgrx::check_for_interrupts!();
}

/// Reads the configuration again if SIGHUP came.
pub fn reload_if_asked() -> bool {
    // SAFETY: a flag of this process, set by its handler.
    unsafe {
        if (&raw const pg_sys::ConfigReloadPending).read_volatile() == 0 {
            return false;
        }
        (&raw mut pg_sys::ConfigReloadPending).write_volatile(0);
        pg_sys::ProcessConfigFile(pg_sys::GucContext::PGC_SIGHUP);
        true
    }
}

/// Waits until the latch is set, the descriptor is readable, or the time is over (`None`: no limit).
pub fn wait(readable: Option<BorrowedFd<'_>>, limit: Option<Duration>) {
    let mut events = pg_sys::WL_LATCH_SET | pg_sys::WL_EXIT_ON_PM_DEATH;
    let mut timeout = -1;
    if let Some(limit) = limit {
        events |= pg_sys::WL_TIMEOUT;
        // Rounded up: a wait that ends a moment early would turn the loop once for nothing.
        timeout = limit.as_micros().div_ceil(1000).min(i32::MAX as u128) as std::ffi::c_long;
    }
    let mut socket = pg_sys::PGINVALID_SOCKET;
    if let Some(fd) = readable {
        events |= pg_sys::WL_SOCKET_READABLE;
        socket = fd.as_raw_fd();
    }
    // SAFETY: this process' own latch.
    unsafe {
        pg_sys::WaitLatchOrSocket(pg_sys::MyLatch, events as c_int, socket, timeout, pg_sys::PG_WAIT_EXTENSION);
        pg_sys::ResetLatch(pg_sys::MyLatch);
    }
}

/// What `pg_stat_activity` shows: running this, or idle.
pub fn report_activity(doing: Option<&str>) {
    // SAFETY: Postgres copies the text.
    unsafe {
        match doing.and_then(|d| CString::new(d).ok()) {
            Some(text) => pg_sys::pgstat_report_activity(pg_sys::BackendState::STATE_RUNNING, text.as_ptr()),
            None => pg_sys::pgstat_report_activity(pg_sys::BackendState::STATE_IDLE, std::ptr::null()),
        }
    }
}

/// Idle, with a word about what is waited for.
pub fn report_idle(waiting_for: &str) {
    let Ok(text) = CString::new(waiting_for) else { return };
    // SAFETY: as above.
    unsafe { pg_sys::pgstat_report_activity(pg_sys::BackendState::STATE_IDLE, text.as_ptr()) }
}

/// Lets autovacuum see what this process wrote.
pub fn report_statistics() {
    // SAFETY: outside a transaction, as asked.
    unsafe {
        pg_sys::pgstat_report_stat(false);
    }
}

/// A setting of this database (`ALTER DATABASE … SET`), made as it would have been at connect.
pub fn apply_database_setting(name: &str, value: &str) {
    let (Ok(name), Ok(value)) = (CString::new(name), CString::new(value)) else { return };
    // SAFETY: plain C strings; WARNING as the level makes a bad value a log line, not an error.
    unsafe {
        pg_sys::set_config_option(
            name.as_ptr(),
            value.as_ptr(),
            pg_sys::GucContext::PGC_SUSET,
            pg_sys::GucSource::PGC_S_DATABASE,
            pg_sys::GucAction::GUC_ACTION_SET,
            true,
            pg_sys::WARNING as c_int,
            false,
        );
    }
}

/// A setting of this session.
fn set_for_session(name: &std::ffi::CStr, value: &std::ffi::CStr) {
    // SAFETY: plain C strings.
    unsafe {
        pg_sys::SetConfigOption(
            name.as_ptr(),
            value.as_ptr(),
            pg_sys::GucContext::PGC_SUSET,
            pg_sys::GucSource::PGC_S_OVERRIDE,
        )
    }
}

/// What the worker's statements rely on, whatever ALTER DATABASE or ALTER ROLE say for others.
pub fn pin_session_settings() {
    for (name, value) in [
        (c"search_path", c"pg_catalog, pg_temp"),
        // Settle locks first and looks afterwards: the look must see what the lock has waited for.
        (c"default_transaction_isolation", c"read committed"),
        (c"default_transaction_read_only", c"off"),
        (c"default_transaction_deferrable", c"off"),
        (c"session_replication_role", c"origin"),
        (c"row_security", c"on"),
        // Locks on tables are waited for a moment only: what is settled already holds locks that others wait for. Well below
        // deadlock_timeout (1s): in a circle with a DBA's DROP or ALTER it is we who give way, before he is chosen for it.
        (c"lock_timeout", c"200ms"),
        // Short statements over few rows: neither pays.
        (c"jit", c"off"),
        (c"max_parallel_workers_per_gather", c"0"),
    ] {
        set_for_session(name, value);
    }
}

/// While this lives, plans are made that read tables through their indexes, in order, and kept ones are used whatever
/// their arguments are: a plan for few of them looks cheaper than the one that is kept, and is made anew each time.
pub struct PlannerOverride {
    before: (bool, bool, i32),
}

impl PlannerOverride {
    pub fn begin() -> PlannerOverride {
        // SAFETY: variables of this process that the planner reads; put back as they were, also by an error.
        unsafe {
            let before = (pg_sys::enable_seqscan, pg_sys::enable_bitmapscan, pg_sys::plan_cache_mode);
            pg_sys::enable_seqscan = false;
            pg_sys::enable_bitmapscan = false;
            pg_sys::plan_cache_mode = pg_sys::PlanCacheMode::PLAN_CACHE_MODE_FORCE_GENERIC_PLAN as i32;
            PlannerOverride { before }
        }
    }
}

impl Drop for PlannerOverride {
    fn drop(&mut self) {
        // SAFETY: as above.
        unsafe { (pg_sys::enable_seqscan, pg_sys::enable_bitmapscan, pg_sys::plan_cache_mode) = self.before }
    }
}

/// The database this process is connected to.
pub fn my_database() -> pg_sys::Oid {
    // SAFETY: set at connect, never again.
    unsafe { pg_sys::MyDatabaseId }
}

/// The worker gives its slot back when the process ends, however it ends short of a crash (which resets the segment).
pub fn detach_at_exit(slot: usize) {
    #[pg_guard]
    unsafe extern "C-unwind" fn leave(_code: c_int, slot: pg_sys::Datum) {
        if let Some(slot) = super::shmem::slots().and_then(|s| s.get(slot.value())) {
            slot.detach();
        }
        super::shmem::wake_launcher();
    }
    // SAFETY: runs while shared memory is still attached.
    unsafe { pg_sys::before_shmem_exit(Some(leave), pg_sys::Datum::from(slot)) }
}

/// Whether the server is loading `shared_preload_libraries`, the only time for shared memory and workers.
pub fn preloading() -> bool {
    // SAFETY: a flag of the postmaster.
    unsafe { pg_sys::process_shared_preload_libraries_in_progress }
}

/// Whether this server runs for pg_upgrade, which wants the data as it left it: nothing of ours may write, and nothing may
/// be asked on behalf of a database that is half there.
pub fn upgrading() -> bool {
    // SAFETY: a flag of the postmaster, set by its option -b.
    unsafe { pg_sys::IsBinaryUpgrade }
}

/// Whether this transaction's queries see the moment of its first one: REPEATABLE READ or SERIALIZABLE.
pub fn uses_transaction_snapshot() -> bool {
    // SAFETY: a variable of this backend.
    unsafe { pg_sys::XactIsoLevel >= pg_sys::XACT_REPEATABLE_READ as c_int }
}

/// Its name.
pub fn my_database_name() -> String {
    // SAFETY: in a transaction, as every SQL function is; the name is copied before anything can free it.
    unsafe {
        let name = pg_sys::get_database_name(pg_sys::MyDatabaseId);
        if name.is_null() { String::new() } else { std::ffi::CStr::from_ptr(name).to_string_lossy().into_owned() }
    }
}

/// Errors are for users: with RUST_BACKTRACE in the server's environment pgrx would put the stack of the library into the
/// DETAIL of every error that passes it.
pub fn keep_backtraces_out_of_errors() {
    // SAFETY: the library is being loaded; no thread of ours runs yet, and Postgres has none.
    unsafe {
        std::env::remove_var("RUST_BACKTRACE");
        std::env::remove_var("RUST_LIB_BACKTRACE");
    }
}
