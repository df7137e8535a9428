//! The errors of the libraries for HTTP and TLS, by what they mean here.

use std::error::Error;
use std::io;
use std::time::Duration;

use rustls::pki_types::InvalidDnsNameError;
use voice_core::http::TransportError;

use crate::connect::{ProxyBroke, ProxyRefused, ProxyUnreachable};
use crate::names::{BlockedAddress, UnknownHost};

/// Of a request without a response. What broke before it was sent is not of the request.
pub fn of_request(error: &hyper_util::client::legacy::Error, tls: bool) -> TransportError {
    match meaning(error) {
        TransportError::ConnectionClosed if error.is_connect() && tls => {
            TransportError::Insecure("it closed the connection in the handshake".to_owned())
        }
        meaning => meaning,
    }
}

/// Of a request without a response, or a response whose body does not arrive: the first cause that says something.
pub fn meaning(error: &(dyn Error + 'static)) -> TransportError {
    let mut cause = error;
    loop {
        if let Some(meaning) = of_one(cause) {
            return meaning;
        }
        match below(cause) {
            Some(deeper) => cause = deeper,
            None => return TransportError::Other(cause.to_string()),
        }
    }
}

/// What an error was made of. An I/O error that holds another says nothing but where it was met.
fn below<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(held) => Some(held),
        None => error.source(),
    }
}

fn of_one(error: &(dyn Error + 'static)) -> Option<TransportError> {
    if let Some(ProxyUnreachable(why)) = error.downcast_ref() {
        return Some(TransportError::ProxyUnreachable(match meaning(&**why) {
            TransportError::UnknownHost => "its name is not known".to_owned(),
            TransportError::ConnectionRefused => "it refuses connections".to_owned(),
            other => other.describe("it", Duration::ZERO),
        }));
    }
    if let Some(ProxyBroke(why)) = error.downcast_ref() {
        return Some(TransportError::ProxyFailed(meaning(why).describe("it", Duration::ZERO)));
    }
    if let Some(ProxyRefused { status, why }) = error.downcast_ref() {
        // A proxy that is overloaded, or cannot reach the server just now, is no mistake of the settings.
        let passes = status.is_some_and(|status| status.is_server_error() || matches!(status.as_u16(), 408 | 429));
        let refused = if passes { TransportError::ProxyFailed } else { TransportError::ProxyRefused };
        return Some(refused(why.clone()));
    }
    if let Some(blocked) = error.downcast_ref::<BlockedAddress>() {
        return Some(TransportError::BlockedAddress(blocked.to_string()));
    }
    if error.is::<UnknownHost>() {
        return Some(TransportError::UnknownHost);
    }
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        return Some(TransportError::Insecure(error.to_string()));
    }
    if error.is::<InvalidDnsNameError>() {
        return Some(TransportError::InvalidUrl("no certificate is for such a host".to_owned()));
    }
    if let Some(error) = error.downcast_ref::<hyper::Error>() {
        return of_hyper(error);
    }
    error.downcast_ref::<io::Error>().and_then(of_io)
}

/// `None`: its source says more.
fn of_hyper(error: &hyper::Error) -> Option<TransportError> {
    if error.is_parse() {
        // Only hyper's servers have a function for it.
        let too_large = error.to_string() == "message head is too large";
        Some(if too_large { TransportError::HeaderTooLarge } else { TransportError::NotHttp(error.to_string()) })
    } else if error.is_incomplete_message() || ((error.is_canceled() || error.is_closed()) && error.source().is_none())
    {
        Some(TransportError::ConnectionClosed)
    } else {
        None
    }
}

/// `None`: the error in it says more.
fn of_io(error: &io::Error) -> Option<TransportError> {
    if error.get_ref().is_some_and(|held| held.is::<rustls::Error>() || held.is::<io::Error>()) {
        return None;
    }
    Some(match error.kind() {
        io::ErrorKind::ConnectionRefused => TransportError::ConnectionRefused,
        io::ErrorKind::UnexpectedEof
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe => TransportError::ConnectionClosed,
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => TransportError::TimedOut,
        // What hyper says of a body that is not framed as it should.
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => TransportError::NotHttp(error.to_string()),
        _ => TransportError::Unreachable(error.to_string()),
    })
}
