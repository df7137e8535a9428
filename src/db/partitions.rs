//! Calls of the SQL functions for partitions, roll-ups, retention and schedules, one step a call.

use super::DbError;
use pgrx::Uuid;
use pgrx::prelude::*;
use pgrx::spi::{SpiClient, SpiTupleTable};

/// The months that were asked for, and whether partitions are missing.
pub struct Wanted {
    /// An array of dates, as text.
    pub months: String,
    pub missing: bool,
    /// The DEFAULT partitions are too large to be read under a lock.
    pub large: bool,
}

/// The partitions that the rows in the DEFAULT partitions would become: bounds and suffix of the names.
pub struct DefaultPartitionRows {
    lower: Uuid,
    upper: Uuid,
    pub suffix: String,
    /// Rows outside these bounds.
    pub outside: i64,
}

/// Takes the maintenance lock for the rest of the session. `false`: another session has it.
pub fn try_maintenance_lock(client: &mut SpiClient<'_>) -> Result<bool, DbError> {
    let sql = "SELECT pg_catalog.pg_try_advisory_lock(pg_catalog.hashtextextended('voice_analytics maintenance', 0))";
    Ok(client.update(sql, Some(1), &[])?.next().and_then(|row| row.get(1).ok().flatten()).unwrap_or(false))
}

/// The months from `since` (Unix seconds; `None`: this month) to `ahead` months after this one.
pub fn wanted(client: &mut SpiClient<'_>, ahead: i32, since: Option<i64>) -> Result<Wanted, DbError> {
    let sql = "SELECT m::text, voice._missing_months(m) <> '{}', voice._default_is_large()
        FROM voice._months($1, coalesce(pg_catalog.to_timestamp($2::double precision), pg_catalog.now())) m";
    let row = client.update(sql, Some(1), &[ahead.into(), since.into()])?.first();
    Ok(Wanted {
        months: row.get(1)?.unwrap_or_default(),
        missing: row.get(2)?.unwrap_or(false),
        large: row.get(3)?.unwrap_or(false),
    })
}

/// The partitions that the rows in the DEFAULT partitions would become; `None`: there are no such rows.
pub fn default_rows(client: &mut SpiClient<'_>, months: &str) -> Result<Option<DefaultPartitionRows>, DbError> {
    let sql =
        "SELECT lower, upper, suffix, strays FROM voice._default_rows($1::pg_catalog.date[]) WHERE suffix IS NOT NULL";
    let Some(row) = client.update(sql, Some(1), &[months.into()])?.next() else { return Ok(None) };
    Ok(match (row.get(1)?, row.get(2)?, row.get(3)?) {
        (Some(lower), Some(upper), Some(suffix)) => {
            Some(DefaultPartitionRows { lower, upper, suffix, outside: row.get(4)?.unwrap_or_default() })
        }
        _ => None,
    })
}

/// Adds CHECK constraints (not yet valid) that the DEFAULT partitions hold this range and nothing else.
pub fn add_inside_checks(client: &mut SpiClient<'_>, default_rows: &DefaultPartitionRows) -> Result<(), DbError> {
    let sql = "SELECT voice._add_bound_checks(ARRAY[$1], ARRAY[$2], true)";
    client.update(sql, None, &[default_rows.lower.into(), default_rows.upper.into()])?;
    Ok(())
}

/// Adds CHECK constraints (not yet valid) that the DEFAULT partitions hold nothing of the missing months. `false`: some
/// of them do.
pub fn add_outside_checks(client: &mut SpiClient<'_>, months: &str) -> Result<bool, DbError> {
    let sql = "SELECT voice._add_absence_checks($1::pg_catalog.date[])";
    Ok(client.update(sql, Some(1), &[months.into()])?.first().get(1)?.unwrap_or(false))
}

/// Validates the bound CHECK constraint of one partitioned table.
pub fn validate(client: &mut SpiClient<'_>, table: &str) -> Result<(), DbError> {
    client.update("SELECT voice._validate_bound_check($1)", None, &[table.into()])?;
    Ok(())
}

/// Drops the bound CHECK constraints of all partitioned tables.
pub fn drop_bound_checks(client: &mut SpiClient<'_>) -> Result<(), DbError> {
    client.update("SELECT voice._forget_bound_checks()", None, &[])?;
    Ok(())
}

/// Names of the partitioned tables.
pub fn partitioned_tables(client: &mut SpiClient<'_>) -> Result<Vec<String>, DbError> {
    names(client.select("SELECT pg_catalog.unnest(voice._partitioned_tables())", None, &[])?)
}

/// Makes the DEFAULT partitions those of this range. Gives the names of the new partitions.
pub fn swap(client: &mut SpiClient<'_>, default_rows: &DefaultPartitionRows) -> Result<Vec<String>, DbError> {
    let arguments = [default_rows.lower.into(), default_rows.upper.into(), default_rows.suffix.as_str().into()];
    names(client.update("SELECT voice._swap_default($1, $2, $3)", None, &arguments)?)
}

/// The months without partitions, in order.
pub fn missing(client: &mut SpiClient<'_>, months: &str) -> Result<Vec<String>, DbError> {
    let sql = "SELECT m::text FROM pg_catalog.unnest(voice._missing_months($1::pg_catalog.date[])) m";
    names(client.update(sql, None, &[months.into()])?)
}

/// Creates and attaches one month's partitions. `more_follow`: others come in transactions after this one.
pub fn attach(client: &mut SpiClient<'_>, month: &str, more_follow: bool) -> Result<Vec<String>, DbError> {
    let sql = "SELECT voice._create_months(ARRAY[$1::pg_catalog.date], $2)";
    names(client.update(sql, None, &[month.into(), more_follow.into()])?)
}

/// Drops the months past retention. Gives the names of the partitions.
pub fn apply_retention(client: &mut SpiClient<'_>) -> Result<Vec<String>, DbError> {
    names(client.update("SELECT voice._apply_retention()", None, &[])?)
}

/// Ends calls in progress in which nothing has been said for this many seconds, at their last word. Gives their number.
pub fn end_stale_calls(client: &mut SpiClient<'_>, after: i32, at_most: i32) -> Result<i64, DbError> {
    let sql = "SELECT voice._end_stale_calls(pg_catalog.make_interval(secs => $1), $2)";
    Ok(client.update(sql, None, &[after.into(), at_most.into()])?.first().get(1)?.unwrap_or_default())
}

/// Days that are due to be rolled up, as text.
pub fn due_days(client: &mut SpiClient<'_>) -> Result<Vec<String>, DbError> {
    names(client.update("SELECT d.day::text FROM voice._due_days() d", None, &[])?)
}

/// Rolls up one day. `schema` is the quoted schema of the functions.
pub fn roll_up(client: &mut SpiClient<'_>, schema: &str, day: &str) -> Result<(), DbError> {
    client.update(&format!("SELECT {schema}.voice_rollup($1::pg_catalog.date)"), None, &[day.into()])?;
    Ok(())
}

/// Sums up the results of days that are not over.
pub fn roll_up_open_days(client: &mut SpiClient<'_>) -> Result<(), DbError> {
    client.update("SELECT voice._roll_up_open_days()", None, &[])?;
    Ok(())
}

/// Adds or removes the jobs of another database in pg_cron, in whose own database this runs.
///
/// # Errors
/// pg_cron is missing or older than 1.4.
pub fn ask_cron(
    client: &mut SpiClient<'_>,
    database: pg_sys::Oid,
    schedule: bool,
    functions_in: &str,
) -> Result<(), DbError> {
    let has = client.select(include_str!("../../sql/queries/cron_has.sql"), Some(1), &[])?.first().get::<bool>(1)?;
    if has != Some(true) {
        return Err(DbError {
            code: PgSqlErrorCode::ERRCODE_UNDEFINED_FUNCTION,
            message: "the extension pg_cron is not there, or older than 1.4".to_owned(),
        });
    }
    let name = "SELECT datname::text FROM pg_catalog.pg_database WHERE oid = $1";
    let name: String = client.select(name, Some(1), &[database.into()])?.first().get(1)?.unwrap_or_default();
    let jobs = include_str!("../../sql/queries/cron_jobs.sql");
    let sql = if schedule {
        format!("SELECT cron.schedule_in_database(j.name, j.schedule, j.command, $1::text) FROM ({jobs}) j")
    } else {
        format!(
            "SELECT cron.unschedule(c.jobid) FROM ({jobs}) j JOIN cron.job c ON c.jobname = j.name AND c.database = $1"
        )
    };
    client.update(&sql, None, &[name.into(), functions_in.into()])?;
    Ok(())
}

fn names(rows: SpiTupleTable<'_>) -> Result<Vec<String>, DbError> {
    let mut names = Vec::new();
    for row in rows {
        names.extend(row.get::<String>(1)?);
    }
    Ok(names)
}
