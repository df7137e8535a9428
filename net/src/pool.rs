//! Questions in, answers out, each exactly once and none later than its deadline.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use voice_core::reply::{Reply, Tokens};

use crate::crew::{Crew, NoThread, Outcome, Serial};
use crate::endpoint::Endpoint;
use crate::failure::{Class, Failure, timed_out};
use crate::request::{Asked, Client};

/// How long after its time-out a request is left behind with its thread: the client's own time-outs come first, this is
/// for what they cannot interrupt (a name lookup that hangs).
pub const GRACE: Duration = Duration::from_secs(1);
const LIMIT: usize = 16;
const IDLE_AFTER: Duration = Duration::from_secs(30);

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

/// The threads that ask. Not for sharing: one thread submits and polls.
pub struct Pool {
    crew: Crew<Task, (Asked, Duration)>,
    flights: HashMap<Serial, Flight>,
    deadlines: BTreeSet<(Instant, Serial)>,
    /// Answers to questions that never got a thread.
    stillborn: Vec<Answer>,
}

struct Task {
    question: Question,
    deadline: Instant,
}

struct Flight {
    ticket: u64,
    submitted: Instant,
    deadline: Instant,
    endpoint: Arc<Endpoint>,
}

impl Pool {
    /// No thread is started yet; the limit is 16 until [`Pool::set_limit`].
    pub fn new() -> io::Result<Pool> {
        let client = Client::default();
        Pool::asking(move |question, deadline| client.ask(question, deadline))
    }

    fn asking(ask: impl Fn(Question, Instant) -> Asked + Send + Sync + 'static) -> io::Result<Pool> {
        let crew = Crew::new(LIMIT, IDLE_AFTER, move |task: Task| {
            let started = Instant::now();
            (ask(task.question, task.deadline), started.elapsed())
        })?;
        Ok(Pool { crew, flights: HashMap::new(), deadlines: BTreeSet::new(), stillborn: Vec::new() })
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

    /// Takes a question. Its time runs from here, so submit no more than the limit allows: what waits behind others
    /// may run out of time unasked.
    pub fn submit(&mut self, question: Question) {
        let submitted = Instant::now();
        let deadline = submitted + question.endpoint.timeout;
        let (ticket, endpoint) = (question.ticket, Arc::clone(&question.endpoint));
        match self.crew.submit(Task { question, deadline }) {
            Ok(serial) => {
                let deadline = deadline + GRACE;
                self.deadlines.insert((deadline, serial));
                self.flights.insert(serial, Flight { ticket, submitted, deadline, endpoint });
            }
            Err(NoThread(error)) => self.stillborn.push(Answer {
                ticket,
                outcome: Err(Failure::provider(
                    format!("no thread for the request: {error}"),
                    false,
                    &endpoint.secrets(),
                )),
                http_status: None,
                spent: Tokens::default(),
                latency: Duration::ZERO,
            }),
        }
    }

    /// Every answer there is, those among them whose time ran out. Never blocks.
    pub fn poll(&mut self) -> Vec<Answer> {
        let mut answers = std::mem::take(&mut self.stillborn);
        let now = Instant::now();
        let overdue: Vec<Serial> =
            self.deadlines.iter().take_while(|(deadline, _)| *deadline <= now).map(|(_, serial)| *serial).collect();
        let (done, given_up) = self.crew.collect(overdue);
        for (serial, outcome) in done {
            if let Some(flight) = self.land(serial) {
                answers.push(flight.answer(outcome));
            }
        }
        for serial in given_up {
            if let Some(flight) = self.land(serial) {
                answers.push(flight.overdue(now));
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

    fn land(&mut self, serial: Serial) -> Option<Flight> {
        let flight = self.flights.remove(&serial)?;
        self.deadlines.remove(&(flight.deadline, serial));
        Some(flight)
    }
}

impl Flight {
    fn answer(self, outcome: Outcome<(Asked, Duration)>) -> Answer {
        match outcome {
            Ok((Asked { outcome, http_status, spent }, latency)) => {
                Answer { ticket: self.ticket, outcome, http_status, spent, latency }
            }
            // A bug of ours that this question brings out: of the job, so that it does not come back for ever.
            Err(panic) => {
                let message = format!("internal error while asking the LLM server: {panic}");
                let latency = self.submitted.elapsed();
                self.failed(Failure::new(Class::Job, message, &self.endpoint.secrets()), latency)
            }
        }
    }

    fn overdue(self, now: Instant) -> Answer {
        let message = format!("{} (request abandoned)", timed_out(self.endpoint.timeout));
        self.failed(Failure::provider(message, true, &self.endpoint.secrets()), now - self.submitted)
    }

    fn failed(&self, failure: Failure, latency: Duration) -> Answer {
        Answer { ticket: self.ticket, outcome: Err(failure), http_status: None, spent: Tokens::default(), latency }
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
