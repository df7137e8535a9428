//! The HTTP client: sends one request, reads one response, before a deadline. Keep-alive connections shared by all
//! requests, no redirects, no compression, and a proxy only where the request names one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HeaderName, LOCATION, RETRY_AFTER, USER_AGENT};
use hyper::{Request, Response, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::{ClientConfig, RootCertStore};
use tokio::task::yield_now;
use tokio::time::timeout_at;
use voice_core::http::{HttpResponse, TransportError};

use crate::connect::Connector;
use crate::endpoint::Header;
use crate::names::{Guard, Names};
use crate::transport_error::{meaning, of_request};

/// Longest wait taken from a `Retry-After` header, whatever a server says.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(3600);

/// Several servers close what has been idle for 5 s (uvicorn, Node): a request sent into a connection that is being
/// closed fails for nothing.
const KEEP_ALIVE: Duration = Duration::from_secs(4);
/// The highest `max_concurrency`, so that no connection is closed because there are too many.
const CONNECTIONS_MAX: usize = 1024;
/// Of what a connection reads at once, and there may be a thousand: hyper's own is 400 KB. A response's header must fit.
const BUFFER_BYTES: usize = 8 * 1024;
/// Lines of a response's header at most.
const HEADERS_MAX: usize = 256;
const AGENT: &str = concat!("voice_analytics/", env!("CARGO_PKG_VERSION"));

/// Clients by the route they take. Each is built by the first request that needs it: reading the system's certificates
/// takes time that plain HTTP never pays.
#[derive(Default)]
pub struct Transport {
    names: Names,
    clients: Mutex<HashMap<Route, RouteClient>>,
}

/// What the connections of one client have in common.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Route {
    tls: bool,
    /// URL of an HTTP proxy.
    proxy: Option<String>,
}

#[derive(Clone)]
enum RouteClient {
    Plain(Client<Connector, Full<Bytes>>),
    Tls(Client<HttpsConnector<Connector>, Full<Bytes>>),
}

/// One POST request of JSON.
pub struct Post<'a> {
    pub url: &'a str,
    /// Beside `content-type`.
    pub headers: &'a [(&'static str, String)],
    /// Headers that an operator has named.
    pub more: &'a [Header],
    /// URL of an HTTP proxy.
    pub proxy: Option<&'a str>,
    /// Freed as soon as it is written: with a thousand requests in flight, every copy of a transcript is megabytes.
    pub body: Bytes,
}

/// How much of a response's body is read, in bytes.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimits {
    /// Of a 2xx response.
    pub success: BodyLimit,
    /// Of any other; what is beyond, or does not arrive, is left out.
    pub rejection: usize,
}

#[derive(Debug, Clone, Copy)]
pub enum BodyLimit {
    /// A longer body, or one that does not arrive whole, is an error.
    Whole(usize),
    /// The rest is left out, and so is what does not arrive.
    Prefix(usize),
}

/// A request without a whole response.
#[derive(Debug)]
pub struct SendError {
    /// The status, if the response's header had arrived.
    pub status: Option<u16>,
    pub error: TransportError,
}

impl Transport {
    /// A client that connects only to addresses that the guard allows.
    pub fn guarded(guard: Guard) -> Transport {
        Transport { names: Names::guarded(Some(guard)), ..Transport::default() }
    }

    /// Sends a request and reads the response, whatever its status. Ends by the deadline.
    ///
    /// # Errors
    /// There is no response, or not all of one.
    pub async fn send(&self, post: Post<'_>, deadline: Instant, limits: BodyLimits) -> Result<HttpResponse, SendError> {
        let failed = |status| move |error| SendError { status, error };
        if deadline <= Instant::now() {
            return Err(failed(None)(TransportError::TimedOut));
        }
        let deadline = deadline.into();
        let (client, request) = self.prepare(post).map_err(failed(None))?;
        let tls = matches!(client, RouteClient::Tls(_));
        let response = async {
            // What has come in is looked at first: a connection that its server has closed is no connection to take.
            yield_now().await;
            match client {
                RouteClient::Plain(client) => client.request(request).await,
                RouteClient::Tls(client) => client.request(request).await,
            }
        };
        let response = timeout_at(deadline, response).await.map_err(|_| failed(None)(TransportError::TimedOut))?;
        let mut response = response.map_err(|error| failed(None)(of_request(&error, tls)))?;
        let status = response.status();
        let limit = if status.is_success() { limits.success } else { BodyLimit::Prefix(limits.rejection) };
        let body = match limit {
            BodyLimit::Whole(max) => {
                let whole = read(response.body_mut(), max, deadline).await;
                whole.1.map_err(failed(Some(status.as_u16())))?;
                whole.0
            }
            BodyLimit::Prefix(max) => read(response.body_mut(), max, deadline).await.0,
        };
        let retry_after = header(&response, RETRY_AFTER).and_then(|value| retry_after(value, SystemTime::now()));
        let location = header(&response, LOCATION).map(str::to_owned);
        Ok(HttpResponse { status: status.as_u16(), location, retry_after, body })
    }

    fn prepare(&self, post: Post<'_>) -> Result<(RouteClient, Request<Full<Bytes>>), TransportError> {
        let uri: Uri = post.url.parse().map_err(|why| TransportError::InvalidUrl(format!("{why}")))?;
        let tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(TransportError::InvalidUrl("it is neither http nor https".to_owned())),
        };
        let mut request = Request::post(uri)
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json")
            .header(ACCEPT_ENCODING, "identity")
            .header(USER_AGENT, AGENT);
        for (name, value) in post.headers {
            request = request.header(*name, value);
        }
        for header in post.more {
            request = request.header(&header.name, header.value.expose());
        }
        // Neither a URL nor a header may hold what a request line or a header cannot.
        let request =
            request.body(Full::new(post.body)).map_err(|why| TransportError::InvalidRequest(why.to_string()))?;
        Ok((self.client(Route { tls, proxy: post.proxy.map(str::to_owned) })?, request))
    }

    fn client(&self, route: Route) -> Result<RouteClient, TransportError> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&route) {
            return Ok(client.clone());
        }
        let proxy = route.proxy.as_deref().map(proxy_uri).transpose()?;
        let connector = Connector::new(self.names.clone(), proxy);
        let mut builder = Client::builder(TokioExecutor::new());
        builder
            .pool_idle_timeout(KEEP_ALIVE)
            .pool_timer(TokioTimer::new())
            .pool_max_idle_per_host(CONNECTIONS_MAX)
            .http1_max_buf_size(BUFFER_BYTES)
            .http1_max_headers(HEADERS_MAX);
        let client = match route.tls {
            false => RouteClient::Plain(builder.build(connector)),
            true => RouteClient::Tls(
                builder.build(
                    HttpsConnectorBuilder::new()
                        .with_tls_config(tls_config()?)
                        .https_only()
                        .enable_http1()
                        .wrap_connector(connector),
                ),
            ),
        };
        clients.insert(route, client.clone());
        Ok(client)
    }
}

/// The body's first bytes, and whether they are all of it.
async fn read(
    body: &mut Incoming,
    max: usize,
    deadline: tokio::time::Instant,
) -> (Vec<u8>, Result<(), TransportError>) {
    let mut bytes = Vec::new();
    loop {
        let frame = match timeout_at(deadline, body.frame()).await {
            Err(_) => return (bytes, Err(TransportError::TimedOut)),
            Ok(None) => return (bytes, Ok(())),
            Ok(Some(Err(error))) => return (bytes, Err(meaning(&error))),
            Ok(Some(Ok(frame))) => frame,
        };
        let data = frame.into_data().unwrap_or_default();
        let room = max - bytes.len();
        bytes.extend_from_slice(&data[..data.len().min(room)]);
        if data.len() > room {
            return (bytes, Err(TransportError::BodyTooLarge));
        }
    }
}

fn proxy_uri(url: &str) -> Result<Uri, TransportError> {
    let uri = url.parse::<Uri>().ok().filter(|uri| uri.scheme_str() == Some("http") && uri.host().is_some());
    uri.ok_or_else(|| TransportError::ProxyRefused("its URL is not valid".to_owned()))
}

/// The system's certificates, so that an administrator's own authority is trusted as everywhere else on the machine;
/// Mozilla's, compiled in, where the system has none (minimal containers).
fn tls_config() -> Result<ClientConfig, TransportError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|why| TransportError::Insecure(why.to_string()))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

fn header(response: &Response<Incoming>, name: HeaderName) -> Option<&str> {
    response.headers().get(name).and_then(|value| value.to_str().ok())
}

/// The value of a `Retry-After` header (RFC 9110): seconds, or a date. At most [`RETRY_AFTER_MAX`].
fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    let wait = if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than a u64 holds are a long time as well.
        Duration::from_secs(value.parse().unwrap_or(u64::MAX))
    } else {
        // A date that has passed asks for no wait.
        httpdate::parse_http_date(value).ok()?.duration_since(now).unwrap_or_default()
    };
    Some(wait.min(RETRY_AFTER_MAX))
}
