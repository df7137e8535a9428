//! What a session has another process do. Declared in `sql/tables/stranded.sql` and `sql/functions/`.

use crate::guc;
use crate::host::error::raise;
use crate::host::{process, shmem};
use pgrx::JsonB;
use pgrx::prelude::*;
use serde_json::json;
use voice_core::analyzer::{Analyzer, RULE_VERSION};

/// `voice._run_elsewhere()`: starts a process for the task and waits for its end. "": all went well; NULL: unknown.
#[pg_extern(sql = false)]
fn voice_run_elsewhere(task: &str) -> Option<String> {
    let database = process::my_database();
    let slot = shmem::slot_of(database, shmem::SlotPolicy::Existing);
    if let Some(slot) = slot {
        slot.maintenance_result.write("the process ended early");
    }
    let Some(process) = process::start_maintenance(&format!("{} {task}", database.to_u32())) else {
        raise(
            PgSqlErrorCode::ERRCODE_CONFIGURATION_LIMIT_EXCEEDED,
            "there is no free background worker for the maintenance",
            "All of max_worker_processes are in use.",
            "Raise max_worker_processes, or try again when others have ended.",
        )
    };
    process.wait_for_end();
    let said = slot?.maintenance_result.read()?;
    Some(if said == "ok" { String::new() } else { said })
}

/// `voice._analyzer()`: who judges now, in the words of the analytics' `prompt_version`.
#[pg_extern(sql = false)]
fn voice_analyzer() -> JsonB {
    let analyzer = Analyzer::from(guc::ANALYZER.get());
    JsonB(json!({
        "analyzer": analyzer.name(),
        "version": analyzer.version(),
        "rule_version": RULE_VERSION,
        "prompt_chars": voice_core::prompt::request("", "", "", voice_core::prompt::Style::JsonSchema).len(),
        "max_chars": guc::transcript_max_chars(),
    }))
}

/// `voice._cron_jobs_query()`
#[pg_extern(sql = false)]
fn voice_cron_jobs_query() -> &'static str {
    include_str!("../../sql/queries/cron_jobs.sql")
}
