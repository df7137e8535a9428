//! The worker of one database: its loop. What it does when something of its own fails is in `mend.rs`.
//! One thread does all SQL; requests run on the pool's threads and come back through a pipe.

use super::latency::Latencies;
use super::pipeline::{self, Flight, Step};
use super::provider::Provider;
use super::{housekeeping::Housekeeping, listen};
use crate::db::claim::Claimed;
use crate::db::prepare::Call;
use crate::db::settle::{self, Outcome, Report, Settled};
use crate::db::state::{self, Gate};
use crate::db::{DbError, claim, prepare, transaction};
use crate::guc::{Analyzer, Settings};
use crate::host::process;
use crate::host::shmem::{Slot, State};
use pgrx::prelude::*;
use std::collections::HashMap;
use std::sync::atomic::Ordering::*;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use voice_net::{Pool, Question};

/// Calls judged between two transactions where no request is needed: one commit for many, and soon enough.
const BATCH: usize = 64;
/// What a lease lasts beyond the request's own time-out.
const LEASE_MARGIN: Duration = Duration::from_secs(60);
/// How soon results that somebody else holds up are tried again: at first, and at most.
const POSTPONED: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// Everything the loop knows between two turns.
pub struct Server {
    pub(super) slot: &'static Slot,
    pub(super) schema: String,
    pub(super) role: pg_sys::Oid,
    pub(super) settings: Settings,
    pub(super) provider: Provider,
    pub(super) pool: Pool,
    pub(super) epoch: Option<i64>,
    pub(super) flights: HashMap<u64, Flight>,
    pub(super) next_ticket: u64,
    /// Outcomes to be stored now.
    pub(super) pending: Vec<Settled>,
    /// Outcomes whose call or job somebody else holds, to be tried again at `retry`, after which pause.
    pub(super) postponed: Vec<Settled>,
    pub(super) retry: Option<(Instant, Duration)>,
    pub(super) latencies: Latencies,
    pub(super) housekeeping: Housekeeping,
    /// When the queue is to be looked at again without being asked; `None`: when the sweep says.
    pub(super) due: Option<Instant>,
    pub(super) swept: Instant,
    pub(super) failures: u32,
    /// The last batch failed as a whole: find the one that spoils it.
    pub(super) singly: bool,
    /// Claiming or reading failed: take jobs one by one, and read each after its attempt is counted.
    pub(super) cautious: u32,
    /// Why the search documents cannot be written as configured.
    pub(super) search_error: Option<String>,
    /// The sweep is due: leases that ran out are taken back.
    pub(super) sweeping: bool,
}

/// What one transaction brought; `claimed` is taken, and not read yet.
struct Turn {
    gate: Gate,
    report: Report,
    claimed: Vec<Claimed>,
    calls: Vec<(Claimed, Option<Call>)>,
    /// There was more to take than room.
    backlog: bool,
    due: Option<Duration>,
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
        Ok(Server {
            slot,
            schema: schema.clone(),
            role,
            settings: Settings::current(),
            provider: Provider::default(),
            pool: Pool::new()?,
            epoch: None,
            flights: HashMap::new(),
            next_ticket: 0,
            pending: Vec::new(),
            postponed: Vec::new(),
            retry: None,
            latencies: Latencies::default(),
            housekeeping: Housekeeping::new(schema),
            due: None,
            swept: Instant::now(),
            failures: 0,
            singly: false,
            cautious: 0,
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
                self.sweeping = true;
                look = true;
                self.housekeeping.follow_settings();
                self.configure();
            }
            if self.housekeeping.wants_restart && self.is_empty_handed() {
                return Leave::Restart;
            }
            if self.retry.is_some_and(|(at, _)| at <= Instant::now()) {
                self.pending.append(&mut self.postponed);
            }
            for answer in self.pool.poll() {
                if let Some(flight) = self.flights.remove(&answer.ticket) {
                    self.provider.hear(&answer, &self.settings);
                    if let Err(failure) = &answer.outcome {
                        self.note_error(&failure.message);
                    }
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
            if self.keeps_house() {
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
        self.settings = Settings::current();
        self.pool.set_limit(self.settings.max_concurrency);
        let doing = "voice_analytics: checking search_config";
        let checked = transaction(doing, self.role, |c| state::check_search_config(c, &self.settings.search_config));
        self.search_error = checked.err().map(|e| format!("search_config: {}", e.message));
        if let Some(error) = self.search_error.clone() {
            self.note_error(&error);
        }
        match self.settings.analyzer {
            Analyzer::builtin => self.provider.dismiss(),
            Analyzer::openai => {
                if let Err(reason) = self.provider.configure(&self.settings) {
                    self.note_error(&reason);
                }
            }
        }
    }

    /// Nothing asked, nothing to store.
    fn is_empty_handed(&self) -> bool {
        self.flights.is_empty() && self.pending.is_empty() && self.postponed.is_empty()
    }

    /// Months are created, and waited for: to wait for what is not done is not to wait at all.
    fn keeps_house(&self) -> bool {
        self.settings.enabled && self.settings.maintenance && self.epoch.is_some()
    }

    /// How many more jobs to take now.
    fn room(&self) -> usize {
        if !self.settings.enabled
            || self.search_error.is_some()
            || self.housekeeping.wants_restart
            || self.pending.len() + self.postponed.len() >= BATCH * 4
        {
            return 0;
        }
        match self.settings.analyzer {
            Analyzer::builtin => BATCH,
            Analyzer::openai => self.provider.room(self.settings.max_concurrency, self.flights.len()),
        }
    }

    /// Settles what is pending, takes what there is room for, and sends it out. `true`: there is more to do at once.
    fn turn(&mut self) -> Result<bool, DbError> {
        let wanted = self.room();
        // After a failure, storing, taking and reading are kept apart until it is clear which of them fails.
        let apart = self.cautious > 0;
        let room = match (apart, self.pending.is_empty()) {
            (true, false) => 0,
            (true, true) => wanted.min(1),
            (false, _) => wanted,
        };
        let sweeping = std::mem::take(&mut self.sweeping);
        let batch = if self.singly { self.pending.len().min(1) } else { self.pending.len() };
        let doing = format!("voice_analytics: storing {batch} results, taking up to {room} jobs");
        let (epoch, settings) = (self.epoch, &self.settings);
        let pending = &self.pending[..batch];
        let lease = settings.llm_timeout + LEASE_MARGIN;
        let mut begun = epoch;
        let mut turn = transaction(&doing, self.role, |client| {
            let mut turn = Turn {
                gate: state::gate(client)?,
                report: Report::default(),
                claimed: Vec::new(),
                calls: Vec::new(),
                backlog: false,
                due: None,
            };
            if turn.gate == Gate::Copy {
                return Ok(turn);
            }
            state::lock_call(client)?;
            let epoch = match epoch {
                Some(epoch) => epoch,
                None => state::begin_epoch(client)?,
            };
            begun = Some(epoch);
            if sweeping {
                state::take_back(client, epoch)?;
            }
            turn.report = settle::settle(client, pending, epoch, &settings.search_config)?;
            if turn.gate == Gate::Open && room > 0 {
                let claimed = claim::claim(client, room, epoch, lease)?;
                turn.backlog = claimed.len() == room;
                if !turn.backlog {
                    turn.due = claim::next_due(client)?;
                }
                if apart {
                    turn.claimed = claimed;
                } else {
                    turn.calls = prepare::prepare(client, claimed)?;
                }
            }
            Ok(turn)
        })?;
        process::report_statistics();
        self.failures = 0;
        self.cautious = self.cautious.saturating_sub(1);
        if turn.gate == Gate::Copy {
            self.slot.set_state(State::Quiet, "restored copy: SELECT voice_resume()");
            self.due = None;
            // Whatever was asked before belongs to the database this one was copied over.
            self.pending.clear();
            self.postponed.clear();
            self.epoch = None;
            return Ok(false);
        }
        self.epoch = begun;
        self.singly &= batch < self.pending.len();
        let again = turn.backlog || turn.report.stale > 0 || self.singly || room < wanted;
        self.forget_settled(batch, &turn.report);
        let now = Instant::now();
        // Without room nobody has asked when the next job is due: what was known stays known.
        let due = match room {
            0 => self.due.filter(|t| *t > now),
            // A job that is due and was not taken is locked by somebody: no reason to spin.
            _ => turn.due.map(|d| now + d.max(POSTPONED.0)),
        };
        self.due = due.into_iter().chain(self.provider.probe_at().filter(|t| *t > now)).min();
        let mut decided = false;
        for job in turn.claimed {
            decided |= self.read_alone(job, &mut turn.calls);
        }
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
        let Some(endpoint) = self.provider.endpoint() else {
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

    /// Drops what is stored, keeps what was postponed.
    fn forget_settled(&mut self, batch: usize, report: &Report) {
        let pause = self.retry.map_or(POSTPONED.0, |(_, pause)| (pause * 2).min(POSTPONED.1));
        let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_micros() as i64);
        for settled in self.pending.drain(..batch).collect::<Vec<_>>() {
            if report.postponed.contains(&settled.job.id) {
                let since = settled.held_up.or(Some(Instant::now()));
                self.postponed.push(Settled { held_up: since, ..settled });
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
        if self.postponed.is_empty() {
            self.retry = None;
        } else if self.retry.is_none_or(|(at, _)| at <= Instant::now()) {
            self.retry = Some((Instant::now() + pause, pause));
        }
        if !report.stored.is_empty() {
            self.latencies.publish(self.slot);
        }
    }

    fn show_state(&self) {
        let refusal = self.search_error.as_deref().or(self.provider.refusal());
        match refusal {
            _ if !self.settings.enabled => self.slot.set_state(State::Disabled, "voice_analytics.enabled is off"),
            Some(reason) => self.slot.set_state(State::Misconfigured, reason),
            None if self.is_empty_handed() => self.slot.set_state(State::Idle, ""),
            None => self.slot.set_state(State::Working, ""),
        }
    }

    pub(super) fn note_error(&self, error: &str) {
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
        let sweep = self.settings.sweep_interval;
        let until = [
            (!sweep.is_zero()).then(|| self.swept + sweep),
            self.due,
            self.pool.next_deadline(),
            self.retry.map(|(at, _)| at),
            self.keeps_house().then(|| self.housekeeping.next()),
        ];
        let limit = until.into_iter().flatten().min().map(|t| t.saturating_duration_since(Instant::now()));
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
