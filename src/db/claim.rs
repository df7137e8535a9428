//! Looking at the queue, and taking jobs from it: attempt + 1 and a lease, in one statement.

use super::{DbError, Statement};
use pgrx::pg_sys::BuiltinOid::*;
use pgrx::spi::SpiClient;
use std::time::{Duration, Instant};
use voice_core::round_robin;

/// A job that this worker holds. `(id, attempt, epoch)` is what a settle must match. An attempt that is given back is
/// given back by its own settle, so of the claims of a job that are not settled yet no two have the same number.
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

/// What waits.
#[derive(Default)]
pub struct Waiting {
    /// Due now, by priority and tenant.
    pub due: Vec<round_robin::ReadyJobs>,
    /// How long until the next one is.
    pub next: Option<Duration>,
}

/// Looks for about `limit` due jobs, of each tenant an equal share. Nothing is locked.
pub fn poll(client: &mut SpiClient<'_>, limit: usize) -> Result<Waiting, DbError> {
    thread_local! {
        static POLL: Statement = const { Statement::new(include_str!("../../sql/queries/look.sql"), &[INT8OID]) };
    }
    POLL.with(|statement| {
        let mut waiting = Waiting::default();
        for row in statement.run(client, &[(limit as i64).into()])? {
            let jobs = row.get(3)?.unwrap_or_default();
            let tenant = row.get(2)?.unwrap_or_default();
            waiting.due.push(round_robin::ReadyJobs {
                priority: row.get(1)?.unwrap_or_default(),
                tenant,
                jobs,
                more: false,
            });
            let next = row.get::<f64>(4)?.map(|s| Duration::from_secs_f64(s.clamp(0.0, 86_400.0)));
            waiting.next = waiting.next.into_iter().chain(next).min();
        }
        // Whose share was not used up has shown all there is.
        let share = (limit / waiting.due.len().max(1)).max(1);
        waiting.due.iter_mut().for_each(|of_tenant| of_tenant.more = of_tenant.jobs.len() >= share);
        Ok(waiting)
    })
}

/// Takes those of the jobs that still wait and that nobody has locked, in the order asked for.
pub fn claim(client: &mut SpiClient<'_>, ids: &[i64], epoch: i64, lease: Duration) -> Result<Vec<Claimed>, DbError> {
    thread_local! {
        static CLAIM: Statement =
            const { Statement::new(include_str!("../../sql/queries/claim.sql"), &[INT8ARRAYOID, INT8OID, INT8OID]) };
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

/// Makes the leases of these jobs last as long again.
pub fn renew(client: &mut SpiClient<'_>, ids: Vec<i64>, epoch: i64, lease: Duration) -> Result<(), DbError> {
    thread_local! {
        static RENEW: Statement =
            const { Statement::new(include_str!("../../sql/queries/renew.sql"), &[INT8ARRAYOID, INT8OID, INT8OID]) };
    }
    RENEW.with(|s| s.run(client, &[ids.into(), epoch.into(), (lease.as_millis() as i64).into()]).map(drop))
}

/// Frees the jobs whose lease belongs to another epoch, or has run out without being among the `held`. `false`: somebody
/// has locked some of them, and they are to be freed later.
pub fn rescue_expired(client: &mut SpiClient<'_>, epoch: i64, held: Vec<i64>) -> Result<bool, DbError> {
    thread_local! {
        static TAKE_BACK: Statement =
            const { Statement::new(include_str!("../../sql/queries/rescue_expired.sql"), &[INT8OID, INT8ARRAYOID]) };
        static FOREIGN: Statement =
            const { Statement::new(include_str!("../../sql/queries/foreign_leases.sql"), &[INT8OID]) };
    }
    TAKE_BACK.with(|s| s.run(client, &[epoch.into(), held.into()]).map(drop))?;
    let left = FOREIGN.with(|s| s.run(client, &[epoch.into()]))?.next().and_then(|row| row.get(1).ok().flatten());
    Ok(left != Some(true))
}
