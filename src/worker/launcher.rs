//! The launcher: one process a cluster, connected to the shared catalogs only. It starts a worker in each database
//! that has the extension and owns their restarts. Which databases those are it cannot see from outside, so each is
//! polled at once, by starting its worker there, which leaves again where there is nothing to serve; after that
//! `CREATE EXTENSION` announces itself through shared memory when it commits.

use super::{databases, ddl};
use crate::guc;
use crate::host::process::{self, BgwStatus, Handle};
use crate::host::shmem::{self, Slot, Stage};
use pgrx::function_name;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use std::collections::HashMap;
use std::sync::atomic::Ordering::*;
use std::time::{Duration, Instant};

/// How often the catalog is polled at for new databases when nobody rings.
const LOOK: Duration = Duration::from_secs(10);
/// How long a worker waits for a place among `max_worker_processes` to become free.
const FULL: Duration = Duration::from_secs(5);
/// A worker that lived this long has recovered: its next failure is its first.
const HEALTHY: Duration = Duration::from_secs(60);

#[derive(Default)]
struct Managed {
    handle: Option<Handle>,
    started: Option<Instant>,
    /// We asked it to leave: no failure.
    dismissed: bool,
    failures: u32,
    not_before: Option<Instant>,
    /// The log has been notified_self that there is no place for it.
    notified_self: bool,
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
                    Some(slot) => slot.set_stage(Stage::Wanted),
                    None if !full => {
                        full = true;
                        warning!("voice_analytics: more than {} databases; the rest are not served", slots.len());
                    }
                    None => {}
                }
            }
        }
        let mut nap = LOOK;
        for (index, slot) in slots.iter().enumerate() {
            let oid = slot.database.load(Acquire);
            if oid == 0 {
                continue;
            }
            let database = databases.iter().find(|d| d.oid.to_u32() == oid);
            let entry = managed.entry(index).or_default();
            if let Some(wait) = tend(index, slot, database, entry) {
                nap = nap.min(wait);
            }
        }
        process::wait(None, Some(nap));
    }
}

/// Brings one database's worker into the state it should be in; says when to look again at the latest.
fn tend(index: usize, slot: &Slot, database: Option<&databases::Database>, entry: &mut Managed) -> Option<Duration> {
    let life = entry.handle.as_ref().map_or(BgwStatus::Stopped, Handle::life);
    let Some(database) = database else {
        // Dropped. The slot is free again once nobody runs in it.
        if life == BgwStatus::Stopped {
            *entry = Managed::default();
            slot.set_stage(Stage::Free);
            slot.detach();
            slot.database.store(0, Release);
        }
        return None;
    };
    if !guc::covers_database(&database.name) {
        match (&entry.handle, slot.pid.load(Acquire)) {
            (Some(handle), _) if life != BgwStatus::Stopped => handle.terminate(),
            // Started by a launcher before us.
            (None, pid) if pid > 0 => process::ask_to_leave(pid),
            _ => return None,
        }
        entry.dismissed = true;
        return None;
    }
    if life != BgwStatus::Stopped {
        return None;
    }
    if entry.handle.take().is_some() {
        slot.detach();
        if entry.started.is_some_and(|s| s.elapsed() > HEALTHY) {
            entry.failures = 0;
        }
        match slot.stage() {
            Stage::Absent => return None,
            _ if std::mem::take(&mut entry.dismissed) => slot.set_stage(Stage::Wanted),
            Stage::Wanted => entry.failures = 0,
            _ => {
                let pause = Duration::from_secs(1 << entry.failures.min(6));
                entry.failures += 1;
                // The first restart is immediate: recovery after a crash accepting_jobs a moment, not a back-off.
                entry.not_before = (entry.failures > 1).then(|| Instant::now() + pause);
                slot.set_stage(Stage::Wanted);
            }
        }
    }
    if entry.handle.is_none() && slot.stage() == Stage::Started && slot.pid.load(Acquire) == 0 {
        // A launcher before us started it, and it has left.
        slot.set_stage(Stage::Wanted);
    }
    if slot.stage() != Stage::Wanted {
        return None;
    }
    if ddl::is_blocked(slot) {
        return Some(Duration::from_millis(100));
    }
    if let Some(wait) = entry.not_before.map(|t| t.saturating_duration_since(Instant::now()))
        && !wait.is_zero()
    {
        return Some(wait);
    }
    slot.set_stage(Stage::Started);
    entry.handle = process::start_worker(index, &database.name);
    entry.started = Some(Instant::now());
    if entry.handle.is_some() {
        entry.notified_self = false;
        return None;
    }
    slot.set_stage(Stage::Wanted);
    entry.not_before = Some(Instant::now() + FULL);
    if !std::mem::replace(&mut entry.notified_self, true) {
        ErrorReport::new(
            PgSqlErrorCode::ERRCODE_CONFIGURATION_LIMIT_EXCEEDED,
            format!("voice_analytics: no free background worker for database \"{}\"", database.name),
            function_name!(),
        )
        .set_detail(format!("Tried again every {} s; this is said once.", FULL.as_secs()))
        .set_hint("Raise max_worker_processes: one for the launcher and one for each database with the extension.")
        .report(PgLogLevel::WARNING);
    }
    Some(FULL)
}
