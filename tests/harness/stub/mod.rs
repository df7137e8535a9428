//! An OpenAI-compatible LLM for tests: it answers what the test says, when the test says, and remembers what it was
//! asked. One thread serves any number of connections, so that its own work does not blur what is measured.

mod fitting;
mod obey;
mod reply;
mod request;
mod server;
mod tls;

use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use mio::Waker;

pub use obey::repeated;
pub use reply::Reply;
pub use request::Request;
pub use tls::TlsStub;

type Answer = Arc<dyn Fn(&Request) -> Reply + Send + Sync>;

/// A running stub; dropping it closes its port and every connection.
pub struct StubLlm {
    address: SocketAddr,
    shared: Arc<Shared>,
    waker: Waker,
    server: Option<JoinHandle<()>>,
}

struct Shared {
    state: Mutex<State>,
    arrived: Condvar,
}

struct State {
    answer: Answer,
    /// Empty where nobody looks at them (benchmarks), the count goes on.
    requests: Vec<Request>,
    keep: bool,
    count: usize,
    connections: usize,
    released: bool,
    stopping: bool,
}

impl StubLlm {
    /// On a free port, answering every request at once with [`Reply::analysis`].
    pub fn start() -> StubLlm {
        StubLlm::on_port(0)
    }

    /// On a port of its own choosing: a provider that comes back where it was.
    pub fn on_port(port: u16) -> StubLlm {
        let state = State {
            answer: Arc::new(|_| Reply::analysis()),
            requests: Vec::new(),
            keep: true,
            count: 0,
            connections: 0,
            released: false,
            stopping: false,
        };
        let shared = Arc::new(Shared { state: Mutex::new(state), arrived: Condvar::new() });
        let (server, address, waker) = server::Server::bind(port, Arc::clone(&shared))
            .unwrap_or_else(|error| panic!("the stub LLM cannot listen on port {port}: {error}"));
        let server = thread::Builder::new().name("stub-llm".into()).spawn(move || server.run());
        StubLlm { address, shared, waker, server: Some(server.expect("a thread for the stub LLM")) }
    }

    /// What to set `llm_url` to.
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on every request is answered by `answer`. It runs on the stub's only thread: to be slow, give the reply
    /// a delay.
    pub fn answer(&self, answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) {
        self.shared.state().answer = Arc::new(answer);
    }

    /// From now on every request is answered by this.
    pub fn answer_always(&self, reply: Reply) {
        self.answer(move |_| reply.clone());
    }

    /// Sends every answer that is held at this moment.
    pub fn release(&self) {
        self.shared.state().released = true;
        self.waker.wake().expect("wake the stub LLM");
    }

    /// Whether requests are remembered (they are, unless a benchmark would drown in them).
    pub fn keep_requests(&self, keep: bool) {
        self.shared.state().keep = keep;
    }

    /// How many requests have arrived whole.
    pub fn count(&self) -> usize {
        self.shared.state().count
    }

    /// How many connections are open.
    pub fn connections(&self) -> usize {
        self.shared.state().connections
    }

    /// Every remembered request, in the order of arrival.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.state().requests.clone()
    }

    /// Waits until `count` requests have arrived in all; panics if they have not `within` the time.
    #[track_caller]
    pub fn wait_for(&self, count: usize, within: Duration) -> Vec<Request> {
        let deadline = Instant::now() + within;
        let mut state = self.shared.state();
        while state.count < count {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "waited {within:?} in vain for {count} requests, {} came", state.count);
            state = self.shared.arrived.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.requests.clone()
    }
}

impl Drop for StubLlm {
    fn drop(&mut self) {
        self.shared.state().stopping = true;
        let woken = self.waker.wake().is_ok();
        if let Some(server) = self.server.take().filter(|_| woken) {
            // A panicking answer has ended the thread: the test fails by itself, for want of answers.
            let _ = server.join();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stopping(&self) -> bool {
        self.state().stopping
    }

    fn take_release(&self) -> bool {
        std::mem::take(&mut self.state().released)
    }

    fn connections(&self, open: usize) {
        self.state().connections = open;
    }

    /// Remembers the request and says what to answer.
    fn arrive(&self, request: Request) -> Reply {
        let mut state = self.state();
        state.count += 1;
        if state.keep {
            state.requests.push(request.clone());
        }
        let answer = Arc::clone(&state.answer);
        drop(state);
        self.arrived.notify_all();
        // Outside the lock: an answer may look at the stub itself.
        answer(&request)
    }
}
