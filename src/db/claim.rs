//! Taking jobs: attempt + 1 and a lease, in one statement.

use super::{DbError, Statement};
use pgrx::pg_sys::BuiltinOid::*;
use pgrx::spi::SpiClient;
use std::time::Duration;

/// A job that this worker holds. `(id, attempt, epoch)` is what a settle must match.
#[derive(Debug, Clone)]
pub struct Claimed {
    pub id: i64,
    pub call_id: pgrx::Uuid,
    pub attempt: i16,
    pub priority: i16,
}

/// Takes at most `limit` due jobs.
pub fn claim(client: &mut SpiClient<'_>, limit: usize, epoch: i64, lease: Duration) -> Result<Vec<Claimed>, DbError> {
    thread_local! {
        static CLAIM: Statement =
            const { Statement::new(include_str!("../../sql/queries/claim.sql"), &[INT8OID, INT8OID, INT8OID]) };
    }
    CLAIM.with(|statement| {
        let arguments = [(limit as i64).into(), epoch.into(), (lease.as_millis() as i64).into()];
        let mut claimed = Vec::new();
        for row in statement.run(client, &arguments)? {
            if let (Some(id), Some(call_id)) = (row.get(1)?, row.get(2)?) {
                claimed.push(Claimed {
                    id,
                    call_id,
                    attempt: row.get(3)?.unwrap_or_default(),
                    priority: row.get(4)?.unwrap_or_default(),
                });
            }
        }
        // RETURNING gives them in no order; the longest waiting goes out first.
        claimed.sort_by_key(|c| (c.priority, c.id));
        Ok(claimed)
    })
}

/// How long until the next job may run; `None`: nothing waits. Negative never: due is zero.
pub fn next_due(client: &mut SpiClient<'_>) -> Result<Option<Duration>, DbError> {
    thread_local! {
        static NEXT: Statement = const { Statement::new(include_str!("../../sql/queries/next_due.sql"), &[]) };
    }
    NEXT.with(|statement| {
        let seconds: Option<f64> = statement.run(client, &[])?.next().and_then(|row| row.get(1).ok().flatten());
        Ok(seconds.map(|s| Duration::from_secs_f64(s.clamp(0.0, 86_400.0))))
    })
}
