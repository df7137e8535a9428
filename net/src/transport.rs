//! The HTTP client: sends one request, reads one response, before a deadline. Keep-alive connections shared by all
//! threads, no redirects, no compression, and a proxy only where the request names one.

use std::collections::HashMap;
use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use ureq::config::Config;
use ureq::http::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use ureq::http::{Response, Uri};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::typestate::WithBody;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Body, Error, Proxy, RequestBuilder, SendBody};
use voice_core::http::{HttpResponse, TransportError};
use voice_core::webhook::address::Rule;

use crate::endpoint::Header;

/// Longest wait taken from a `Retry-After` header, whatever a server says.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(3600);

/// Several servers close what has been idle for 5 s (uvicorn, Node): a request sent into a connection that is being
/// closed fails for nothing.
const KEEP_ALIVE: Duration = Duration::from_secs(4);
/// The highest `max_concurrency`, so that no connection is closed because there are too many.
const CONNECTIONS_MAX: usize = 1024;
/// Per connection and direction, and there may be a thousand: ureq's own 128 KB would be 256 MB in all. A response's
/// header must fit.
const BUFFER_BYTES: usize = 8 * 1024;
/// A name is looked up again after this, so a failover by DNS is followed within seconds.
const NAME_KEPT: Duration = Duration::from_secs(10);

/// Clients of plain HTTP and of TLS. Each is built by the first request that needs it: reading the system's certificates
/// takes time that plain HTTP never pays.
#[derive(Default)]
pub struct Transport {
    plain: OnceLock<Agent>,
    tls: OnceLock<Agent>,
    /// Decides which addresses of a host may be connected to; `None`: all.
    guard: Option<Guard>,
}

/// The rule for the addresses of a host, which is given without the brackets of an IPv6 address.
pub type Guard = fn(host: &str) -> Rule;

/// One POST request of JSON.
pub struct Post<'a> {
    pub url: &'a str,
    /// Beside `content-type`.
    pub headers: &'a [(&'static str, String)],
    /// Headers that an operator has named.
    pub more: &'a [Header],
    /// URL of an HTTP proxy.
    pub proxy: Option<&'a str>,
    pub body: PostBody<'a>,
}

/// The body of a request.
pub enum PostBody<'a> {
    Borrowed(&'a [u8]),
    /// Freed as soon as it is written: with a thousand requests in flight, every copy of a transcript is megabytes.
    Owned(Vec<u8>),
}

/// How much of a response's body is read, in bytes.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimits {
    /// Of a 2xx response.
    pub success: BodyLimit,
    /// Of any other; what is beyond, or does not arrive, is left out.
    pub rejection: u64,
}

#[derive(Debug, Clone, Copy)]
pub enum BodyLimit {
    /// A longer body, or one that does not arrive whole, is an error.
    Whole(u64),
    /// The rest is left out, and so is what does not arrive.
    Prefix(u64),
}

/// A request without a whole response.
#[derive(Debug)]
pub struct SendError {
    /// The status, if the response's header had arrived.
    pub status: Option<u16>,
    pub error: TransportError,
}

/// No address of the host may be connected to.
#[derive(Debug)]
pub struct BlockedAddress {
    pub host: String,
    pub address: IpAddr,
    /// What the address is, such as "link-local".
    pub kind: &'static str,
}

impl std::fmt::Display for BlockedAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.host == self.address.to_string() {
            true => write!(f, "{} is {}, not public", self.address, self.kind),
            false => write!(f, "{} resolves to {}, which is {}, not public", self.host, self.address, self.kind),
        }
    }
}

impl std::error::Error for BlockedAddress {}

impl Transport {
    /// A client that connects only to addresses that the guard allows.
    pub fn guarded(guard: Guard) -> Transport {
        Transport { guard: Some(guard), ..Transport::default() }
    }

    /// Sends a request and reads the response, whatever its status. Ends before the deadline, but for what cannot be
    /// interrupted (a name look-up that hangs).
    ///
    /// # Errors
    /// There is no response, or not all of one.
    pub fn send(&self, post: Post<'_>, deadline: Instant, limits: BodyLimits) -> Result<HttpResponse, SendError> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(SendError { status: None, error: TransportError::TimedOut });
        }
        let mut request = self.agent(post.url).post(post.url).header(CONTENT_TYPE, "application/json");
        for (name, value) in post.headers {
            request = request.header(*name, value);
        }
        for header in post.more {
            request = request.header(&header.name, header.value.expose());
        }
        let failed = |error| SendError { status: None, error: transport_error(&error, post.proxy.is_some()) };
        let proxy = post.proxy.map(Proxy::new).transpose().map_err(failed)?;
        let config = |request: RequestBuilder<WithBody>| match proxy {
            None => request.config().timeout_global(Some(left)).build(),
            some => request.config().timeout_global(Some(left)).proxy(some).build(),
        };
        let response = match post.body {
            PostBody::Borrowed(body) => config(request).send(body),
            PostBody::Owned(body) => {
                let request = request.header(CONTENT_LENGTH, body.len());
                let body = SendBody::from_owned_reader(FreedWhenRead { bytes: body, at: 0 });
                config(request).send(body)
            }
        };
        let mut response = response.map_err(failed)?;
        let status = response.status().as_u16();
        let limit = if response.status().is_success() { limits.success } else { BodyLimit::Prefix(limits.rejection) };
        let body = match limit {
            BodyLimit::Whole(max) => response
                .body_mut()
                .with_config()
                .limit(max)
                .read_to_vec()
                .map_err(|error| SendError { status: Some(status), error: transport_error(&error, false) })?,
            BodyLimit::Prefix(max) => {
                let mut body = Vec::new();
                let _ = response.body_mut().as_reader().take(max).read_to_end(&mut body);
                body
            }
        };
        let retry_after = header(&response, RETRY_AFTER).and_then(|value| retry_after(value, SystemTime::now()));
        Ok(HttpResponse { status, location: header(&response, LOCATION).map(str::to_owned), retry_after, body })
    }

    fn agent(&self, url: &str) -> &Agent {
        if url.len() >= 6 && url.as_bytes()[..6].eq_ignore_ascii_case(b"https:") {
            self.tls.get_or_init(|| build(TlsConfig::builder().root_certs(roots()).build(), self.guard))
        } else {
            self.plain.get_or_init(|| build(TlsConfig::default(), self.guard))
        }
    }
}

/// Gives the bytes once, and frees them with the last.
struct FreedWhenRead {
    bytes: Vec<u8>,
    at: usize,
}

impl Read for FreedWhenRead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = (&self.bytes[self.at..]).read(buffer)?;
        self.at += read;
        if self.at == self.bytes.len() {
            (self.bytes, self.at) = (Vec::new(), 0);
        }
        Ok(read)
    }
}

fn header(response: &Response<Body>, name: ureq::http::HeaderName) -> Option<&str> {
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

/// ureq's errors, by what they mean here. `proxied`: the connection is one to a proxy.
fn transport_error(error: &Error, proxied: bool) -> TransportError {
    match error {
        Error::InvalidProxyUrl => TransportError::ProxyRefused("its URL is not valid".to_owned()),
        Error::ConnectProxyFailed(why) => TransportError::ProxyRefused(why.clone()),
        Error::HostNotFound if proxied => TransportError::ProxyUnreachable("its name is not known".to_owned()),
        Error::Io(error) if proxied && error.kind() == io::ErrorKind::ConnectionRefused => {
            TransportError::ProxyUnreachable("it refuses connections".to_owned())
        }
        Error::BadUri(why) => TransportError::InvalidUrl(why.clone()),
        // Neither a URL nor a header may hold what a request line or a header cannot.
        Error::Http(why) => TransportError::InvalidRequest(why.to_string()),
        Error::Timeout(_) => TransportError::TimedOut,
        Error::HostNotFound => TransportError::UnknownHost,
        Error::Io(error) => match error.kind() {
            io::ErrorKind::ConnectionRefused => TransportError::ConnectionRefused,
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe => TransportError::ConnectionClosed,
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => TransportError::TimedOut,
            // rustls reports what is wrong with a certificate as an I/O error.
            io::ErrorKind::InvalidData => TransportError::Insecure(error.to_string()),
            _ => TransportError::Unreachable(error.to_string()),
        },
        Error::Rustls(error) => TransportError::Insecure(error.to_string()),
        Error::Tls(error) => TransportError::Insecure(error.to_string()),
        Error::Protocol(error) => TransportError::NotHttp(error.to_string()),
        Error::LargeResponseHeader(..) => TransportError::HeaderTooLarge,
        Error::BodyExceedsLimit(_) => TransportError::BodyTooLarge,
        Error::Other(other) if other.is::<BlockedAddress>() => TransportError::BlockedAddress(other.to_string()),
        other => TransportError::Other(other.to_string()),
    }
}

fn build(tls: TlsConfig, guard: Option<Guard>) -> Agent {
    let config = Config::builder()
        .tls_config(tls)
        .user_agent(concat!("voice_analytics/", env!("CARGO_PKG_VERSION")))
        .accept("application/json")
        .accept_encoding("identity")
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        // No proxy from the environment: an administrator does not look there for the route of transcripts.
        .proxy(None)
        .max_idle_age(KEEP_ALIVE)
        .max_idle_connections(CONNECTIONS_MAX)
        .max_idle_connections_per_host(CONNECTIONS_MAX)
        .input_buffer_size(BUFFER_BYTES)
        .output_buffer_size(BUFFER_BYTES)
        .max_response_header_size(BUFFER_BYTES)
        .build();
    Agent::with_parts(config, DefaultConnector::default(), Names { guard, ..Names::default() })
}

/// The system's certificates, so that an administrator's own authority is trusted as everywhere else on the machine;
/// Mozilla's, compiled in, where the system has none (minimal containers).
fn roots() -> RootCerts {
    let system = rustls_native_certs::load_native_certs().certs;
    if system.is_empty() {
        return RootCerts::WebPki;
    }
    let certificates: Vec<_> = system.iter().map(|der| Certificate::from_der(der).to_owned()).collect();
    RootCerts::new_with_certs(&certificates)
}

/// Looks names up on the thread of the request. ureq resolves before every request, and its own resolver starts a thread
/// each time. This one remembers addresses for [`NAME_KEPT`]; a look-up that hangs is abandoned with its request. The
/// addresses it gives are those that are connected to: the name is not looked up again in between.
#[derive(Debug, Default)]
struct Names {
    guard: Option<Guard>,
    known: Mutex<HashMap<String, (Instant, Vec<SocketAddr>)>>,
}

impl Resolver for Names {
    fn resolve(&self, uri: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let host = uri.host().ok_or_else(|| Error::BadUri("no host".into()))?;
        let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 });
        if let Ok(address) = host.trim_matches(['[', ']']).parse::<IpAddr>() {
            return self.permitted(host, &[SocketAddr::new(address, port)]);
        }
        let name = format!("{host}:{port}");
        let known = self.known().get(&name).filter(|(at, _)| at.elapsed() < NAME_KEPT).map(|(_, known)| known.clone());
        let addresses = match known {
            Some(addresses) => addresses,
            None => {
                // getaddrinfo reports "not known" and "no answer" by the same kind of error.
                let addresses: Vec<_> = name.to_socket_addrs().map_err(|_| Error::HostNotFound)?.take(16).collect();
                self.known().insert(name, (Instant::now(), addresses.clone()));
                addresses
            }
        };
        self.permitted(host, &addresses)
    }
}

impl Names {
    fn permitted(&self, host: &str, addresses: &[SocketAddr]) -> Result<ResolvedSocketAddrs, Error> {
        let host = host.trim_matches(['[', ']']);
        let rule = self.guard.map(|guard| guard(host));
        let mut found = self.empty();
        let mut blocked = None;
        for address in addresses {
            match rule.map_or(Ok(()), |rule| rule.judge(address.ip())) {
                Ok(()) => found.push(*address),
                Err(kind) => blocked = Some(BlockedAddress { host: host.to_owned(), address: address.ip(), kind }),
            }
        }
        match blocked {
            _ if !found.is_empty() => Ok(found),
            Some(blocked) => Err(Error::Other(Box::new(blocked))),
            None => Err(Error::HostNotFound),
        }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<String, (Instant, Vec<SocketAddr>)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
