//! Finding due analyses, and claiming jobs of any kind: one statement adds 1 to `attempt` and writes a lease.

use super::{DbError, Statement};
use pgrx::pg_sys::BuiltinOid::*;
use pgrx::spi::SpiClient;
use std::time::{Duration, Instant};
use voice_core::round_robin::ReadyJobs;

/// A job that this worker holds. A settle changes a job only if `(id, attempt, epoch)` are still these. An attempt is
/// given back only by its own settle, so no two unsettled claims of a job have the same attempt number.
#[derive(Debug, Clone)]
pub struct Claimed {
    pub id: i64,
    pub call_id: pgrx::Uuid,
    pub tenant: String,
    pub attempt: i16,
    pub priority: i16,
    /// When its lease began, or was last renewed.
    pub leased: Instant,
}

/// Claimed jobs, each with what was read for it; `None`: there is nothing to do for the job.
pub type PreparedJobs<T> = Vec<(Claimed, Option<T>)>;

/// Jobs of one kind that are ready, and the delay until the next scheduled one.
pub struct Waiting<K> {
    /// Jobs that are due now, by priority and key.
    pub due: Vec<ReadyJobs<K>>,
    /// Time until the next job is due; `None`: none is scheduled.
    pub next: Option<Duration>,
}

impl<K> Default for Waiting<K> {
    fn default() -> Self {
        Waiting { due: Vec::new(), next: None }
    }
}

impl<K> Waiting<K> {
    /// Adds the ready jobs of one priority and key, and the seconds until its next one is due.
    pub fn push(&mut self, ready: ReadyJobs<K>, next_s: Option<f64>) {
        self.due.push(ready);
        let next = next_s.map(|s| Duration::from_secs_f64(s.clamp(0.0, 86_400.0)));
        self.next = self.next.into_iter().chain(next).min();
    }
}

/// Finds about `limit` due analyses, an equal share of each tenant. Locks nothing.
///
/// # Errors
/// The statement failed; so must its transaction.
pub fn poll(client: &mut SpiClient<'_>, limit: usize) -> Result<Waiting<String>, DbError> {
    thread_local! {
        static POLL: Statement = const { Statement::for_poll(include_str!("../../sql/queries/look.sql"), &[INT8OID]) };
    }
    POLL.with(|statement| {
        let mut waiting = Waiting::default();
        for row in statement.run(client, &[(limit as i64).into()])? {
            let key = row.get(2)?.unwrap_or_default();
            let (priority, jobs) = (row.get(1)?.unwrap_or_default(), row.get(3)?.unwrap_or_default());
            waiting.push(ReadyJobs { priority, key, jobs, more: false }, row.get(4)?);
        }
        // A tenant that did not use up its share has no more jobs.
        let share = (limit / waiting.due.len().max(1)).max(1);
        waiting.due.iter_mut().for_each(|of_tenant| of_tenant.more = of_tenant.jobs.len() >= share);
        Ok(waiting)
    })
}

/// Claims those of the jobs `ids` that still wait and that nobody has locked, in the order of `ids`.
///
/// # Errors
/// The statement failed; so must its transaction.
pub fn claim(client: &mut SpiClient<'_>, ids: &[i64], epoch: i64, lease: Duration) -> Result<Vec<Claimed>, DbError> {
    thread_local! {
        static CLAIM: Statement =
            const { Statement::for_worker(include_str!("../../sql/queries/claim.sql"), &[INT8ARRAYOID, INT8OID, INT8OID]) };
    }
    CLAIM.with(|statement| {
        let leased = Instant::now();
        let arguments = [ids.to_vec().into(), epoch.into(), (lease.as_millis() as i64).into()];
        let mut claimed = Vec::new();
        for row in statement.run(client, &arguments)? {
            if let (Some(id), Some(call_id)) = (row.get(1)?, row.get(2)?) {
                claimed.push(Claimed {
                    id,
                    call_id,
                    attempt: row.get(3)?.unwrap_or_default(),
                    priority: row.get(4)?.unwrap_or_default(),
                    tenant: row.get(5)?.unwrap_or_default(),
                    leased,
                });
            }
        }
        // RETURNING gives them in no order.
        claimed.sort_by_key(|c| ids.iter().position(|id| *id == c.id));
        Ok(claimed)
    })
}

/// Makes the leases of these jobs last for `lease` from now on.
///
/// # Errors
/// The statement failed; so must its transaction.
pub fn renew(client: &mut SpiClient<'_>, ids: Vec<i64>, epoch: i64, lease: Duration) -> Result<(), DbError> {
    thread_local! {
        static RENEW: Statement =
            const { Statement::for_worker(include_str!("../../sql/queries/renew.sql"), &[INT8ARRAYOID, INT8OID, INT8OID]) };
    }
    RENEW.with(|s| s.run(client, &[ids.into(), epoch.into(), (lease.as_millis() as i64).into()]).map(drop))
}

/// Frees the jobs whose lease is of another epoch, or has run out while the job is not among `held`. Gives `false` where
/// somebody has locked some of them: call it again later.
///
/// # Errors
/// A statement failed; so must its transaction.
pub fn rescue_expired(client: &mut SpiClient<'_>, epoch: i64, held: Vec<i64>) -> Result<bool, DbError> {
    thread_local! {
        static TAKE_BACK: Statement =
            const { Statement::for_worker(include_str!("../../sql/queries/rescue_expired.sql"), &[INT8OID, INT8ARRAYOID]) };
        static FOREIGN: Statement =
            const { Statement::for_worker(include_str!("../../sql/queries/foreign_leases.sql"), &[INT8OID]) };
    }
    TAKE_BACK.with(|s| s.run(client, &[epoch.into(), held.into()]).map(drop))?;
    let left = FOREIGN.with(|s| s.run(client, &[epoch.into()]))?.next().and_then(|row| row.get(1).ok().flatten());
    Ok(left != Some(true))
}

#[cfg(feature = "pg_test")]
#[pgrx::pg_schema]
mod tests {
    use super::{Claimed, claim, poll, renew, rescue_expired};
    use crate::pg_test::{ended_call, value};
    use pgrx::prelude::*;
    use std::time::Duration;

    const LEASE: Duration = Duration::from_secs(30);

    fn jobs() -> Vec<i64> {
        value("SELECT array_agg(id ORDER BY id) FROM voice.job").unwrap_or_default()
    }

    fn claimed(ids: &[i64], epoch: i64) -> Vec<Claimed> {
        Spi::connect_mut(|client| claim(client, ids, epoch, LEASE)).expect("claim")
    }

    fn leases() -> String {
        value("SELECT string_agg(coalesce(lease::text, '-') || '/' || attempt, ' ' ORDER BY id) FROM voice.job")
            .unwrap_or_default()
    }

    #[pg_test]
    fn a_claim_leases_the_jobs_in_the_order_asked_and_a_second_one_gets_none() {
        for words in ["one", "two", "three"] {
            ended_call("", words);
        }
        let ids: Vec<i64> = jobs().into_iter().rev().collect();
        let first = claimed(&ids[..2], 7);
        assert_eq!(first.iter().map(|c| c.id).collect::<Vec<_>>(), ids[..2]);
        assert!(first.iter().all(|c| c.attempt == 1 && c.priority == 0 && c.tenant.is_empty()), "{first:?}");
        assert_eq!(leases(), "-/0 7/1 7/1");
        let second = claimed(&ids, 8);
        assert_eq!(second.iter().map(|c| c.id).collect::<Vec<_>>(), ids[2..]);
    }

    #[pg_test]
    fn a_job_that_is_not_due_is_neither_found_nor_claimed() {
        ended_call("", "hello");
        Spi::run("UPDATE voice.job SET run_at = now() + interval '1 hour'").expect("later");
        let waiting = Spi::connect_mut(|client| poll(client, 10)).expect("poll");
        assert!(waiting.due.iter().all(|of_tenant| of_tenant.jobs.is_empty()), "due");
        let seconds = waiting.next.expect("a next one").as_secs();
        assert!((3590..=3600).contains(&seconds), "{seconds}");
        assert!(claimed(&jobs(), 7).is_empty());
    }

    #[pg_test]
    fn a_poll_gives_each_tenant_an_equal_share() {
        for (tenant, calls) in [("big", 9), ("small", 2)] {
            (0..calls).for_each(|_| _ = ended_call(tenant, "hello"));
        }
        let waiting = Spi::connect_mut(|client| poll(client, 6)).expect("poll");
        let mut shares: Vec<_> = waiting.due.iter().map(|d| (d.key.as_str(), d.jobs.len(), d.more)).collect();
        shares.sort_unstable();
        assert_eq!(shares, [("big", 3, true), ("small", 2, false)]);
    }

    #[pg_test]
    fn what_another_epoch_or_nobody_holds_is_rescued_and_keeps_its_attempts() {
        for words in ["ours", "forgotten", "theirs", "renewed"] {
            ended_call("", words);
        }
        let ids = jobs();
        claimed(&[ids[0], ids[1], ids[3]], 8);
        claimed(&[ids[2]], 7);
        Spi::run("UPDATE voice.job SET leased_until = now() - interval '1 second' WHERE lease = 8")
            .expect("time goes by");
        Spi::connect_mut(|client| renew(client, vec![ids[3]], 8, LEASE)).expect("renew");
        // The worker knows of the first; its lease has run out, and it is at work all the same.
        let all = Spi::connect_mut(|client| rescue_expired(client, 8, vec![ids[0]])).expect("rescue");
        assert!(all, "nobody has locked any");
        assert_eq!(leases(), "8/1 -/1 -/1 8/1");
    }
}
