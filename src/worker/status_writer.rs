//! What the worker reports: its state and figures in shared memory, its text in `pg_stat_activity`, and the few lines of
//! its log. It reports no words of a call and no secrets: errors of single jobs are in `voice.attempt`.

use super::health::Health;
use super::latency::Latencies;
use crate::db::outcome::{Outcome, Settled};
use crate::host::process;
use crate::host::shmem::{Slot, State};
use crate::host::usage::Answered;
use pgrx::prelude::*;
use std::sync::atomic::Ordering::*;
use std::time::{SystemTime, UNIX_EPOCH};
use voice_core::breaker::Change;
use voice_net::{AnalysisResponse, Failure};

/// Longest time from hang-up to result that counts as latency, in microseconds: 1 h. Imported history did not wait for us.
const LATENCY_MAX_US: i64 = 3_600_000_000;

/// Writes to this database's slot in shared memory, and to the log.
pub struct StatusWriter {
    slot: &'static Slot,
    latencies: Latencies,
}

impl StatusWriter {
    pub fn new(slot: &'static Slot) -> StatusWriter {
        StatusWriter { slot, latencies: Latencies::default() }
    }

    pub fn slot(&self) -> &'static Slot {
        self.slot
    }

    /// Writes the state of a worker that is enabled and admitted. `search_error`: why documents cannot be written.
    pub fn show_state(&self, search_error: Option<&str>, kinds: impl Iterator<Item = Health>, idle: bool) {
        let kinds: Vec<Health> = kinds.collect();
        let first = |of: fn(&Health) -> Option<&String>| kinds.iter().find_map(of);
        let failing = first(|health| if let Health::Failing(error) = health { Some(error) } else { None });
        let refused = first(|health| if let Health::Misconfigured(reason) = health { Some(reason) } else { None });
        let down = first(|health| if let Health::ServerDown(reason) = health { Some(reason) } else { None });
        let refused = search_error.or(refused.map(String::as_str));
        match (failing, refused, down) {
            (Some(error), ..) => self.slot.set_state(State::Failing, error),
            (None, Some(reason), _) => self.slot.set_state(State::Misconfigured, reason),
            (None, None, Some(reason)) => self.slot.set_state(State::Waiting, reason),
            (None, None, None) => {
                let state = if idle { State::Idle } else { State::Working };
                let throttled = kinds.iter().any(|health| matches!(health, Health::Throttled));
                let incomplete =
                    first(|health| if let Health::Incomplete(reason) = health { Some(reason) } else { None });
                let over_budget = kinds.iter().any(|health| matches!(health, Health::OverBudget));
                let spent = over_budget.then_some("jobs wait for the budgets of their tenants, see voice_budgets()");
                let limited = throttled.then_some("jobs wait for the limits of their tenants");
                self.slot.set_state(state, spent.or(limited).or(incomplete.map(String::as_str)).unwrap_or_default());
            }
        }
    }

    /// For `pg_stat_activity`: what the worker waits for.
    pub fn show_waiting(&self, in_flight: usize) {
        let text = match (in_flight, self.slot.state()) {
            (0, "idle" | "working") => "voice_analytics: waiting for calls to end".to_owned(),
            (0, "waiting for provider") => "voice_analytics: waiting for the LLM server to work again".to_owned(),
            (0, state) => format!("voice_analytics: {state}, see voice_status()"),
            (n, _) => format!("voice_analytics: {n} requests in flight"),
        };
        process::report_idle(&text);
    }

    /// Adds results of a committed transaction to the figures; `stored` says whether an analysis was stored with this one.
    pub fn on_settled(&mut self, results: &[Settled], stored: impl Fn(&Settled) -> bool) {
        let mut any_stored = false;
        for settled in results {
            let stored = stored(settled);
            any_stored |= stored;
            self.count_usage(settled, stored);
            if let Outcome::Analyzed(analyzed) = &settled.outcome
                && settled.job.priority == 0
                && let Some(ended_ms) = analyzed.ended_ms
                && stored
            {
                let latency_us = now_us() - ended_ms * 1000;
                if (0..LATENCY_MAX_US).contains(&latency_us) {
                    self.latencies.add(latency_us as u64);
                }
            }
        }
        if any_stored {
            self.latencies.publish(self.slot);
        }
    }

    /// Adds a result to the figures of its model. An answer that came too late to be stored has cost its tokens too.
    pub fn count_usage(&self, settled: &Settled, stored: bool) {
        let tokens = |count: Option<i32>| count.map_or(0, |n| n.max(0) as u64);
        for request in &settled.earlier {
            let Some(model) = &request.model else { continue };
            let (prompt_tokens, completion_tokens) = (tokens(request.tokens.prompt), tokens(request.tokens.completion));
            self.slot.usage.add(model, &Answered { prompt_tokens, completion_tokens, ..Answered::default() });
        }
        let Some(model) = &settled.model else { return };
        let mended = matches!(&settled.outcome, Outcome::Analyzed(analyzed) if analyzed.mended);
        let failed = matches!(settled.outcome, Outcome::Failed { .. } | Outcome::Snoozed { .. });
        let answered = Answered {
            analyses: u64::from(stored),
            failures: u64::from(failed),
            prompt_tokens: tokens(settled.tokens.prompt),
            completion_tokens: tokens(settled.tokens.completion),
            mended: u64::from(stored && mended),
        };
        self.slot.usage.add(model, &answered);
    }

    /// Writes an error to the log, if it is not the last one, and to `voice_status()`.
    pub fn log_error(&self, error: &str) {
        if self.slot.last_error.read().as_deref() != Some(error) {
            log!("voice_analytics: {error}");
        }
        self.record_error(error);
    }

    /// Writes an error to `voice_status()` only.
    pub fn record_error(&self, error: &str) {
        self.slot.last_error.write(error);
        self.slot.last_error_at.store(now_us() as u64, Release);
    }

    /// Logs that requests stop, or go on.
    pub fn log_breaker(&self, change: Change, response: &AnalysisResponse) {
        match (change, &response.outcome) {
            (Change::Opened, Err(failure)) => {
                log!(
                    "voice_analytics: requests to the LLM server stop ({}); no attempt is used up, and one request now and then looks whether it is back",
                    for_the_log(failure, response)
                );
            }
            (Change::Opened, Ok(_)) => {}
            (Change::Closed, _) => log!("voice_analytics: the LLM server works again, requests go on"),
        }
    }
}

/// The part of a failure's message that may be logged: of a response's failure, the server's own words follow the colon.
fn for_the_log<'a>(failure: &'a Failure, response: &AnalysisResponse) -> &'a str {
    let ours = response.http_status.and_then(|_| failure.message.split(": ").next());
    ours.unwrap_or(&failure.message)
}

/// Unix microseconds.
fn now_us() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since_epoch| since_epoch.as_micros() as i64)
}
