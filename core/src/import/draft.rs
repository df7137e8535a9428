//! A call as one format says it: times in either clock, tool calls and their results apart. `settle.rs` makes it a call.

use super::fields::{Fields, Item, Json, error, parsed, quoted};
use super::options::Speaker;
use super::{Cost, ImportError};

/// When something was, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum When {
    #[default]
    Unknown,
    /// Since 1970.
    Epoch(f64),
    /// Since the start of the call; a little below zero where clocks differ.
    Offset(f64),
}

impl When {
    pub fn epoch(ms: Option<f64>) -> When {
        ms.map_or(When::Unknown, When::Epoch)
    }

    pub fn offset(ms: Option<f64>) -> When {
        ms.map_or(When::Unknown, When::Offset)
    }

    pub fn or(self, other: When) -> When {
        if self == When::Unknown { other } else { self }
    }
}

#[derive(Debug, Clone)]
pub struct DraftTurn {
    /// Where it stands in the payload.
    pub path: String,
    pub who: Speaker,
    pub text: String,
    pub start: When,
    pub end: When,
    pub interrupted: bool,
    pub latencies: [Option<i32>; 4],
    /// What has no column.
    pub left: Json,
}

impl DraftTurn {
    pub fn new(item: &Item<'_>, who: Speaker, text: String) -> Self {
        DraftTurn {
            path: item.path.clone(),
            who,
            text,
            start: When::Unknown,
            end: When::Unknown,
            interrupted: false,
            latencies: [None; 4],
            left: Json::object(),
        }
    }
}

#[derive(Debug, Clone)]
pub struct DraftTool {
    pub path: String,
    /// Joins it with its result.
    pub id: Option<String>,
    pub turn: Option<usize>,
    pub name: String,
    pub args: Option<String>,
    pub at: When,
    pub result: Option<DraftResult>,
    pub left: Json,
}

#[derive(Debug, Clone, Default)]
pub struct DraftResult {
    pub id: Option<String>,
    /// JSON.
    pub result: Option<String>,
    pub error_text: Option<String>,
    pub at: When,
    pub latency_ms: Option<i32>,
    pub left: Json,
}

impl DraftResult {
    /// What a tool answered: a result, or the words of its failure.
    pub fn new(id: Option<String>, content: Option<&Item<'_>>, failed: bool) -> Result<Self, ImportError> {
        let mut answer = DraftResult { id, ..DraftResult::default() };
        match content {
            Some(content) if failed => {
                let said = if content.is_text() { content.text()? } else { content.json.to_owned() };
                answer.error_text = Some(said).filter(|said| !said.is_empty());
            }
            Some(content) => answer.result = parsed(content)?,
            None => {}
        }
        if failed && answer.error_text.is_none() {
            answer.error_text = Some("failed".to_owned());
        }
        Ok(answer)
    }
}

/// Of the whole call, as far as the format says it.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    pub id: Option<String>,
    pub agent_id: Option<String>,
    pub agent_name: Option<String>,
    pub voice: Option<String>,
    /// The system prompt: only its hash is kept.
    pub prompt: Option<String>,
    pub direction: Option<&'static str>,
    pub status: Option<&'static str>,
    pub from: Option<String>,
    pub to: Option<String>,
    pub end_reason: Option<String>,
    pub recording_url: Option<String>,
    pub language: Option<String>,
    /// Milliseconds since 1970, and where the payload says it.
    pub started: Option<(f64, String)>,
    pub ended: Option<(f64, String)>,
    pub duration_ms: Option<f64>,
    pub cost: Option<Cost>,
    pub turns: Vec<DraftTurn>,
    pub tools: Vec<DraftTool>,
    pub results: Vec<DraftResult>,
    /// What happened and was no speech, JSON.
    pub events: Vec<String>,
    pub notes: Vec<String>,
    /// What has no column.
    pub meta: Json,
    /// Said where a payload cannot be imported without `options.started_at`.
    pub needs_start: Option<&'static str>,
}

impl Draft {
    /// Adds a turn. One without words is none: `false`, and nothing but what is known beside is kept, as an event.
    pub fn turn(&mut self, turn: DraftTurn) -> bool {
        if turn.text.trim().is_empty() {
            return false;
        }
        self.turns.push(turn);
        true
    }

    /// The turn that something between turns belongs to: the one before it.
    pub fn last_turn(&self) -> Option<usize> {
        self.turns.len().checked_sub(1)
    }

    /// Adds a tool call, to the turn before it.
    pub fn tool(&mut self, path: &str, id: Option<String>, name: String, args: Option<String>, at: When) {
        let turn = self.last_turn();
        self.tools.push(DraftTool {
            path: path.to_owned(),
            id,
            turn,
            name,
            args,
            at,
            result: None,
            left: Json::object(),
        });
    }

    /// Adds what was no speech, with what is left of its fields.
    pub fn event(&mut self, kind: &str, fields: Fields<'_>) {
        let mut event = Json::object();
        event.text("kind", kind);
        if let Some(turn) = self.last_turn() {
            event.number("after_turn", turn as f64);
        }
        fields.into_json(&mut event);
        self.events.push(event.finish());
    }

    /// A system prompt before any turn is the agent's; a later one is what the agent was told during the call. `after`: the
    /// turn before it.
    pub fn system(&mut self, text: String, after: Option<usize>) {
        if self.prompt.is_none() && after.is_none() {
            self.prompt = Some(text);
        } else if self.prompt.as_ref() != Some(&text) {
            let mut event = Json::object();
            event.text("kind", "system");
            if let Some(turn) = after {
                event.number("after_turn", turn as f64);
            }
            event.text("text", &text);
            self.events.push(event.finish());
        }
    }

    pub fn started_at(
        &mut self,
        fields: &mut Fields<'_>,
        key: &str,
        unit: super::time::Unit,
    ) -> Result<(), ImportError> {
        let path = fields.path_of(key);
        self.started = fields.moment(key, unit)?.map(|ms| (ms, path)).or(self.started.take());
        Ok(())
    }

    pub fn ended_at(&mut self, fields: &mut Fields<'_>, key: &str, unit: super::time::Unit) -> Result<(), ImportError> {
        let path = fields.path_of(key);
        self.ended = fields.moment(key, unit)?.map(|ms| (ms, path)).or(self.ended.take());
        Ok(())
    }
}

/// A name that must be there.
pub fn name_of(fields: &mut Fields<'_>, key: &str) -> Result<String, ImportError> {
    let path = fields.path_of(key);
    fields.text(key)?.ok_or_else(|| error(&path, None, "the name of a tool"))
}

/// A state of a call that has not ended.
pub fn in_progress(path: &str, state: &str) -> ImportError {
    error(path, Some(&quoted(state)), "that of a call that has ended: an import takes no call in progress")
}
