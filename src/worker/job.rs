//! What differs between kinds of jobs: [`JobHandler`]. Everything else is the same for all of them (`pipeline.rs`).
//! A new kind is one file in `jobs/`, a line in `jobs/mod.rs`, and a migration that enqueues its jobs.

use super::health::Health;
use super::status_writer::StatusWriter;
use crate::db::DbError;
use crate::db::claim::{Claimed, PreparedJobs, Waiting};
use crate::db::outcome::{JobKind, Outcome, Settled};
use crate::guc::Settings;
use crate::host::shmem::Slot;
use pgrx::spi::SpiClient;
use std::hash::Hash;
use std::time::{Duration, Instant};

/// What a handler may know of the worker.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    pub settings: &'a Settings,
    pub status: &'a StatusWriter,
    pub intake: Intake,
}

/// Which jobs may be claimed now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Intake {
    /// None: the worker is disabled, or is about to restart.
    Stopped,
    /// Only those that store no analysis: documents cannot be written, or too many results wait to be stored.
    WithoutResults,
    /// All.
    Open,
}

/// What happens to a job that was read, or whose response has arrived.
pub enum Step<T> {
    /// Its outcome is known.
    Settle(Box<Settled>),
    /// Requests were sent; `T` is what the responses are read with.
    Sent(Claimed, T),
}

impl<T> Step<T> {
    /// Boxed: outcomes are larger than what is in flight.
    pub fn settle(settled: Settled) -> Step<T> {
        Step::Settle(Box::new(settled))
    }
}

/// One kind of jobs: which are due, what is read for them, what is requested, what a response means, and when a job is
/// retried. No method blocks.
pub trait JobHandler {
    /// Jobs take turns by this, such as the tenant.
    type Key: Clone + Ord + Hash;
    /// What is read for a claimed job.
    type Prepared;
    /// What is kept while a request is in flight.
    type InFlight;
    type Response;

    /// What a job is about, in messages: "call".
    const NOUN: &'static str;
    /// Shortest time between two polls when there is only a hint that the queue has changed.
    const HINT_DELAY: Duration = Duration::ZERO;
    /// [`JobHandler::find_due`] leaves out jobs for which there is no capacity, so a response is a reason to poll.
    const POLL_AFTER_RESPONSE: bool = false;

    /// The kind, where a job's own data are not known.
    fn kind(&self) -> JobKind;

    /// Number of jobs that may be claimed now, with so many requests in flight.
    fn capacity(&self, in_flight: usize, context: Context<'_>) -> usize;

    /// The same for one key.
    fn capacity_of(&self, _key: &Self::Key, _context: Context<'_>) -> usize {
        usize::MAX
    }

    /// Reads what must be known before jobs are claimed, such as limits.
    ///
    /// # Errors
    /// A statement failed; so must its transaction.
    fn before_claim(&mut self, _client: &mut SpiClient<'_>) -> Result<(), DbError> {
        Ok(())
    }

    /// Finds jobs that are due. Locks nothing.
    ///
    /// # Errors
    /// A statement failed; so must its transaction.
    fn find_due(&mut self, client: &mut SpiClient<'_>) -> Result<Waiting<Self::Key>, DbError>;

    /// Jobs were taken from the queue and claimed; `left`: others that could be claimed as well were not.
    fn on_taken(&self, _claimed: &[Claimed], _left: bool) {}

    /// Reads what claimed jobs need; `None`: there is nothing to do for the job.
    ///
    /// # Errors
    /// A statement failed; so must its transaction.
    fn prepare(
        &self,
        client: &mut SpiClient<'_>,
        claimed: Vec<Claimed>,
    ) -> Result<PreparedJobs<Self::Prepared>, DbError>;

    /// Sends the request of a job, or settles it without one.
    fn start(
        &mut self,
        request_id: u64,
        job: Claimed,
        prepared: Self::Prepared,
        context: Context<'_>,
    ) -> Step<Self::InFlight>;

    /// Responses that have arrived, each with the request id that its job was started with.
    fn responses(&mut self) -> Vec<(u64, Self::Response)> {
        Vec::new()
    }

    /// What a response means for its job: its outcome, or that more responses are to come. `others`: requests of other jobs
    /// are in flight, or wait.
    fn on_response(
        &mut self,
        job: Claimed,
        in_flight: Self::InFlight,
        response: Self::Response,
        others: bool,
        context: Context<'_>,
    ) -> Step<Self::InFlight>;

    /// Outcome of an attempt that failed without a response.
    fn failed(&self, job: &Claimed, error: String, settings: &Settings) -> Outcome;

    /// When the requests in flight must be looked at, at the latest.
    fn next_deadline(&self) -> Option<Instant> {
        None
    }

    /// When capacity grows by itself.
    fn next_capacity(&self) -> Option<Instant> {
        None
    }

    /// The same for the first of these keys.
    fn next_capacity_of<'a>(&self, _keys: impl Iterator<Item = &'a Self::Key>) -> Option<Instant>
    where
        Self::Key: 'a,
    {
        None
    }

    /// Why jobs of these keys wait although there is capacity.
    fn throttled<'a>(&self, _keys: impl Iterator<Item = &'a Self::Key>) -> Health
    where
        Self::Key: 'a,
    {
        Health::Throttled
    }

    /// Ends throttling that is over. `true`: there may be more due jobs.
    fn end_throttling(&mut self, _now: Instant) -> bool {
        false
    }

    /// Applies the settings.
    ///
    /// # Errors
    /// The settings cannot be used; with the reason.
    fn configure(&mut self, _settings: &Settings) -> Result<(), String> {
        Ok(())
    }

    /// Rows that triggers watch may have changed without them: reads again what was read before.
    fn refresh(&mut self) {}

    /// Whether a job goes after all others that are due.
    fn goes_last(&self, _job: i64) -> bool {
        false
    }

    /// A job may have come that nobody has tried.
    fn on_arrival(&mut self) {}

    /// Somebody asks for an attempt now.
    fn probe_now(&mut self) {}

    /// The configuration was read again: what was learnt of servers may be out of date.
    fn on_reload(&mut self) {}

    fn health(&self) -> Health {
        Health::Healthy
    }

    /// Writes the kind's own figures to shared memory.
    fn publish(&self, _slot: &Slot, _settings: &Settings) {}
}
