//! Alerts on rates: what the maintenance process does once a minute, and whether there is anything to do.

use super::outcome::LockedCall;
use super::{DbError, Statement};
use pgrx::Uuid;
use pgrx::pg_sys::BuiltinOid::*;
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

/// Those of these ids that are events of alerts: each stands in the place of the call that other deliveries have.
///
/// # Errors
/// The statement failed; so must its transaction.
pub fn events(client: &mut SpiClient<'_>, ids: Vec<Uuid>) -> Result<Vec<(Uuid, LockedCall)>, DbError> {
    thread_local! {
        static EVENTS: Statement =
            const { Statement::for_worker(include_str!("../../sql/queries/settle_alert_events.sql"), &[UUIDARRAYOID]) };
    }
    let mut events = Vec::new();
    for row in EVENTS.with(|s| s.run(client, &[ids.into()]))? {
        if let (Some(id), Some(started_at)) = (row.get::<Uuid>(1)?, row.get(3)?) {
            let locked = LockedCall {
                is_alert: true,
                in_progress: false,
                deleted: false,
                tenant: row.get(2)?.unwrap_or_default(),
                agent: String::new(),
                started_at,
                from_number: None,
                contact_number: None,
                external_id: None,
            };
            events.push((id, locked));
        }
    }
    Ok(events)
}
