//! Telling webhooks. Their jobs are taken, leased and settled like all others; what is their own is the look (by webhook),
//! the request, and the room: threads beside those of the analyses, few of them for each receiver, and one that fails
//! is left alone for a moment. So a receiver that is slow or down delays neither the others nor an analysis.

use super::main_loop::{LEASE, Server};
use super::pipeline;
use crate::db::claim::Claimed;
use crate::db::deliver::{self, Delivery, Prepared};
use crate::db::outcome::{Outcome, Settled};
use crate::db::state::{self, Admission};
use crate::db::{DbError, claim, transaction};
use crate::guc::Settings;
use crate::host::process;
use pgrx::Uuid;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use voice_core::round_robin::RoundRobin;
use voice_core::webhook::secret::Secret;
use voice_core::webhook::{Event, Format, body, message_id, retry, url};
use voice_net::{DeliveryError, DeliveryResult, Pool, WebhookRequest};

/// Requests to receivers at once, of all webhooks and of each.
const ALL: usize = 32;
const EACH: usize = 4;
/// How soon a look follows a mere hint that there may be something.
const HINTED: Duration = Duration::from_secs(1);
/// After a failure of our own, so many deliveries are taken one by one.
const DEGRADED_CYCLES: u32 = 16;

/// What the worker knows of deliveries between two turns.
pub struct Deliveries {
    pool: Pool<WebhookRequest>,
    flights: HashMap<u64, Flight>,
    next_request_id: u64,
    /// Whose turn it is among webhooks.
    ring: RoundRobin,
    /// Receivers that have something under way, or failed.
    receivers: HashMap<Uuid, Receiver>,
    polled: Instant,
    cost: Duration,
    /// When to look at the queue again; `None`: there is no reason to.
    poll_at: Option<Instant>,
    degraded_cycles: u32,
}

struct Flight {
    job: Claimed,
    to: Delivery,
}

#[derive(Default)]
struct Receiver {
    in_flight: usize,
    /// In a row.
    failures: u32,
    throttled_until: Option<Instant>,
}

impl Receiver {
    /// There is something to remember of it.
    fn is_notable(&self) -> bool {
        self.in_flight > 0 || self.failures > 0 || self.throttled_until.is_some()
    }

    fn room(&self) -> usize {
        match (self.throttled_until, self.failures) {
            (Some(_), _) => 0,
            // One is enough to find out whether it is back.
            (None, 1..) => 1_usize.saturating_sub(self.in_flight),
            (None, 0) => EACH.saturating_sub(self.in_flight),
        }
    }
}

impl Deliveries {
    /// Answers come through the same descriptor as those to questions.
    pub fn beside(questions: &Pool) -> Deliveries {
        Deliveries {
            pool: Pool::beside(questions, ALL),
            flights: HashMap::new(),
            next_request_id: 0,
            ring: RoundRobin::default(),
            receivers: HashMap::new(),
            polled: Instant::now(),
            cost: Duration::ZERO,
            poll_at: Some(Instant::now()),
            degraded_cycles: 0,
        }
    }

    /// Something is there to be taken. Looking accepting_jobs up half of the time at most.
    pub fn has_changed(&mut self) {
        self.poll_before(self.polled + self.cost);
    }

    /// Somebody rang, maybe for this.
    pub fn may_have_changed(&mut self) {
        self.poll_before(self.polled + HINTED);
    }

    fn poll_before(&mut self, at: Instant) {
        self.poll_at = Some(self.poll_at.map_or(at, |known| known.min(at)));
    }

    /// This database is not to be served any more; what comes back is nobody's.
    pub fn forget(&mut self) {
        self.flights.clear();
        self.receivers.clear();
        self.poll_at = None;
    }

    pub fn in_flight(&self) -> usize {
        self.flights.len()
    }

    pub fn held(&mut self) -> impl Iterator<Item = &mut Claimed> {
        self.flights.values_mut().map(|flight| &mut flight.job)
    }

    /// When requests end by themselves, whether deliveries are wanted or not.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.pool.next_deadline()
    }

    /// When to look at the queue, or to let a receiver be asked again.
    pub fn next(&self) -> Option<Instant> {
        let look = self.poll_at.filter(|_| self.flights.len() < ALL);
        look.into_iter().chain(self.receivers.values().filter_map(|r| r.throttled_until)).min()
    }

    /// Lets those be asked again that have rested. `true`: it is time to look.
    fn should_poll(&mut self) -> bool {
        let now = Instant::now();
        let mut rested = false;
        for receiver in self.receivers.values_mut() {
            rested |= receiver.throttled_until.take_if(|until| *until <= now).is_some();
        }
        if rested {
            self.receivers.retain(|_, receiver| receiver.is_notable());
            self.has_changed();
        }
        self.flights.len() < ALL && self.poll_at.is_some_and(|at| at <= now)
    }

    fn rooms(&self) -> Vec<(Uuid, usize)> {
        self.receivers.iter().map(|(id, receiver)| (*id, receiver.room())).collect()
    }

    fn send(&mut self, job: Claimed, to: Delivery, mut parcel: WebhookRequest) {
        self.next_request_id += 1;
        parcel.request_id = self.next_request_id;
        self.receivers.entry(to.webhook_id).or_default().in_flight += 1;
        self.flights.insert(self.next_request_id, Flight { job, to });
        self.pool.submit(parcel);
    }

    /// What came back, and what it means for the receiver and for the job.
    pub fn poll(&mut self) -> Vec<Settled> {
        let receipts = self.pool.poll();
        receipts.into_iter().filter_map(|receipt| self.hear(receipt)).collect()
    }

    fn hear(&mut self, receipt: DeliveryResult) -> Option<Settled> {
        let Flight { job, to } = self.flights.remove(&receipt.request_id)?;
        let mut receiver = self.receivers.remove(&to.webhook_id).unwrap_or_default();
        receiver.in_flight = receiver.in_flight.saturating_sub(1);
        let outcome = match receipt.outcome {
            Ok(()) => {
                receiver.failures = 0;
                Outcome::Delivered
            }
            Err(DeliveryError::Transient { message, retry_after }) => {
                receiver.failures = receiver.failures.saturating_add(1);
                let until = Instant::now() + retry::rest(receiver.failures, retry_after);
                receiver.throttled_until = Some(receiver.throttled_until.map_or(until, |known| known.max(until)));
                Outcome::Failed { error: message, again: retry::wait(job.attempt, retry_after, fastrand::f64()) }
            }
            Err(DeliveryError::Permanent { message }) => {
                receiver.failures = 0;
                Outcome::Failed { error: message, again: None }
            }
            Err(DeliveryError::Gone { message }) => {
                // Nothing more leaves for it before the webhook is disabled, which is stored in a moment.
                receiver.throttled_until = Some(Instant::now() + retry::rest(1, None));
                Outcome::Gone { error: message }
            }
        };
        if receiver.is_notable() {
            self.receivers.insert(to.webhook_id, receiver);
        }
        self.has_changed();
        Some(Settled {
            http_status: receipt.http_status.map(i32::from),
            latency: Some(receipt.latency),
            delivery: Some(to),
            ..pipeline::plain(job, outcome)
        })
    }
}

/// What one transaction took.
#[derive(Default)]
struct Taken {
    /// Taken, and not read yet.
    claimed: Vec<Claimed>,
    prepared: Vec<(Claimed, Option<Prepared>)>,
    missed: bool,
    /// How long until the next one is due.
    next: Option<Duration>,
}

impl Server {
    /// Whether anything may be delivered here and now.
    pub(super) fn delivers(&self) -> bool {
        self.settings.enabled && self.epoch.is_some() && !self.maintenance_scheduler.wants_restart
    }

    /// Takes deliveries that are due and sends them out, if it is time to look.
    pub(super) fn deliver(&mut self) {
        if !self.delivers() || !self.deliveries.should_poll() {
            return;
        }
        let separate_steps = self.deliveries.degraded_cycles > 0;
        self.deliveries.degraded_cycles = self.deliveries.degraded_cycles.saturating_sub(1);
        match self.take_deliveries(separate_steps) {
            Ok(mut taken) => {
                for job in std::mem::take(&mut taken.claimed) {
                    self.read_delivery_alone(job, &mut taken.prepared);
                }
                self.dispatch(taken);
            }
            Err(error) => {
                self.log_error(&error.message);
                self.deliveries.degraded_cycles = DEGRADED_CYCLES;
                self.deliveries.poll_at = None;
                self.deliveries.may_have_changed();
            }
        }
    }

    fn take_deliveries(&mut self, separate_steps: bool) -> Result<Taken, DbError> {
        let Some(epoch) = self.epoch else { return Ok(Taken::default()) };
        let deliveries = &mut self.deliveries;
        let (rooms, ring) = (deliveries.rooms(), &mut deliveries.ring);
        let room = if separate_steps { 1 } else { ALL.saturating_sub(deliveries.flights.len()) };
        deliveries.poll_at = None;
        let began = Instant::now();
        let taken = transaction("voice_analytics: taking deliveries", self.role, |client| {
            if state::admission(client)? != Admission::Open {
                return Ok(Taken::default());
            }
            state::lock_tables(client)?;
            let waiting = deliver::poll(client, EACH, &rooms)?;
            let next = waiting.next;
            ring.fill(waiting.due);
            let ids = ring.take(room, |_| usize::MAX);
            let claimed = if ids.is_empty() { Vec::new() } else { claim::claim(client, &ids, epoch, LEASE)? };
            let missed = claimed.len() < ids.len() || (separate_steps && ring.ready() > 0);
            let taken = Taken { missed, next, ..Taken::default() };
            Ok(match separate_steps {
                true => Taken { claimed, ..taken },
                false => Taken { prepared: deliver::prepare(client, claimed)?, ..taken },
            })
        });
        deliveries.polled = Instant::now();
        deliveries.cost = deliveries.polled - began;
        process::check_for_interrupts();
        process::report_statistics();
        taken
    }

    /// Reads one delivery, whose attempt is counted already: one that cannot be read dies of it in the end.
    fn read_delivery_alone(&mut self, job: Claimed, prepared: &mut Vec<(Claimed, Option<Prepared>)>) {
        let doing = "voice_analytics: reading one delivery";
        match transaction(doing, self.role, |client| deliver::prepare(client, vec![job.clone()])) {
            Ok(read) => prepared.extend(read),
            Err(error) => {
                self.log_error(&error.message);
                self.deliveries.degraded_cycles = DEGRADED_CYCLES;
                let again = retry::wait(job.attempt, None, fastrand::f64());
                let error = format!("the delivery could not be read: {}", error.message);
                self.pending.push(pipeline::plain(job, Outcome::Failed { error, again }));
            }
        }
    }

    /// Sends out what was taken, or settles what need not be sent.
    fn dispatch(&mut self, taken: Taken) {
        let deliveries = &mut self.deliveries;
        if let Some(wait) = taken.next {
            deliveries.poll_before(Instant::now() + wait);
        }
        if taken.missed {
            deliveries.may_have_changed();
        }
        for (job, prepared) in taken.prepared {
            let Some(prepared) = prepared else {
                self.pending.push(pipeline::plain(job, Outcome::Unwanted));
                deliveries.has_changed();
                continue;
            };
            let to = prepared.to.clone();
            match build_request(&job, prepared, &self.settings) {
                Ok(parcel) => deliveries.send(job, to, parcel),
                Err(outcome) => {
                    self.pending.push(Settled { delivery: Some(to), ..pipeline::plain(job, outcome) });
                    deliveries.has_changed();
                }
            }
        }
    }
}

/// The request, or what becomes of the job where there is to be none.
fn build_request(job: &Claimed, prepared: Prepared, settings: &Settings) -> Result<WebhookRequest, Outcome> {
    let dead = |error: String| Outcome::Failed { error, again: None };
    if job.attempt > retry::ATTEMPTS_MAX {
        // A failed attempt would have buried it before: these never came to an end.
        let attempts = job.attempt - 1;
        return Err(dead(format!(
            "given up after {attempts} attempts during which the worker or the server went down"
        )));
    }
    let Prepared { to, url: public_url, format, secret, lead } = prepared;
    let (Some(event), Some(format)) = (Event::from_word(&to.event), Format::from_word(&format)) else {
        return Err(dead(format!("this version knows no event {} in format {format}", to.event)));
    };
    let Some(secret) = secret else { return Err(Outcome::Gone { error: "the webhook has no secret".to_owned() }) };
    let body = body::of(event, format, &lead);
    let mut headers = Vec::new();
    let (url, secrets) = match format {
        // All of Slack's URL is its secret.
        Format::Slack => {
            let path = url::Target::parse(&secret).map(|target| target.path.to_owned()).unwrap_or_default();
            (secret.clone(), vec![secret, path])
        }
        Format::Standard => {
            let key = Secret::parse(&secret).map_err(|fault| dead(format!("the webhook's secret is none: {fault}")))?;
            let id = message_id(job.call_id.as_bytes(), to.webhook_id.as_bytes(), &to.event);
            let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
            headers.push(("webhook-signature", key.sign(&id, now, &body)));
            headers.push(("webhook-id", id));
            headers.push(("webhook-timestamp", now.to_string()));
            let encoded = secret.trim_start_matches("whsec_").to_owned();
            (public_url, vec![secret, encoded])
        }
    };
    // Settings and names may be others than when the webhook was added.
    url::check(&url, format, &settings.webhooks).map_err(|fault| dead(fault.detail()))?;
    let private_addresses = settings.webhooks.private_addresses;
    Ok(WebhookRequest { request_id: 0, url, headers, body, private_addresses, secrets: Arc::from(secrets) })
}
