//! The limits of single tenants, as `voice_limit_tenant()` has written them.

use super::DbError;
use pgrx::spi::SpiClient;
use voice_core::quota::TenantLimitOverride;

/// All of them. What no `CHECK` lets in cannot be there: a negative number would be none.
pub fn read(client: &mut SpiClient<'_>) -> Result<Vec<(String, TenantLimitOverride)>, DbError> {
    let mut found = Vec::new();
    for row in client.select(include_str!("../../sql/queries/limits.sql"), None, &[])? {
        let number = |column| row.get::<i32>(column).map(|n| n.map(|n| n.max(0) as u32));
        let exception = TenantLimitOverride { max_concurrency: number(2)?, requests_per_minute: number(3)? };
        found.push((row.get(1)?.unwrap_or_default(), exception));
    }
    Ok(found)
}
