//! Deliveries of webhooks. The receiver is somebody else's server: nothing but its status is believed, and connections go
//! only to addresses that the operator allows.

use std::net::ToSocketAddrs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use voice_core::webhook::address::Rule;
use voice_core::webhook::delivery::DeliveryError;
use voice_core::webhook::url::rule;

use crate::names::BlockedAddress;
use crate::pool::Pool;
use crate::task::{Task, TaskError};
use crate::transport::{BodyLimit, BodyLimits, Post, Transport};
use crate::waker::Waker;

/// The Standard Webhooks specification recommends 15 to 30 s.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Read so that the connection can be used again; the status is the answer, however much of the body arrives.
const BODY_MAX: usize = 16 * 1024;
const LIMITS: BodyLimits = BodyLimits { success: BodyLimit::Prefix(BODY_MAX), rejection: BODY_MAX };

/// One delivery.
#[derive(Debug, Clone)]
pub struct WebhookRequest {
    /// The caller's own number, given back with the result.
    pub request_id: u64,
    pub url: String,
    /// Beside `content-type`.
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
    /// Whether the operator's own networks may be reached.
    pub private_addresses: bool,
    /// What no message may repeat.
    pub secrets: Arc<[String]>,
}

/// The response to a [`WebhookRequest`].
#[derive(Debug, Clone)]
pub struct DeliveryResult {
    pub request_id: u64,
    pub outcome: Result<(), DeliveryError>,
    /// `None`: there was no response.
    pub http_status: Option<u16>,
    /// From the start of the request to the end of the response.
    pub latency: Duration,
}

/// What came of a delivery.
pub struct Delivered {
    outcome: Result<(), DeliveryError>,
    http_status: Option<u16>,
}

/// A pool for deliveries, up to `limit` at once. Its thread is its own, so slow receivers delay no analysis.
pub fn pool(waker: &Waker, limit: usize) -> Pool<WebhookRequest> {
    let client = Arc::new(WebhookClient::default());
    Pool::new(waker, limit, move |request, deadline| {
        let client = Arc::clone(&client);
        async move { client.deliver(&request, deadline).await }
    })
}

/// What the deliveries of one pool share.
struct WebhookClient {
    public: Transport,
    everywhere: Transport,
}

impl Default for WebhookClient {
    fn default() -> WebhookClient {
        let public: fn(&str) -> Rule = |host| rule(host, false);
        let everywhere: fn(&str) -> Rule = |host| rule(host, true);
        WebhookClient { public: Transport::guarded(public), everywhere: Transport::guarded(everywhere) }
    }
}

impl WebhookClient {
    async fn deliver(&self, request: &WebhookRequest, deadline: Instant) -> Delivered {
        let WebhookRequest { url, headers, body, private_addresses, secrets, .. } = request;
        let secrets = borrowed(secrets);
        let transport = if *private_addresses { &self.everywhere } else { &self.public };
        let post = Post { url, headers, more: &[], proxy: None, body: Bytes::copy_from_slice(body) };
        match transport.send(post, deadline, LIMITS).await {
            Ok(response) => {
                let http_status = Some(response.status);
                let outcome = match response.is_success() {
                    true => Ok(()),
                    false => Err(DeliveryError::of_rejection(&response, body, &secrets)),
                };
                Delivered { outcome, http_status }
            }
            Err(failed) => {
                let error = DeliveryError::of_transport(&failed.error, TIMEOUT, *private_addresses, &secrets);
                Delivered { outcome: Err(error), http_status: failed.status }
            }
        }
    }
}

/// Looks a host up as a delivery would. A name that is not known here and now may be known later, so it is no error.
///
/// # Errors
/// None of the host's addresses may be reached; with the reason.
pub fn check_resolved_addresses(host: &str, port: u16, private_addresses: bool) -> Result<(), String> {
    let Ok(addresses) = (host, port).to_socket_addrs() else { return Ok(()) };
    let rule = rule(host, private_addresses);
    let mut blocked = None;
    for address in addresses {
        match rule.judge(address.ip()) {
            Ok(()) => return Ok(()),
            Err(kind) => blocked = Some(BlockedAddress { host: host.to_owned(), address: address.ip(), kind }),
        }
    }
    blocked.map_or(Ok(()), |blocked| Err(blocked.to_string()))
}

fn borrowed(secrets: &[String]) -> Vec<&str> {
    secrets.iter().map(String::as_str).collect()
}

impl Task for WebhookRequest {
    type Output = Delivered;
    type Context = (u64, Arc<[String]>);
    type Response = DeliveryResult;

    fn timeout(&self) -> Duration {
        TIMEOUT
    }

    fn context(&self) -> Self::Context {
        (self.request_id, Arc::clone(&self.secrets))
    }

    fn response(
        (request_id, secrets): Self::Context,
        output: Result<Delivered, TaskError>,
        latency: Duration,
    ) -> DeliveryResult {
        let secrets = borrowed(&secrets);
        let Delivered { outcome, http_status } = output.unwrap_or_else(|error| {
            let error = match error {
                TaskError::NoThread(error) => {
                    DeliveryError::transient(&format!("no thread for the request: {error}"), &secrets)
                }
                TaskError::Panic(panic) => {
                    DeliveryError::transient(&format!("internal error while delivering: {panic}"), &secrets)
                }
                TaskError::Abandoned => DeliveryError::abandoned(TIMEOUT, &secrets),
            };
            Delivered { outcome: Err(error), http_status: None }
        });
        DeliveryResult { request_id, outcome, http_status, latency }
    }
}
