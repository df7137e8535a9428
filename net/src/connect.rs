//! How a connection is made: by name and address, through a proxy where one is named.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::Empty;
use hyper::{Method, Request, Uri};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;

use crate::names::Names;

pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Connects to the host of a URL, or to the proxy, which connects to it.
#[derive(Clone)]
pub struct Connector {
    names: Names,
    tcp: HttpConnector<Names>,
    /// URL of an HTTP proxy.
    proxy: Option<Uri>,
}

/// There is no connection to the proxy.
#[derive(Debug)]
pub struct ProxyUnreachable(pub BoxError);

/// The proxy answers otherwise than by a connection.
#[derive(Debug)]
pub struct ProxyRefused(pub String);

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

impl std::fmt::Display for ProxyRefused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ProxyRefused {}

impl Connector {
    pub fn new(names: Names, proxy: Option<Uri>) -> Connector {
        let mut tcp = HttpConnector::new_with_resolver(names.clone());
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        Connector { names, tcp, proxy }
    }

    async fn connect(mut self, to: Uri) -> Result<TokioIo<TcpStream>, BoxError> {
        let Some(proxy) = self.proxy else {
            // Names are judged when they are looked up.
            self.names.judge(to.host().unwrap_or_default())?;
            return Ok(self.tcp.call(to).await?);
        };
        let stream = self.tcp.call(proxy).await.map_err(|error| ProxyUnreachable(error.into()))?;
        tunnel(stream, &to).await
    }
}

/// Asks the proxy at the other end to connect (CONNECT, RFC 9110).
async fn tunnel(stream: TokioIo<TcpStream>, to: &Uri) -> Result<TokioIo<TcpStream>, BoxError> {
    let host = to.host().unwrap_or_default();
    let port = to.port_u16().unwrap_or(if to.scheme_str() == Some("https") { 443 } else { 80 });
    let target = format!("{host}:{port}");
    let request = Request::builder()
        .method(Method::CONNECT)
        .uri(&target)
        .header(hyper::header::HOST, &target)
        .body(Empty::<Bytes>::new())?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await?;
    tokio::spawn(connection.with_upgrades());
    let response = sender.send_request(request).await?;
    let status = response.status();
    if !status.is_success() {
        return Err(ProxyRefused(format!("it answers {status}")).into());
    }
    let parts = hyper::upgrade::on(response).await?.downcast::<TokioIo<TcpStream>>();
    match parts {
        // The host speaks when it is spoken to.
        Ok(parts) if parts.read_buf.is_empty() => Ok(parts.io),
        _ => Err(ProxyRefused("it sends more than its answer".to_owned()).into()),
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<TcpStream>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.tcp.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        Box::pin(self.clone().connect(to))
    }
}
