//! Errands in (questions to the LLM, deliveries of webhooks), answers out, each exactly once and none later than its
//! deadline.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use voice_core::reply::{Reply, Tokens};

use crate::endpoint::Endpoint;
use crate::failure::{Class, Failure, timed_out};
use crate::llm::{Client, LlmExchange};
use crate::thread_pool::{NoThread, TaskId, ThreadPool};
use crate::webhook::{WebhookClient, WebhookRequest};

/// How long after its time-out a request is left behind with its thread: the client's own time-outs come first, this is
/// for what they cannot interrupt (a name lookup that hangs).
pub const GRACE: Duration = Duration::from_secs(1);
const LIMIT: usize = 16;
const IDLE_AFTER: Duration = Duration::from_secs(30);

/// What a thread can be sent for.
pub trait Task: Send + 'static {
    /// What the thread brings back.
    type Output: Send + 'static;
    /// What is remembered of it while it is away.
    type Metadata;
    type Completion;

    /// From submission to the end of the request.
    fn timeout(&self) -> Duration;
    fn metadata(&self) -> Self::Metadata;
    fn answer(
        metadata: Self::Metadata,
        outcome: Result<Self::Output, TaskError>,
        latency: Duration,
    ) -> Self::Completion;
}

/// Why nothing was output back.
#[derive(Debug)]
pub enum TaskError {
    NoThread(io::Error),
    /// A bug of ours, in its own words.
    Panic(String),
    /// The thread was left behind, wherever it hangs.
    Abandoned,
}

/// One call to be judged.
#[derive(Debug, Clone)]
pub struct AnalysisRequest {
    /// The caller's own number, given back with the answer.
    pub request_id: u64,
    pub endpoint: Arc<Endpoint>,
    pub vertical: String,
    pub transcript: String,
}

/// What came of a question.
#[derive(Debug, Clone)]
pub struct AnalysisResponse {
    pub request_id: u64,
    pub outcome: Result<Reply, Failure>,
    /// Of the last response; `None` if there was none.
    pub http_status: Option<u16>,
    /// What the answer cost, also when it was refused.
    pub spent: Tokens,
    /// From the start of the request to the parsed answer.
    pub latency: Duration,
}

/// The threads that are sent. Not for sharing: one thread submits and polls.
pub struct Pool<E: Task = AnalysisRequest> {
    crew: ThreadPool<Submission<E>, (E::Output, Duration)>,
    running: HashMap<TaskId, InFlight<E>>,
    deadlines: BTreeSet<(Instant, TaskId)>,
    /// Answers to errands that never got a thread.
    failed_to_start: Vec<E::Completion>,
}

struct Submission<E> {
    task: E,
    deadline: Instant,
}

struct InFlight<E: Task> {
    metadata: E::Metadata,
    submitted: Instant,
    deadline: Instant,
}

impl Pool {
    /// No thread is started yet; the limit is 16 until [`Pool::set_limit`].
    pub fn new() -> io::Result<Pool> {
        let client = Client::default();
        Pool::asking(move |question, deadline| client.ask(question, deadline))
    }

    fn asking(ask: impl Fn(AnalysisRequest, Instant) -> LlmExchange + Send + Sync + 'static) -> io::Result<Pool> {
        Ok(Pool::of(ThreadPool::new(LIMIT, IDLE_AFTER, timed(ask))?))
    }
}

impl Pool<WebhookRequest> {
    /// Threads of its own, so that slow receivers take none from `other`, whose descriptor is readable for this pool too.
    /// Of the two, `other` is to be polled first.
    pub fn beside(other: &Pool, limit: usize) -> Pool<WebhookRequest> {
        let client = WebhookClient::default();
        let deliver = move |parcel: WebhookRequest, deadline| client.deliver(&parcel, deadline);
        Pool::of(ThreadPool::beside(&other.crew, limit, IDLE_AFTER, timed(deliver)))
    }
}

/// The work of a thread, and how long it took.
fn timed<E: Task>(
    run: impl Fn(E, Instant) -> E::Output + Send + Sync + 'static,
) -> impl Fn(Submission<E>) -> (E::Output, Duration) + Send + Sync + 'static {
    move |task| {
        let started = Instant::now();
        (run(task.task, task.deadline), started.elapsed())
    }
}

impl<E: Task> Pool<E> {
    fn of(crew: ThreadPool<Submission<E>, (E::Output, Duration)>) -> Pool<E> {
        Pool { crew, running: HashMap::new(), deadlines: BTreeSet::new(), failed_to_start: Vec::new() }
    }

    /// How many requests may run at once. Lowering it interrupts none.
    pub fn set_limit(&mut self, limit: usize) {
        allow_descriptors(limit);
        self.crew.set_limit(limit);
    }

    /// Submitted and not yet given back by [`Pool::poll`].
    pub fn in_flight(&self) -> usize {
        self.running.len() + self.failed_to_start.len()
    }

    /// Takes an task. Its time runs from here, so submit no more than the limit allows: what waits behind others
    /// may run out of time unasked.
    pub fn submit(&mut self, task: E) {
        let submitted = Instant::now();
        let deadline = submitted + task.timeout();
        let metadata = task.metadata();
        match self.crew.submit(Submission { task, deadline }) {
            Ok(task_id) => {
                let deadline = deadline + GRACE;
                self.deadlines.insert((deadline, task_id));
                self.running.insert(task_id, InFlight { metadata, submitted, deadline });
            }
            Err(NoThread(error)) => {
                self.failed_to_start.push(E::answer(metadata, Err(TaskError::NoThread(error)), Duration::ZERO));
            }
        }
    }

    /// Every answer there is, those among them whose time ran out. Never blocks.
    pub fn poll(&mut self) -> Vec<E::Completion> {
        let mut answers = std::mem::take(&mut self.failed_to_start);
        let now = Instant::now();
        let overdue: Vec<TaskId> =
            self.deadlines.iter().take_while(|(deadline, _)| *deadline <= now).map(|(_, task_id)| *task_id).collect();
        let (done, given_up) = self.crew.collect(overdue);
        for (task_id, outcome) in done {
            if let Some(flight) = self.remove_in_flight(task_id) {
                answers.push(match outcome {
                    Ok((output, latency)) => E::answer(flight.metadata, Ok(output), latency),
                    Err(panic) => E::answer(flight.metadata, Err(TaskError::Panic(panic)), flight.submitted.elapsed()),
                });
            }
        }
        for task_id in given_up {
            if let Some(flight) = self.remove_in_flight(task_id) {
                answers.push(E::answer(flight.metadata, Err(TaskError::Abandoned), now - flight.submitted));
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
        match self.failed_to_start.is_empty() {
            true => self.deadlines.first().map(|(deadline, _)| *deadline),
            false => Some(Instant::now()),
        }
    }

    fn remove_in_flight(&mut self, task_id: TaskId) -> Option<InFlight<E>> {
        let flight = self.running.remove(&task_id)?;
        self.deadlines.remove(&(flight.deadline, task_id));
        Some(flight)
    }
}

impl Task for AnalysisRequest {
    type Output = LlmExchange;
    type Metadata = (u64, Arc<Endpoint>);
    type Completion = AnalysisResponse;

    fn timeout(&self) -> Duration {
        self.endpoint.timeout
    }

    fn metadata(&self) -> Self::Metadata {
        (self.request_id, Arc::clone(&self.endpoint))
    }

    fn answer(
        (request_id, endpoint): Self::Metadata,
        outcome: Result<LlmExchange, TaskError>,
        latency: Duration,
    ) -> AnalysisResponse {
        let secrets = endpoint.secrets();
        let failure = match outcome {
            Ok(LlmExchange { outcome, http_status, spent }) => {
                return AnalysisResponse { request_id, outcome, http_status, spent, latency };
            }
            Err(TaskError::NoThread(error)) => {
                Failure::provider(format!("no thread for the request: {error}"), false, &secrets)
            }
            // A bug of ours that this question brings out: of the job, so that it does not come back for ever.
            Err(TaskError::Panic(panic)) => {
                Failure::new(Class::Job, format!("internal error while asking the LLM server: {panic}"), &secrets)
            }
            Err(TaskError::Abandoned) => {
                let message = format!("{} (request abandoned)", timed_out(endpoint.timeout));
                Failure::provider(message, true, &secrets)
            }
        };
        AnalysisResponse { request_id, outcome: Err(failure), http_status: None, spent: Tokens::default(), latency }
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
