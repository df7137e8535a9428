//! How the main loop sees the jobs of each kind, whatever its handler: [`JobRunner`].

use super::health::Health;
use super::job::Context;
use crate::db::DbError;
use crate::db::claim::Claimed;
use crate::db::outcome::{Outcome, Settled};
use crate::guc::Settings;
use crate::host::shmem::Slot;
use pgrx::pg_sys;
use pgrx::spi::SpiClient;
use std::time::{Duration, Instant};

/// A lease lasts so long. Past half of it, it is renewed, however long the request takes.
pub const LEASE: Duration = Duration::from_secs(20);
/// Jobs of one kind claimed in one transaction. When very many responses arrive at once, the requests that follow leave in
/// parts of this size, and so do not all come back at once again.
pub const CLAIM_MAX: usize = 128;
/// How many jobs to claim, and how to read them.
#[derive(Clone, Copy)]
pub struct Claim {
    pub count: usize,
    pub reading: Reading,
}

/// In which transaction claimed jobs are read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reading {
    WithClaim,
    /// Each in its own, after its attempt is counted: a job that cannot be read fails in the end.
    Alone,
}

/// The jobs of one kind, from the queue to the response.
pub trait JobRunner {
    /// Name of the kind in `voice.job.kind`.
    fn kind(&self) -> &'static str;

    /// Number of requests in flight.
    fn in_flight(&self) -> usize;

    /// The jobs whose requests are in flight.
    fn held(&mut self) -> Box<dyn Iterator<Item = &mut Claimed> + '_>;

    /// The queue has changed.
    fn has_changed(&mut self);

    /// The queue may have changed.
    fn may_have_changed(&mut self);

    /// What is known of the queue is wrong: another instance's, or of a transaction that was rolled back.
    fn forget(&mut self);

    /// Handles deadlines that have passed. `true`: there may be jobs to claim.
    fn on_time(&mut self, now: Instant) -> bool;

    /// The outcomes of responses that have arrived.
    fn on_responses(&mut self, context: Context<'_>) -> Vec<Settled>;

    /// Number of jobs that could be claimed now.
    fn capacity(&self, context: Context<'_>) -> usize;

    /// Part of a transaction: polls if it is time, claims, and reads.
    ///
    /// # Errors
    /// A statement failed. The transaction must be rolled back and [`JobRunner::on_error`] called.
    fn claim(
        &mut self,
        client: &mut SpiClient<'_>,
        claim: Claim,
        epoch: i64,
        context: Context<'_>,
    ) -> Result<(), DbError>;

    /// Claiming or reading failed: no other kind is affected.
    fn on_error(&mut self, error: &DbError);

    /// How the next jobs are to be claimed after an error of this kind.
    fn reading(&self) -> Reading;

    /// The transaction is committed. Says whether there is more to claim at once.
    fn on_commit(&mut self, claim: Option<Claim>, context: Context<'_>) -> bool;

    /// Sends the requests of what was claimed. Gives the outcomes of jobs that need none.
    fn dispatch(&mut self, role: pg_sys::Oid, context: Context<'_>) -> Vec<Settled>;

    /// Outcome of an attempt that failed without a response.
    fn failed(&self, job: &Claimed, error: String, settings: &Settings) -> Outcome;

    /// When to be called again at the latest.
    fn next(&mut self, context: Context<'_>) -> Option<Instant>;

    /// Applies the settings.
    ///
    /// # Errors
    /// The settings cannot be used; with the reason.
    fn configure(&mut self, settings: &Settings) -> Result<(), String>;

    /// Rows that triggers watch may have changed without them.
    fn refresh(&mut self);

    /// A job may have come that nobody has tried.
    fn on_arrival(&mut self);

    /// Somebody asks for an attempt now.
    fn probe_now(&mut self);

    /// The configuration was read again, whether it has changed or not.
    fn on_reload(&mut self);

    fn health(&self) -> Health;

    fn publish(&self, slot: &Slot, settings: &Settings);
}
