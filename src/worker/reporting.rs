//! What the worker says of itself: its state and figures in shared memory, its text in `pg_stat_activity`, and the log's
//! few lines. Nobody's words and no secrets: causes of single failures stand in `voice.attempt`.

use super::main_loop::Server;
use crate::db::outcome::{Outcome, Settled};
use crate::guc::Analyzer;
use crate::host::process;
use crate::host::shmem::State;
use crate::host::usage::Answered;
use pgrx::prelude::*;
use std::sync::atomic::Ordering::*;
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use voice_core::breaker::Change;
use voice_net::{AnalysisResponse, Failure};

impl Server {
    pub(super) fn show_state(&self) {
        let refusal = self.search_error.as_deref().or(self.provider.refusal());
        match refusal {
            _ if !self.settings.enabled => self.slot.set_state(State::Disabled, "voice_analytics.enabled is off"),
            Some(reason) => self.slot.set_state(State::Misconfigured, reason),
            None => match self.provider.failure() {
                Some(reason) => self.slot.set_state(State::Waiting, &reason),
                None => {
                    let state = if self.is_empty_handed() { State::Idle } else { State::Working };
                    let rest = self.queue.throttled().next().is_some();
                    self.slot.set_state(state, if rest { "jobs wait for the limits of their tenants" } else { "" });
                }
            },
        }
    }

    pub(super) fn publish_metrics(&self) {
        self.slot.in_flight.store((self.flights.len() + self.deliveries.in_flight()) as u32, Release);
        let breaker = self.provider.breaker();
        self.slot.set_breaker(match self.settings.analyzer {
            Analyzer::builtin => "",
            Analyzer::openai => breaker.name(),
        });
        self.slot.provider_failures.store(breaker.failures(), Release);
        let wait = self.provider.next().map(|t| t.saturating_duration_since(Instant::now()));
        let moment = wait.and_then(|wait| (SystemTime::now() + wait).duration_since(UNIX_EPOCH).ok());
        self.slot.next_request_at.store(moment.map_or(0, |m| m.as_micros() as u64), Release);
    }

    /// For `pg_stat_activity`: what the worker waits for.
    pub(super) fn show_waiting(&self) {
        let text = match (self.flights.len() + self.deliveries.in_flight(), self.slot.state()) {
            (0, "idle" | "working") => "voice_analytics: waiting for calls to end".to_owned(),
            (0, "waiting for provider") => "voice_analytics: waiting for the LLM server to work again".to_owned(),
            (0, state) => format!("voice_analytics: {state}, see voice_status()"),
            (n, _) => format!("voice_analytics: {n} requests in flight"),
        };
        process::report_idle(&text);
    }

    /// What was answered, by model, for whoever watches the costs. An answer that came too late has cost its tokens too.
    pub(super) fn count_usage(&self, settled: &Settled, stored: bool) {
        let Some(model) = &settled.model else { return };
        let tokens = |count: Option<i32>| count.map_or(0, |n| n.max(0) as u64);
        let failed = matches!(settled.outcome, Outcome::Failed { .. } | Outcome::Snoozed { .. });
        let answered = Answered {
            analyses: u64::from(stored),
            failures: u64::from(failed),
            prompt_tokens: tokens(settled.tokens.prompt),
            completion_tokens: tokens(settled.tokens.completion),
        };
        self.slot.usage.add(model, &answered);
    }

    pub(super) fn log_error(&self, error: &str) {
        if self.slot.last_error.read().as_deref() != Some(error) {
            log!("voice_analytics: {error}");
        }
        self.record_error(error);
    }

    /// For `voice_status()` only.
    pub(super) fn record_error(&self, error: &str) {
        self.slot.last_error.write(error);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_micros() as u64);
        self.slot.last_error_at.store(now, Release);
    }

    /// One line when requests stop, one when they go on.
    pub(super) fn log_breaker(&self, change: Change, answer: &AnalysisResponse) {
        match (change, &answer.outcome) {
            (Change::Opened, Err(failure)) => {
                log!(
                    "voice_analytics: requests to the LLM server stop ({}); no attempt is used up, and one request now and then looks whether it is back",
                    for_the_log(failure, answer)
                );
            }
            (Change::Opened, Ok(_)) => {}
            (Change::Closed, _) => log!("voice_analytics: the LLM server works again, requests go on"),
        }
    }
}

/// What follows the colon of a response's failure are the server's own words.
pub fn for_the_log<'a>(failure: &'a Failure, answer: &AnalysisResponse) -> &'a str {
    let ours = answer.http_status.and_then(|_| failure.message.split(": ").next());
    ours.unwrap_or(&failure.message)
}
