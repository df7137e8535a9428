//! One delivery of a webhook: request, response, verdict. The receiver is somebody else's server: it is told no more than
//! it should know, believed no more than a status, and asked only where it may be.

use std::io::{self, Read};
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use ureq::http::header::{CONTENT_TYPE, RETRY_AFTER};
use voice_core::redact_echo::redact_echo;
use voice_core::scrub::{scrub, shortened};
use voice_core::webhook::url::{Policy, Target};

use crate::agent::{Agents, BlockedAddress};
use crate::failure::retry_after;
use crate::pool::{Task, TaskError};

/// The specification recommends 15 to 30 s.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Read so that the connection can be used again; of more than this nobody wants to know.
const BODY_MAX: u64 = 16 * 1024;
/// How much of a receiver's own words goes into a message, in characters.
const WORDS_MAX: usize = 200;

/// Something to deliver.
#[derive(Debug, Clone)]
pub struct WebhookRequest {
    /// The caller's own number, given back with the result.
    pub request_id: u64,
    pub url: String,
    /// Beside `content-type`.
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
    /// The operator's own networks may be reached.
    pub private_addresses: bool,
    /// What no message may repeat.
    pub secrets: Arc<[String]>,
}

/// What came of a delivery.
#[derive(Debug, Clone)]
pub struct DeliveryResult {
    pub request_id: u64,
    pub outcome: Result<(), DeliveryError>,
    /// `None`: there was no response.
    pub http_status: Option<u16>,
    pub latency: Duration,
}

/// Why it was not delivered, in words for the operator: scrubbed, at most 500 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryError {
    /// It may work later.
    Transient { message: String, retry_after: Option<Duration> },
    /// It will not, whoever tries: the receiver refuses this one, or its address may not be reached.
    Permanent { message: String },
    /// The receiver wants nothing any more (410).
    Gone { message: String },
}

/// Everything that deliveries share.
pub struct WebhookClient {
    public: Agents,
    everywhere: Agents,
}

impl Default for WebhookClient {
    fn default() -> WebhookClient {
        WebhookClient { public: Agents::guarded(public_only), everywhere: Agents::guarded(private_too) }
    }
}

fn public_only(host: &str, address: IpAddr) -> Result<(), &'static str> {
    check_address(host, address, false)
}

fn private_too(host: &str, address: IpAddr) -> Result<(), &'static str> {
    check_address(host, address, true)
}

fn check_address(host: &str, address: IpAddr, private_addresses: bool) -> Result<(), &'static str> {
    let policy = Policy { private_addresses, ..Policy::default() };
    // The host alone says whether this machine is meant; the rest of the URL has been judged.
    let url = format!("https://{host}");
    Target::parse(&url).map_err(|_| "nameless")?.rule(&policy).judge(address)
}

/// Looks a host up as a delivery would. `Err`: none of its addresses may be reached, and why. A name that is not known
/// here and now may be known later, so it is no error.
pub fn check_resolved_addresses(host: &str, port: u16, private_addresses: bool) -> Result<(), String> {
    let Ok(addresses) = (host, port).to_socket_addrs() else { return Ok(()) };
    let mut refused = None;
    for address in addresses {
        match check_address(&format_host(host), address.ip(), private_addresses) {
            Ok(()) => return Ok(()),
            Err(what) => refused = Some(BlockedAddress { host: host.to_owned(), address: address.ip(), what }),
        }
    }
    refused.map_or(Ok(()), |refused| Err(refused.to_string()))
}

/// As it stands in a URL.
fn format_host(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

impl WebhookClient {
    /// Delivers, or says why not.
    pub fn deliver(&self, request_of: &WebhookRequest, deadline: Instant) -> Delivered {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Delivered { outcome: Err(transient(timed_out(), None, request_of)), http_status: None };
        }
        let agents = if request_of.private_addresses { &self.everywhere } else { &self.public };
        let mut request = agents.of(&request_of.url).post(&request_of.url).header(CONTENT_TYPE, "application/json");
        for (name, value) in &request_of.headers {
            request = request.header(*name, value);
        }
        let sent = request.config().timeout_global(Some(left)).build().send(&request_of.body[..]);
        let mut response = match sent {
            Ok(response) => response,
            Err(error) => return Delivered { outcome: Err(of_transport(&error, request_of)), http_status: None },
        };
        let status = response.status().as_u16();
        let wait = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let wait = wait.and_then(|value| retry_after(value, SystemTime::now()));
        let mut body = Vec::new();
        // The status is the answer, however much of the words beside it arrives.
        let _ = response.body_mut().as_reader().take(BODY_MAX).read_to_end(&mut body);
        let outcome =
            if response.status().is_success() { Ok(()) } else { Err(of_status(status, wait, &body, request_of)) };
        Delivered { outcome, http_status: Some(status) }
    }
}

/// What a thread brings back.
pub struct Delivered {
    outcome: Result<(), DeliveryError>,
    http_status: Option<u16>,
}

impl Task for WebhookRequest {
    type Output = Delivered;
    type Metadata = (u64, Arc<[String]>);
    type Completion = DeliveryResult;

    fn timeout(&self) -> Duration {
        TIMEOUT
    }

    fn metadata(&self) -> Self::Metadata {
        (self.request_id, Arc::clone(&self.secrets))
    }

    fn answer(
        (request_id, secrets): Self::Metadata,
        outcome: Result<Delivered, TaskError>,
        latency: Duration,
    ) -> DeliveryResult {
        let message = match outcome {
            Ok(Delivered { outcome, http_status }) => {
                return DeliveryResult { request_id, outcome, http_status, latency };
            }
            Err(TaskError::NoThread(error)) => format!("no thread for the request: {error}"),
            Err(TaskError::Panic(panic)) => format!("internal error while delivering: {panic}"),
            Err(TaskError::Abandoned) => format!("{} (request abandoned)", timed_out()),
        };
        let outcome = Err(DeliveryError::Transient { message: scrubbed(&message, &secrets), retry_after: None });
        DeliveryResult { request_id, outcome, http_status: None, latency }
    }
}

fn of_status(status: u16, retry_after: Option<Duration>, body: &[u8], request_of: &WebhookRequest) -> DeliveryError {
    let what = match status {
        300..=399 => format!("the receiver redirects (HTTP {status}), which is not followed"),
        410 => "the receiver wants nothing any more (HTTP 410)".to_owned(),
        429 => "the receiver asks for fewer requests (HTTP 429)".to_owned(),
        408 | 500..=599 => format!("the receiver failed (HTTP {status})"),
        _ => format!("the receiver refused it (HTTP {status})"),
    };
    // Scrubbed before they are shortened: no cut leaves half of a secret.
    let words = redact_echo(&String::from_utf8_lossy(body), &String::from_utf8_lossy(&request_of.body));
    let words = scrubbed(&words, &request_of.secrets);
    let words = shortened(words.trim(), WORDS_MAX);
    let message = scrubbed(&if words.is_empty() { what } else { format!("{what}: {words}") }, &request_of.secrets);
    match status {
        410 => DeliveryError::Gone { message },
        408 | 429 => DeliveryError::Transient { message, retry_after },
        400..=499 => DeliveryError::Permanent { message },
        _ => DeliveryError::Transient { message, retry_after },
    }
}

fn of_transport(error: &ureq::Error, request_of: &WebhookRequest) -> DeliveryError {
    use ureq::Error;
    let message = match error {
        Error::Other(other) if other.is::<BlockedAddress>() => {
            let off = if request_of.private_addresses {
                ""
            } else {
                ", and voice_analytics.webhook_private_addresses is off"
            };
            let message = format!("{other}{off}");
            return DeliveryError::Permanent { message: scrubbed(&message, &request_of.secrets) };
        }
        Error::BadUri(why) => {
            return DeliveryError::Permanent {
                message: scrubbed(&format!("the URL is not valid: {why}"), &request_of.secrets),
            };
        }
        Error::Timeout(_) => timed_out(),
        Error::HostNotFound => "the receiver's name is not known".to_owned(),
        Error::Io(error) => match error.kind() {
            io::ErrorKind::ConnectionRefused => "the receiver refuses connections".to_owned(),
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe => "the receiver closed the connection".to_owned(),
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => timed_out(),
            // rustls hides its verdict on a certificate in an I/O error.
            io::ErrorKind::InvalidData => format!("no secure connection to the receiver: {error}"),
            _ => format!("the receiver cannot be reached: {error}"),
        },
        Error::Rustls(error) => format!("no secure connection to the receiver: {error}"),
        Error::Tls(error) => format!("no secure connection to the receiver: {error}"),
        Error::Protocol(error) => format!("the receiver does not speak HTTP as it should: {error}"),
        Error::LargeResponseHeader(..) => "the receiver's response header is too large".to_owned(),
        other => format!("the request failed: {other}"),
    };
    transient(message, None, request_of)
}

fn timed_out() -> String {
    format!("no answer from the receiver within {} s", TIMEOUT.as_secs())
}

fn transient(message: String, retry_after: Option<Duration>, request_of: &WebhookRequest) -> DeliveryError {
    DeliveryError::Transient { message: scrubbed(&message, &request_of.secrets), retry_after }
}

fn scrubbed(message: &str, secrets: &[String]) -> String {
    let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
    scrub(message, &secrets)
}
