//! Deliveries of webhooks. They take turns by webhook, with a thread beside that of the analyses and few requests in
//! flight to each receiver. A receiver that fails gets no request for a moment. So a receiver that is slow or down delays
//! neither the others nor an analysis.

use crate::db::DbError;
use crate::db::claim::{Claimed, PreparedJobs, Waiting};
use crate::db::deliver::{self, Delivery, Prepared, Told};
use crate::db::outcome::{JobKind, Outcome, Settled};
use crate::guc::Settings;
use crate::worker::job::{Context, JobHandler, Step};
use pgrx::Uuid;
use pgrx::spi::SpiClient;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use voice_core::url::Url;
use voice_core::webhook::secret::Secret;
use voice_core::webhook::{Event, Format, alert_body, body, live_body, message_id, retry, url};
use voice_net::{DeliveryError, DeliveryResult, Pool, Waker, WebhookRequest};

/// Requests in flight to receivers: to all of them, and to each webhook's.
const ALL: usize = 32;
const EACH: usize = 4;

/// Handler of deliveries.
pub struct Deliver {
    pool: Pool<WebhookRequest>,
    /// Receivers by webhook: those that have a request in flight, or have failed.
    receivers: HashMap<Uuid, Receiver>,
}

/// The receiver of a webhook.
#[derive(Default)]
struct Receiver {
    in_flight: usize,
    /// Failed requests in a row.
    failures: u32,
    throttled_until: Option<Instant>,
}

impl Receiver {
    /// Whether there is something to remember of it.
    fn is_notable(&self) -> bool {
        self.in_flight > 0 || self.failures > 0 || self.throttled_until.is_some()
    }

    fn capacity(&self) -> usize {
        match (self.throttled_until, self.failures) {
            (Some(_), _) => 0,
            // One request is enough to find out whether it works again.
            (None, 1..) => 1_usize.saturating_sub(self.in_flight),
            (None, 0) => EACH.saturating_sub(self.in_flight),
        }
    }
}

impl Deliver {
    /// `waker` is woken for every response.
    pub fn new(waker: &Waker) -> Deliver {
        Deliver { pool: voice_net::webhook::pool(waker, ALL), receivers: HashMap::new() }
    }
}

impl JobHandler for Deliver {
    type Key = Uuid;
    type Prepared = Prepared;
    type InFlight = Delivery;
    type Response = DeliveryResult;

    const NOUN: &'static str = "delivery";
    const HINT_DELAY: Duration = Duration::from_secs(1);
    const POLL_AFTER_RESPONSE: bool = true;

    fn kind(&self) -> JobKind {
        JobKind::Deliver(None)
    }

    fn capacity(&self, in_flight: usize, _context: Context<'_>) -> usize {
        ALL.saturating_sub(in_flight)
    }

    fn capacity_of(&self, webhook: &Uuid, _context: Context<'_>) -> usize {
        self.receivers.get(webhook).map_or(EACH, Receiver::capacity)
    }

    fn find_due(&mut self, client: &mut SpiClient<'_>) -> Result<Waiting<Uuid>, DbError> {
        let capacities: Vec<_> = self.receivers.iter().map(|(id, receiver)| (*id, receiver.capacity())).collect();
        deliver::poll(client, EACH, &capacities)
    }

    fn prepare(&self, client: &mut SpiClient<'_>, claimed: Vec<Claimed>) -> Result<PreparedJobs<Prepared>, DbError> {
        deliver::prepare(client, claimed)
    }

    fn start(&mut self, request_id: u64, job: Claimed, prepared: Prepared, context: Context<'_>) -> Step<Delivery> {
        let delivery = prepared.delivery.clone();
        match build_request(request_id, &job, prepared, context.settings) {
            Ok(request) => {
                self.receivers.entry(delivery.webhook_id).or_default().in_flight += 1;
                self.pool.submit(request);
                Step::Sent(job, delivery)
            }
            Err(outcome) => Step::settle(Settled::without_request(job, JobKind::Deliver(Some(delivery)), outcome)),
        }
    }

    fn responses(&mut self) -> Vec<(u64, DeliveryResult)> {
        self.pool.poll().into_iter().map(|result| (result.request_id, result)).collect()
    }

    fn on_response(
        &mut self,
        job: Claimed,
        delivery: Delivery,
        result: DeliveryResult,
        _others: bool,
        _context: Context<'_>,
    ) -> Step<Delivery> {
        let mut receiver = self.receivers.remove(&delivery.webhook_id).unwrap_or_default();
        receiver.in_flight = receiver.in_flight.saturating_sub(1);
        let outcome = match result.outcome {
            Ok(()) => {
                receiver.failures = 0;
                Outcome::Completed
            }
            Err(DeliveryError::Transient { message, retry_after }) => {
                receiver.failures = receiver.failures.saturating_add(1);
                let until = Instant::now() + retry::rest(receiver.failures, retry_after);
                receiver.throttled_until = Some(receiver.throttled_until.map_or(until, |known| known.max(until)));
                Outcome::Failed { error: message, again: retry::wait(job.attempt, retry_after, fastrand::f64()) }
            }
            Err(DeliveryError::Refused { message }) => {
                // The receiver answers: the others go on.
                receiver.failures = 0;
                Outcome::Failed { error: message, again: retry::wait(job.attempt, None, fastrand::f64()) }
            }
            Err(DeliveryError::Permanent { message }) => {
                receiver.failures = 0;
                Outcome::Failed { error: message, again: None }
            }
            Err(DeliveryError::Gone { message }) => {
                // The webhook is disabled when this is stored; until then nothing more is sent to it.
                receiver.throttled_until = Some(Instant::now() + retry::rest(1, None));
                Outcome::Gone { error: message }
            }
        };
        if receiver.is_notable() {
            self.receivers.insert(delivery.webhook_id, receiver);
        }
        Step::settle(Settled {
            http_status: result.http_status.map(i32::from),
            latency: Some(result.latency),
            ..Settled::without_request(job, JobKind::Deliver(Some(delivery)), outcome)
        })
    }

    fn failed(&self, job: &Claimed, error: String, _settings: &Settings) -> Outcome {
        Outcome::Failed { error, again: retry::wait(job.attempt, None, fastrand::f64()) }
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.pool.next_deadline()
    }

    fn next_capacity(&self) -> Option<Instant> {
        self.receivers.values().filter_map(|receiver| receiver.throttled_until).min()
    }

    fn end_throttling(&mut self, now: Instant) -> bool {
        let mut ended = false;
        for receiver in self.receivers.values_mut() {
            ended |= receiver.throttled_until.take_if(|until| *until <= now).is_some();
        }
        if ended {
            self.receivers.retain(|_, receiver| receiver.is_notable());
        }
        ended
    }
}

/// The request, or the outcome of a job for which there is none.
fn build_request(
    request_id: u64,
    job: &Claimed,
    prepared: Prepared,
    settings: &Settings,
) -> Result<WebhookRequest, Outcome> {
    let dead = |error: String| Outcome::Failed { error, again: None };
    if job.attempt > retry::ATTEMPTS_MAX {
        // A failed attempt would have ended the job before: these attempts never came to an end.
        let attempts = job.attempt - 1;
        return Err(dead(format!(
            "given up after {attempts} attempts during which the worker or the server went down"
        )));
    }
    let Prepared { delivery, url: public_url, format, secret, old_secret, told } = prepared;
    let (Some(event), Some(format)) = (Event::from_word(&delivery.event), Format::from_word(&format)) else {
        return Err(dead(format!("this version knows no event {} in format {format}", delivery.event)));
    };
    let Some(secret) = secret else { return Err(Outcome::Gone { error: "the webhook has no secret".to_owned() }) };
    let body = match &told {
        Told::Analyzed(lead) => body::of(event, format, lead),
        Told::Live(call) => live_body::of(event, format, call),
        Told::Alert(alert) => alert_body::of(event, format, alert),
    };
    let mut headers = Vec::new();
    let (url, secrets) = match format {
        // The whole of a Slack URL is secret.
        Format::Slack => {
            let path = Url::parse(&secret).map(|url| url.path.to_owned()).unwrap_or_default();
            (secret.clone(), vec![secret, path])
        }
        Format::Standard => {
            let key = Secret::parse(&secret).map_err(|fault| dead(format!("the webhook's secret is none: {fault}")))?;
            // Each update, each look and each alert is another message.
            let of_what = match &told {
                Told::Analyzed(lead) if event == Event::CallUpdated => {
                    format!("{} {}", delivery.event, lead.analyzed_at)
                }
                Told::Analyzed(_) | Told::Alert(_) => delivery.event.clone(),
                Told::Live(call) if event == Event::CallAlert => format!("{} {}", delivery.event, call.alerted_at),
                Told::Live(call) => format!("{} {}", delivery.event, call.computed_at),
            };
            let id = message_id(job.call_id.as_bytes(), delivery.webhook_id.as_bytes(), &of_what);
            let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
            // For a day after a change, receivers may know either; the specification has them separated by a blank.
            let old_key = old_secret.as_deref().and_then(|secret| Secret::parse(secret).ok());
            let signatures: Vec<_> =
                [Some(key), old_key].iter().flatten().map(|key| key.sign(&id, now, &body)).collect();
            headers.push(("webhook-signature", signatures.join(" ")));
            headers.push(("webhook-id", id));
            headers.push(("webhook-timestamp", now.to_string()));
            let secrets = [Some(secret), old_secret].into_iter().flatten();
            (public_url, secrets.flat_map(|s| [s.clone(), s.trim_start_matches("whsec_").to_owned()]).collect())
        }
    };
    // Settings may have changed since the webhook was added.
    url::check(&url, format, &settings.webhooks).map_err(|fault| dead(fault.detail()))?;
    let private_addresses = settings.webhooks.private_addresses;
    Ok(WebhookRequest { request_id, url, headers, body, private_addresses, secrets: Arc::from(secrets) })
}
