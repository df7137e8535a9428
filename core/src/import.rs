//! One finished call as JSON (a line of calls.jsonl): what each value must be, and what it says. Other formats have a file
//! each beside this one, and become the same `Import`: `from_format`.
//!
//! Times of day stay text, because only Postgres knows the session's time zone; durations are milliseconds.

mod assemblyai;
mod bland;
mod deepgram;
mod detect;
mod draft;
mod elevenlabs;
pub(crate) mod fields;
mod format;
mod json;
mod keys;
mod livekit;
pub mod merge;
mod openai_realtime;
mod options;
mod pipecat;
mod python;
mod retell;
mod settle;
pub mod time;
mod twilio;
mod vapi;
mod vcon;
mod voice;

pub use detect::detect;
pub use fields::quoted;
pub use format::{Format, from_format};
pub use options::{HUMAN_AGENT, Options};
pub use time::Time;

use crate::call::is_amount;
use crate::vocabulary::{COMPLETED, DIRECTIONS, ENDED_STATUSES, INBOUND, ROLES};
use json::{Kind, Object, STRING, elements, kind, refused};

/// A value that an import cannot use: where it stands, what it is (JSON; `None`: missing), what it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportError {
    pub path: String,
    pub value: Option<String>,
    pub expected: String,
}

/// A call, not stored yet. '' and null are how some clients say that there is none, where a value may be missing.
#[derive(Debug, Clone, PartialEq)]
pub struct Import {
    /// `external_id`, or else `id`.
    pub external_id: Option<String>,
    pub agent: Agent,
    pub direction: String,
    pub status: String,
    pub from: Option<String>,
    pub to: Option<String>,
    pub end_reason: Option<String>,
    pub recording_url: Option<String>,
    pub language: Option<String>,
    pub started_at: Option<Time>,
    pub ended_at: Option<Time>,
    pub duration_ms: Option<f64>,
    pub cost: Option<Cost>,
    /// JSON.
    pub meta: Option<String>,
    pub turns: Vec<Turn>,
    pub tool_calls: Vec<ToolCall>,
    /// What was made of the call elsewhere: a JSON object, as `voice_import_scores` takes it, without the call.
    pub scores: Option<String>,
    /// What was not as the format has it and was mended, in sentences.
    pub notes: Vec<String>,
}

/// What the provider charged for the call.
#[derive(Debug, Clone, PartialEq)]
pub struct Cost {
    pub amount: f64,
    /// ISO 4217.
    pub currency: String,
}

/// Who answered. `id` is missing where the call names none: it is then one a vertical.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Agent {
    pub id: Option<String>,
    pub name: Option<String>,
    pub vertical: String,
    pub prompt_hash: Option<String>,
    pub voice: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    pub role: String,
    /// Who spoke, where the role does not say it: `human_agent`.
    pub speaker: Option<String>,
    /// What was heard: of an interrupted turn the words up to the interruption, where the format knows them.
    pub text: String,
    /// From the start of the call, as is `end_ms`.
    pub start_ms: Option<f64>,
    pub end_ms: Option<f64>,
    pub started_at: Option<Time>,
    pub ended_at: Option<Time>,
    pub audio_url: Option<String>,
    pub interrupted: bool,
    /// Transcription, the LLM's first token, the first byte of speech, end to end.
    pub latencies: [Option<i32>; 4],
}

#[derive(Debug, Clone, PartialEq)]
pub struct ToolCall {
    /// The turn that it belongs to, by its place in `turns`.
    pub turn: Option<usize>,
    pub name: String,
    /// JSON, as is `result`.
    pub args: Option<String>,
    pub result: Option<String>,
    pub error_text: Option<String>,
    pub latency_ms: Option<i32>,
    /// From the start of the call.
    pub offset_ms: Option<f64>,
    pub invoked_at: Option<Time>,
}

impl Import {
    /// Reads a call; the first value that cannot be used is refused.
    pub fn parse(json: &str) -> Result<Import, ImportError> {
        let call = Object::of(json, "").ok_or_else(|| refused("the call", json, "a JSON object"))?;
        let turns = call.required("turns", "an array")?;
        let turns = elements(turns).ok_or_else(|| refused("turns", turns, "an array"))?;
        let tool_calls = match call.value("tool_calls") {
            None => Vec::new(),
            Some(json) => elements(json).ok_or_else(|| refused("tool_calls", json, "an array"))?,
        };
        let id = match call.value("id") {
            Some(number) if kind(number) == Kind::Number => Some(number.to_owned()),
            _ => call.string("id")?,
        };
        let not_empty = |text: Option<String>| text.filter(|t| !t.is_empty());
        let mut turns_in_order =
            turns.iter().enumerate().map(|(at, json)| Turn::of(json, at)).collect::<Result<Vec<_>, _>>()?;
        settle::place_untimed(&mut turns_in_order);
        Ok(Import {
            external_id: not_empty(call.string("external_id")?).or(not_empty(id)),
            agent: Agent::of(&call)?,
            direction: call.one_of("direction", &DIRECTIONS, "inbound or outbound")?.unwrap_or(INBOUND.into()),
            status: call
                .one_of(
                    "status",
                    &ENDED_STATUSES,
                    "completed, failed or transferred (an import is of a call that has ended)",
                )?
                .unwrap_or(COMPLETED.into()),
            from: call.string("from")?.or(call.string("from_number")?),
            to: call.string("to")?.or(call.string("to_number")?),
            end_reason: call.string("end_reason")?,
            recording_url: call.string("recording_url")?,
            language: call.string("language")?,
            started_at: call.timestamp("started_at")?.map(Time::Text),
            ended_at: call.timestamp("ended_at")?.map(Time::Text),
            duration_ms: call.milliseconds("duration_ms")?,
            cost: Cost::of(&call),
            meta: call.value("meta").map(str::to_owned),
            turns: turns_in_order,
            tool_calls: tool_calls
                .iter()
                .enumerate()
                .map(|(at, json)| ToolCall::of(json, at, turns.len()))
                .collect::<Result<_, _>>()?,
            scores: call.object("scores")?.map(str::to_owned),
            notes: keys::left_out(&call).into_iter().collect(),
        })
    }

    /// Where the last turn ends; `None`: no turn says when it was.
    pub fn last_word_ms(&self) -> Option<f64> {
        self.turns.iter().flat_map(|t| [t.start_ms, t.end_ms]).flatten().reduce(f64::max)
    }
}

impl Cost {
    /// `None`: none that the table takes. What a call costs is no reason to refuse its words.
    fn of(call: &Object<'_>) -> Option<Cost> {
        let amount =
            call.value("cost").and_then(|json| serde_json::from_str(json).ok()).filter(|cost| is_amount(*cost));
        let currency = call.string("currency").ok().flatten();
        let currency = currency.filter(|code| code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase()));
        Some(Cost { amount: amount?, currency: currency? })
    }
}

impl Agent {
    fn of(call: &Object<'_>) -> Result<Agent, ImportError> {
        let not_empty = |text: Option<String>| text.filter(|t| !t.is_empty());
        let agent = call.value("agent");
        let described = match agent.map(kind) {
            Some(Kind::Object) => agent.and_then(|json| Object::of(json, "agent.")),
            Some(Kind::String) | None => None,
            _ => return Err(refused("agent", agent.unwrap_or_default(), "an object or an id")),
        };
        let named = if agent.map(kind) == Some(Kind::String) { call.string("agent")? } else { None };
        let field = |key| described.as_ref().map_or(Ok(None), |agent| agent.string(key));
        let name = not_empty(field("name")?);
        Ok(Agent {
            id: not_empty(field("id")?).or(not_empty(named)).or(not_empty(call.string("agent_id")?)).or(name.clone()),
            vertical: not_empty(field("vertical")?).or(not_empty(call.string("vertical")?)).unwrap_or("general".into()),
            prompt_hash: field("prompt_hash")?,
            voice: field("voice")?,
            name,
        })
    }
}

impl Turn {
    fn of(json: &str, at: usize) -> Result<Turn, ImportError> {
        let expected = "an object with role and text";
        let turn = Object::of(json, &format!("turns[{at}]."))
            .filter(|turn| turn.has("role") && turn.has("text"))
            .ok_or_else(|| refused(&format!("turns[{at}]"), json, expected))?;
        let role = turn.one_of("role", &ROLES, "user, assistant or system")?;
        // Clocks that differ: a turn that ends before it starts ends as it starts.
        let start_ms = turn.offset("start_ms")?;
        let end_ms = turn.offset("end_ms")?.map(|end| end.max(start_ms.unwrap_or(0.0)));
        Ok(Turn {
            role: role.ok_or_else(|| turn.refused("role", "user, assistant or system"))?,
            speaker: turn.string("speaker").ok().flatten().filter(|speaker| !speaker.is_empty()),
            text: turn.string("text")?.ok_or_else(|| turn.refused("text", STRING))?,
            start_ms,
            end_ms,
            started_at: turn.timestamp("started_at")?.map(Time::Text),
            ended_at: turn.timestamp("ended_at")?.map(Time::Text),
            audio_url: turn.string("audio_url")?,
            interrupted: turn.boolean("interrupted")?.unwrap_or(false),
            latencies: [
                turn.whole_milliseconds("transcription_ms")?,
                turn.whole_milliseconds("llm_ttft_ms")?,
                turn.whole_milliseconds("tts_ttfb_ms")?,
                turn.whole_milliseconds("e2e_latency_ms")?,
            ],
        })
    }
}

impl ToolCall {
    fn of(json: &str, at: usize, turns: usize) -> Result<ToolCall, ImportError> {
        let tool_call = Object::of(json, &format!("tool_calls[{at}]."))
            .filter(|tool_call| tool_call.has("name"))
            .ok_or_else(|| refused(&format!("tool_calls[{at}]"), json, "an object with a name"))?;
        let name = tool_call.string("name")?.filter(|name| !name.is_empty());
        let turn = tool_call.value("turn").and_then(|json| json.parse().ok()).filter(|turn| *turn < turns);
        Ok(ToolCall {
            turn,
            name: name.ok_or_else(|| tool_call.refused("name", STRING))?,
            args: tool_call.value("args").map(str::to_owned),
            result: tool_call.value("result").map(str::to_owned),
            error_text: tool_call.string("error_text")?.or(tool_call.string("error")?),
            latency_ms: tool_call.whole_milliseconds("latency_ms")?,
            offset_ms: tool_call.offset("offset_ms")?.or(tool_call.offset("start_ms")?),
            invoked_at: tool_call.timestamp("invoked_at")?.map(Time::Text),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn path_of(json: &str) -> String {
        Import::parse(json).map_or_else(|refused| refused.path, |_| "accepted".to_owned())
    }

    #[test]
    fn a_line_says_what_it_says() {
        let call = Import::parse(
            r#"{"id": "c1", "agent": {"name": "Ava", "vertical": "salon"}, "duration_ms": 61000.4, "from": "+1555",
                "meta": {"n": 12345678901234567890.5}, "status": null,
                "turns": [{"role": "user", "text": "h\u00e9llo", "start_ms": 10, "end_ms": 900.5, "llm_ttft_ms": 99.6, "mood": 1}],
                "tool_calls": [{"name": "book", "args": {"at": [1, 2]}, "result": null, "offset_ms": 500, "error": "full"}]}"#,
        )
        .unwrap();
        assert_eq!((call.external_id.as_deref(), call.agent.id.as_deref()), (Some("c1"), Some("Ava")));
        assert_eq!((call.agent.vertical.as_str(), call.status.as_str()), ("salon", "completed"));
        assert_eq!(call.meta.as_deref(), Some(r#"{"n": 12345678901234567890.5}"#), "numbers keep their digits");
        assert_eq!((call.turns[0].text.as_str(), call.turns[0].latencies[1]), ("héllo", Some(100)));
        assert_eq!(call.last_word_ms(), Some(900.5));
        let tool = &call.tool_calls[0];
        assert_eq!((tool.args.as_deref(), tool.result.as_deref()), (Some(r#"{"at": [1, 2]}"#), None));
        assert_eq!((tool.error_text.as_deref(), tool.offset_ms), (Some("full"), Some(500.0)));
    }

    #[test]
    fn an_agent_may_be_named_in_many_ways() {
        let id = |json: &str| Import::parse(json).unwrap().agent.id;
        assert_eq!(id(r#"{"agent": "a1", "agent_id": "a2", "turns": []}"#).as_deref(), Some("a1"));
        assert_eq!(id(r#"{"agent": {"id": "", "name": "Bo"}, "turns": []}"#).as_deref(), Some("Bo"));
        assert_eq!(id(r#"{"agent_id": "a2", "turns": []}"#).as_deref(), Some("a2"));
        assert_eq!(id(r#"{"vertical": "salon", "turns": []}"#), None);
    }

    #[test]
    fn the_first_value_that_cannot_be_used_is_named() {
        for (json, path) in [
            ("[]", "the call"),
            (r#"{"turns": {}}"#, "turns"),
            (r#"{"id": {}, "turns": []}"#, "id"),
            (r#"{"turns": [5]}"#, "turns[0]"),
            (r#"{"turns": [{"role": "user", "text": null}]}"#, "turns[0].text"),
            (r#"{"turns": [{"role": null, "text": "a"}]}"#, "turns[0].role"),
            (r#"{"turns": [{"role": "user", "text": "a", "end_ms": 2147483648}]}"#, "turns[0].end_ms"),
            (r#"{"turns": [{"role": "user", "text": "a", "start_ms": -300001}]}"#, "turns[0].start_ms"),
            (r#"{"turns": [{"role": "user", "text": "a", "interrupted": "no"}]}"#, "turns[0].interrupted"),
            (r#"{"turns": [], "tool_calls": [{"name": ""}]}"#, "tool_calls[0].name"),
            (r#"{"turns": [], "tool_calls": 1}"#, "tool_calls"),
            (r#"{"turns": [], "agent": [1]}"#, "agent"),
            (r#"{"turns": [], "ended_at": "infinity"}"#, "ended_at"),
            (r#"{"turns": [], "tool_calls": null, "agent": null}"#, "accepted"),
        ] {
            assert_eq!(path_of(json), path, "{json}");
        }
    }

    #[test]
    fn a_cost_that_is_no_money_is_no_reason_to_refuse_the_words() {
        let cost = |json: &str| {
            let call = Import::parse(&format!(r#"{{"turns": [], "currency": "USD", "cost": {json}}}"#)).unwrap();
            call.cost.map(|cost| cost.amount)
        };
        assert_eq!([cost("0.25"), cost("-3"), cost("1e12")], [Some(0.25), Some(-3.0), Some(1e12)]);
        assert_eq!([cost("1e13"), cost("1e300"), cost("\"much\"")], [None; 3]);
        let bland = r#"{"call_id": "b-1", "created_at": "2026-03-01T09:30:00Z", "completed": true, "price": 1e200, "transcripts": []}"#;
        let call = from_format("bland", bland, "{}").unwrap();
        assert_eq!(call.cost, None);
        assert!(call.notes.iter().any(|note| note.starts_with("a cost of 1e200 USD")), "{:?}", call.notes);
    }

    #[test]
    fn clocks_that_differ_move_a_turn_and_turns_without_times_keep_their_place() {
        let times = |turns: &str| -> Vec<(Option<f64>, Option<f64>)> {
            let call = Import::parse(&format!(r#"{{"turns": [{turns}]}}"#)).unwrap();
            call.turns.iter().map(|turn| (turn.start_ms, turn.end_ms)).collect()
        };
        let turn = |times: &str| format!(r#"{{"role": "user", "text": "a"{times}}}"#);
        assert_eq!(times(&turn(r#", "start_ms": 5000, "end_ms": 4980"#)), [(Some(5000.0), Some(5000.0))]);
        assert_eq!(times(&turn(r#", "start_ms": -120, "end_ms": -300000"#)), [(Some(0.0), Some(0.0))]);
        let turns = ["", r#", "start_ms": 2100"#, "", r#", "start_ms": 7300"#, ""].map(turn).join(", ");
        let starts: Vec<_> = times(&turns).into_iter().map(|(start, _)| start).collect();
        assert_eq!(starts, [2100.0, 2100.0, 2100.0, 7300.0, 7300.0].map(Some));
        assert_eq!(times(&[turn(""), turn("")].join(", ")), [(None, None), (None, None)]);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(json in ".{0,200}") {
            let _ = Import::parse(&json);
        }

        /// Whatever JSON stands where a value belongs, it is either taken or refused by its place.
        #[test]
        fn any_value_anywhere_is_taken_or_refused(
            key in prop::sample::select(vec![
                "id", "external_id", "agent", "agent_id", "vertical", "direction", "status", "from", "started_at",
                "duration_ms", "meta", "turns", "tool_calls", "scores",
            ]),
            value in prop::sample::select(vec![
                "null", "true", "1", "-1", "1e400", "\"\"", "\"x\"", "[]", "{}", "[{}]", "[[]]", "{\"id\":1}", "[null]",
                "[{\"role\":\"user\",\"text\":\"a\"}]", "[{\"name\":\"a\",\"latency_ms\":1e99}]",
            ]),
        ) {
            let json = match key {
                "turns" => format!("{{\"turns\": {value}}}"),
                key => format!("{{\"turns\": [], \"{key}\": {value}}}"),
            };
            if let Err(refused) = Import::parse(&json) {
                prop_assert!(refused.path.starts_with(key), "{json}: {refused:?}");
            }
        }
    }
}
