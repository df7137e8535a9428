//! Names of hosts and their addresses: [`Names`].

use std::collections::HashMap;
use std::future::Future;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use hyper_util::client::legacy::connect::dns::Name;
use tower_service::Service;
use voice_core::webhook::address::Rule;

/// A name is looked up again after this, so a failover by DNS is followed within seconds.
const NAME_KEPT: Duration = Duration::from_secs(10);
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
    addresses: Shared<BoxFuture<'static, Option<Arc<[SocketAddr]>>>>,
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

    /// Judges a host that is an address. One that is a name is judged when it is looked up.
    ///
    /// # Errors
    /// The address may not be connected to.
    pub fn judge(&self, host: &str) -> Result<(), BlockedAddress> {
        match host.trim_matches(['[', ']']).parse::<IpAddr>() {
            Ok(address) => self.permitted(host, [SocketAddr::new(address, 0)].into_iter()).map(|_| ()),
            Err(_) => Ok(()),
        }
    }

    fn permitted(
        &self,
        host: &str,
        addresses: impl Iterator<Item = SocketAddr>,
    ) -> Result<Vec<SocketAddr>, BlockedAddress> {
        let host = host.trim_matches(['[', ']']);
        let rule = self.guard.map(|guard| guard(host));
        let (mut found, mut blocked) = (Vec::new(), None);
        for address in addresses {
            match rule.map_or(Ok(()), |rule| rule.judge(address.ip())) {
                Ok(()) => found.push(address),
                Err(kind) => blocked = Some(BlockedAddress { host: host.to_owned(), address: address.ip(), kind }),
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
            let addresses: Option<Arc<[SocketAddr]>> = (name.as_str(), 0).to_socket_addrs().ok().map(Iterator::collect);
            addresses.filter(|addresses| !addresses.is_empty())
        });
        let addresses = addresses.map(|found| found.ok().flatten()).boxed().shared();
        let look_up = LookUp { began: Instant::now(), addresses };
        known.insert(host.to_owned(), look_up.clone());
        look_up
    }

    async fn resolve(
        self,
        host: String,
    ) -> Result<std::vec::IntoIter<SocketAddr>, Box<dyn std::error::Error + Send + Sync>> {
        let addresses = self.look_up(&host).addresses.await.ok_or(UnknownHost)?;
        Ok(self.permitted(&host, addresses.iter().copied())?.into_iter())
    }
}

impl Service<Name> for Names {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = Box<dyn std::error::Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        Box::pin(self.clone().resolve(name.as_str().to_owned()))
    }
}
