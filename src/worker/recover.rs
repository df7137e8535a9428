//! What the worker does when a transaction of its own fails: finds out which part fails, isolates it, and goes on.

use super::main_loop::Server;
use super::recovery::{Failed, Part, Steps};
use super::results::Storing;
use super::schedule::Timer;
use crate::db::outcome::Settled;
use crate::db::{DbError, state, transaction};
use crate::host::process;
use crate::host::shmem::State;
use pgrx::pg_sys;
use std::time::Instant;

impl Server {
    /// A transaction of the worker's own failed and was rolled back. `false`: the extension is gone, so the worker leaves.
    pub(super) fn recover(&mut self, failed: &Failed) -> bool {
        if !self.still_compatible() {
            return false;
        }
        self.kinds.iter_mut().for_each(|kind| kind.forget());
        let doing = "voice_analytics: looking for the tables";
        if let Ok(false) = transaction(doing, pg_sys::InvalidOid, state::tables_exist) {
            self.status.slot().set_state(
                State::RestoredCopy,
                "tables are missing (a restore is under way?): SELECT voice_resume() when it is done",
            );
            self.leases.forget();
            self.schedule.set(Timer::Recover, None);
            return true;
        }
        self.status.log_error(&failed.error.message);
        if let Part::Claim(kind) = failed.part {
            self.kinds[kind].on_error(&failed.error);
            self.status.slot().set_state(State::Failing, &failed.error.message);
            // The other kinds go on at once.
            self.schedule.set(Timer::Recover, Some(Instant::now()));
            return true;
        }
        let explained = DbError { message: explained(&failed.error), code: failed.error.code };
        self.isolate(&explained);
        let pause = self.recovery.on_error();
        self.status.slot().set_state(State::Failing, &explained.message);
        self.schedule.set(Timer::Recover, Some(Instant::now() + pause));
        process::wait(None, Some(pause));
        true
    }

    /// Narrows down which result cannot be stored: first the steps are separated, then results are stored one by one, and
    /// then the one that fails is settled as a failed attempt.
    fn isolate(&mut self, error: &DbError) {
        if self.recovery.steps() == Steps::Together || self.results.pending() == 0 {
            return;
        }
        if self.results.storing() == Storing::Batch {
            return self.results.store_one_by_one();
        }
        if !is_about_the_data(error) {
            return;
        }
        if let Some(result) = self.results.take_first() {
            let reason = format!("the result could not be stored: {}", error.message);
            let kind = self.kinds.iter().find(|kind| kind.kind() == result.kind.as_str());
            let outcome = kind.map(|kind| kind.failed(&result.job, reason, &self.settings));
            self.results.add(outcome.map(|outcome| Settled { outcome, ..result }));
        }
    }
}

/// The error, and the triggers of others that may have raised it.
fn explained(error: &DbError) -> String {
    let doing = "voice_analytics: looking for triggers of others";
    let triggers = is_about_the_data(error).then(|| transaction(doing, pg_sys::InvalidOid, state::foreign_triggers));
    match triggers {
        Some(Ok(Some(triggers))) => {
            format!("{} (these triggers are not of voice_analytics: {triggers})", error.message)
        }
        _ => error.message.clone(),
    }
}

/// Whether the error will be the same next time, unlike that of a full disk or of a lock.
fn is_about_the_data(error: &DbError) -> bool {
    let class = crate::host::error::class_of(error.code);
    matches!(&class, b"22" | b"23" | b"54" | b"21" | b"P0" | b"42")
}
