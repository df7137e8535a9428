//! Alerts on rates: what the maintenance process does once a minute, and whether there is anything to do.

use super::DbError;
use pgrx::spi::SpiClient;

/// Whether anybody has added an alert.
///
/// # Errors
/// The statement failed; so must its transaction.
pub fn exist(client: &mut SpiClient<'_>) -> Result<bool, DbError> {
    Ok(client.select("SELECT voice._has_alerts()", Some(1), &[])?.first().get(1)?.unwrap_or(false))
}

/// Measures drift where it was not measured this hour.
///
/// # Errors
/// The statement failed; so must its transaction.
pub fn measure_drift(client: &mut SpiClient<'_>) -> Result<(), DbError> {
    client.update("SELECT voice._measure_alert_drift(voice._minute(pg_catalog.now()))", None, &[])?;
    Ok(())
}

/// Evaluates all alerts for the last full minute. Gives how many were raised or cleared.
///
/// # Errors
/// The statement failed; so must its transaction.
pub fn evaluate(client: &mut SpiClient<'_>) -> Result<i32, DbError> {
    Ok(client.update("SELECT voice._evaluate_alerts()", None, &[])?.first().get(1)?.unwrap_or_default())
}

/// Sums up hours for alerts with long windows, as the next minute needs them: for a twentieth of a second, or one of them.
///
/// # Errors
/// The statement failed; so must its transaction.
pub fn sum_up_hours(client: &mut SpiClient<'_>) -> Result<(), DbError> {
    let sql = "SELECT voice._sum_up_alert_hours(
        voice._minute(pg_catalog.now() + pg_catalog.make_interval(mins => 1)), '50 milliseconds')";
    client.update(sql, None, &[])?;
    Ok(())
}
