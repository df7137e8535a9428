//! The loop of the one thread: accept, read, decide, wait, write.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, Waker};

use super::reply::Way;
use super::{Reply, Request, Shared};

const LISTENER: Token = Token(0);
const WAKER: Token = Token(1);
const FIRST_CONNECTION: usize = 2;
const HEADERS_MAX: usize = 64;

pub(super) struct Server {
    poll: Poll,
    listener: TcpListener,
    shared: Arc<Shared>,
    connections: HashMap<usize, Connection>,
    /// When to go on with which connection. Tokens are never used twice, so an old alarm finds nothing.
    alarms: BinaryHeap<Reverse<(Instant, usize)>>,
    next: usize,
}

struct Connection {
    stream: TcpStream,
    input: Vec<u8>,
    doing: Doing,
}

enum Doing {
    Reading,
    /// Until the alarm rings.
    Delaying(Reply),
    /// Until the test releases it.
    Holding(Reply),
    Writing(Output),
    Hanging,
}

struct Output {
    bytes: Vec<u8>,
    sent: usize,
    /// How much may be sent so far: all, or what has dripped.
    allowed: usize,
    drip: Option<(usize, std::time::Duration)>,
    close: bool,
}

impl Server {
    pub(super) fn bind(port: u16, shared: Arc<Shared>) -> io::Result<(Server, SocketAddr, Waker)> {
        let poll = Poll::new()?;
        let mut listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
        let address = listener.local_addr()?;
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        let waker = Waker::new(poll.registry(), WAKER)?;
        let server = Server {
            poll,
            listener,
            shared,
            connections: HashMap::new(),
            alarms: BinaryHeap::new(),
            next: FIRST_CONNECTION,
        };
        Ok((server, address, waker))
    }

    pub(super) fn run(mut self) {
        let mut events = Events::with_capacity(1024);
        while !self.shared.stopping() {
            let timeout = self.alarms.peek().map(|Reverse((at, _))| at.saturating_duration_since(Instant::now()));
            match self.poll.poll(&mut events, timeout) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                result => result.expect("the stub LLM polls its own sockets"),
            }
            for event in &events {
                match event.token() {
                    LISTENER => self.accept(),
                    WAKER => self.release(),
                    Token(token) => self.advance(token),
                }
            }
            self.ring();
        }
    }

    fn accept(&mut self) {
        // Edge-triggered: everything that waits is taken now.
        while let Ok((mut stream, _)) = self.listener.accept() {
            let token = self.next;
            self.next += 1;
            let _ = stream.set_nodelay(true);
            let both = Interest::READABLE | Interest::WRITABLE;
            if self.poll.registry().register(&mut stream, Token(token), both).is_ok() {
                self.connections.insert(token, Connection { stream, input: Vec::new(), doing: Doing::Reading });
            }
        }
        self.shared.connections(self.connections.len());
    }

    fn release(&mut self) {
        if !self.shared.take_release() {
            return;
        }
        let held = self.connections.iter().filter(|(_, c)| matches!(c.doing, Doing::Holding(_)));
        for token in held.map(|(token, _)| *token).collect::<Vec<_>>() {
            let Some(connection) = self.connections.get_mut(&token) else { continue };
            if let Doing::Holding(reply) = std::mem::replace(&mut connection.doing, Doing::Reading) {
                self.begin(token, reply);
                self.advance(token);
            }
        }
    }

    fn ring(&mut self) {
        let now = Instant::now();
        while let Some(Reverse((at, token))) = self.alarms.peek().copied() {
            if at > now {
                return;
            }
            self.alarms.pop();
            let Some(connection) = self.connections.get_mut(&token) else { continue };
            match std::mem::replace(&mut connection.doing, Doing::Reading) {
                Doing::Delaying(reply) => self.begin(token, reply),
                Doing::Writing(mut output) => {
                    if let Some((bytes, pause)) = output.drip {
                        output.allowed = (output.allowed + bytes).min(output.bytes.len());
                        if output.allowed < output.bytes.len() {
                            self.alarms.push(Reverse((now + pause, token)));
                        }
                    }
                    connection.doing = Doing::Writing(output);
                }
                other => connection.doing = other,
            }
            self.advance(token);
        }
    }

    /// Does all that can be done for a connection without waiting.
    fn advance(&mut self, token: usize) {
        loop {
            let Some(connection) = self.connections.get_mut(&token) else { return };
            if connection.read().is_err() {
                self.close(token);
                return;
            }
            match &mut connection.doing {
                Doing::Reading => match connection.take_request(token as u64) {
                    Ok(None) => return,
                    Ok(Some(request)) => {
                        let reply = self.shared.arrive(request);
                        if reply.held {
                            connection.doing = Doing::Holding(reply);
                        } else if reply.delay.is_zero() {
                            self.begin(token, reply);
                        } else {
                            self.alarms.push(Reverse((Instant::now() + reply.delay, token)));
                            if let Some(connection) = self.connections.get_mut(&token) {
                                connection.doing = Doing::Delaying(reply);
                            }
                        }
                    }
                    Err(_) => {
                        self.close(token);
                        return;
                    }
                },
                Doing::Writing(output) => match output.write(&mut connection.stream) {
                    Ok(true) if !output.close => connection.doing = Doing::Reading,
                    Ok(false) => return,
                    _ => {
                        self.close(token);
                        return;
                    }
                },
                Doing::Delaying(_) | Doing::Holding(_) | Doing::Hanging => return,
            }
        }
    }

    fn begin(&mut self, token: usize, reply: Reply) {
        let Some(connection) = self.connections.get_mut(&token) else { return };
        let close = matches!(reply.way, Way::Raw(_) | Way::CutAfter(_));
        let bytes = reply.wire();
        connection.doing = match reply.way {
            Way::Hang => Doing::Hanging,
            Way::Close => {
                self.close(token);
                return;
            }
            Way::Drip(size, pause) => {
                self.alarms.push(Reverse((Instant::now() + pause, token)));
                Doing::Writing(Output { bytes, sent: 0, allowed: 0, drip: Some((size, pause)), close })
            }
            Way::Whole | Way::Raw(_) | Way::CutAfter(_) => {
                Doing::Writing(Output { allowed: bytes.len(), bytes, sent: 0, drip: None, close })
            }
        };
    }

    fn close(&mut self, token: usize) {
        if let Some(connection) = self.connections.remove(&token) {
            let _ = connection.stream.shutdown(Shutdown::Both);
        }
        self.shared.connections(self.connections.len());
    }
}

impl Connection {
    /// Reads what is there; an error is the end of the connection.
    fn read(&mut self) -> io::Result<()> {
        let mut piece = [0; 16 * 1024];
        loop {
            match self.stream.read(&mut piece) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(size) => self.input.extend_from_slice(&piece[..size]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The next whole request of the input, if there is one.
    fn take_request(&mut self, connection: u64) -> Result<Option<Request>, httparse::Error> {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut head = httparse::Request::new(&mut headers);
        let httparse::Status::Complete(body_at) = head.parse(&self.input)? else { return Ok(None) };
        let headers: Vec<(String, String)> = head
            .headers
            .iter()
            .map(|header| (header.name.to_owned(), String::from_utf8_lossy(header.value).into_owned()))
            .collect();
        let length = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        let end = body_at + length.and_then(|(_, value)| value.parse::<usize>().ok()).unwrap_or_default();
        if self.input.len() < end {
            return Ok(None);
        }
        let request = Request {
            arrived: Instant::now(),
            method: head.method.unwrap_or_default().to_owned(),
            path: head.path.unwrap_or_default().to_owned(),
            headers,
            body: self.input[body_at..end].into(),
            connection,
        };
        self.input.drain(..end);
        Ok(Some(request))
    }
}

impl Output {
    /// Whether all of it is on its way.
    fn write(&mut self, stream: &mut TcpStream) -> io::Result<bool> {
        while self.sent < self.allowed {
            match stream.write(&self.bytes[self.sent..self.allowed]) {
                Ok(size) => self.sent += size,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.sent == self.bytes.len())
    }
}
