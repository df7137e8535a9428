//! How a connection is made: by name and address, through a proxy where one is named.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use http_body_util::Empty;
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower_service::Service;

use crate::names::{BoxError, Names};

/// How long an address may be silent before the next is tried as well.
const NEXT_AFTER: Duration = Duration::from_millis(250);

/// Connects to the host of a URL, or to the proxy, which connects to it.
#[derive(Clone)]
pub struct Connector {
    names: Names,
    /// URL of an HTTP proxy.
    proxy: Option<Uri>,
}

/// There is no connection to the proxy.
#[derive(Debug)]
pub struct ProxyUnreachable(pub BoxError);

/// The connection to the proxy broke before the proxy had answered.
#[derive(Debug)]
pub struct ProxyBroke(pub hyper::Error);

/// The proxy answers otherwise than by a connection.
#[derive(Debug)]
pub struct ProxyRefused {
    /// `None`: it connects, but not as it should.
    pub status: Option<StatusCode>,
    pub why: String,
}

impl std::fmt::Display for ProxyUnreachable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("there is no connection to the proxy")
    }
}

impl std::error::Error for ProxyUnreachable {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.0)
    }
}

impl std::fmt::Display for ProxyBroke {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the connection to the proxy broke")
    }
}

impl std::error::Error for ProxyBroke {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

impl std::fmt::Display for ProxyRefused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.why)
    }
}

impl std::error::Error for ProxyRefused {}

impl Connector {
    pub fn new(names: Names, proxy: Option<Uri>) -> Connector {
        Connector { names, proxy }
    }

    async fn connect(self, to: Uri) -> Result<TokioIo<TcpStream>, BoxError> {
        let Some(proxy) = &self.proxy else { return self.reach(&to).await };
        let stream = self.reach(proxy).await.map_err(ProxyUnreachable)?;
        tunnel(stream, &to).await
    }

    /// A connection to the host of the URL itself.
    async fn reach(&self, url: &Uri) -> Result<TokioIo<TcpStream>, BoxError> {
        let addresses = self.names.resolve(url.host().unwrap_or_default(), port(url)).await?;
        let stream = first_of(addresses).await?;
        stream.set_nodelay(true)?;
        Ok(TokioIo::new(stream))
    }
}

/// Connects to one of the addresses. They are tried in their order, and from the second on beside those before: one that is
/// silent holds up the next for [`NEXT_AFTER`] only (Happy Eyeballs, RFC 8305).
async fn first_of(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let mut attempts = FuturesUnordered::new();
    let mut failed = None;
    let mut rest = alternating(addresses).into_iter().peekable();
    loop {
        attempts.extend(rest.next().map(TcpStream::connect));
        let ended = match rest.peek() {
            Some(_) => timeout(NEXT_AFTER, attempts.next()).await.ok().flatten(),
            None => attempts.next().await,
        };
        match ended {
            Some(Ok(stream)) => return Ok(stream),
            // The first address is the one that was meant most.
            Some(Err(error)) => failed = failed.or(Some(error)),
            None => {}
        }
        if rest.peek().is_none() && attempts.is_empty() {
            return Err(failed.unwrap_or_else(|| io::ErrorKind::AddrNotAvailable.into()));
        }
    }
}

/// Addresses of both families by turns, each in their order: a family without a route does not come first as a whole.
fn alternating(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let Some(first) = addresses.first() else { return addresses };
    let (ours, others): (Vec<_>, Vec<_>) = addresses.iter().partition(|other| other.is_ipv4() == first.is_ipv4());
    let places = ours.len().max(others.len());
    (0..places).flat_map(|at| [ours.get(at), others.get(at)]).flatten().copied().collect()
}

fn port(url: &Uri) -> u16 {
    url.port_u16().unwrap_or(if url.scheme_str() == Some("https") { 443 } else { 80 })
}

/// Asks the proxy at the other end to connect (CONNECT, RFC 9110).
async fn tunnel(stream: TokioIo<TcpStream>, to: &Uri) -> Result<TokioIo<TcpStream>, BoxError> {
    let target = format!("{}:{}", to.host().unwrap_or_default(), port(to));
    let request = Request::builder()
        .method(Method::CONNECT)
        .uri(&target)
        .header(hyper::header::HOST, &target)
        .body(Empty::<Bytes>::new())?;
    // Whatever goes wrong here, the server behind it has heard of nothing.
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await.map_err(ProxyBroke)?;
    tokio::spawn(connection.with_upgrades());
    let response = sender.send_request(request).await.map_err(ProxyBroke)?;
    let status = response.status();
    if !status.is_success() {
        return Err(ProxyRefused { status: Some(status), why: format!("it answers {status}") }.into());
    }
    let parts = hyper::upgrade::on(response).await.map_err(ProxyBroke)?.downcast::<TokioIo<TcpStream>>();
    match parts {
        // The host speaks when it is spoken to.
        Ok(parts) if parts.read_buf.is_empty() => Ok(parts.io),
        _ => Err(ProxyRefused { status: None, why: "it sends more than its answer".to_owned() }.into()),
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<TcpStream>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        Box::pin(self.clone().connect(to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns_and_the_first_stays_the_first() {
        let addresses = |all: &[&str]| all.iter().map(|one| one.parse().unwrap()).collect::<Vec<SocketAddr>>();
        let given = addresses(&["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "2.2.2.2:1"]);
        let tried = addresses(&["[::1]:1", "1.1.1.1:1", "[::2]:1", "2.2.2.2:1", "[::3]:1"]);
        assert_eq!((alternating(given), alternating(vec![])), (tried, vec![]));
    }

    #[tokio::test]
    async fn one_that_is_silent_or_refuses_holds_up_the_next_for_a_moment() {
        let works = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = works.local_addr().unwrap();
        let refuses = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        // Its queue is full: further connections get no answer.
        let silent = tokio::net::TcpSocket::new_v4().unwrap();
        silent.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let silent = silent.listen(1).unwrap();
        let full = silent.local_addr().unwrap();
        let mut queued = Vec::new();
        while let Ok(Ok(stream)) = timeout(NEXT_AFTER, TcpStream::connect(full)).await {
            queued.push(stream);
        }
        for addresses in [vec![full, address], vec![refuses, address], vec![full, refuses, full, address]] {
            let stream = first_of(addresses).await.unwrap();
            assert_eq!(stream.peer_addr().unwrap(), address);
        }
        let nobody = first_of(vec![refuses, refuses]).await.unwrap_err();
        assert_eq!(nobody.kind(), io::ErrorKind::ConnectionRefused);
    }
}
