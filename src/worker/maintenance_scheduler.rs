//! What the worker does beside its jobs: settings made for its database; and it has months, roll-ups and retention polled
//! after, by a process of its own (`maintenance.rs`), so that no job waits for them.

use crate::db::{state, transaction};
use crate::host::process::{self, BgwStatus, Handle};
use crate::host::shmem::Slot;
use pgrx::prelude::*;
use std::time::{Duration, Instant};

/// Months are made long before they are needed, and days rolled up once: an hour is often.
const MAINTENANCE: Duration = Duration::from_secs(3600);
/// After a failure (somebody held the tables), sooner.
const AGAIN: Duration = Duration::from_secs(60);

pub struct MaintenanceScheduler {
    /// When the next process is to be started.
    due: Instant,
    /// The one that runs.
    running: Option<Handle>,
    /// `ALTER DATABASE … SET`, as last applied.
    settings: Vec<String>,
    /// One of them was taken away: only a new connection knows what is in force without it.
    pub wants_restart: bool,
    error: Option<String>,
}

impl MaintenanceScheduler {
    pub fn new() -> Self {
        let mut new = MaintenanceScheduler {
            due: Instant::now(),
            running: None,
            settings: Vec::new(),
            wants_restart: false,
            error: None,
        };
        new.follow_settings();
        new
    }

    /// When it wants to be called again at the latest. The end of the process sets this one's latch.
    pub fn next(&self) -> Option<Instant> {
        self.running.is_none().then_some(self.due)
    }

    /// Somebody has changed the settings, or wants to see something happen.
    pub fn is_due(&mut self) {
        self.due = Instant::now();
    }

    pub fn take_error(&mut self) -> Option<String> {
        self.error.take()
    }

    /// Starts the process when it is time, and hears what came of it. Never waits.
    pub fn maintain(&mut self, slot: &Slot) {
        if let Some(process) = &self.running {
            if process.life() != BgwStatus::Stopped {
                return;
            }
            self.running = None;
            match slot.maintenance_result.read() {
                Some(said) if said != "ok" => {
                    self.error = Some(format!("maintenance: {said}"));
                    self.due = Instant::now() + AGAIN;
                }
                _ => {}
            }
        }
        if self.due > Instant::now() {
            return;
        }
        self.due = Instant::now() + MAINTENANCE;
        slot.maintenance_result.write("the process ended early");
        self.running = process::start_maintenance(&format!("{} keep", process::my_database().to_u32()));
        if self.running.is_none() {
            self.due = Instant::now() + AGAIN;
            self.error = Some("maintenance: no free background worker (raise max_worker_processes)".to_owned());
        }
    }

    /// Applies settings made for this database since the last look.
    pub fn follow_settings(&mut self) {
        let doing = "voice_analytics: reading the database's settings";
        let now = match transaction(doing, pg_sys::InvalidOid, state::database_settings) {
            Ok(now) => now,
            Err(e) => return self.error = Some(e.message),
        };
        for setting in now.iter().filter(|s| !self.settings.contains(s)) {
            if let Some((name, value)) = setting.split_once('=') {
                process::apply_database_setting(name, value);
            }
        }
        let name = |s: &String| s.split('=').next().unwrap_or_default().to_owned();
        let kept: Vec<String> = now.iter().map(name).collect();
        self.wants_restart |= self.settings.iter().map(name).any(|n| !kept.contains(&n));
        self.settings = now;
    }
}
