//! The HTTP client: keep-alive connections shared by all threads, no redirects, no proxy, no compression.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use ureq::config::Config;
use ureq::http::Uri;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Error};

/// Several servers close what has been idle for 5 s (uvicorn, Node): a request sent into a connection that is being
/// closed fails for nothing.
const KEEP_ALIVE: Duration = Duration::from_secs(4);
/// As many as `max_concurrency` may be, so that none is closed for want of room.
const CONNECTIONS_MAX: usize = 1024;
/// Per connection, and there may be a thousand: ureq's own 128 KB each way would be 256 MB. A response's header must fit.
const BUFFER_BYTES: usize = 8 * 1024;
/// A name is looked up again after this, so a failover by DNS is followed within seconds.
const NAME_KEPT: Duration = Duration::from_secs(10);

/// Built by the first request that needs one: reading the system's certificates takes time that plain HTTP never pays.
#[derive(Default)]
pub struct Agents {
    plain: OnceLock<Agent>,
    tls: OnceLock<Agent>,
    /// Judges the addresses of every name; `None`: all may be connected to.
    guard: Option<Guard>,
}

/// Which of a host's addresses may be connected to; `Err` says what is wrong with one.
pub type Guard = fn(host: &str, address: IpAddr) -> Result<(), &'static str>;

/// None of a host's addresses may be connected to.
#[derive(Debug)]
pub struct BlockedAddress {
    pub host: String,
    pub address: IpAddr,
    pub what: &'static str,
}

impl std::fmt::Display for BlockedAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.host == self.address.to_string() {
            true => write!(f, "{} is {}, not public", self.address, self.what),
            false => write!(f, "{} resolves to {}, which is {}, not public", self.host, self.address, self.what),
        }
    }
}

impl std::error::Error for BlockedAddress {}

impl Agents {
    /// Connections of these go to addresses that the guard lets through, and to no other.
    pub fn guarded(guard: Guard) -> Agents {
        Agents { guard: Some(guard), ..Agents::default() }
    }

    pub fn of(&self, url: &str) -> &Agent {
        if url.len() >= 6 && url.as_bytes()[..6].eq_ignore_ascii_case(b"https:") {
            self.tls.get_or_init(|| build(TlsConfig::builder().root_certs(roots()).build(), self.guard))
        } else {
            self.plain.get_or_init(|| build(TlsConfig::default(), self.guard))
        }
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
        // The server's environment is not where an administrator looks for the route of transcripts.
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

/// Looks names up on the asking thread. ureq asks before every request, and its own resolver starts a thread each time;
/// ours is remembered for a moment, and one that hangs is left behind with its request at the hard deadline.
/// What it gives is what is connected to: nobody asks for the name again in between.
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
                // getaddrinfo says "not known" and "no answer" by the same kind of error.
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
        let mut found = self.empty();
        let mut refused = None;
        for address in addresses {
            match self.guard.map_or(Ok(()), |guard| guard(host, address.ip())) {
                Ok(()) => found.push(*address),
                Err(what) => refused = Some((address.ip(), what)),
            }
        }
        match refused {
            _ if !found.is_empty() => Ok(found),
            Some((address, what)) => {
                let host = host.trim_matches(['[', ']']).to_owned();
                Err(Error::Other(Box::new(BlockedAddress { host, address, what })))
            }
            None => Err(Error::HostNotFound),
        }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<String, (Instant, Vec<SocketAddr>)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
