//! The state of this database's worker, as it reports it.

use crate::guc;
use crate::host::usage::Figures;
use crate::host::{process, shmem};
use pgrx::JsonB;
use pgrx::prelude::*;
use serde_json::{Value, json};
use std::sync::atomic::Ordering::*;

/// `voice._worker_status()`: read from shared memory.
#[pg_extern(sql = false)]
fn voice_worker_status() -> JsonB {
    JsonB(if shmem::slots().is_none() {
        no_worker(
            "not preloaded",
            "add voice_analytics to shared_preload_libraries and restart the server; the queue waits",
        )
    } else {
        match shmem::slot_of(process::my_database(), shmem::SlotPolicy::Existing) {
            None => no_worker("not running", why_not_running()),
            Some(slot) => of_slot(slot),
        }
    })
}

fn no_worker(state: &str, reason: &str) -> Value {
    json!({ "state": state, "reason": reason, "analyzer": voice_core::analyzer::Analyzer::from(guc::ANALYZER.get()).name(), "in_flight": 0 })
}

fn of_slot(slot: &shmem::Slot) -> Value {
    let pid = slot.pid();
    let millis = |us: u64| (us > 0).then_some(us as f64 / 1000.0);
    let moment = |us: u64| (us > 0).then_some(us as f64 / 1e6);
    let mut status = match pid {
        0 => no_worker("not running", why_not_running()),
        _ => json!({
            "worker_pid": pid,
            "state": slot.state(),
            "reason": slot.reason(),
            "analyzer": voice_core::analyzer::Analyzer::from(guc::ANALYZER.get()).name(),
            "in_flight": slot.in_flight.load(Acquire),
            "breaker": slot.breaker(),
            "provider_failures": slot.provider_failures.load(Acquire),
            "next_request_at": moment(slot.next_request_at.load(Acquire)),
        }),
    };
    status["p50_ms"] = json!(millis(slot.p50_us.load(Acquire)));
    status["p95_ms"] = json!(millis(slot.p95_us.load(Acquire)));
    status["last_error"] = json!(slot.last_error.read());
    status["models"] = slot.usage.read().into_iter().map(of_model).collect();
    status["last_error_at"] = json!(moment(slot.last_error_at.load(Acquire)));
    status
}

fn of_model(figures: Figures) -> Value {
    json!({
        "model": figures.model,
        "analyses": figures.analyses,
        "failures": figures.failures,
        "prompt_tokens": figures.prompt_tokens,
        "completion_tokens": figures.completion_tokens,
        "mended": figures.mended,
    })
}

/// Why a database without a worker has none.
fn why_not_running() -> &'static str {
    if guc::covers_database(&process::my_database_name()) {
        "starting, or no free background worker: see the server log, and max_worker_processes"
    } else {
        "this database is not among those of voice_analytics.databases"
    }
}
