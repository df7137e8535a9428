//! Registering background workers with the postmaster, and the handle to one.

use pgrx::prelude::*;
use std::ffi::{CStr, c_char, c_int};

/// Registers the launcher. To be called while libraries are preloaded.
pub fn register_launcher() {
    let mut worker = describe("voice_analytics launcher", c"voice_analytics_launcher");
    worker.bgw_restart_time = 5;
    // SAFETY: Postgres copies the struct.
    unsafe { pg_sys::RegisterBackgroundWorker(&mut worker) }
}

/// A background worker that this process has started.
pub struct Handle(*mut pg_sys::BackgroundWorkerHandle);

/// What Postgres reports about a started worker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BgwStatus {
    NotStarted,
    Running,
    Stopped,
}

/// Starts a worker for the database in the slot of this number. `None`: all of `max_worker_processes` are in use.
pub fn start_worker(slot: usize, database: &str) -> Option<Handle> {
    let mut worker = describe(&format!("voice_analytics worker: {database}"), c"voice_analytics_worker");
    // The launcher owns restarts, with a back-off; Postgres would forget a worker that leaves with code 0.
    worker.bgw_restart_time = pg_sys::BGW_NEVER_RESTART;
    worker.bgw_main_arg = pg_sys::Datum::from(slot);
    start(worker)
}

/// Starts a process for one maintenance request. `None`: all of `max_worker_processes` are in use.
pub fn start_maintenance(request_id: u64) -> Option<Handle> {
    let mut worker = describe("voice_analytics maintenance", c"voice_analytics_maintenance");
    worker.bgw_restart_time = pg_sys::BGW_NEVER_RESTART;
    worker.bgw_main_arg = pg_sys::Datum::from(request_id);
    start(worker)
}

fn start(mut worker: pg_sys::BackgroundWorker) -> Option<Handle> {
    let mut handle = std::ptr::null_mut();
    // SAFETY: Postgres copies the struct and allocates the handle, in the memory context chosen here, which lives as long
    // as the process. Without a worker there is no handle.
    unsafe {
        worker.bgw_notify_pid = pg_sys::MyProcPid;
        let before = pg_sys::MemoryContextSwitchTo(pg_sys::TopMemoryContext);
        let started = pg_sys::RegisterDynamicBackgroundWorker(&mut worker, &mut handle);
        pg_sys::MemoryContextSwitchTo(before);
        started.then(|| Handle(handle))
    }
}

impl Handle {
    /// Waits until the process has ended. An error of the wait (a cancelled query) terminates the process.
    pub fn wait_for_end(self) {
        struct TerminateOnDrop(Handle);
        impl Drop for TerminateOnDrop {
            fn drop(&mut self) {
                if self.0.life() != BgwStatus::Stopped {
                    self.0.terminate();
                }
            }
        }
        let ends = TerminateOnDrop(self);
        // SAFETY: RegisterDynamicBackgroundWorker made the handle, and names this process as the one to be notified.
        unsafe { pg_sys::WaitForBackgroundWorkerShutdown(ends.0.0) };
    }

    pub fn life(&self) -> BgwStatus {
        let mut pid = 0;
        // SAFETY: RegisterDynamicBackgroundWorker made the handle; the pid is written into our variable.
        match unsafe { pg_sys::GetBackgroundWorkerPid(self.0, &mut pid) } {
            pg_sys::BgwHandleStatus::BGWH_STARTED => BgwStatus::Running,
            pg_sys::BgwHandleStatus::BGWH_NOT_YET_STARTED => BgwStatus::NotStarted,
            _ => BgwStatus::Stopped,
        }
    }

    pub fn terminate(&self) {
        // SAFETY: RegisterDynamicBackgroundWorker made the handle.
        unsafe { pg_sys::TerminateBackgroundWorker(self.0) }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: Postgres allocated the handle with palloc, and nobody else has it.
        unsafe { pg_sys::pfree(self.0.cast()) }
    }
}

fn describe(name: &str, function: &CStr) -> pg_sys::BackgroundWorker {
    // SAFETY: the struct is plain data for which zero is valid.
    let mut worker: pg_sys::BackgroundWorker = unsafe { std::mem::zeroed() };
    copy(&mut worker.bgw_name, name.as_bytes());
    let kind = name.split(':').next().unwrap_or(name);
    copy(&mut worker.bgw_type, kind.as_bytes());
    copy(&mut worker.bgw_library_name, b"voice_analytics");
    copy(&mut worker.bgw_function_name, function.to_bytes());
    worker.bgw_flags = (pg_sys::BGWORKER_SHMEM_ACCESS | pg_sys::BGWORKER_BACKEND_DATABASE_CONNECTION) as c_int;
    worker.bgw_start_time = pg_sys::BgWorkerStartTime::BgWorkerStart_RecoveryFinished;
    worker
}

/// As much of a name as fits before the zero byte at the end. Names are for display, and fixed ones fit.
fn copy<const N: usize>(to: &mut [c_char; N], from: &[u8]) {
    for (t, f) in to[..N - 1].iter_mut().zip(from) {
        *t = *f as c_char;
    }
}
