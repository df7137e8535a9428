//! What the worker does beside its jobs: it follows the settings made for its database, and has maintenance done by a
//! process of its own (`maintenance.rs`), so that no job waits for it.

use crate::db::{state, transaction};
use crate::host::process::{self, BgwStatus, Handle};
use crate::host::shmem::maintenance::{self, Task, Ticket};
use pgrx::prelude::*;
use std::time::{Duration, Instant};

/// Time between two maintenances. Months are created long before they are needed, and days are rolled up once a day.
const INTERVAL: Duration = Duration::from_secs(3600);
/// Time until the next one after a failure (another session held the tables).
const RETRY: Duration = Duration::from_secs(60);

pub struct MaintenanceScheduler {
    /// When the next process is to be started.
    due: Instant,
    /// The process that runs, and its request.
    running: Option<(Handle, Ticket)>,
    /// Settings of `ALTER DATABASE … SET`, as `name=value`, that were applied last.
    settings: Vec<String>,
    /// A setting was removed: only a new connection knows the value that holds without it.
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

    /// When `maintain` is to be called again at the latest; `None`: a process runs, whose end sets the worker's latch.
    pub fn next(&self) -> Option<Instant> {
        self.running.is_none().then_some(self.due)
    }

    /// The next maintenance is due now (after a reload of the settings).
    pub fn is_due(&mut self) {
        self.due = Instant::now();
    }

    /// The error since the last call of this function, for the log and `voice_status()`.
    pub fn take_error(&mut self) -> Option<String> {
        self.error.take()
    }

    /// Starts the process when it is due, and takes the result of one that has ended. Never waits.
    pub fn maintain(&mut self) {
        if let Some((process, request)) = &self.running {
            if process.life() != BgwStatus::Stopped {
                return;
            }
            if let Err(reason) = request.outcome() {
                self.error = Some(format!("maintenance: {reason}"));
                self.due = Instant::now() + RETRY;
            }
            self.running = None;
        }
        if self.due > Instant::now() {
            return;
        }
        self.due = Instant::now() + INTERVAL;
        self.running = maintenance::submit(process::my_database(), Task::RunAll)
            .and_then(|request| Some((process::start_maintenance(request.id())?, request)));
        if self.running.is_none() {
            self.due = Instant::now() + RETRY;
            self.error = Some("maintenance: no free background worker (raise max_worker_processes)".to_owned());
        }
    }

    /// Applies the settings that were made for this database since the last call.
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
