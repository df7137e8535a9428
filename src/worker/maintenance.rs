//! The maintenance process: it does what takes long, or several transactions, for one request: partitions, roll-ups,
//! retention, alerts, jobs of pg_cron. The worker or a session starts it for the request, and it leaves; jobs go on meanwhile.

use crate::db::alerts;
use crate::db::partitions::{self, Wanted};
use crate::db::state::{self, Admission, Installation};
use crate::db::{DbError, transaction};
use crate::host::process;
use crate::host::shmem::maintenance::{self, Task};
use pgrx::prelude::*;
use std::time::{Duration, Instant};

/// Longest wait for another maintenance of the same database to end.
const PATIENCE: Duration = Duration::from_secs(120);

/// Does the task of this request and leaves the result with it.
pub fn run(request_id: u64) {
    process::take_signals();
    let Some((database, task)) = maintenance::begin(request_id) else { return };
    let outcome = match task {
        Task::RunAll => in_its_turn(database, run_all),
        Task::RollUpOpenDays => in_its_turn(database, |_, role| roll_up_open_days(role)),
        Task::EvaluateAlerts => in_its_turn(database, |_, role| evaluate_alerts(role)),
        Task::CreatePartitions { ahead, since } => {
            in_its_turn(database, |_, role| create_partitions(role, ahead, Some(since)))
        }
        Task::Cron { schedule, functions_in } => ask_cron(database, schedule, functions_in.as_str()),
    };
    if let Err(e) = &outcome {
        log!("voice_analytics: maintenance: {}", e.message);
    }
    maintenance::finish(request_id, outcome.as_ref().copied().map_err(|e| e.message.as_str()));
}

/// Connects, waits until no other maintenance runs in this database, and does the work. Without the extension there is
/// nothing to do. `work` gets the quoted name of the functions' schema, and the role to run as.
///
/// # Errors
/// Another maintenance does not end within [`PATIENCE`], or the work fails.
fn in_its_turn(
    database: pg_sys::Oid,
    work: impl FnOnce(&str, pg_sys::Oid) -> Result<(), DbError>,
) -> Result<(), DbError> {
    process::connect_to(database);
    process::pin_session_settings();
    let Installation::Fits { schema, role } = state::installation()? else { return Ok(()) };
    let began = Instant::now();
    let doing = "voice_analytics: waiting for another maintenance to end";
    while !transaction(doing, role, partitions::try_maintenance_lock)? {
        if began.elapsed() > PATIENCE {
            return Err(DbError {
                code: PgSqlErrorCode::ERRCODE_LOCK_NOT_AVAILABLE,
                message: "another maintenance of this database does not end".to_owned(),
            });
        }
        process::check_for_interrupts();
        process::wait(None, Some(Duration::from_millis(200)));
    }
    work(&schema, role)
}

/// Creates partitions ahead of time, rolls up the days that are due, and drops months past retention. Each is tried
/// even if another fails; the first error is given.
fn run_all(schema: &str, role: pg_sys::Oid) -> Result<(), DbError> {
    if transaction("voice_analytics: looking whether this is a copy", role, state::admission)?
        == Admission::RestoredCopy
    {
        return Ok(());
    }
    let made = create_partitions(role, crate::guc::Settings::current().partition_months_ahead, None);
    let rolled = roll_up(schema, role);
    let gone = transaction("voice_analytics: dropping months past retention (waits for the tables)", role, |client| {
        partitions::apply_retention(client)
    });
    if let Ok(names) = &gone
        && !names.is_empty()
    {
        log!("voice_analytics: retention: dropped {}", names.join(", "));
    }
    let ended = end_stale_calls(role);
    made.and(rolled).and(gone.map(drop)).and(ended)
}

/// Ends the calls in which nothing has been said for as long as the setting says, some at a time.
fn end_stale_calls(role: pg_sys::Oid) -> Result<(), DbError> {
    const AT_ONCE: i32 = 500;
    let Some(after) = crate::guc::end_stale_calls_after() else { return Ok(()) };
    let mut all = 0;
    loop {
        process::check_for_interrupts();
        let doing = "voice_analytics: ending calls that nobody has ended";
        let ended = transaction(doing, role, |client| partitions::end_stale_calls(client, after, AT_ONCE))?;
        all += ended;
        if ended < i64::from(AT_ONCE) {
            break;
        }
    }
    if all > 0 {
        log!("voice_analytics: ended {all} calls in which nothing was said for {after} s");
    }
    Ok(())
}

fn roll_up(schema: &str, role: pg_sys::Oid) -> Result<(), DbError> {
    let due = transaction("voice_analytics: looking for days to roll up", role, partitions::due_days)?;
    for day in due {
        process::check_for_interrupts();
        let doing = format!("voice_analytics: rolling up {day}");
        transaction(&doing, role, |client| partitions::roll_up(client, schema, &day))?;
        process::report_statistics();
    }
    Ok(())
}

/// Nothing in a copy: its worker stores no results.
fn roll_up_open_days(role: pg_sys::Oid) -> Result<(), DbError> {
    transaction("voice_analytics: summing up the results of today", role, partitions::roll_up_open_days)?;
    process::report_statistics();
    Ok(())
}

/// Evaluates the alerts of the last full minute: a row and the deliveries of each that is raised or cleared in one
/// transaction. Each step is tried even if another fails; the first error is given.
fn evaluate_alerts(role: pg_sys::Oid) -> Result<(), DbError> {
    if transaction("voice_analytics: looking whether this is a copy", role, state::admission)?
        == Admission::RestoredCopy
    {
        return Ok(());
    }
    let measured = transaction("voice_analytics: measuring drift for alerts", role, alerts::measure_drift);
    let evaluated = transaction("voice_analytics: evaluating alerts", role, alerts::evaluate);
    let summed = transaction("voice_analytics: summing up hours for alerts", role, alerts::sum_up_hours);
    process::report_statistics();
    measured.and(evaluated.map(drop)).and(summed)
}

/// Creates the partitions that are missing, and turns rows in the DEFAULT partitions into months. No bound CHECK
/// constraint stays behind after a failure: it would refuse calls of other months.
fn create_partitions(role: pg_sys::Oid, ahead: i32, since: Option<i64>) -> Result<(), DbError> {
    transaction(
        "voice_analytics: forgetting what a crash has left (waits for the tables)",
        role,
        partitions::drop_bound_checks,
    )?;
    let wanted =
        transaction("voice_analytics: looking at the months", role, |client| partitions::wanted(client, ahead, since))?;
    if !wanted.missing {
        return Ok(());
    }
    let made = step_by_step(role, &wanted);
    if made.is_err() {
        transaction("voice_analytics: cleaning up after a failure", role, partitions::drop_bound_checks)?;
    }
    log_created(made?)
}

fn log_created(made: Vec<String>) -> Result<(), DbError> {
    if !made.is_empty() {
        log!("voice_analytics: created partitions {}", made.join(", "));
    }
    Ok(())
}

/// Adds bound CHECK constraints to large DEFAULT partitions and validates them, one transaction each, so that the swap or
/// the ATTACH need not read them. Then attaches one month after another: others wait as long as one transaction holds its
/// locks. Gives the names of the new partitions.
fn step_by_step(role: pg_sys::Oid, wanted: &Wanted) -> Result<Vec<String>, DbError> {
    let mut made = Vec::new();
    loop {
        let doing = "voice_analytics: looking at the DEFAULT partitions";
        let found = transaction(doing, role, |client| partitions::default_rows(client, &wanted.months))?;
        let Some(default_rows) = found else { break };
        let doing = format!("voice_analytics: proving that the DEFAULT partitions hold {}", default_rows.suffix);
        if wanted.large && default_rows.outside == 0 {
            transaction(&doing, role, |client| partitions::add_inside_checks(client, &default_rows))?;
            validate(&doing, role)?;
        }
        let doing =
            format!("voice_analytics: making the DEFAULT partitions {} (waits for the tables)", default_rows.suffix);
        made.extend(transaction(&doing, role, |client| partitions::swap(client, &default_rows))?);
    }
    let doing = "voice_analytics: proving that the DEFAULT partitions hold no calls of the months to come";
    if transaction(doing, role, |client| partitions::add_outside_checks(client, &wanted.months))? {
        validate(doing, role)?;
    }
    let doing = "voice_analytics: creating partitions (waits for the tables)";
    let missing = transaction(doing, role, |client| partitions::missing(client, &wanted.months))?;
    let mut missing = missing.iter().peekable();
    while let Some(month) = missing.next() {
        process::check_for_interrupts();
        let more_follow = missing.peek().is_some();
        made.extend(transaction(doing, role, |client| partitions::attach(client, month, more_follow))?);
    }
    Ok(made)
}

/// Validates the bound CHECK constraints of each partitioned table, one transaction each.
fn validate(doing: &str, role: pg_sys::Oid) -> Result<(), DbError> {
    let tables = transaction(doing, role, partitions::partitioned_tables)?;
    for table in tables {
        process::check_for_interrupts();
        transaction(doing, role, |client| partitions::validate(client, &table))?;
    }
    Ok(())
}

/// Adds or removes jobs of pg_cron, which are rows in the database that `cron.database_name` names.
fn ask_cron(database: pg_sys::Oid, schedule: bool, functions_in: &str) -> Result<(), DbError> {
    let Some(home) = process::setting(c"cron.database_name") else { return Ok(()) };
    process::connect_to_named(&home);
    process::pin_session_settings();
    transaction("voice_analytics: asking pg_cron", pg_sys::InvalidOid, |client| {
        partitions::ask_cron(client, database, schedule, functions_in)
    })
}
