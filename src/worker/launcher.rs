//! The launcher: one process a cluster, connected to the shared catalogs only. It starts a worker in each database
//! that has the extension, and owns their restarts. It cannot see from outside which databases have it. So it starts a
//! worker in each database once, which leaves where there is no extension; after that `CREATE EXTENSION` announces itself
//! through shared memory when it commits.

use super::databases;
use crate::guc;
use crate::host::process::{self, BgwStatus, Handle};
use crate::host::shmem::{self, Slot, Stage};
use pgrx::function_name;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Longest time between two reads of the catalog for new databases; a wake-up comes sooner.
const CATALOG_INTERVAL: Duration = Duration::from_secs(10);
/// Time between two attempts to start a worker while all of `max_worker_processes` are in use.
const NO_FREE_PROCESS_RETRY: Duration = Duration::from_secs(5);
/// A worker that lived this long is healthy: its next failure counts as the first.
const HEALTHY: Duration = Duration::from_secs(60);

/// What the launcher remembers of a slot's worker.
#[derive(Default)]
struct Managed {
    handle: Option<Handle>,
    started: Option<Instant>,
    /// The launcher asked it to leave, so its end is no failure.
    stopped_by_us: bool,
    /// Failures in a row.
    failures: u32,
    /// Earliest time of the next start.
    not_before: Option<Instant>,
    /// The log says already that there is no free process for it.
    warned: bool,
}

/// Runs until the server stops.
pub fn run() {
    process::take_signals();
    process::connect_to_none();
    shmem::launcher_is_me();
    let Some(slots) = shmem::slots() else { return };
    let mut managed: HashMap<usize, Managed> = HashMap::new();
    let mut full = false;
    loop {
        process::check_for_interrupts();
        process::reload_if_asked();
        let databases = databases::list();
        for database in databases.iter().filter(|d| guc::covers_database(&d.name)) {
            if shmem::slot_of(database.oid, shmem::SlotPolicy::Existing).is_none() {
                match shmem::slot_of(database.oid, shmem::SlotPolicy::Free) {
                    Some(slot) => slot.want_worker(),
                    None if !full => {
                        full = true;
                        warning!("voice_analytics: more than {} databases; the rest are not served", slots.len());
                    }
                    None => {}
                }
            }
        }
        let mut nap = CATALOG_INTERVAL;
        for (index, slot) in slots.iter().enumerate() {
            let oid = slot.database();
            if oid == 0 {
                continue;
            }
            let database = databases.iter().find(|d| d.oid.to_u32() == oid);
            let entry = managed.entry(index).or_default();
            if let Some(wait) = tend(index, slot, oid, database, entry) {
                nap = nap.min(wait);
            }
        }
        process::wait(None, Some(nap));
    }
}

/// Starts or stops the worker of one database as needed. Gives the longest time until this is to be called again;
/// `None`: no such limit.
fn tend(
    index: usize,
    slot: &Slot,
    oid: u32,
    database: Option<&databases::Database>,
    entry: &mut Managed,
) -> Option<Duration> {
    let life = entry.handle.as_ref().map_or(BgwStatus::Stopped, Handle::life);
    let Some(database) = database else {
        // The database was dropped. The slot becomes free when its worker has ended.
        if life == BgwStatus::Stopped {
            *entry = Managed::default();
            shmem::free(slot, oid);
        }
        return None;
    };
    if !guc::covers_database(&database.name) {
        match (&entry.handle, slot.pid()) {
            (Some(handle), _) if life != BgwStatus::Stopped => handle.terminate(),
            // An earlier launcher started it.
            (None, pid) if pid > 0 => process::ask_to_leave(pid),
            _ => return None,
        }
        entry.stopped_by_us = true;
        return None;
    }
    if life != BgwStatus::Stopped {
        return None;
    }
    if entry.handle.take().is_some() {
        if entry.started.is_some_and(|s| s.elapsed() > HEALTHY) {
            entry.failures = 0;
        }
        match slot.stage() {
            Stage::Absent => return None,
            _ if std::mem::take(&mut entry.stopped_by_us) => slot.want_worker(),
            Stage::Wanted => entry.failures = 0,
            _ => {
                let pause = Duration::from_secs(1 << entry.failures.min(6));
                entry.failures += 1;
                // The first restart is immediate: recovery after a crash takes a moment, not a back-off.
                entry.not_before = (entry.failures > 1).then(|| Instant::now() + pause);
                slot.want_worker();
            }
        }
    }
    if slot.pid() == 0 {
        // An earlier launcher started the worker, and it has left.
        slot.want_worker_after(Stage::Started);
    }
    if slot.stage() != Stage::Wanted {
        return None;
    }
    if slot.is_blocked() {
        return Some(Duration::from_millis(100));
    }
    if let Some(wait) = entry.not_before.map(|t| t.saturating_duration_since(Instant::now()))
        && !wait.is_zero()
    {
        return Some(wait);
    }
    if !slot.try_start() {
        return Some(Duration::from_millis(100));
    }
    entry.handle = process::start_worker(index, &database.name);
    entry.started = Some(Instant::now());
    if entry.handle.is_some() {
        entry.warned = false;
        return None;
    }
    slot.want_worker_after(Stage::Started);
    entry.not_before = Some(Instant::now() + NO_FREE_PROCESS_RETRY);
    if !std::mem::replace(&mut entry.warned, true) {
        ErrorReport::new(
            PgSqlErrorCode::ERRCODE_CONFIGURATION_LIMIT_EXCEEDED,
            format!("voice_analytics: no free background worker for database \"{}\"", database.name),
            function_name!(),
        )
        .set_detail(format!("TrialOutcome again every {} s; this is said once.", NO_FREE_PROCESS_RETRY.as_secs()))
        .set_hint("Raise max_worker_processes: one for the launcher and one for each database with the extension.")
        .report(PgLogLevel::WARNING);
    }
    Some(NO_FREE_PROCESS_RETRY)
}
