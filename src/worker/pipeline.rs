//! The way of every job, whatever its kind: poll → claim → prepare → request → settle. A [`Pipeline`] goes it for one kind,
//! as its [`JobHandler`] says. Settling is the same for all kinds and happens in `cycle.rs`.

use super::backoff::{Backoff, pause_after};
use super::health::Health;
use super::job::{Context, Intake, JobHandler, Step};
use super::queue::Queue;
use super::runner::{CLAIM_MAX, Claim, JobRunner, LEASE, Reading};
use crate::db::claim::{self, Claimed, PreparedJobs};
use crate::db::outcome::{Outcome, Settled};
use crate::db::{DbError, transaction};
use crate::guc::Settings;
use crate::host::shmem::Slot;
use pgrx::pg_sys;
use pgrx::spi::SpiClient;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Cycles in which one job is claimed, and read in a transaction of its own, after claiming or reading has failed.
const DEGRADED_CYCLES: u32 = 16;

/// Whether claiming and reading this kind of jobs works.
enum Mode {
    Batched,
    /// It failed: one job a cycle.
    Degraded {
        cycles_left: u32,
    },
    /// The last transaction failed: no job is claimed before `until`.
    Failing {
        until: Instant,
        error: String,
    },
}

/// What the last transaction has claimed.
struct Taken<P> {
    /// Claimed, and not read yet.
    claimed: Vec<Claimed>,
    prepared: PreparedJobs<P>,
    /// Jobs that were due and could not be claimed.
    missed: usize,
    poll: Poll,
}

impl<P> Default for Taken<P> {
    fn default() -> Self {
        Taken { claimed: Vec::new(), prepared: Vec::new(), missed: 0, poll: Poll::Skipped }
    }
}

#[derive(Clone, Copy)]
enum Poll {
    Skipped,
    /// With the time until the next job is due.
    Done(Option<Duration>),
}

/// The jobs of one kind, from the queue to the response.
pub struct Pipeline<H: JobHandler> {
    handler: H,
    queue: Queue<H::Key>,
    in_flight: HashMap<u64, (Claimed, H::InFlight)>,
    last_request_id: u64,
    mode: Mode,
    /// Failed transactions in a row.
    failures: u32,
    taken: Taken<H::Prepared>,
    /// When to poll again; `None`: when something happens.
    poll_at: Option<Instant>,
    /// When jobs may be claimed for which there is no capacity now.
    capacity_at: Option<Instant>,
    /// For jobs that another session has locked.
    locked: Backoff,
}

impl<H: JobHandler> Pipeline<H> {
    pub fn new(handler: H) -> Pipeline<H> {
        Pipeline {
            handler,
            queue: Queue::new(H::HINT_DELAY),
            in_flight: HashMap::new(),
            last_request_id: 0,
            mode: Mode::Batched,
            failures: 0,
            taken: Taken::default(),
            poll_at: None,
            capacity_at: None,
            locked: Backoff::default(),
        }
    }

    /// Reads one claimed job, whose attempt is counted already. `None`: it is read. `Some`: it cannot be read.
    fn read_alone(&mut self, job: Claimed, role: pg_sys::Oid, context: Context<'_>) -> Option<Settled> {
        let doing = format!("voice_analytics: reading one {}", H::NOUN);
        match transaction(&doing, role, |client| self.handler.prepare(client, vec![job.clone()])) {
            Ok(read) => {
                self.taken.prepared.extend(read);
                None
            }
            Err(error) => {
                context.status.log_error(&error.message);
                self.mode = Mode::Degraded { cycles_left: DEGRADED_CYCLES };
                let reason = format!("the {} could not be read: {}", H::NOUN, error.message);
                let outcome = self.handler.failed(&job, reason, context.settings);
                Some(Settled::without_request(job, self.handler.kind(), outcome))
            }
        }
    }

    fn start(&mut self, job: Claimed, prepared: Option<H::Prepared>, context: Context<'_>) -> Option<Settled> {
        self.last_request_id += 1;
        let request_id = self.last_request_id;
        let settled = match prepared {
            None => Settled::without_request(job, self.handler.kind(), Outcome::Cancelled),
            Some(prepared) => match self.handler.start(request_id, job, prepared, context) {
                Step::Settle(settled) => *settled,
                Step::Sent(job, in_flight) => {
                    self.in_flight.insert(request_id, (job, in_flight));
                    return None;
                }
            },
        };
        if H::POLL_AFTER_RESPONSE {
            self.queue.has_changed();
        }
        Some(settled)
    }
}

impl<H: JobHandler> JobRunner for Pipeline<H> {
    fn kind(&self) -> &'static str {
        self.handler.kind().as_str()
    }

    fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    fn held(&mut self) -> Box<dyn Iterator<Item = &mut Claimed> + '_> {
        Box::new(self.in_flight.values_mut().map(|(job, _)| job))
    }

    fn has_changed(&mut self) {
        self.queue.has_changed();
    }

    fn may_have_changed(&mut self) {
        self.queue.may_have_changed();
    }

    fn forget(&mut self) {
        self.queue.forget();
        self.poll_at = None;
        self.taken = Taken::default();
        self.handler.refresh();
    }

    fn on_time(&mut self, now: Instant) -> bool {
        let poll = self.poll_at.take_if(|at| *at <= now).is_some();
        let rested = self.handler.end_throttling(now);
        if poll || rested {
            self.queue.has_changed();
        }
        let capacity = self.capacity_at.take_if(|at| *at <= now).is_some();
        poll || rested || capacity
    }

    fn on_responses(&mut self, context: Context<'_>) -> Vec<Settled> {
        let mut settled = Vec::new();
        for (request_id, response) in self.handler.responses() {
            if let Some((job, in_flight)) = self.in_flight.remove(&request_id) {
                let others = !self.in_flight.is_empty() || self.queue.has_jobs();
                match self.handler.on_response(job, in_flight, response, others, context) {
                    Step::Settle(outcome) => settled.push(*outcome),
                    Step::Sent(job, in_flight) => _ = self.in_flight.insert(request_id, (job, in_flight)),
                }
            }
        }
        if H::POLL_AFTER_RESPONSE && !settled.is_empty() {
            self.queue.has_changed();
        }
        settled
    }

    fn capacity(&self, context: Context<'_>) -> usize {
        match self.mode {
            _ if context.intake == Intake::Stopped => 0,
            Mode::Failing { until, .. } if until > Instant::now() => 0,
            _ => self.handler.capacity(self.in_flight.len(), context),
        }
    }

    fn claim(
        &mut self,
        client: &mut SpiClient<'_>,
        claim: Claim,
        epoch: i64,
        context: Context<'_>,
    ) -> Result<(), DbError> {
        self.taken = Taken::default();
        self.handler.before_claim(client)?;
        if self.queue.should_poll(claim.count) {
            let began = Instant::now();
            let waiting = self.handler.find_due(client)?;
            self.taken.poll = Poll::Done(waiting.next);
            self.queue.on_polled(waiting, began, |job| self.handler.goes_last(job));
        }
        // Kinds that were claimed before in this cycle may have used up what it was planned with.
        let count = claim.count.min(self.capacity(context));
        let ids = self.queue.take(count, |key| self.handler.capacity_of(key, context));
        let claimed = if ids.is_empty() { Vec::new() } else { claim::claim(client, &ids, epoch, LEASE)? };
        self.handler.on_taken(&claimed, self.queue.has_ready());
        if ids.is_empty() {
            return Ok(());
        }
        self.taken.missed = self.queue.on_claimed(&ids, claimed.iter().map(|job| job.id));
        match claim.reading {
            Reading::WithClaim => self.taken.prepared = self.handler.prepare(client, claimed)?,
            Reading::Alone => self.taken.claimed = claimed,
        }
        Ok(())
    }

    fn on_error(&mut self, error: &DbError) {
        self.forget();
        self.failures += 1;
        let until = Instant::now() + pause_after(self.failures);
        self.mode = Mode::Failing { until, error: error.message.clone() };
    }

    fn reading(&self) -> Reading {
        match self.mode {
            Mode::Batched => Reading::WithClaim,
            Mode::Degraded { .. } | Mode::Failing { .. } => Reading::Alone,
        }
    }

    fn on_commit(&mut self, claim: Option<Claim>, context: Context<'_>) -> bool {
        let wanted = self.capacity(context);
        if claim.is_some() {
            self.failures = 0;
            self.mode = match self.mode {
                Mode::Failing { .. } => Mode::Degraded { cycles_left: DEGRADED_CYCLES },
                Mode::Degraded { cycles_left } if cycles_left > 1 => Mode::Degraded { cycles_left: cycles_left - 1 },
                Mode::Degraded { .. } | Mode::Batched => Mode::Batched,
            };
        }
        let now = Instant::now();
        if let Poll::Done(next) = self.taken.poll {
            self.poll_at = next.map(|wait| now + wait);
        }
        let taken = self.taken.claimed.len() + self.taken.prepared.len();
        let at = if self.taken.missed > 0 && taken == 0 {
            // Other sessions have them locked.
            now + self.locked.next()
        } else {
            self.locked.reset();
            if wanted == 0 || !self.queue.has_more() {
                return false;
            }
            if claim.map_or(0, |claim| claim.count) < wanted.min(CLAIM_MAX) {
                return true;
            }
            self.queue.next()
        };
        if at > now {
            self.poll_at = Some(self.poll_at.map_or(at, |due| due.min(at)));
        }
        at <= now
    }

    fn dispatch(&mut self, role: pg_sys::Oid, context: Context<'_>) -> Vec<Settled> {
        let mut settled = Vec::new();
        for job in std::mem::take(&mut self.taken.claimed) {
            settled.extend(self.read_alone(job, role, context));
        }
        for (job, prepared) in std::mem::take(&mut self.taken.prepared) {
            settled.extend(self.start(job, prepared, context));
        }
        self.taken = Taken::default();
        settled
    }

    fn failed(&self, job: &Claimed, error: String, settings: &Settings) -> Outcome {
        self.handler.failed(job, error, settings)
    }

    fn next(&mut self, context: Context<'_>) -> Option<Instant> {
        // Capacity for keys that were throttled when jobs were last taken may have come since.
        let of_keys = match self.capacity(context) {
            0 => None,
            _ => self.handler.next_capacity_of(self.queue.throttled()),
        };
        let recovered = match self.mode {
            Mode::Failing { until, .. } if until > Instant::now() => Some(until),
            _ => None,
        };
        self.capacity_at = [self.handler.next_capacity(), of_keys, recovered].into_iter().flatten().min();
        [self.poll_at, self.capacity_at, self.handler.next_deadline()].into_iter().flatten().min()
    }

    fn configure(&mut self, settings: &Settings) -> Result<(), String> {
        self.handler.configure(settings)
    }

    fn refresh(&mut self) {
        self.handler.refresh();
    }

    fn on_arrival(&mut self) {
        self.handler.on_arrival();
    }

    fn probe_now(&mut self) {
        self.handler.probe_now();
    }

    fn on_reload(&mut self) {
        self.handler.on_reload();
    }

    fn health(&self) -> Health {
        if let Mode::Failing { error, .. } = &self.mode {
            return Health::Failing(error.clone());
        }
        match self.handler.health() {
            Health::Healthy if self.queue.throttled().next().is_some() => {
                self.handler.throttled(self.queue.throttled())
            }
            health => health,
        }
    }

    fn publish(&self, slot: &Slot, settings: &Settings) {
        self.handler.publish(slot, settings);
    }
}
