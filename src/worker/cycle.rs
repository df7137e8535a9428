//! One turn of the loop: what is done is stored, what waits is taken, read and sent out, in one transaction.

use super::main_loop::{LEASE, Server};
use super::pipeline::{self, Flight, Sent, Step};
use super::queue::PREFETCH;
use crate::db::claim::Claimed;
use crate::db::outcome::{Outcome, Settled};
use crate::db::prepare::PreparedCall;
use crate::db::settle::{self, Report};
use crate::db::state::{self, Admission};
use crate::db::{DbError, claim, limits, prepare, transaction};
use crate::guc::Analyzer;
use crate::host::process;
use crate::host::shmem::State;
use pgrx::prelude::*;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use voice_net::AnalysisRequest;

/// Results stored, and jobs taken, in one transaction. When very many answers come at once, the requests that follow leave
/// one such part after the other, and so do not come back all at once again.
const AT_ONCE: usize = 128;
/// How soon what somebody else holds up is tried again: at first, and at most.
const POSTPONED: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// What one transaction brought.
struct Cycle {
    gate: Admission,
    report: Report,
    /// Taken, and not read yet.
    claimed: Vec<Claimed>,
    calls: Vec<(Claimed, Option<PreparedCall>)>,
    /// Jobs that were there a moment ago and could not be taken.
    missed: usize,
    /// Where it polled at the queue: how long until the next job is due, if there is one.
    polled: Option<Option<Duration>>,
    /// Somebody has locked jobs whose lease is to be taken back.
    leases_left: bool,
    limits_read: bool,
}

impl Server {
    /// Settles what is pending, accepting_jobs what there is room for, and sends it out. `true`: there is more to do at once.
    pub(super) fn run_cycle(&mut self) -> Result<bool, DbError> {
        let wanted = self.room();
        // After a failure, storing, taking and reading are kept separate_steps until it is clear which of them fails.
        let separate_steps = self.degraded_cycles > 0;
        let room = match (separate_steps, self.pending.is_empty()) {
            (true, false) => 0,
            (true, true) => wanted.min(1),
            (false, _) => wanted.min(AT_ONCE),
        };
        let now = Instant::now();
        let renewals: Vec<i64> = self.held().filter(|j| now >= j.leased + LEASE / 2).map(|j| j.id).collect();
        let held: Vec<i64> = if self.sweeping { self.held().map(|j| j.id).collect() } else { Vec::new() };
        let batch = self.pending.len().min(if self.isolate_results { 1 } else { AT_ONCE });
        let left = self.pending.len() - batch;
        let doing = format!("voice_analytics: storing {batch} results, taking up to {room} jobs");
        let (epoch, sweeping, search) = (self.epoch, self.sweeping, &mut self.search);
        let (provider, limits_stale, analyzer) = (&mut self.provider, self.limits_stale, self.settings.analyzer);
        let (pending, queue) = (&self.pending[..batch], &mut self.queue);
        let mut begun = epoch;
        let mut cycle = transaction(&doing, self.role, |client| {
            let mut cycle = Cycle {
                gate: state::admission(client)?,
                report: Report::default(),
                claimed: Vec::new(),
                calls: Vec::new(),
                missed: 0,
                polled: None,
                leases_left: false,
                limits_read: false,
            };
            if cycle.gate == Admission::RestoredCopy {
                return Ok(cycle);
            }
            state::lock_tables(client)?;
            let current = match epoch {
                Some(epoch) => epoch,
                None => state::begin_epoch(client)?,
            };
            begun = Some(current);
            if sweeping || epoch.is_none() {
                cycle.leases_left = !claim::rescue_expired(client, current, held)?;
                queue.has_changed();
            }
            if !renewals.is_empty() {
                claim::renew(client, renewals.clone(), current, LEASE)?;
            }
            cycle.report = settle::settle(client, pending, current, search)?;
            if cycle.report.back > 0 {
                queue.has_changed();
            }
            if cycle.gate != Admission::Open || room == 0 {
                return Ok(cycle);
            }
            if limits_stale {
                provider.set_overrides(limits::read(client)?);
                cycle.limits_read = true;
            }
            if queue.should_poll(room) {
                let began = Instant::now();
                let waiting = claim::poll(client, PREFETCH)?;
                cycle.polled = Some(waiting.next);
                queue.on_polled(waiting, began);
            }
            let ids = queue.take(room, |tenant| match analyzer {
                Analyzer::builtin => usize::MAX,
                Analyzer::openai => provider.available_for(tenant),
            });
            if !ids.is_empty() {
                let claimed = claim::claim(client, &ids, current, LEASE)?;
                cycle.missed = queue.claimed(&ids, claimed.iter().map(|job| job.id));
                if separate_steps {
                    cycle.claimed = claimed;
                } else {
                    cycle.calls = prepare::prepare(client, claimed)?;
                }
            }
            Ok(cycle)
        })?;
        // A commit that waited for a standby may have been notified_self to die, or lost its postmaster: nothing is asked any more.
        process::check_for_interrupts();
        process::report_statistics();
        self.failures = 0;
        self.degraded_cycles = self.degraded_cycles.saturating_sub(1);
        // Whoever has them locked ends some time; without a sweep nobody else would come back to them.
        self.sweeping = cycle.leases_left;
        self.limits_stale &= !cycle.limits_read;
        self.accepting_jobs = cycle.gate == Admission::Open;
        if cycle.gate == Admission::RestoredCopy {
            self.enter_standby();
            return Ok(false);
        }
        self.epoch = begun;
        self.notified_self |= !cycle.report.stored.is_empty();
        if cycle.report.announced > 0 {
            self.deliveries.has_changed();
        }
        for webhook in &cycle.report.disabled {
            log!("voice_analytics: webhook {webhook} is disabled: voice.webhook says why");
        }
        self.isolate_results &= left > 0;
        self.forget_settled(batch, &cycle.report);
        for job in self.held().filter(|j| renewals.contains(&j.id)) {
            job.leased = now;
        }
        let taken = cycle.claimed.len() + cycle.calls.len();
        let open = cycle.gate == Admission::Open;
        let more = self.plan(&cycle, taken);
        let mut decided = false;
        for job in std::mem::take(&mut cycle.claimed) {
            decided |= self.read_alone(job, &mut cycle.calls);
        }
        // Only now: the commit has counted the attempt of a call that may bring this process down.
        for (job, call) in cycle.calls {
            match pipeline::step(job, call, &self.settings) {
                Step::Settle(settled) => {
                    decided = true;
                    self.pending.push(settled);
                }
                Step::Ask { flight, transcript } => self.ask(flight, transcript),
            }
        }
        match cycle.gate {
            Admission::Paused(reason) => self.slot.set_state(State::Paused, &reason),
            _ => self.show_state(),
        }
        Ok(decided || left > 0 || (open && (more || room < wanted.min(AT_ONCE)) && self.room() > 0))
    }

    /// When to look at the queue again; `true`: at once.
    fn plan(&mut self, cycle: &Cycle, taken: usize) -> bool {
        let now = Instant::now();
        if let Some(next) = cycle.polled {
            self.due = next.map(|wait| now + wait);
        }
        if cycle.missed > 0 {
            self.queue.has_changed();
        }
        let at = if cycle.leases_left || (cycle.missed > 0 && taken == 0) {
            // Somebody has them locked: no reason to spin.
            self.locked = (self.locked * 2).clamp(POSTPONED.0, POSTPONED.1);
            now + self.locked
        } else {
            self.locked = Duration::ZERO;
            if cycle.gate != Admission::Open || !self.queue.has_more() || self.room() == 0 {
                return false;
            }
            self.queue.next()
        };
        if at <= now {
            return true;
        }
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
        false
    }

    /// This is a restored copy, or has become one.
    fn enter_standby(&mut self) {
        self.slot.set_state(State::RestoredCopy, "restored copy: SELECT voice_resume()");
        self.due = None;
        // Whatever was asked before belongs to the database this one was copied over.
        self.pending.clear();
        self.postponed.clear();
        self.retry = None;
        self.queue.forget();
        self.deliveries.forget();
        self.limits_stale = true;
        self.epoch = None;
    }

    fn ask(&mut self, flight: Flight, transcript: String) {
        let Some(endpoint) = self.provider.endpoint() else {
            let outcome = Outcome::Snoozed { error: "no endpoint".to_owned(), again: Duration::ZERO };
            self.pending.push(pipeline::plain(flight.job, outcome));
            return;
        };
        self.next_request_id += 1;
        let request_id = self.next_request_id;
        let vertical = flight.vertical.clone();
        let permit = self.provider.send(&flight.job.tenant);
        self.flights.insert(request_id, Sent { flight, permit });
        self.pool.submit(AnalysisRequest { request_id, endpoint, vertical, transcript });
    }

    /// Drops what is stored, keeps what was postponed.
    fn forget_settled(&mut self, batch: usize, report: &Report) {
        let pause = self.retry.map_or(POSTPONED.0, |(_, pause)| (pause * 2).min(POSTPONED.1));
        let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_micros() as i64);
        for settled in self.pending.drain(..batch).collect::<Vec<_>>() {
            if report.postponed.contains(&settled.job.id) {
                let since = settled.held_up.or(Some(Instant::now()));
                self.postponed.push(Settled { held_up: since, ..settled });
                continue;
            }
            let stored = report.stored.contains(&settled.job.id);
            self.count_usage(&settled, stored);
            if let Outcome::Analyzed(a) = &settled.outcome
                && settled.job.priority == 0
                && let Some(ended_ms) = a.ended_ms
                && stored
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
}
