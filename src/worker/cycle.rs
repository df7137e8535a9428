//! One cycle of the main loop: stores results, claims and reads jobs of all kinds in one transaction, and then sends their
//! requests. After a failure, the steps have transactions of their own (`recovery.rs`).

use super::job::{Context, Intake};
use super::leases::Expired;
use super::main_loop::Server;
use super::recovery::{Failed, Part, Steps};
use super::runner::{CLAIM_MAX, Claim, LEASE, Reading};
use crate::db::settle::{self, Report};
use crate::db::state::{self, Admission};
use crate::db::{claim, transaction};
use crate::host::process;
use crate::host::shmem::State;
use pgrx::prelude::*;
use std::time::Instant;

/// What one transaction does, beside freeing and renewing leases.
struct Plan {
    /// Number of results to store.
    store: usize,
    /// Jobs to claim, by the kind's place in [`Server::kinds`].
    claims: Vec<(usize, Claim)>,
}

/// What a committed transaction has done. Each kind knows itself what it has claimed.
struct Done {
    admission: Admission,
    report: Report,
    /// Leases were to be freed, and other sessions have some of their jobs locked.
    leases_left: bool,
}

impl Server {
    /// Stores results, claims the jobs that there is capacity for, and sends their requests. `true`: there is more to do at
    /// once.
    ///
    /// # Errors
    /// A transaction failed and was rolled back; [`Server::recover`] says how to go on.
    pub(super) fn run_cycle(&mut self) -> Result<bool, Failed> {
        let mut more = false;
        for plan in self.plan() {
            let (done, renewed) = self.run_transaction(&plan)?;
            // While the commit waited for a standby, the worker may have been told to die: then no request is sent any more.
            process::check_for_interrupts();
            process::report_statistics();
            if done.admission == Admission::RestoredCopy {
                self.enter_standby();
                return Ok(false);
            }
            self.on_stored(plan.store, &done.report);
            for job in self.held().filter(|job| renewed.0.contains(&job.id)) {
                job.leased = renewed.1;
            }
            if done.admission == Admission::Open {
                more |= self.dispatch(&plan);
            }
            more |= !self.results.batch().is_empty();
            self.show_state(&done.admission);
            self.admission = done.admission;
        }
        self.recovery.on_commit();
        Ok(more)
    }

    /// The transactions of this cycle: one, unless something failed before.
    fn plan(&self) -> Vec<Plan> {
        let context = self.context();
        let store = self.results.batch().len();
        let separate = self.recovery.steps() != Steps::Together;
        let mut together = Plan { store, claims: Vec::new() };
        let mut alone = Vec::new();
        for (place, kind) in self.kinds.iter().enumerate() {
            let capacity = kind.capacity(context);
            if capacity == 0 || (separate && store > 0) {
                continue;
            }
            if separate || kind.reading() == Reading::Alone {
                let claim = Claim { count: 1, reading: Reading::Alone };
                alone.push(Plan { store: 0, claims: vec![(place, claim)] });
            } else {
                let claim = Claim { count: capacity.min(CLAIM_MAX), reading: Reading::WithClaim };
                together.claims.push((place, claim));
            }
        }
        if alone.is_empty() || store > 0 || !together.claims.is_empty() {
            alone.insert(0, together);
        }
        alone
    }

    /// Gives also which leases were renewed, and when.
    fn run_transaction(&mut self, plan: &Plan) -> Result<(Done, (Vec<i64>, Instant)), Failed> {
        let now = Instant::now();
        let renewals: Vec<i64> = self.held().filter(|job| now >= job.leased + LEASE / 2).map(|job| job.id).collect();
        let free = self.leases.epoch.is_none() || self.leases.expired == Expired::Maybe;
        let held: Vec<i64> = if free { self.held().map(|job| job.id).collect() } else { Vec::new() };
        let claims: usize = plan.claims.iter().map(|(_, claim)| claim.count).sum();
        let doing = format!("voice_analytics: storing {} results, taking up to {claims} jobs", plan.store);
        let intake = self.intake();
        let Server { kinds, results, search, leases, settings, status, .. } = self;
        let context = Context { settings, status, intake };
        let mut part = Part::Admission;
        let mut epoch = leases.epoch;
        let done = transaction(&doing, self.served.role, |client| {
            let mut done = Done { admission: state::admission(client)?, report: Report::default(), leases_left: false };
            if done.admission == Admission::RestoredCopy {
                return Ok(done);
            }
            state::lock_tables(client)?;
            let current = match epoch {
                Some(epoch) => epoch,
                None => state::begin_epoch(client)?,
            };
            epoch = Some(current);
            if free {
                done.leases_left = !claim::rescue_expired(client, current, held)?;
                kinds.iter_mut().for_each(|kind| kind.has_changed());
            }
            if !renewals.is_empty() {
                claim::renew(client, renewals.clone(), current, LEASE)?;
            }
            part = Part::Results;
            done.report = settle::settle(client, &results.batch()[..plan.store], current, &mut search.search)?;
            kinds
                .iter_mut()
                .filter(|kind| done.report.enqueued.contains(kind.kind()))
                .for_each(|kind| kind.has_changed());
            if done.admission == Admission::Open {
                for (place, claim) in &plan.claims {
                    part = Part::Claim(*place);
                    kinds[*place].claim(client, *claim, current, context)?;
                }
            }
            // A transaction with one step fails in that step, if only when it commits.
            if plan.store > 0 || plan.claims.len() != 1 {
                part = Part::Commit;
            }
            Ok(done)
        });
        let done = done.map_err(|error| Failed { part, error })?;
        if let (Some(epoch), true) = (epoch, done.admission != Admission::RestoredCopy) {
            leases.on_commit(epoch, done.leases_left);
        }
        Ok((done, (renewals, now)))
    }

    /// The first `count` results are stored, but for those that were postponed.
    fn on_stored(&mut self, count: usize, report: &Report) {
        if report.notified {
            self.schedule.on_notified();
        }
        for webhook in &report.disabled {
            log!("voice_analytics: webhook {webhook} is disabled: voice.webhook says why");
        }
        let results = self.results.on_stored(count, report);
        self.maintenance.on_results_stored(results.iter().map(|settled| settled.outcome.results()).sum());
        self.status.on_settled(&results, |settled| report.stored.contains(&settled.job.id));
    }

    /// Sends the requests of the jobs that were claimed. Only now: the commit has counted the attempt of a job that may
    /// bring this process down. `true`: there is more to claim at once, or to store.
    fn dispatch(&mut self, plan: &Plan) -> bool {
        let intake = self.intake();
        let Server { kinds, results, settings, status, .. } = self;
        let context = Context { settings, status, intake };
        let mut more = false;
        for (place, kind) in kinds.iter_mut().enumerate() {
            let claim = plan.claims.iter().find(|(of, _)| *of == place).map(|(_, claim)| *claim);
            let more_due = kind.on_commit(claim, context);
            let settled = kind.dispatch(self.served.role, context);
            more |= !settled.is_empty();
            results.add(settled);
            more |= more_due && kind.capacity(context) > 0;
        }
        more
    }

    fn show_state(&self, admission: &Admission) {
        match admission {
            Admission::Paused(reason) => self.status.slot().set_state(State::Paused, reason),
            _ if !self.settings.enabled => {
                self.status.slot().set_state(State::Disabled, "voice_analytics.enabled is off");
            }
            _ => {
                let kinds = self.kinds.iter().map(|kind| kind.health());
                self.status.show_state(self.search.error(), kinds, self.has_nothing_to_do());
            }
        }
    }

    /// This database is a restored copy, or has become one.
    fn enter_standby(&mut self) {
        self.status.slot().set_state(State::RestoredCopy, "restored copy: SELECT voice_resume()");
        // What was requested before belongs to the database this one was copied over.
        self.results.clear();
        self.kinds.iter_mut().for_each(|kind| kind.forget());
        self.leases.forget();
        self.admission = Admission::RestoredCopy;
    }

    /// What kinds may know now.
    pub(super) fn context(&self) -> Context<'_> {
        Context { settings: &self.settings, status: &self.status, intake: self.intake() }
    }

    /// Which jobs may be claimed now.
    pub(super) fn intake(&self) -> Intake {
        if !self.settings.enabled || self.maintenance.wants_restart {
            Intake::Stopped
        } else if self.search.error().is_some() {
            Intake::WithoutResults
        } else {
            self.results.intake(self.settings.max_concurrency)
        }
    }
}
