//! Months, roll-ups and schedules: the SQL functions that do them, one step a call.

use super::DbError;
use pgrx::Uuid;
use pgrx::prelude::*;
use pgrx::spi::{SpiClient, SpiTupleTable};

/// What the months asked for are, and what stands in their way.
pub struct Wanted {
    /// As an array of dates, in text.
    pub months: String,
    pub missing: bool,
    /// The DEFAULT leaves are too large to be read under a lock.
    pub large: bool,
}

/// What the DEFAULT leaves would become.
pub struct DefaultPartitionRows {
    lower: Uuid,
    upper: Uuid,
    pub suffix: String,
    pub strays: i64,
}

/// Locks out any other maintenance for the rest of the session. `false`: there is one.
pub fn try_maintenance_lock(client: &mut SpiClient<'_>) -> Result<bool, DbError> {
    let sql = "SELECT pg_catalog.pg_try_advisory_lock(pg_catalog.hashtextextended('voice_analytics maintenance', 0))";
    Ok(client.update(sql, Some(1), &[])?.next().and_then(|row| row.get(1).ok().flatten()).unwrap_or(false))
}

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

pub fn default_rows(client: &mut SpiClient<'_>, months: &str) -> Result<Option<DefaultPartitionRows>, DbError> {
    let sql =
        "SELECT lower, upper, suffix, strays FROM voice._stranded($1::pg_catalog.date[]) WHERE suffix IS NOT NULL";
    let Some(row) = client.update(sql, Some(1), &[months.into()])?.next() else { return Ok(None) };
    Ok(match (row.get(1)?, row.get(2)?, row.get(3)?) {
        (Some(lower), Some(upper), Some(suffix)) => {
            Some(DefaultPartitionRows { lower, upper, suffix, strays: row.get(4)?.unwrap_or_default() })
        }
        _ => None,
    })
}

/// The DEFAULT leaves hold this range and nothing else: to be validated.
pub fn add_inside_checks(client: &mut SpiClient<'_>, default_rows: &DefaultPartitionRows) -> Result<(), DbError> {
    let sql = "SELECT voice._add_proofs(ARRAY[$1], ARRAY[$2], true)";
    client.update(sql, None, &[default_rows.lower.into(), default_rows.upper.into()])?;
    Ok(())
}

/// They hold nothing of the months that are missing: to be validated. `false`: some of them do.
pub fn add_outside_checks(client: &mut SpiClient<'_>, months: &str) -> Result<bool, DbError> {
    let sql = "SELECT voice._add_proofs_of_absence($1::pg_catalog.date[])";
    Ok(client.update(sql, Some(1), &[months.into()])?.first().get(1)?.unwrap_or(false))
}

pub fn validate(client: &mut SpiClient<'_>, family: &str) -> Result<(), DbError> {
    client.update("SELECT voice._validate_proof($1)", None, &[family.into()])?;
    Ok(())
}

pub fn drop_bound_checks(client: &mut SpiClient<'_>) -> Result<(), DbError> {
    client.update("SELECT voice._forget_proofs()", None, &[])?;
    Ok(())
}

pub fn families(client: &mut SpiClient<'_>) -> Result<Vec<String>, DbError> {
    names(client.select("SELECT pg_catalog.unnest(voice._families())", None, &[])?)
}

pub fn swap(client: &mut SpiClient<'_>, default_rows: &DefaultPartitionRows) -> Result<Vec<String>, DbError> {
    let arguments = [default_rows.lower.into(), default_rows.upper.into(), default_rows.suffix.as_str().into()];
    names(client.update("SELECT voice._swap_default($1, $2, $3)", None, &arguments)?)
}

/// Those of the months that are missing, in order.
pub fn missing(client: &mut SpiClient<'_>, months: &str) -> Result<Vec<String>, DbError> {
    let sql = "SELECT m::text FROM pg_catalog.unnest(voice._missing_months($1::pg_catalog.date[])) m";
    names(client.update(sql, None, &[months.into()])?)
}

pub fn attach(client: &mut SpiClient<'_>, month: &str, more_follow: bool) -> Result<Vec<String>, DbError> {
    let sql = "SELECT voice._create_months(ARRAY[$1::pg_catalog.date], $2)";
    names(client.update(sql, None, &[month.into(), more_follow.into()])?)
}

pub fn apply_retention(client: &mut SpiClient<'_>) -> Result<Vec<String>, DbError> {
    names(client.update("SELECT voice._apply_retention()", None, &[])?)
}

/// Days to be rolled up, as text.
pub fn due_days(client: &mut SpiClient<'_>) -> Result<Vec<String>, DbError> {
    names(client.update("SELECT d.day::text FROM voice._due_days() d", None, &[])?)
}

pub fn roll_up(client: &mut SpiClient<'_>, schema: &str, day: &str) -> Result<(), DbError> {
    client.update(&format!("SELECT {schema}.voice_rollup($1::pg_catalog.date)"), None, &[day.into()])?;
    Ok(())
}

/// Has pg_cron, in whose database this is, schedule or forget the jobs of another one.
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
