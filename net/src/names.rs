//! Names of hosts and their addresses: [`Names`].

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use voice_core::webhook::address::Rule;

pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A name is looked up again after this, so a failover by DNS is followed within seconds.
const NAME_KEPT: Duration = Duration::from_secs(10);
/// Addresses of one name that are looked at.
const ADDRESSES_MAX: usize = 16;
/// A look-up that takes longer hangs, and the name is looked up once more beside it.
const HANGS_AFTER: Duration = Duration::from_secs(30);

/// The rule for the addresses of a host, which is given without the brackets of an IPv6 address.
pub type Guard = fn(host: &str) -> Rule;

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

/// A name that nobody knows, or that could not be looked up: `getaddrinfo` reports both by the same kind of error.
#[derive(Debug)]
pub struct UnknownHost;

impl std::fmt::Display for UnknownHost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the name is not known")
    }
}

impl std::error::Error for UnknownHost {}

/// Finds the addresses of hosts, of which the guard allows some. Those it gives are connected to: the name is not looked up
/// again in between. Addresses are remembered for [`NAME_KEPT`]; who asks for a name that is being looked up waits for the
/// same answer. Clones share what they know.
#[derive(Clone, Default)]
pub struct Names {
    /// `None`: every address.
    guard: Option<Guard>,
    known: Arc<Mutex<HashMap<String, LookUp>>>,
}

#[derive(Clone)]
struct LookUp {
    began: Instant,
    /// `None`: the name is not known.
    addresses: Shared<BoxFuture<'static, Option<Arc<[IpAddr]>>>>,
}

impl LookUp {
    fn is_of_use(&self) -> bool {
        match self.addresses.peek() {
            Some(Some(_)) => self.began.elapsed() < NAME_KEPT,
            Some(None) => false,
            None => self.began.elapsed() < HANGS_AFTER,
        }
    }
}

impl Names {
    pub fn guarded(guard: Option<Guard>) -> Names {
        Names { guard, ..Names::default() }
    }

    /// The addresses of the host that may be connected to, in the order in which `getaddrinfo` gives them; none twice.
    ///
    /// # Errors
    /// [`UnknownHost`], or [`BlockedAddress`] where no address of it may be connected to.
    pub async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, BoxError> {
        let addresses: Arc<[IpAddr]> = match host.trim_matches(['[', ']']).parse::<IpAddr>() {
            Ok(address) => Arc::new([address]),
            Err(_) => self.look_up(host).addresses.await.ok_or(UnknownHost)?,
        };
        let permitted = self.permitted(host, &addresses)?;
        Ok(permitted.into_iter().map(|address| SocketAddr::new(address, port)).collect())
    }

    fn permitted(&self, host: &str, addresses: &[IpAddr]) -> Result<Vec<IpAddr>, BlockedAddress> {
        let host = host.trim_matches(['[', ']']);
        let rule = self.guard.map(|guard| guard(host));
        let (mut found, mut blocked) = (Vec::new(), None);
        for address in addresses {
            match rule.map_or(Ok(()), |rule| rule.judge(*address)) {
                Ok(()) if found.contains(address) => {}
                Ok(()) => found.push(*address),
                Err(kind) => blocked = Some(BlockedAddress { host: host.to_owned(), address: *address, kind }),
            }
        }
        match blocked {
            Some(blocked) if found.is_empty() => Err(blocked),
            _ => Ok(found),
        }
    }

    /// The look-up of this name: one that was made, or is under way, or a new one on a thread of its own.
    fn look_up(&self, host: &str) -> LookUp {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, look_up| look_up.is_of_use());
        if let Some(look_up) = known.get(host) {
            return look_up.clone();
        }
        let name = host.to_owned();
        let addresses = tokio::task::spawn_blocking(move || {
            let addresses = (name.as_str(), 0).to_socket_addrs().ok()?;
            let addresses: Arc<[IpAddr]> = addresses.take(ADDRESSES_MAX).map(|address| address.ip()).collect();
            (!addresses.is_empty()).then_some(addresses)
        });
        let addresses = addresses.map(|found| found.ok().flatten()).boxed().shared();
        let look_up = LookUp { began: Instant::now(), addresses };
        known.insert(host.to_owned(), look_up.clone());
        look_up
    }
}
