//! What the worker does beside its jobs: it follows the settings made for its database, and has maintenance done by a
//! process of its own (`maintenance.rs`), so that no job waits for it.

use crate::db::{alerts, state, transaction};
use crate::host::process::{self, BgwStatus, Handle};
use crate::host::shmem::maintenance::{self, Task, Ticket};
use pgrx::prelude::*;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Time between two maintenances. Months are created long before they are needed, and days are rolled up once a day.
const INTERVAL: Duration = Duration::from_secs(3600);
/// Time until the next one after a failure (another session held the tables).
const RETRY: Duration = Duration::from_secs(60);
/// Alerts are evaluated for full minutes, so long after each: what was written in it is committed by then.
const AFTER_THE_MINUTE: Duration = Duration::from_secs(2);

pub struct MaintenanceScheduler {
    /// When the next process is to be started.
    due: Instant,
    /// The process that runs.
    running: Option<Running>,
    open_days: OpenDays,
    /// When alerts are evaluated next, where there are any.
    alerts_due: Instant,
    /// Settings of `ALTER DATABASE … SET`, as `name=value`, that were applied last.
    settings: Vec<String>,
    /// A setting was removed: only a new connection knows the value that holds without it.
    pub wants_restart: bool,
    error: Option<String>,
}

struct Running {
    process: Handle,
    request: Ticket,
    task: Task,
    since: Instant,
}

/// When days that are not over are summed up. A scorecard and the report read those sums where results or calls are many, and
/// they are fresh: five minutes old at most (`voice._open_days_rolled_up()`).
struct OpenDays {
    /// Results stored since then, of a day at most.
    stored: usize,
    since: Instant,
    due: Option<Instant>,
    /// Between two of them: so that they take a twentieth of a processor's time at most.
    interval: Duration,
}

impl OpenDays {
    /// Until so many are stored a scorecard reads the results themselves, and the report the calls.
    const ENOUGH: usize = 500;
    const DAY: Duration = Duration::from_secs(24 * 3600);
    const SHORTEST: Duration = Duration::from_secs(60);
    const LONGEST: Duration = Duration::from_secs(240);

    fn new() -> Self {
        OpenDays { stored: 0, since: Instant::now(), due: None, interval: Self::SHORTEST }
    }

    fn on_stored(&mut self, count: usize, now: Instant) {
        if now - self.since > Self::DAY {
            (self.stored, self.since) = (0, now);
        }
        self.stored += count;
        if count > 0 && self.stored >= Self::ENOUGH && self.due.is_none() {
            self.due = Some(now + self.interval);
        }
    }

    fn took(&mut self, time: Duration) {
        self.interval = (time * 20).clamp(Self::SHORTEST, Self::LONGEST);
    }
}

impl MaintenanceScheduler {
    pub fn new() -> Self {
        let mut new = MaintenanceScheduler {
            due: Instant::now(),
            running: None,
            open_days: OpenDays::new(),
            alerts_due: Instant::now(),
            settings: Vec::new(),
            wants_restart: false,
            error: None,
        };
        new.follow_settings();
        new
    }

    /// When `maintain` is to be called again at the latest; `None`: a process runs, whose end sets the worker's latch.
    pub fn next(&self) -> Option<Instant> {
        let first = [Some(self.due), Some(self.alerts_due), self.open_days.due].into_iter().flatten().min();
        first.filter(|_| self.running.is_none())
    }

    /// So many results were stored: of the fixed analysis, and of the tenants' own.
    pub fn on_results_stored(&mut self, count: usize) {
        self.open_days.on_stored(count, Instant::now());
    }

    /// The next maintenance is due now (after a reload of the settings).
    pub fn is_due(&mut self) {
        (self.due, self.alerts_due) = (Instant::now(), Instant::now());
    }

    /// The error since the last call of this function, for the log and `voice_status()`.
    pub fn take_error(&mut self) -> Option<String> {
        self.error.take()
    }

    /// Starts the process when it is due, and takes the result of one that has ended. Never waits. `role` owns the tables.
    pub fn maintain(&mut self, role: pg_sys::Oid) {
        if let Some(Running { process, request, task, since }) = &self.running {
            if process.life() != BgwStatus::Stopped {
                return;
            }
            if matches!(task, Task::RollUpOpenDays) {
                self.open_days.took(since.elapsed());
            }
            if let Err(reason) = request.outcome() {
                self.error = Some(format!("maintenance: {reason}"));
                if matches!(task, Task::RunAll) {
                    self.due = Instant::now() + RETRY;
                }
            }
            self.running = None;
        }
        let now = Instant::now();
        if self.due <= now {
            self.due = now + INTERVAL;
            self.start(Task::RunAll);
            if self.running.is_none() {
                self.due = now + RETRY;
                self.error = Some("maintenance: no free background worker (raise max_worker_processes)".to_owned());
            }
        } else if self.alerts_due <= now {
            self.alerts_due = now + until_next_evaluation(SystemTime::now());
            self.evaluate_alerts(role);
        } else if self.open_days.due.is_some_and(|due| due <= now) {
            self.open_days.due = None;
            // Without a free background worker scorecards read the results themselves.
            self.start(Task::RollUpOpenDays);
        }
    }

    /// Starts the process that evaluates alerts, where there are any.
    fn evaluate_alerts(&mut self, role: pg_sys::Oid) {
        match transaction("voice_analytics: looking for alerts", role, alerts::exist) {
            Ok(false) => return,
            Ok(true) => self.start(Task::EvaluateAlerts),
            Err(e) => return self.error = Some(format!("alerts: {}", e.message)),
        }
        if self.running.is_none() {
            self.error = Some("alerts: no free background worker (raise max_worker_processes)".to_owned());
        }
    }

    fn start(&mut self, task: Task) {
        self.running = maintenance::submit(process::my_database(), task).and_then(|request| {
            let process = process::start_maintenance(request.id())?;
            Some(Running { process, request, task, since: Instant::now() })
        });
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

/// Time until [`AFTER_THE_MINUTE`] of the next minute.
fn until_next_evaluation(now: SystemTime) -> Duration {
    const MINUTE: u64 = 60;
    let since_epoch = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let into = (since_epoch.as_secs() + MINUTE - AFTER_THE_MINUTE.as_secs()) % MINUTE;
    Duration::from_secs(MINUTE - into)
}
