//! Errands in (questions to the LLM, deliveries of webhooks), answers out, each exactly once and none later than its
//! deadline.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use voice_core::reply::{Reply, Tokens};

use crate::crew::{Crew, NoThread, Serial};
use crate::delivery::{Courier, Parcel};
use crate::endpoint::Endpoint;
use crate::failure::{Class, Failure, timed_out};
use crate::request::{Asked, Client};

/// How long after its time-out a request is left behind with its thread: the client's own time-outs come first, this is
/// for what they cannot interrupt (a name lookup that hangs).
pub const GRACE: Duration = Duration::from_secs(1);
const LIMIT: usize = 16;
const IDLE_AFTER: Duration = Duration::from_secs(30);

/// What a thread can be sent for.
pub trait Errand: Send + 'static {
    /// What the thread brings back.
    type Brought: Send + 'static;
    /// What is remembered of it while it is away.
    type Slip;
    type Answer;

    /// From submission to the end of the request.
    fn timeout(&self) -> Duration;
    fn slip(&self) -> Self::Slip;
    fn answer(slip: Self::Slip, outcome: Result<Self::Brought, Trouble>, latency: Duration) -> Self::Answer;
}

/// Why nothing was brought back.
#[derive(Debug)]
pub enum Trouble {
    NoThread(io::Error),
    /// A bug of ours, in its own words.
    Panic(String),
    /// The thread was left behind, wherever it hangs.
    Abandoned,
}

/// One call to be judged.
#[derive(Debug, Clone)]
pub struct Question {
    /// The caller's own number, given back with the answer.
    pub ticket: u64,
    pub endpoint: Arc<Endpoint>,
    pub vertical: String,
    pub transcript: String,
}

/// What came of a question.
#[derive(Debug, Clone)]
pub struct Answer {
    pub ticket: u64,
    pub outcome: Result<Reply, Failure>,
    /// Of the last response; `None` if there was none.
    pub http_status: Option<u16>,
    /// What the answer cost, also when it was refused.
    pub spent: Tokens,
    /// From the start of the request to the parsed answer.
    pub latency: Duration,
}

/// The threads that are sent. Not for sharing: one thread submits and polls.
pub struct Pool<E: Errand = Question> {
    crew: Crew<Task<E>, (E::Brought, Duration)>,
    flights: HashMap<Serial, Flight<E>>,
    deadlines: BTreeSet<(Instant, Serial)>,
    /// Answers to errands that never got a thread.
    stillborn: Vec<E::Answer>,
}

struct Task<E> {
    errand: E,
    deadline: Instant,
}

struct Flight<E: Errand> {
    slip: E::Slip,
    submitted: Instant,
    deadline: Instant,
}

impl Pool {
    /// No thread is started yet; the limit is 16 until [`Pool::set_limit`].
    pub fn new() -> io::Result<Pool> {
        let client = Client::default();
        Pool::asking(move |question, deadline| client.ask(question, deadline))
    }

    fn asking(ask: impl Fn(Question, Instant) -> Asked + Send + Sync + 'static) -> io::Result<Pool> {
        Ok(Pool::of(Crew::new(LIMIT, IDLE_AFTER, timed(ask))?))
    }
}

impl Pool<Parcel> {
    /// Threads of its own, so that slow receivers take none from `other`, whose descriptor is readable for this pool too.
    /// Of the two, `other` is to be polled first.
    pub fn beside(other: &Pool, limit: usize) -> Pool<Parcel> {
        let courier = Courier::default();
        let deliver = move |parcel: Parcel, deadline| courier.deliver(&parcel, deadline);
        Pool::of(Crew::beside(&other.crew, limit, IDLE_AFTER, timed(deliver)))
    }
}

/// The work of a thread, and how long it took.
fn timed<E: Errand>(
    run: impl Fn(E, Instant) -> E::Brought + Send + Sync + 'static,
) -> impl Fn(Task<E>) -> (E::Brought, Duration) + Send + Sync + 'static {
    move |task| {
        let started = Instant::now();
        (run(task.errand, task.deadline), started.elapsed())
    }
}

impl<E: Errand> Pool<E> {
    fn of(crew: Crew<Task<E>, (E::Brought, Duration)>) -> Pool<E> {
        Pool { crew, flights: HashMap::new(), deadlines: BTreeSet::new(), stillborn: Vec::new() }
    }

    /// How many requests may run at once. Lowering it interrupts none.
    pub fn set_limit(&mut self, limit: usize) {
        allow_descriptors(limit);
        self.crew.set_limit(limit);
    }

    /// Submitted and not yet given back by [`Pool::poll`].
    pub fn in_flight(&self) -> usize {
        self.flights.len() + self.stillborn.len()
    }

    /// Takes an errand. Its time runs from here, so submit no more than the limit allows: what waits behind others
    /// may run out of time unasked.
    pub fn submit(&mut self, errand: E) {
        let submitted = Instant::now();
        let deadline = submitted + errand.timeout();
        let slip = errand.slip();
        match self.crew.submit(Task { errand, deadline }) {
            Ok(serial) => {
                let deadline = deadline + GRACE;
                self.deadlines.insert((deadline, serial));
                self.flights.insert(serial, Flight { slip, submitted, deadline });
            }
            Err(NoThread(error)) => {
                self.stillborn.push(E::answer(slip, Err(Trouble::NoThread(error)), Duration::ZERO));
            }
        }
    }

    /// Every answer there is, those among them whose time ran out. Never blocks.
    pub fn poll(&mut self) -> Vec<E::Answer> {
        let mut answers = std::mem::take(&mut self.stillborn);
        let now = Instant::now();
        let overdue: Vec<Serial> =
            self.deadlines.iter().take_while(|(deadline, _)| *deadline <= now).map(|(_, serial)| *serial).collect();
        let (done, given_up) = self.crew.collect(overdue);
        for (serial, outcome) in done {
            if let Some(flight) = self.land(serial) {
                answers.push(match outcome {
                    Ok((brought, latency)) => E::answer(flight.slip, Ok(brought), latency),
                    Err(panic) => E::answer(flight.slip, Err(Trouble::Panic(panic)), flight.submitted.elapsed()),
                });
            }
        }
        for serial in given_up {
            if let Some(flight) = self.land(serial) {
                answers.push(E::answer(flight.slip, Err(Trouble::Abandoned), now - flight.submitted));
            }
        }
        answers
    }

    /// Readable when [`Pool::poll`] has something to give; a deadline that passes makes it readable only by
    /// [`Pool::next_deadline`].
    pub fn wake_fd(&self) -> BorrowedFd<'_> {
        self.crew.wake_fd()
    }

    /// When to poll at the latest, even if the descriptor stays silent. `None`: nothing is in flight.
    pub fn next_deadline(&self) -> Option<Instant> {
        match self.stillborn.is_empty() {
            true => self.deadlines.first().map(|(deadline, _)| *deadline),
            false => Some(Instant::now()),
        }
    }

    fn land(&mut self, serial: Serial) -> Option<Flight<E>> {
        let flight = self.flights.remove(&serial)?;
        self.deadlines.remove(&(flight.deadline, serial));
        Some(flight)
    }
}

impl Errand for Question {
    type Brought = Asked;
    type Slip = (u64, Arc<Endpoint>);
    type Answer = Answer;

    fn timeout(&self) -> Duration {
        self.endpoint.timeout
    }

    fn slip(&self) -> Self::Slip {
        (self.ticket, Arc::clone(&self.endpoint))
    }

    fn answer((ticket, endpoint): Self::Slip, outcome: Result<Asked, Trouble>, latency: Duration) -> Answer {
        let secrets = endpoint.secrets();
        let failure = match outcome {
            Ok(Asked { outcome, http_status, spent }) => {
                return Answer { ticket, outcome, http_status, spent, latency };
            }
            Err(Trouble::NoThread(error)) => {
                Failure::provider(format!("no thread for the request: {error}"), false, &secrets)
            }
            // A bug of ours that this question brings out: of the job, so that it does not come back for ever.
            Err(Trouble::Panic(panic)) => {
                Failure::new(Class::Job, format!("internal error while asking the LLM server: {panic}"), &secrets)
            }
            Err(Trouble::Abandoned) => {
                let message = format!("{} (request abandoned)", timed_out(endpoint.timeout));
                Failure::provider(message, true, &secrets)
            }
        };
        Answer { ticket, outcome: Err(failure), http_status: None, spent: Tokens::default(), latency }
    }
}

/// Raises the process's soft limit of open files for so many connections, as far as the hard one lets it: many systems
/// start services with 1024, of which Postgres takes up to 1000 for itself. What still does not fit fails as a
/// provider's failure, which is tried again.
fn allow_descriptors(connections: usize) {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return };
    let wanted = (connections as u64 + 1024).min(hard);
    if soft < wanted {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, wanted, hard);
    }
}

#[cfg(test)]
mod tests;
