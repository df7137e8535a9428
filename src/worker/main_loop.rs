//! The worker of one database: its owners, and its loop. One thread does all SQL. Requests run on a thread of each pool and
//! come back through a pipe.

use super::health::Health;
use super::job::{Context, Intake};
use super::jobs;
use super::leases::{Expired, Leases};
use super::listen;
use super::maintenance_scheduler::MaintenanceScheduler;
use super::recovery::Recovery;
use super::results::Results;
use super::runner::{JobRunner, LEASE};
use super::schedule::{Schedule, Timer};
use super::search_state::SearchState;
use super::status_writer::StatusWriter;
use crate::db::claim::Claimed;
use crate::db::state::{self, Admission, Installation};
use crate::db::transaction;
use crate::guc::Settings;
use crate::host::process;
use crate::host::shmem::Slot;
use pgrx::prelude::*;
use std::sync::atomic::Ordering::*;
use std::time::Instant;
use voice_net::Waker;

/// Everything that the loop knows between two cycles.
pub struct Server {
    pub(super) served: Served,
    pub(super) settings: Settings,
    pub(super) status: StatusWriter,
    pub(super) kinds: Vec<Box<dyn JobRunner>>,
    pub(super) results: Results,
    pub(super) leases: Leases,
    pub(super) recovery: Recovery,
    pub(super) schedule: Schedule,
    pub(super) search: SearchState,
    pub(super) maintenance: MaintenanceScheduler,
    /// What the last transaction was admitted to do.
    pub(super) admission: Admission,
    /// Woken by the threads of all kinds' requests.
    waker: Waker,
}

/// The installation that the worker began to serve.
pub(super) struct Served {
    /// Schema of the extension's functions, quoted.
    pub schema: String,
    /// The role that owns the tables.
    pub role: pg_sys::Oid,
}

/// Why the loop ended.
pub enum Leave {
    /// The extension is gone, or is of another version.
    Unserved,
    /// A new connection must read the settings of the database.
    Restart,
}

/// Whether the next cycle runs at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Next {
    Cycle,
    Wait,
}

impl Server {
    /// # Errors
    /// The pipe through which threads wake the worker cannot be made.
    pub fn new(slot: &'static Slot, schema: String, role: pg_sys::Oid) -> std::io::Result<Server> {
        let waker = Waker::new()?;
        Ok(Server {
            served: Served { schema, role },
            settings: Settings::current(),
            status: StatusWriter::new(slot),
            kinds: jobs::all(&waker),
            results: Results::default(),
            leases: Leases::default(),
            recovery: Recovery::default(),
            schedule: Schedule::new(),
            search: SearchState::default(),
            maintenance: MaintenanceScheduler::new(),
            admission: Admission::RestoredCopy,
            waker,
        })
    }

    /// Serves the database until the extension is gone, or the process.
    pub fn run(&mut self) -> Leave {
        self.configure();
        self.listen();
        let mut next = Next::Cycle;
        loop {
            process::check_for_interrupts();
            match self.on_events(next) {
                Ok(after) => next = after,
                Err(leave) => return leave,
            }
            if self.maintenance.wants_restart && self.has_nothing_to_do() {
                return Leave::Restart;
            }
            self.on_responses();
            if next == Next::Cycle || !self.results.batch().is_empty() {
                next = match self.run_cycle() {
                    Ok(true) => Next::Cycle,
                    Ok(false) => Next::Wait,
                    Err(failed) if self.recover(&failed) => Next::Wait,
                    Err(_) => return Leave::Unserved,
                };
            }
            self.run_maintenance();
            self.publish();
            if next == Next::Wait {
                self.wait();
            }
        }
    }

    /// Handles what has happened since the last cycle: a reload, a commit, a notification, a deadline.
    ///
    /// # Errors
    /// The worker must leave.
    fn on_events(&mut self, next: Next) -> Result<Next, Leave> {
        let now = Instant::now();
        let mut cycle = next == Next::Cycle;
        if process::reload_if_asked() {
            self.configure();
            // The operator who reloads may know that the LLM server works again.
            self.kinds.iter_mut().for_each(|kind| kind.on_reload());
            self.kinds.iter_mut().for_each(|kind| kind.probe_now());
            self.kinds.iter_mut().for_each(|kind| kind.refresh());
            self.maintenance.is_due();
            cycle = true;
        }
        // A disabled worker leaves the flag set, so that no commit wakes it again.
        let slot = self.status.slot();
        let woken = self.settings.enabled && slot.take_wake();
        if woken && slot.limits_changed.swap(false, AcqRel) {
            self.kinds.iter_mut().for_each(|kind| kind.refresh());
        }
        let notified = listen::drain() && self.schedule.on_notification(now);
        // Whoever notifies, or calls a function of operators, asks for an attempt; a commit that ends a call does not.
        let asked = woken && slot.probe_asked.swap(false, AcqRel);
        if notified || asked {
            // A file that the settings name may have been mended.
            if self.kinds.iter().any(|kind| matches!(kind.health(), Health::Misconfigured(_))) {
                self.configure();
            }
            self.kinds.iter_mut().for_each(|kind| kind.probe_now());
        }
        if woken || notified {
            self.kinds.iter_mut().for_each(|kind| kind.on_arrival());
        }
        let mut changed = woken | notified;
        for timer in self.schedule.take_due(now) {
            match timer {
                Timer::Sweep => {
                    self.sweep()?;
                    changed = true;
                }
                Timer::Echo | Timer::Recover => changed = true,
                Timer::RenewLeases => cycle = true,
            }
        }
        if changed {
            self.kinds.iter_mut().for_each(|kind| kind.may_have_changed());
        }
        cycle |= changed | self.leases.on_time(now);
        for kind in &mut self.kinds {
            cycle |= kind.on_time(now);
        }
        self.results.on_time(now);
        Ok(if cycle { Next::Cycle } else { Next::Wait })
    }

    /// Looks at everything that may have changed without a signal.
    ///
    /// # Errors
    /// The extension is gone, or is of another version: the worker must leave.
    fn sweep(&mut self) -> Result<(), Leave> {
        self.leases.expired = Expired::Maybe;
        // Limits may have been written where triggers do not fire.
        self.kinds.iter_mut().for_each(|kind| kind.refresh());
        self.maintenance.follow_settings();
        self.configure();
        if !self.still_compatible() {
            return Err(Leave::Unserved);
        }
        self.sync_role_names();
        Ok(())
    }

    fn listen(&self) {
        let listening = transaction("voice_analytics: LISTEN", pg_sys::InvalidOid, |_| {
            listen::listen();
            Ok(())
        });
        if let Err(error) = listening {
            self.status.log_error(&error.message);
        }
    }

    /// Applies the settings as they are now.
    fn configure(&mut self) {
        self.settings = Settings::current();
        self.schedule.set_sweep_interval(self.settings.sweep_interval);
        if let Err(error) = self.search.configure(self.served.role, &self.settings.search_config) {
            self.status.log_error(&error);
        }
        for kind in &mut self.kinds {
            if let Err(reason) = kind.configure(&self.settings) {
                self.status.log_error(&reason);
            }
        }
    }

    /// Corrects the names of pinned roles: a role can be renamed without a signal, and a dump knows pins by name.
    fn sync_role_names(&self) {
        let doing = "voice_analytics: following pinned roles";
        if let Err(e) = transaction(doing, self.served.role, state::sync_role_names) {
            self.status.log_error(&format!("pins: {}", e.message));
        }
    }

    /// Whether the extension here is still the one that this worker began to serve. Where that cannot be found out, it is.
    pub(super) fn still_compatible(&self) -> bool {
        match state::installation() {
            Ok(Installation::Fits { schema, role }) => schema == self.served.schema && role == self.served.role,
            Ok(_) => false,
            Err(_) => true,
        }
    }

    /// Collects the responses that have arrived.
    fn on_responses(&mut self) {
        let intake = self.intake();
        let Server { kinds, results, settings, status, waker, .. } = self;
        let context = Context { settings, status, intake };
        // Before the responses are collected: one that arrives meanwhile wakes again.
        waker.clear();
        for kind in kinds {
            results.add(kind.on_responses(context));
        }
    }

    fn in_flight(&self) -> usize {
        self.kinds.iter().map(|kind| kind.in_flight()).sum()
    }

    /// No request is in flight, and no result is to be stored.
    pub(super) fn has_nothing_to_do(&self) -> bool {
        self.in_flight() == 0 && self.results.is_empty()
    }

    /// The jobs that this worker holds.
    pub(super) fn held(&mut self) -> impl Iterator<Item = &mut Claimed> {
        self.kinds.iter_mut().flat_map(|kind| kind.held()).chain(self.results.held())
    }

    /// Whether the maintenance process is started when it is due. While none is done, its deadline does not count either.
    fn schedules_maintenance(&self) -> bool {
        self.settings.enabled && self.settings.maintenance && self.leases.epoch.is_some()
    }

    fn run_maintenance(&mut self) {
        if self.schedules_maintenance() {
            self.maintenance.maintain(self.served.role);
        }
        if let Some(error) = self.maintenance.take_error() {
            self.status.log_error(&error);
        }
    }

    /// Writes the figures of `voice_status()`.
    fn publish(&self) {
        let slot = self.status.slot();
        slot.in_flight.store(self.in_flight() as u32, Release);
        self.kinds.iter().for_each(|kind| kind.publish(slot, &self.settings));
    }

    /// Waits for a commit, a notification, a response, or the next deadline.
    fn wait(&mut self) {
        self.status.show_waiting(self.in_flight());
        // Without an epoch, no lease is ours.
        let renew_at = self.leases.epoch.and_then(|_| self.held().map(|job| job.leased + LEASE / 2).min());
        self.schedule.set(Timer::RenewLeases, renew_at);
        let intake = if self.admission == Admission::Open { self.intake() } else { Intake::Stopped };
        let maintenance = self.schedules_maintenance().then(|| self.maintenance.next()).flatten();
        let Server { kinds, results, settings, status, leases, schedule, waker, .. } = self;
        let context = Context { settings, status, intake };
        let of_kinds = kinds.iter_mut().filter_map(|kind| kind.next(context)).min();
        let next = [schedule.next(), leases.next(), results.next(), of_kinds, maintenance].into_iter().flatten().min();
        let limit = next.map(|at| at.saturating_duration_since(Instant::now()));
        process::wait(Some(waker.fd()), limit);
    }
}
