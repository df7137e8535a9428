//! Maintenance that a session asks for. Declared in `sql/partitions/default_rows.sql` and `sql/operate/`.

use crate::guc;
use crate::host::error::raise;
use crate::host::shmem::Text;
use crate::host::shmem::maintenance::{self, Task};
use crate::host::{clock, process};
use pgrx::JsonB;
use pgrx::prelude::*;
use serde_json::json;
use voice_core::analyzer::{Analyzer, RULE_VERSION};
use voice_core::prompt::Prompt;
use voice_core::protocol::{OPENAI_CHAT, Protocol, RequestOptions};
use voice_core::question::Question;

/// `voice._run_in_background()`: starts a maintenance process for the task and waits for its end. Gives "" if all went
/// well, else what went wrong.
///
/// # Errors
/// The task is unknown or lacks an argument; there is no free process.
#[pg_extern(sql = false)]
fn voice_run_in_background(
    task: &str,
    months_ahead: Option<i32>,
    since: Option<TimestampWithTimeZone>,
    functions_in: Option<&str>,
) -> String {
    let no_process = |detail: &str, hint: &str| -> ! {
        raise(
            PgSqlErrorCode::ERRCODE_CONFIGURATION_LIMIT_EXCEEDED,
            "there is no free background worker for the maintenance",
            detail,
            hint,
        )
    };
    let task = read_task(task, months_ahead, since, functions_in).unwrap_or_else(|| {
        raise(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            "this is no maintenance task",
            &format!("The task is {task}, or one of its arguments is missing or too long."),
            "The functions of voice_analytics ask for months, schedule and unschedule.",
        )
    });
    let Some(request) = maintenance::submit(process::my_database(), task) else {
        no_process(
            "The library is not preloaded, or too many requests are in progress.",
            "Add voice_analytics to shared_preload_libraries, or try again when others have ended.",
        )
    };
    let Some(process) = process::start_maintenance(request.id()) else {
        no_process(
            "All of max_worker_processes are in use.",
            "Raise max_worker_processes, or try again when others have ended.",
        )
    };
    process.wait_for_end();
    request.outcome().err().unwrap_or_default()
}

fn read_task(
    task: &str,
    months_ahead: Option<i32>,
    since: Option<TimestampWithTimeZone>,
    functions_in: Option<&str>,
) -> Option<Task> {
    Some(match task {
        "months" => {
            Task::CreatePartitions { ahead: months_ahead?, since: clock::unix_us(since?.into()).div_euclid(1_000_000) }
        }
        "schedule" | "unschedule" => {
            Task::Cron { schedule: task == "schedule", functions_in: Text::whole(functions_in?)? }
        }
        _ => return None,
    })
}

/// `voice._analyzer()`: the analyzer in use, with its versions as `voice.analytics` stores them.
#[pg_extern(sql = false)]
fn voice_analyzer() -> JsonB {
    let analyzer = Analyzer::from(guc::ANALYZER.get());
    JsonB(json!({
        "analyzer": analyzer.name(),
        "version": analyzer.version(),
        "rule_version": RULE_VERSION,
        "prompt_chars": prompt_chars(),
        "max_chars": guc::judged_chars(),
    }))
}

/// Length of a request without a transcript, in bytes.
fn prompt_chars() -> usize {
    let empty = Prompt { question: &Question::fixed_fields(), vertical: "", transcript: "" };
    OPENAI_CHAT.request(&empty, "", None, OPENAI_CHAT.first_style(), &RequestOptions::default()).body.len()
}

/// `voice._cron_jobs_query()`: the statement that lists the extension's jobs for pg_cron.
#[pg_extern(sql = false)]
fn voice_cron_jobs_query() -> &'static str {
    include_str!("../../sql/queries/cron_jobs.sql")
}

/// What `voice._run_elsewhere()` of 0.1.0 calls, until the database is updated.
///
/// # Errors
/// Always.
#[pg_extern(sql = false)]
fn voice_run_elsewhere(_task: &str) -> Option<String> {
    raise(
        PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
        "the functions of this database are of an older version than the library",
        "The library is newer than the extension in this database.",
        "ALTER EXTENSION voice_analytics UPDATE",
    )
}
