//! The worker of one database: its entry, its loop, and what it does when something of its own fails.
//! One thread does all SQL; requests run on the pool's threads and come back through a pipe.

use super::latency::Latencies;
use super::pipeline::{self, Flight, Step};
use super::shmem::{self, Slot, Stage, State};
use super::{housekeeping::Housekeeping, key, listen, process};
use crate::db::claim::Claimed;
use crate::db::prepare::Call;
use crate::db::settle::{self, Outcome, Report, Settled};
use crate::db::state::{self, Gate, Installation};
use crate::db::{DbError, claim, prepare, transaction};
use crate::guc::{Analyzer, Settings};
use pgrx::prelude::*;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::*;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use voice_net::{Class, Endpoint, Pool, Question};

/// Calls judged between two transactions where no request is needed: one commit for many, and soon enough.
const BATCH: usize = 64;
/// What a lease lasts beyond the request's own time-out.
const LEASE_MARGIN: Duration = Duration::from_secs(60);
/// How soon results that somebody else holds up are tried again.
const POSTPONED: Duration = Duration::from_millis(10);
/// How often a refused configuration is tried with one request, in case the provider has changed its mind.
const PROBE: Duration = Duration::from_secs(60);

/// Serves the database of this slot until there is nothing to serve.
pub fn run(index: usize) {
    process::take_signals();
    let Some(slot) = shmem::slots().and_then(|s| s.get(index)) else { return };
    slot.occupy();
    slot.set_state(State::Starting, "");
    process::vacate_at_exit(index);
    process::connect_to(pg_sys::Oid::from(slot.database.load(Acquire)));
    process::set_for_session(c"search_path", c"pg_catalog, pg_temp");
    loop {
        match state::installation() {
            Ok(Installation::Fits { schema, role }) => match Server::new(slot, schema, role) {
                Ok(mut server) => {
                    if let Leave::Restart = server.run() {
                        return slot.set_stage(Stage::Wanted);
                    }
                    continue;
                }
                Err(e) => slot.set_state(State::Failing, &format!("cannot start: {e}")),
            },
            Ok(Installation::Absent) => return slot.leave_absent(),
            Ok(Installation::Other { version }) => {
                slot.set_state(
                    State::Unfit,
                    &format!(
                        "the loaded library is {}, the extension here is {version}: ALTER EXTENSION voice_analytics UPDATE, or restart the server",
                        env!("CARGO_PKG_VERSION")
                    ),
                );
            }
            Ok(Installation::Roleless) => slot.set_state(State::Unfit, "the role voice_worker does not exist"),
            Err(e) => slot.set_state(State::Failing, &e.message),
        }
        process::check_for_interrupts();
        process::reload_if_asked();
        process::wait(None, Some(Duration::from_secs(10)));
    }
}

/// A configuration that the provider, or the key file, refuses.
struct Hold {
    reason: String,
    settings: Settings,
    probe_at: Instant,
}

struct Server {
    slot: &'static Slot,
    role: pg_sys::Oid,
    settings: Settings,
    endpoint: Option<Arc<Endpoint>>,
    pool: Pool,
    epoch: Option<i64>,
    flights: HashMap<u64, Flight>,
    next_ticket: u64,
    /// Outcomes that are not stored yet.
    pending: Vec<Settled>,
    hold: Option<Hold>,
    latencies: Latencies,
    housekeeping: Housekeeping,
    /// When the queue is to be looked at again without being asked; `None`: when the sweep says.
    due: Option<Instant>,
    swept: Instant,
    failures: u32,
    /// The last batch failed as a whole: find the one that spoils it.
    singly: bool,
}

/// What one transaction brought.
struct Turn {
    gate: Gate,
    report: Report,
    calls: Vec<(Claimed, Option<Call>)>,
    /// There was more to take than room.
    backlog: bool,
    due: Option<Duration>,
}

/// Why the loop ended.
enum Leave {
    /// The extension is gone or has become another.
    Unserved,
    /// The settings of the database must be read by a new connection.
    Restart,
}

impl Server {
    fn new(slot: &'static Slot, schema: String, role: pg_sys::Oid) -> std::io::Result<Server> {
        Ok(Server {
            slot,
            role,
            settings: Settings::current(),
            endpoint: None,
            pool: Pool::new()?,
            epoch: None,
            flights: HashMap::new(),
            next_ticket: 0,
            pending: Vec::new(),
            hold: None,
            latencies: Latencies::default(),
            housekeeping: Housekeeping::new(schema),
            due: None,
            swept: Instant::now(),
            failures: 0,
            singly: false,
        })
    }

    /// Until the extension is gone, or the process.
    fn run(&mut self) -> Leave {
        self.configure();
        let listening = transaction("voice_analytics: LISTEN", pg_sys::InvalidOid, |_| {
            listen::listen();
            Ok(())
        });
        if let Err(e) = listening {
            self.note_error(&e.message);
        }
        let mut look = true;
        loop {
            process::check_for_interrupts();
            if process::reload_if_asked() {
                self.configure();
                look = true;
            }
            look |= self.slot.take_ring() | listen::drain();
            look |= self.due.is_some_and(|t| t <= Instant::now());
            let sweep = self.settings.sweep_interval;
            if !sweep.is_zero() && self.swept.elapsed() >= sweep {
                self.swept = Instant::now();
                look = true;
                self.housekeeping.follow_settings();
                self.configure();
            }
            if self.housekeeping.wants_restart && self.flights.is_empty() && self.pending.is_empty() {
                return Leave::Restart;
            }
            for answer in self.pool.poll() {
                if let Some(flight) = self.flights.remove(&answer.ticket) {
                    self.hear(&answer);
                    self.pending.push(pipeline::settled(flight, answer, &self.settings));
                }
            }
            if look || !self.pending.is_empty() {
                match self.turn() {
                    Ok(again) => look = again,
                    Err(e) => {
                        look = false;
                        if !self.recover(e) {
                            return Leave::Unserved;
                        }
                    }
                }
            }
            if self.settings.enabled && self.settings.maintenance && self.epoch.is_some() {
                self.housekeeping.keep_months_ahead(self.role, self.settings.partition_months_ahead);
            }
            if let Some(error) = self.housekeeping.take_error() {
                self.note_error(&error);
            }
            self.slot.in_flight.store(self.flights.len() as u32, Release);
            if !look {
                self.rest();
            }
        }
    }

    /// Applies the settings as they are now.
    fn configure(&mut self) {
        let now = Settings::current();
        if self.hold.as_ref().is_some_and(|h| h.settings != now) {
            self.hold = None;
        }
        self.settings = now;
        self.pool.set_limit(self.settings.max_concurrency);
        if self.settings.analyzer != Analyzer::openai {
            self.hold = None;
            return;
        }
        match key::read(&self.settings) {
            Ok(api_key) => {
                let endpoint = Endpoint {
                    url: self.settings.llm_url.clone(),
                    model: self.settings.llm_model.clone(),
                    api_key,
                    timeout: self.settings.llm_timeout,
                };
                if self.endpoint.as_deref() != Some(&endpoint) {
                    // Another key or server: what was refused may be welcome now.
                    self.hold = None;
                    self.endpoint = Some(Arc::new(endpoint));
                }
            }
            Err(reason) => {
                self.endpoint = None;
                self.note_error(&reason);
                self.hold = Some(Hold {
                    reason,
                    settings: self.settings.clone(),
                    // Only a readable key helps, and each sweep looks for one.
                    probe_at: Instant::now() + Duration::from_secs(86_400 * 365),
                });
            }
        }
    }

    /// How many more jobs to take now.
    fn room(&self) -> usize {
        if !self.settings.enabled || self.housekeeping.wants_restart || self.pending.len() >= BATCH * 4 {
            return 0;
        }
        if let Some(hold) = &self.hold {
            return usize::from(Instant::now() >= hold.probe_at && self.flights.is_empty() && self.endpoint.is_some());
        }
        match self.settings.analyzer {
            Analyzer::builtin => BATCH,
            Analyzer::openai => self.settings.max_concurrency.saturating_sub(self.flights.len()),
        }
    }

    /// Settles what is pending, takes what there is room for, and sends it out. `true`: there is more to do at once.
    fn turn(&mut self) -> Result<bool, DbError> {
        let room = self.room();
        let batch = if self.singly { self.pending.len().min(1) } else { self.pending.len() };
        let doing = format!("voice_analytics: storing {batch} results, taking up to {room} jobs");
        let (epoch, settings) = (self.epoch, &self.settings);
        let pending = &self.pending[..batch];
        let lease = settings.llm_timeout + LEASE_MARGIN;
        let mut begun = epoch;
        let turn = transaction(&doing, self.role, |client| {
            let mut turn = Turn {
                gate: state::gate(client)?,
                report: Report::default(),
                calls: Vec::new(),
                backlog: false,
                due: None,
            };
            if turn.gate == Gate::Copy {
                return Ok(turn);
            }
            let epoch = match epoch {
                Some(epoch) => epoch,
                None => state::begin_epoch(client)?,
            };
            begun = Some(epoch);
            turn.report = settle::settle(client, pending, epoch, &settings.search_config)?;
            if turn.gate == Gate::Open && room > 0 {
                let claimed = claim::claim(client, room, epoch, lease)?;
                turn.backlog = claimed.len() == room;
                if !turn.backlog {
                    turn.due = claim::next_due(client)?;
                }
                turn.calls = prepare::prepare(client, claimed)?;
            }
            Ok(turn)
        })?;
        process::report_statistics();
        self.failures = 0;
        if turn.gate == Gate::Copy {
            self.slot.set_state(State::Quiet, "restored copy: SELECT voice_resume()");
            self.due = None;
            // Whatever was asked before belongs to the database this one was copied over.
            self.pending.clear();
            return Ok(false);
        }
        self.epoch = begun;
        self.singly &= batch < self.pending.len();
        let again = turn.backlog || turn.report.stale > 0 || self.singly;
        self.forget_settled(batch, &turn.report);
        self.due = turn.due.map(|d| Instant::now() + d);
        let mut decided = false;
        // Only now: the commit has counted the attempt of a call that may bring this process down.
        for (job, call) in turn.calls {
            match pipeline::step(job, call, &self.settings) {
                Step::Settle(settled) => {
                    decided = true;
                    self.pending.push(settled);
                }
                Step::Ask { flight, transcript } => self.ask(flight, transcript),
            }
        }
        match turn.gate {
            Gate::Paused(reason) => self.slot.set_state(State::Paused, &reason),
            _ => self.show_state(),
        }
        Ok(decided || (again && (self.singly || self.room() > 0)))
    }

    fn ask(&mut self, flight: Flight, transcript: String) {
        let Some(endpoint) = self.endpoint.clone() else {
            let outcome = Outcome::Released { error: "no endpoint".to_owned(), again: Duration::ZERO };
            self.pending.push(pipeline::plain(flight.job, outcome));
            return;
        };
        self.next_ticket += 1;
        let ticket = self.next_ticket;
        let vertical = flight.vertical.clone();
        self.flights.insert(ticket, flight);
        self.pool.submit(Question { ticket, endpoint, vertical, transcript });
    }

    /// An answer says something about the provider too.
    fn hear(&mut self, answer: &voice_net::Answer) {
        match &answer.outcome {
            Ok(_) => self.hold = None,
            Err(failure) => {
                self.note_error(&failure.message);
                if failure.class == Class::Configuration {
                    self.hold = Some(Hold {
                        reason: failure.message.clone(),
                        settings: self.settings.clone(),
                        probe_at: Instant::now() + PROBE,
                    });
                }
            }
        }
    }

    /// Drops what is stored, keeps what was postponed.
    fn forget_settled(&mut self, batch: usize, report: &Report) {
        let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_micros() as i64);
        for settled in self.pending.drain(..batch).collect::<Vec<_>>() {
            if report.postponed.contains(&settled.job.id) {
                self.pending.push(settled);
            } else if let Outcome::Analyzed(a) = &settled.outcome
                && settled.job.priority == 0
                && let Some(ended_ms) = a.ended_ms
                && report.stored.contains(&settled.job.id)
            {
                let waited = now_ms - ended_ms * 1000;
                // Imported history did not wait for us.
                if (0..3_600_000_000).contains(&waited) {
                    self.latencies.add(waited as u64);
                }
            }
        }
        if !report.stored.is_empty() {
            self.latencies.publish(self.slot);
        }
    }

    fn show_state(&self) {
        match &self.hold {
            _ if !self.settings.enabled => self.slot.set_state(State::Disabled, "voice_analytics.enabled is off"),
            Some(hold) => self.slot.set_state(State::Misconfigured, &hold.reason),
            None if self.flights.is_empty() && self.pending.is_empty() => self.slot.set_state(State::Idle, ""),
            None => self.slot.set_state(State::Working, ""),
        }
    }

    /// A transaction of the worker's own failed and left nothing behind. `false`: leave, the extension is gone.
    fn recover(&mut self, error: DbError) -> bool {
        match state::installation() {
            Ok(Installation::Fits { .. }) => {}
            Ok(_) => return false,
            Err(_) => {}
        }
        let complete = transaction("voice_analytics: looking for the tables", pg_sys::InvalidOid, state::complete);
        if let Ok(false) = complete {
            self.slot.set_state(
                State::Quiet,
                "tables are missing (a restore is under way?): SELECT voice_resume() when it is done",
            );
            self.due = None;
            return true;
        }
        self.note_error(&error.message);
        self.failures += 1;
        if self.pending.len() > 1 && !self.singly {
            self.singly = true;
        } else if self.singly && is_about_the_data(&error) && !self.pending.is_empty() {
            // This one result cannot be stored: the attempt failed, and the rest goes on.
            let spoilt = self.pending.remove(0);
            let reason = format!("the result could not be stored: {}", error.message);
            let outcome = pipeline::failed(&spoilt.job, reason, &self.settings, Duration::ZERO);
            self.pending.push(Settled { outcome, ..spoilt });
        } else if self.pending.len() == 1 {
            self.singly = true;
        }
        self.slot.set_state(State::Failing, &error.message);
        let pause = Duration::from_millis(100 << self.failures.min(8));
        self.due = Some(Instant::now() + pause);
        process::wait(None, Some(pause));
        true
    }

    fn note_error(&self, error: &str) {
        if self.slot.last_error.read().as_deref() != Some(error) {
            log!("voice_analytics: {error}");
        }
        self.slot.last_error.write(error);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_micros() as u64);
        self.slot.last_error_at.store(now, Release);
    }

    /// Waits for a commit, a notification, an answer, a deadline, or the sweep.
    fn rest(&mut self) {
        self.show_waiting();
        let now = Instant::now();
        let sweep = self.settings.sweep_interval;
        let until = [
            (!sweep.is_zero()).then(|| self.swept + sweep),
            self.due,
            self.pool.next_deadline(),
            (!self.pending.is_empty()).then(|| now + POSTPONED),
            self.hold.as_ref().map(|h| h.probe_at),
            self.housekeeping.next(),
        ];
        let limit = until.into_iter().flatten().min().map(|t| t.saturating_duration_since(now));
        process::wait(Some(self.pool.wake_fd()), limit);
    }

    fn show_waiting(&self) {
        let text = match self.flights.len() {
            0 => "voice_analytics: waiting for calls to end".to_owned(),
            n => format!("voice_analytics: {n} requests in flight"),
        };
        process::report_idle(&text);
    }
}

/// Errors that will be the same next time, as opposed to a full disk or a lock.
fn is_about_the_data(error: &DbError) -> bool {
    let class = crate::error::class_of(error.code);
    matches!(&class, b"22" | b"23" | b"54" | b"21" | b"P0" | b"42")
}
