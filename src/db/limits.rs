//! The limits of single tenants, as `voice_limit_tenant()` has written them, and whether their budgets of today are spent.

use super::DbError;
use pgrx::spi::SpiClient;
use std::time::Duration;
use voice_core::quota::{DayBudget, TenantLimitOverride};

/// All of them. What no `CHECK` lets in cannot be there: a negative number would be none.
pub fn read(client: &mut SpiClient<'_>) -> Result<Vec<(String, TenantLimitOverride)>, DbError> {
    let mut found = Vec::new();
    for row in client.select(include_str!("../../sql/queries/limits.sql"), None, &[])? {
        let number = |column| row.get::<i32>(column).map(|n| n.map(|n| n.max(0) as u32));
        let budget = match (row.get::<bool>(4)?, row.get::<f64>(5)?) {
            (Some(is_spent), Some(seconds)) => Some(DayBudget { is_spent, day_left: seconds_left(seconds) }),
            _ => None,
        };
        let exception = TenantLimitOverride { max_concurrency: number(2)?, requests_per_minute: number(3)?, budget };
        found.push((row.get(1)?.unwrap_or_default(), exception));
    }
    Ok(found)
}

/// A day has 25 hours at most, where clocks change.
fn seconds_left(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds.clamp(0.0, 90_000.0)).unwrap_or_default()
}
