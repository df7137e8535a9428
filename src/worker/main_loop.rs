//! The worker of one database: its loop. What one turn of it does is in `cycle.rs`, what it does when something of its own
//! fails in `mend.rs`. One thread does all SQL; requests run on the pool's threads and come back through a pipe.

use super::deliver::Deliveries;
use super::latency::Latencies;
use super::pipeline::{self, Sent};
use super::provider::Provider;
use super::queue::Queue;
use super::{listen, maintenance_scheduler::MaintenanceScheduler, reporting};
use crate::db::claim::Claimed;
use crate::db::outcome::Settled;
use crate::db::search::Search;
use crate::db::state::{self, Installation};
use crate::db::transaction;
use crate::guc::{Analyzer, Settings};
use crate::host::process;
use crate::host::shmem::Slot;
use pgrx::prelude::*;
use std::collections::HashMap;
use std::sync::atomic::Ordering::*;
use std::time::{Duration, Instant};
use voice_net::{AnalysisResponse, Class, Pool};

/// Calls judged between two transactions where no request is needed: one commit for many, and soon enough.
const BATCH: usize = 64;
/// Results that others hold up: so many calls may somebody have locked before everybody waits for him.
const POSTPONED_MAX: usize = 4096;
/// How long a `NOTIFY` of somebody else may be taken for the echo of ours. The commits that end calls do not need it.
const ECHO: Duration = Duration::from_millis(100);
/// What a lease lasts; past half of it, it is renewed, however long the request accepting_jobs.
pub const LEASE: Duration = Duration::from_secs(20);

/// Everything the loop knows between two turns.
pub struct Server {
    pub(super) slot: &'static Slot,
    pub(super) schema: String,
    pub(super) role: pg_sys::Oid,
    pub(super) settings: Settings,
    pub(super) provider: Provider,
    pub(super) pool: Pool,
    pub(super) deliveries: Deliveries,
    pub(super) epoch: Option<i64>,
    pub(super) queue: Queue,
    pub(super) flights: HashMap<u64, Sent>,
    pub(super) next_request_id: u64,
    /// Outcomes to be stored now.
    pub(super) pending: Vec<Settled>,
    /// Outcomes whose call or job somebody else holds, to be tried again at `retry`, after which pause.
    pub(super) postponed: Vec<Settled>,
    pub(super) retry: Option<(Instant, Duration)>,
    pub(super) latencies: Latencies,
    pub(super) maintenance_scheduler: MaintenanceScheduler,
    /// When the queue is to be polled at again without being asked; `None`: when the sweep says.
    pub(super) due: Option<Instant>,
    /// We have notified, and not heard it yet.
    pub(super) notified_self: bool,
    /// The limits of tenants are to be read again.
    pub(super) limits_stale: bool,
    /// The last turn was allowed to take jobs.
    pub(super) accepting_jobs: bool,
    /// When a tenant may be asked for again whose jobs had to be left because of its requests a minute.
    pub(super) throttled_until: Option<Instant>,
    /// When requests may leave that may not now.
    pub(super) ask_at: Option<Instant>,
    /// When the first of the leases is past half.
    pub(super) renew_at: Option<Instant>,
    /// How long to leave alone jobs that somebody has locked.
    pub(super) locked: Duration,
    pub(super) swept: Instant,
    pub(super) failures: u32,
    /// The last batch failed as a whole: find the one that spoils it.
    pub(super) isolate_results: bool,
    /// Claiming or reading failed: take jobs one by one, and read each after its attempt is counted.
    pub(super) degraded_cycles: u32,
    /// What search documents are made with.
    pub(super) search: Search,
    /// Why the search documents cannot be written as configured.
    pub(super) search_error: Option<String>,
    /// The sweep is due: leases that ran out are taken back.
    pub(super) sweeping: bool,
}

/// Why the loop ended.
pub enum Leave {
    /// The extension is gone or has become another.
    Unserved,
    /// The settings of the database must be read by a new connection.
    Restart,
}

impl Server {
    pub fn new(slot: &'static Slot, schema: String, role: pg_sys::Oid) -> std::io::Result<Server> {
        let pool = Pool::new()?;
        Ok(Server {
            slot,
            schema,
            role,
            settings: Settings::current(),
            provider: Provider::default(),
            deliveries: Deliveries::beside(&pool),
            pool,
            epoch: None,
            queue: Queue::default(),
            flights: HashMap::new(),
            next_request_id: 0,
            pending: Vec::new(),
            postponed: Vec::new(),
            retry: None,
            latencies: Latencies::default(),
            maintenance_scheduler: MaintenanceScheduler::new(),
            due: None,
            notified_self: false,
            limits_stale: true,
            accepting_jobs: false,
            throttled_until: None,
            ask_at: None,
            renew_at: None,
            locked: Duration::ZERO,
            swept: Instant::now(),
            failures: 0,
            isolate_results: false,
            degraded_cycles: 0,
            search: Search::default(),
            search_error: None,
            sweeping: false,
        })
    }

    /// Until the extension is gone, or the process.
    pub fn run(&mut self) -> Leave {
        self.configure();
        let listening = transaction("voice_analytics: LISTEN", pg_sys::InvalidOid, |_| {
            listen::listen();
            Ok(())
        });
        if let Err(e) = listening {
            self.log_error(&e.message);
        }
        let mut look = true;
        loop {
            process::check_for_interrupts();
            if process::reload_if_asked() {
                self.configure();
                // Whoever reloads may know that the LLM server is back.
                self.provider.probe_now();
                self.maintenance_scheduler.is_due();
                self.limits_stale = true;
                look = true;
            }
            let now = Instant::now();
            // A worker that is switched off leaves the bell as it was rung, so that no commit wakes it again.
            let rung = self.settings.enabled && self.slot.take_wake();
            self.limits_stale |= rung && self.slot.limits_changed.swap(false, AcqRel);
            let mut changed = rung;
            if listen::drain() {
                // Most likely our own words: what is notified_self is notified_self to this process too, and no channel is named to us.
                match std::mem::take(&mut self.notified_self) {
                    true => self.due = Some(self.due.map_or(now + ECHO, |due| due.min(now + ECHO))),
                    false => changed = true,
                }
            }
            changed |= self.due.take_if(|t| *t <= now).is_some();
            let sweep = self.settings.sweep_interval;
            if !sweep.is_zero() && self.swept.elapsed() >= sweep {
                self.swept = now;
                self.sweeping = true;
                // They may have been written where triggers do not fire.
                self.limits_stale = true;
                changed = true;
                self.maintenance_scheduler.follow_settings();
                self.configure();
                if !self.still_fits() {
                    return Leave::Unserved;
                }
                self.sync_role_names();
            }
            if changed {
                self.queue.has_changed();
                self.deliveries.may_have_changed();
            }
            look |= changed | [self.ask_at, self.renew_at].into_iter().flatten().any(|t| t <= now);
            look |= self.throttled_until.take_if(|t| *t <= now).is_some();
            if self.maintenance_scheduler.wants_restart && self.is_empty_handed() {
                return Leave::Restart;
            }
            if self.retry.is_some_and(|(at, _)| at <= now) {
                self.pending.append(&mut self.postponed);
            }
            for answer in self.pool.poll() {
                self.hear(answer);
            }
            // After the pool, beside which it is.
            let receipts = self.deliveries.poll();
            self.pending.extend(receipts);
            self.deliver();
            if look || !self.pending.is_empty() {
                match self.run_cycle() {
                    Ok(again) => look = again,
                    Err(e) => {
                        look = false;
                        if !self.recover(e) {
                            return Leave::Unserved;
                        }
                    }
                }
            }
            if self.schedules_maintenance() {
                self.maintenance_scheduler.maintain(self.slot);
            }
            if let Some(error) = self.maintenance_scheduler.take_error() {
                self.log_error(&error);
            }
            self.publish_metrics();
            if !look {
                self.rest();
            }
        }
    }

    /// Applies the settings as they are now.
    fn configure(&mut self) {
        self.settings = Settings::current();
        self.pool.set_limit(self.settings.max_concurrency);
        let doing = "voice_analytics: checking search_config";
        let begun = transaction(doing, self.role, |client| Search::begin(client, &self.settings.search_config));
        self.search_error = begun.as_ref().err().map(|e| format!("search_config: {}", e.message));
        self.search = begun.unwrap_or_else(|_| Search::by_name(&self.settings.search_config));
        if let Some(error) = self.search_error.clone() {
            self.log_error(&error);
        }
        match self.settings.analyzer {
            Analyzer::builtin => self.provider.disable(),
            Analyzer::openai => {
                if let Err(reason) = self.provider.configure(&self.settings) {
                    self.log_error(&reason);
                }
            }
        }
    }

    /// Roles change their names without telling anybody, and a dump knows pins by name.
    fn sync_role_names(&self) {
        let doing = "voice_analytics: following pinned roles";
        if let Err(e) = transaction(doing, self.role, state::sync_role_names) {
            self.log_error(&format!("pins: {}", e.message));
        }
    }

    /// Whether the extension here is the one that this worker began to serve; where it cannot be notified_self, it is.
    pub(super) fn still_fits(&self) -> bool {
        match state::installation() {
            Ok(Installation::Fits { schema, role }) => schema == self.schema && role == self.role,
            Ok(_) => false,
            Err(_) => true,
        }
    }

    /// What came of a request, and what that says of the provider.
    fn hear(&mut self, answer: AnalysisResponse) {
        let Some(Sent { flight, permit }) = self.flights.remove(&answer.request_id) else { return };
        let (change, patience) = self.provider.hear(&flight.job, permit, &answer, &self.settings);
        if let Err(failure) = &answer.outcome {
            let words = reporting::for_the_log(failure, &answer);
            // Single failures of others are in voice.attempt; the log is for what stops.
            if failure.class == Class::Configuration && self.provider.refusal_is_new() {
                log!("voice_analytics: nothing is asked until the configuration changes: {words}");
            }
            self.record_error(&failure.message);
        }
        if let Some(change) = change {
            self.log_breaker(change, &answer);
        }
        self.pending.push(pipeline::settled(flight, answer, patience, &self.settings));
    }

    /// Nothing asked, nothing to store.
    pub(super) fn is_empty_handed(&self) -> bool {
        self.flights.is_empty()
            && self.deliveries.in_flight() == 0
            && self.pending.is_empty()
            && self.postponed.is_empty()
    }

    /// Months are created, and waited for: to wait for what is not done is not to wait at all.
    fn schedules_maintenance(&self) -> bool {
        self.settings.enabled && self.settings.maintenance && self.epoch.is_some()
    }

    /// How many more jobs to take now.
    pub(super) fn room(&self) -> usize {
        if !self.settings.enabled
            || self.search_error.is_some()
            || self.maintenance_scheduler.wants_restart
            || self.pending.len() > self.settings.max_concurrency.max(BATCH * 4)
            || self.postponed.len() >= POSTPONED_MAX
        {
            return 0;
        }
        match self.settings.analyzer {
            Analyzer::builtin => BATCH,
            Analyzer::openai => self.provider.room(self.settings.max_concurrency, self.flights.len()),
        }
    }

    /// The jobs that this worker holds, and since when.
    pub(super) fn held(&mut self) -> impl Iterator<Item = &mut Claimed> {
        let asked = self.flights.values_mut().map(|sent| &mut sent.flight.job);
        let notified_self = self.deliveries.held();
        asked
            .chain(notified_self)
            .chain(self.pending.iter_mut().chain(&mut self.postponed).map(|settled| &mut settled.job))
    }

    /// Waits for a commit, a notification, an answer, a deadline, or the sweep.
    fn rest(&mut self) {
        self.show_waiting();
        let sweep = self.settings.sweep_interval;
        self.ask_at = self.provider.next();
        // Their moment may have come since they were passed over.
        let may_ask = self.accepting_jobs && self.room() > 0;
        self.throttled_until = may_ask.then(|| self.provider.next_of(self.queue.throttled())).flatten();
        // Without an epoch there are no leases of ours.
        self.renew_at = self.epoch.and_then(|_| self.held().map(|job| job.leased + LEASE / 2).min());
        let until = [
            (!sweep.is_zero()).then(|| self.swept + sweep),
            self.due,
            self.ask_at,
            self.throttled_until,
            self.renew_at,
            self.pool.next_deadline(),
            self.deliveries.next_deadline(),
            self.deliveries.next().filter(|_| self.delivers()),
            self.retry.map(|(at, _)| at),
            self.schedules_maintenance().then(|| self.maintenance_scheduler.next()).flatten(),
        ];
        let limit = until.into_iter().flatten().min().map(|t| t.saturating_duration_since(Instant::now()));
        process::wait(Some(self.pool.wake_fd()), limit);
    }
}
