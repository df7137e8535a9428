//! What `voice_report_data()` gives, as far as the page shows it. A part that is missing was not to be read by whoever asked.

use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Data {
    pub tenant: String,
    pub zone: String,
    pub vertical: Option<String>,
    pub agent_id: Option<String>,
    /// In words: `22 Nov 2026 to 29 Nov 2026`.
    pub period: String,
    pub as_of: String,
    pub today: String,
    pub shift_days: u32,
    pub days: Vec<Day>,
    /// Whose figures `agents` are.
    pub by: Whose,
    pub agents: Vec<Agent>,
    pub latencies: Option<Vec<Latency>>,
    pub intents: Option<Vec<Intent>>,
    /// Day of the week (1 is Monday), hour, calls.
    pub hours: Option<Vec<(u8, u8, u64)>>,
    pub tools: Option<Vec<Tool>>,
    pub end_reasons: Option<Vec<EndReason>>,
    pub calls_to_look_at: Option<Vec<Call>>,
    pub scorecards: Option<Vec<Scorecard>>,
    pub agreement: Option<Vec<Agreement>>,
    pub cost: Option<Cost>,
    pub progress: Option<Vec<Progress>>,
    pub queue: Option<Queue>,
    /// The servers whose figures these are, on a page of several (examples/fleet.sql).
    pub cells: Option<Vec<Cell>>,
    pub left_out: Vec<String>,
}

/// An agent each, or, of several servers, a tenant each.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whose {
    #[default]
    Agent,
    Tenant,
}

impl Whose {
    /// As a heading, of one and of several.
    pub fn title(self, several: bool) -> &'static str {
        match (self, several) {
            (Whose::Agent, false) => "Agent",
            (Whose::Agent, true) => "Agents",
            (Whose::Tenant, false) => "Tenant",
            (Whose::Tenant, true) => "Tenants",
        }
    }

    /// Within a sentence.
    pub fn name(self, count: usize) -> &'static str {
        match (self, count) {
            (Whose::Agent, 1) => "agent",
            (Whose::Agent, _) => "agents",
            (Whose::Tenant, 1) => "tenant",
            (Whose::Tenant, _) => "tenants",
        }
    }
}

/// A day, or an agent's days together.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
pub struct Figures {
    pub calls: u64,
    pub in_progress: u64,
    pub completed: u64,
    pub failed: u64,
    pub transferred: u64,
    pub minutes: f64,
    pub analyzed: u64,
    /// Mean, -1 to 1; `None`: nothing was analysed.
    pub sentiment: Option<f64>,
    /// Mean, 0 to 100.
    pub lead_score: Option<f64>,
    pub hot_leads: u64,
    /// Results of the tenant's own analyses.
    pub passed: u64,
    pub not_passed: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Day {
    pub day: String,
    /// `Wed 25 Nov`.
    pub label: String,
    #[serde(flatten)]
    pub figures: Figures,
    /// The day so many weeks earlier.
    pub before: Option<Figures>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Agent {
    pub agent_id: String,
    pub name: Option<String>,
    pub vertical: Option<String>,
    #[serde(flatten)]
    pub figures: Figures,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Latency {
    /// `None`: all days together.
    pub day: Option<String>,
    /// Of the days before, together.
    pub before: bool,
    pub stage: String,
    pub turns: u64,
    pub p50: Option<f64>,
    pub p95: Option<f64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Intent {
    pub intent: String,
    pub calls: u64,
    pub before: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Tool {
    pub name: String,
    pub calls: u64,
    pub errors: u64,
    pub p50_ms: Option<f64>,
    pub p95_ms: Option<f64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct EndReason {
    pub reason: String,
    pub calls: u64,
}

/// A call that somebody should look at. `summary` and what follows are there for who may read words.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Call {
    /// `lead`, `sentiment`, `doubt` or `silence`.
    pub why: String,
    pub value: f64,
    pub call_id: String,
    pub started: String,
    pub agent_id: String,
    pub agent_name: Option<String>,
    pub vertical: String,
    pub sentiment: f64,
    pub lead_score: f64,
    pub intent: String,
    pub entities: Option<BTreeMap<String, serde_json::Value>>,
    pub summary: Option<String>,
    pub next_action: Option<String>,
    pub contact_number: Option<String>,
    pub evidence: Option<Vec<Evidence>>,
    pub transcript: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Evidence {
    pub claim: String,
    pub quote: String,
    pub speaker: Option<String>,
    pub supported: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Scorecard {
    pub analysis: String,
    pub version: i64,
    pub group_key: String,
    pub calls: u64,
    pub passed: u64,
    pub failed: u64,
    pub avg_score: Option<f64>,
    pub criteria: BTreeMap<String, Criterion>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Criterion {
    /// 0 to 1; `None`: judged in no call.
    pub pass_rate: Option<f64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Agreement {
    pub sentence: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Cost {
    /// The dearest first.
    pub currencies: Vec<Spent>,
    /// Requests whose cost is not known; no sum has them.
    pub unpriced_requests: u64,
}

/// What was spent in one currency. `None`: nothing in it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Spent {
    /// `None`: the calls name none.
    pub currency: Option<String>,
    pub calls_with_cost: u64,
    pub call_cost: Option<f64>,
    pub call_cost_per_minute: Option<f64>,
    pub requests: u64,
    pub analysis_cost: Option<f64>,
    pub analysis_cost_per_minute: Option<f64>,
    pub days: Vec<SpentOnDay>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct SpentOnDay {
    pub day: String,
    pub call_cost: Option<f64>,
    pub analysis_cost: Option<f64>,
}

/// Something that takes long.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Progress {
    pub kind: String,
    pub name: String,
    pub done: u64,
    pub total: u64,
    pub per_minute: Option<f64>,
    /// When it is done if it goes on so, in words.
    pub ends: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Queue {
    pub state: Option<String>,
    pub reason: Option<String>,
    pub analyzer: Option<String>,
    pub queued: Option<u64>,
    pub running: Option<u64>,
    pub dead: Option<u64>,
    pub oldest_wait_ms: Option<f64>,
    pub p50_ms: Option<f64>,
    pub p95_ms: Option<f64>,
    pub last_error: Option<String>,
}

/// A server and its queue.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Cell {
    pub name: String,
    pub tenants: u64,
    pub calls: u64,
    /// `None`: it could not be asked.
    pub worker_up: Option<bool>,
    pub queued: Option<u64>,
    pub running: Option<u64>,
    pub dead: Option<u64>,
    pub wait_ms: Option<f64>,
    pub p95_ms: Option<f64>,
}

impl Data {
    /// So many rows of each table, so many characters of each transcript.
    pub fn shorten(&mut self, rows: usize, chars: usize) {
        self.agents.truncate(rows);
        self.scorecards.iter_mut().for_each(|cards| cards.truncate(rows));
        self.tools.iter_mut().for_each(|tools| tools.truncate(rows));
        self.end_reasons.iter_mut().for_each(|reasons| reasons.truncate(rows));
        self.progress.iter_mut().for_each(|progress| progress.truncate(rows));
        if let Some(calls) = &mut self.calls_to_look_at {
            let mut leads = 0;
            calls.retain(|call| {
                leads += usize::from(call.why == "lead");
                call.why != "lead" || leads <= rows
            });
        }
        for transcript in self.calls_to_look_at.iter_mut().flatten().filter_map(|call| call.transcript.as_mut()) {
            *transcript = super::format::lines(transcript, chars);
        }
    }
}

impl Figures {
    /// Calls that are over.
    pub fn ended(&self) -> u64 {
        self.completed + self.failed + self.transferred
    }

    pub fn is_empty(&self) -> bool {
        self.calls == 0 && self.analyzed == 0
    }

    /// Several days as one; means are weighed by analysed calls.
    pub fn sum<'a>(days: impl Iterator<Item = &'a Figures>) -> Figures {
        let mut total = Figures::default();
        let (mut sentiment, mut lead_score) = (0.0, 0.0);
        for day in days {
            total.calls += day.calls;
            total.in_progress += day.in_progress;
            total.completed += day.completed;
            total.failed += day.failed;
            total.transferred += day.transferred;
            total.minutes += day.minutes;
            total.analyzed += day.analyzed;
            total.hot_leads += day.hot_leads;
            total.passed += day.passed;
            total.not_passed += day.not_passed;
            sentiment += day.sentiment.unwrap_or(0.0) * day.analyzed as f64;
            lead_score += day.lead_score.unwrap_or(0.0) * day.analyzed as f64;
        }
        if total.analyzed > 0 {
            total.sentiment = Some(sentiment / total.analyzed as f64);
            total.lead_score = Some(lead_score / total.analyzed as f64);
        }
        total
    }
}
