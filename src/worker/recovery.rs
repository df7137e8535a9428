//! What the worker does when something of its own fails: find out what, blame nobody else for it, and go on.

use super::main_loop::Server;
use super::pipeline;
use crate::db::claim::Claimed;
use crate::db::outcome::Settled;
use crate::db::prepare::PreparedCall;
use crate::db::state;
use crate::db::{DbError, prepare, transaction};
use crate::host::process;
use crate::host::shmem::State;
use pgrx::prelude::*;
use std::time::{Duration, Instant};

/// Turns in which storing, taking and reading are kept separate_steps after a failure.
const DEGRADED_CYCLES: u32 = 16;

impl Server {
    /// A transaction of the worker's own failed and left nothing behind. `false`: leave, the extension is gone.
    pub(super) fn recover(&mut self, error: DbError) -> bool {
        if !self.still_fits() {
            return false;
        }
        let complete = transaction("voice_analytics: looking for the tables", pg_sys::InvalidOid, state::tables_exist);
        if let Ok(false) = complete {
            self.slot.set_state(
                State::RestoredCopy,
                "tables are missing (a restore is under way?): SELECT voice_resume() when it is done",
            );
            self.due = None;
            self.epoch = None;
            self.limits_stale = true;
            self.queue.forget();
            return true;
        }
        self.queue.forget();
        self.log_error(&error.message);
        self.failures += 1;
        if self.degraded_cycles == 0 {
            // Several things were done at once; which of them fails is seen when they are done separate_steps.
        } else if self.pending.len() > 1 && !self.isolate_results {
            self.isolate_results = true;
        } else if self.isolate_results && is_about_the_data(&error) && !self.pending.is_empty() {
            // This one result cannot be stored: the attempt failed, and the rest goes on.
            let spoilt = self.pending.remove(0);
            let reason = format!("the result could not be stored: {}", error.message);
            let outcome = pipeline::failed(&spoilt.job, reason, &self.settings);
            self.pending.push(Settled { outcome, ..spoilt });
        } else if self.pending.len() == 1 {
            self.isolate_results = true;
        }
        self.degraded_cycles = DEGRADED_CYCLES;
        self.slot.set_state(State::Failing, &error.message);
        let pause = Duration::from_millis(100 << self.failures.min(5));
        self.due = Some(Instant::now() + pause);
        process::wait(None, Some(pause));
        true
    }

    /// Reads one claimed call, whose attempt is counted already: one that cannot be read dies of it in the end. `true`: it
    /// could not.
    pub(super) fn read_alone(&mut self, job: Claimed, calls: &mut Vec<(Claimed, Option<PreparedCall>)>) -> bool {
        let read = transaction("voice_analytics: reading one call", self.role, |client| {
            prepare::prepare(client, vec![job.clone()])
        });
        match read {
            Ok(read) => {
                calls.extend(read);
                false
            }
            Err(e) => {
                self.log_error(&e.message);
                self.degraded_cycles = DEGRADED_CYCLES;
                let reason = format!("the call could not be read: {}", e.message);
                let outcome = pipeline::failed(&job, reason, &self.settings);
                self.pending.push(pipeline::plain(job, outcome));
                true
            }
        }
    }
}

/// Errors that will be the same next time, as opposed to a full disk or a lock.
fn is_about_the_data(error: &DbError) -> bool {
    let class = crate::host::error::class_of(error.code);
    matches!(&class, b"22" | b"23" | b"54" | b"21" | b"P0" | b"42")
}
