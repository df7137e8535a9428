//! The process that does what accepting_jobs long, or several transactions: months, roll-ups, retention. It is started for one
//! task, by the worker or by a session that waits for it, and leaves; jobs go on meanwhile.

use super::ddl;
use crate::db::partitions::{self, Wanted};
use crate::db::state::{self, Admission, Installation};
use crate::db::{DbError, transaction};
use crate::host::process;
use crate::host::shmem::{self, SlotPolicy};
use pgrx::prelude::*;
use std::sync::atomic::Ordering::*;
use std::time::{Duration, Instant};

/// How long another maintenance of the same database is waited for.
const PATIENCE: Duration = Duration::from_secs(120);

/// What it was started for: `<database's oid> keep`, `… months <ahead> <Unix time>`, `… schedule <schema>`.
enum Task {
    /// What the worker wants done by itself.
    Keep,
    Months {
        ahead: i32,
        since: i64,
    },
    Cron {
        schedule: bool,
        functions_in: String,
    },
}

fn parse(text: &str) -> Option<(pg_sys::Oid, Task)> {
    let words: Vec<&str> = text.splitn(4, ' ').collect();
    let database = pg_sys::Oid::from(words.first()?.parse::<u32>().ok()?);
    let task = match *words.get(1)? {
        "keep" => Task::Keep,
        "months" => Task::Months { ahead: words.get(2)?.parse().ok()?, since: words.get(3)?.parse().ok()? },
        what @ ("schedule" | "unschedule") => {
            Task::Cron { schedule: what == "schedule", functions_in: words.get(2..)?.join(" ") }
        }
        _ => return None,
    };
    Some((database, task))
}

pub fn run() {
    process::take_signals();
    let Some((database, task)) = parse(&process::my_task()) else { return };
    let slot = shmem::slot_of(database, SlotPolicy::Existing);
    if let Some(slot) = slot {
        slot.maintenance_pid.store(std::process::id() as i32, Release);
        process::leave_maintenance_at_exit(database);
        if ddl::is_blocked(slot) {
            return;
        }
    }
    let outcome = match task {
        Task::Cron { schedule, functions_in } => ask_cron(database, schedule, functions_in),
        Task::Keep => in_its_turn(database, keep),
        Task::Months { ahead, since } => in_its_turn(database, |_, role| make_months(role, ahead, Some(since))),
    };
    if let Err(e) = &outcome {
        log!("voice_analytics: maintenance: {}", e.message);
    }
    if let Some(slot) = slot {
        slot.maintenance_result.write(outcome.err().as_ref().map_or("ok", |e| &e.message));
    }
}

/// Connects, waits until no other maintenance runs here, and does the work where there is something to serve.
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

/// Months ahead, days that are due, what has been kept long enough: what fails does not keep the others from being done.
fn keep(schema: &str, role: pg_sys::Oid) -> Result<(), DbError> {
    if transaction("voice_analytics: looking whether this is a copy", role, state::admission)?
        == Admission::RestoredCopy
    {
        return Ok(());
    }
    let made = make_months(role, crate::guc::Settings::current().partition_months_ahead, None);
    let rolled = roll_up(schema, role);
    let gone = transaction("voice_analytics: dropping months past retention (waits for the tables)", role, |client| {
        partitions::apply_retention(client)
    });
    if let Ok(names) = &gone
        && !names.is_empty()
    {
        log!("voice_analytics: retention: dropped {}", names.join(", "));
    }
    made.and(rolled).and(gone.map(drop))
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

/// Those that are missing; what lies in the DEFAULT leaves becomes months too. Whatever fails, no proof stays behind: it
/// would refuse calls of other months.
fn make_months(role: pg_sys::Oid, ahead: i32, since: Option<i64>) -> Result<(), DbError> {
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
    said(made?)
}

fn said(made: Vec<String>) -> Result<(), DbError> {
    if !made.is_empty() {
        log!("voice_analytics: created partitions {}", made.join(", "));
    }
    Ok(())
}

/// Proves what large DEFAULT leaves hold, one transaction each, so that the swap or the ATTACH need not read them; then
/// attaches one month after another, for everybody waits as long as one transaction holds its locks.
fn step_by_step(role: pg_sys::Oid, wanted: &Wanted) -> Result<Vec<String>, DbError> {
    let mut made = Vec::new();
    loop {
        let doing = "voice_analytics: looking at the DEFAULT partitions";
        let found = transaction(doing, role, |client| partitions::default_rows(client, &wanted.months))?;
        let Some(default_rows) = found else { break };
        let doing = format!("voice_analytics: proving that the DEFAULT partitions hold {}", default_rows.suffix);
        if wanted.large && default_rows.strays == 0 {
            transaction(&doing, role, |client| partitions::add_inside_checks(client, &default_rows))?;
            prove(&doing, role)?;
        }
        let doing =
            format!("voice_analytics: making the DEFAULT partitions {} (waits for the tables)", default_rows.suffix);
        made.extend(transaction(&doing, role, |client| partitions::swap(client, &default_rows))?);
    }
    let doing = "voice_analytics: proving that the DEFAULT partitions hold no calls of the months to come";
    if transaction(doing, role, |client| partitions::add_outside_checks(client, &wanted.months))? {
        prove(doing, role)?;
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

fn prove(doing: &str, role: pg_sys::Oid) -> Result<(), DbError> {
    let families = transaction(doing, role, partitions::families)?;
    for family in families {
        process::check_for_interrupts();
        transaction(doing, role, |client| partitions::validate(client, &family))?;
    }
    Ok(())
}

/// pg_cron's jobs are rows of another database.
fn ask_cron(database: pg_sys::Oid, schedule: bool, functions_in: String) -> Result<(), DbError> {
    let Some(home) = process::setting(c"cron.database_name") else { return Ok(()) };
    process::connect_to_named(&home);
    process::pin_session_settings();
    transaction("voice_analytics: asking pg_cron", pg_sys::InvalidOid, |client| {
        partitions::ask_cron(client, database, schedule, &functions_in)
    })
}
