//! A draft becomes a call: one clock for all times, results joined to their tool calls, options over what was said.

use super::draft::{Draft, DraftTurn, When};
use super::fields::{Json, array_json, error, number_json, quoted};
use super::options::Options;
use super::time::{MAX_MS, MOST_CLOCK_SKEW_MS, Time, rfc3339, whole_microseconds};
use super::{Agent, Import, ImportError, ToolCall, Turn};
use crate::call::is_amount;
use sha2::{Digest, Sha256};
use std::collections::{HashMap, VecDeque};

/// Whole-second durations cut words off by less.
const END_TOLERANCE_MS: f64 = 1000.0;

/// Clocks that differ by less are of one time zone and one machine room: times are moved one by one.
const LEAST_SHIFT_MS: f64 = 60_000.0;
/// Time zones differ by less.
const MOST_SHIFT_MS: f64 = 86_400_000.0;

/// The call that a payload of `format` says, with what the caller knows. `raw` is kept where the options say so.
pub fn settle(mut draft: Draft, format: &str, options: &Options, raw: &str) -> Result<Import, ImportError> {
    join_results(&mut draft);
    let clock = Clock::of(&mut draft, options)?;
    let mut clamped = Clamped::default();
    let mut turns = Vec::with_capacity(draft.turns.len());
    let mut left_of_turns = Vec::new();
    for (at, turn) in draft.turns.drain(..).enumerate() {
        turns.push(settled_turn(turn, at, &clock, &mut clamped, &mut left_of_turns)?);
    }
    place_untimed(&mut turns);
    let mut tool_calls = Vec::with_capacity(draft.tools.len());
    let mut left_of_tools = Vec::new();
    for (at, tool) in draft.tools.drain(..).enumerate() {
        let offset_ms = clock.offset(tool.at, &tool.path, &mut clamped)?;
        let answer = tool.result.unwrap_or_default();
        let latency_ms = answer.latency_ms.or_else(|| took(tool.at, answer.at));
        let mut left = Json::object();
        left.number("tool_call", at as f64);
        let ids = [("id", tool.id), ("call", tool.left.into_some()), ("result", answer.left.into_some())];
        let has_left = ids.iter().any(|(_, value)| value.is_some());
        for (key, value) in ids {
            match (key, value) {
                ("id", Some(id)) => left.text(key, &id),
                (_, Some(json)) => left.raw(key, &json),
                (_, None) => {}
            }
        }
        if has_left {
            left_of_tools.push(left.finish());
        }
        tool_calls.push(ToolCall {
            turn: tool.turn,
            name: tool.name,
            args: tool.args,
            result: answer.result,
            error_text: answer.error_text,
            latency_ms,
            offset_ms: offset_ms.or_else(|| tool.turn.and_then(|turn| turns.get(turn)?.start_ms)),
            invoked_at: None,
        });
    }
    clamped.note(&mut draft.notes);
    if let Some(cost) = draft.cost.take_if(|cost| !is_amount(cost.amount)) {
        draft
            .notes
            .push(format!("a cost of {:e} {} is no amount of money: it was left out", cost.amount, cost.currency));
    }

    let mut kept = draft.meta;
    for (key, elements) in [("turns", left_of_turns), ("tool_calls", left_of_tools), ("events", draft.events)] {
        if !elements.is_empty() {
            kept.raw(key, &array_json(&elements));
        }
    }
    if !draft.notes.is_empty() {
        let notes: Vec<String> = draft.notes.iter().map(|note| quoted(note)).collect();
        kept.raw("notes", &array_json(&notes));
    }
    if options.keep_raw {
        kept.raw("raw", raw);
    }
    let mut meta = Json::object();
    if let Some(kept) = kept.into_some() {
        meta.raw(format, &kept);
    }
    let id = options.external_id.clone().or(draft.id);
    Ok(Import {
        external_id: id.map(|id| format!("{format}:{id}")),
        agent: Agent {
            id: options.agent_id.clone().or(draft.agent_id).or(options.agent_name.clone()).or(draft.agent_name.clone()),
            name: options.agent_name.clone().or(draft.agent_name),
            vertical: options.vertical.clone().unwrap_or_else(|| "general".to_owned()),
            prompt_hash: draft.prompt.map(|prompt| hash(&prompt)),
            voice: draft.voice,
        },
        direction: options.direction.clone().unwrap_or_else(|| draft.direction.unwrap_or("inbound").to_owned()),
        status: draft.status.unwrap_or("completed").to_owned(),
        from: options.from.clone().or(draft.from),
        to: options.to.clone().or(draft.to),
        end_reason: draft.end_reason,
        recording_url: draft.recording_url,
        language: draft.language,
        started_at: clock.started.map(Time::EpochMs),
        ended_at: clock.ended.map(Time::EpochMs),
        duration_ms: clock.duration_ms,
        cost: draft.cost,
        meta: meta.into_some(),
        turns,
        tool_calls,
        scores: options.scores.clone(),
        notes: draft.notes,
    })
}

/// sha256, lower-case hexadecimal.
fn hash(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An untimed turn among timed ones has the time of the one before it; the first ones, that of the first that has one.
pub fn place_untimed(turns: &mut [Turn]) {
    let time = |turn: &Turn| (turn.start_ms, turn.started_at.clone());
    let is_timed = |turn: &Turn| turn.start_ms.is_some() || turn.started_at.is_some();
    let Some(first) = turns.iter().find(|turn| is_timed(turn)) else { return };
    let mut before = time(first);
    for turn in turns {
        if is_timed(turn) {
            before = time(turn);
        } else if turn.end_ms.is_none() && turn.ended_at.is_none() {
            (turn.start_ms, turn.started_at) = before.clone();
        }
    }
}

/// Each result belongs to the first call of its id that has none; one more of an id replaces the last.
fn join_results(draft: &mut Draft) {
    let mut calls: HashMap<&str, VecDeque<usize>> = HashMap::new();
    for (at, tool) in draft.tools.iter().enumerate() {
        if let Some(id) = &tool.id {
            calls.entry(id).or_default().push_back(at);
        }
    }
    let mut joined = Vec::new();
    let mut lost = 0;
    for result in std::mem::take(&mut draft.results) {
        let waiting = result.id.as_deref().and_then(|id| calls.get_mut(id));
        match waiting {
            Some(waiting) if waiting.len() > 1 => joined.extend(waiting.pop_front().map(|at| (at, result))),
            Some(waiting) => joined.extend(waiting.front().map(|at| (*at, result))),
            None => {
                lost += 1;
                let mut event = Json::object();
                event.text("kind", "tool_result");
                event.optional("id", result.id.as_ref());
                if let Some(json) = &result.result {
                    event.raw("result", json);
                }
                event.optional("error_text", result.error_text.as_ref());
                draft.events.push(event.finish());
            }
        }
    }
    for (at, result) in joined {
        draft.tools[at].result = Some(result);
    }
    if lost > 0 {
        draft.notes.push(format!("{lost} results of tools name no tool call of this call and are in meta"));
    }
}

/// Milliseconds from one to the other, where one clock counted both.
fn took(called: When, answered: When) -> Option<i32> {
    let ms = match (called, answered) {
        (When::Epoch(called), When::Epoch(answered)) | (When::Offset(called), When::Offset(answered)) => {
            answered - called
        }
        _ => return None,
    };
    (0.0..=MAX_MS).contains(&ms).then(|| ms.round() as i32)
}

/// When the call was.
struct Clock {
    started: Option<f64>,
    ended: Option<f64>,
    duration_ms: Option<f64>,
    /// By how much the clock of the turns is behind that of the call.
    behind_ms: f64,
}

impl Clock {
    fn of(draft: &mut Draft, options: &Options) -> Result<Clock, ImportError> {
        let told = options.started_ms().or(draft.started.as_ref().map(|(ms, _)| *ms));
        let mut ended = draft.ended.as_ref().map(|(ms, _)| *ms);
        let mut duration_ms = draft.duration_ms;
        if let (Some(start), Some((end, path))) = (told, &draft.ended)
            && *end < start
        {
            if start - end > MOST_CLOCK_SKEW_MS {
                return Err(error(
                    path,
                    Some(&number_json(*end)),
                    &format!("not before the call's start, {}", rfc3339(start)),
                ));
            }
            draft
                .notes
                .push(format!("the call ended {} before it started: it ended as it started", seconds(start - end)));
            ended = Some(start);
        }
        let times = draft.turns.iter().map(|turn| turn.start).chain(draft.tools.iter().map(|tool| tool.at));
        let times = times.filter_map(|when| if let When::Epoch(ms) = when { Some(ms) } else { None });
        let first = times.clone().reduce(f64::min);
        let span = first.zip(times.reduce(f64::max));
        let before_end = || Some(ended? - duration_ms?);
        let started = told.or_else(before_end).or(first);
        if told.or_else(before_end).is_none() && started.is_some() {
            draft.notes.push("no start of the call is given: it is the time of its first turn".into());
        }
        if started.is_none()
            && let Some(why) = draft.needs_start
        {
            return Err(error("options.started_at", None, why));
        }
        // A clock that went backwards by options: the end of the payload may lie before a start that was told.
        if let (Some(start), Some(end)) = (started, ended) {
            let between = whole_microseconds(end - start).max(0.0);
            if between > MAX_MS {
                let path = draft.ended.as_ref().map_or("", |(_, path)| path);
                return Err(error(
                    path,
                    Some(&number_json(end)),
                    &format!("within 24 days of the call's start, {}", rfc3339(start)),
                ));
            }
            if duration_ms.is_some_and(|ms| (ms - between).abs() > 5.0 * END_TOLERANCE_MS) {
                draft
                    .notes
                    .push(format!("the duration differs from start and end, {}; both are kept", seconds(between)));
            }
            duration_ms = duration_ms.or(Some(between));
        }
        let behind_ms = started.zip(span).map_or(0.0, |(start, span)| behind(start, duration_ms, span));
        if behind_ms != 0.0 {
            draft.notes.push(format!(
                "the clock of the turns differs from that of the call by {}: they were moved to its start",
                seconds(behind_ms.abs())
            ));
        }
        Ok(Clock { started, ended, duration_ms, behind_ms })
    }

    /// Milliseconds since the start of the call, within it.
    fn offset(&self, when: When, path: &str, clamped: &mut Clamped) -> Result<Option<f64>, ImportError> {
        let ms = match (when, self.started) {
            (When::Unknown, _) => return Ok(None),
            (When::Offset(ms), _) => ms,
            (When::Epoch(ms), Some(started)) => ms - started + self.behind_ms,
            // Not reached: the first of these times is the start, where nothing else is.
            (When::Epoch(_), None) => return Ok(None),
        };
        let ms = whole_microseconds(ms);
        let last = match (self.started, self.ended) {
            (Some(started), Some(ended)) => Some((ended - started).max(self.duration_ms.unwrap_or(0.0))),
            _ => self.duration_ms,
        };
        let last = last.unwrap_or(MAX_MS).min(MAX_MS);
        if ms < -MOST_CLOCK_SKEW_MS || ms > last + MOST_CLOCK_SKEW_MS {
            let expected = format!("a time within the call; read so, it is {} from its start", seconds(ms));
            return Err(error(path, None, &expected));
        }
        if ms < 0.0 {
            clamped.saw(-ms, path);
            Ok(Some(0.0))
        } else if ms > last + END_TOLERANCE_MS || ms > MAX_MS {
            clamped.saw(ms - last, path);
            Ok(Some(last))
        } else {
            Ok(Some(ms))
        }
    }
}

/// Where all turns together lie beside the call and would fit into it, two clocks counted: what to add to that of the turns.
/// `span`: the first and the last time of turns, in milliseconds since 1970, as is `start`.
fn behind(start: f64, duration_ms: Option<f64>, (first, last): (f64, f64)) -> f64 {
    let early = start - first;
    let late = duration_ms.map_or(0.0, |duration| last - (start + duration));
    let fits = duration_ms.is_none_or(|duration| last - first <= duration + LEAST_SHIFT_MS);
    let beside = early.max(late);
    if fits && (LEAST_SHIFT_MS..=MOST_SHIFT_MS).contains(&beside) { early } else { 0.0 }
}

fn settled_turn(
    turn: DraftTurn,
    at: usize,
    clock: &Clock,
    clamped: &mut Clamped,
    left_of_turns: &mut Vec<String>,
) -> Result<Turn, ImportError> {
    let start_ms = clock.offset(turn.start, &turn.path, clamped)?;
    let mut end_ms = clock.offset(turn.end, &turn.path, clamped)?;
    if let (Some(start), Some(end)) = (start_ms, end_ms)
        && end < start
    {
        if start - end > MOST_CLOCK_SKEW_MS {
            return Err(error(&turn.path, None, "a turn that does not end before it starts"));
        }
        clamped.saw(start - end, &turn.path);
        end_ms = start_ms;
    }
    if let Some(left) = turn.left.into_some() {
        left_of_turns.push(format!("{{\"turn\":{at},{}", &left[1..]));
    }
    Ok(Turn {
        role: turn.who.role.to_owned(),
        speaker: turn.who.speaker.map(str::to_owned),
        text: turn.text,
        start_ms,
        end_ms,
        started_at: None,
        ended_at: None,
        audio_url: None,
        interrupted: turn.interrupted,
        latencies: turn.latencies,
    })
}

/// Times that lay a little beside the call, told once.
#[derive(Default)]
struct Clamped {
    count: usize,
    most_ms: f64,
    first: String,
}

impl Clamped {
    fn saw(&mut self, by_ms: f64, path: &str) {
        if self.count == 0 {
            self.first = path.to_owned();
        }
        self.count += 1;
        self.most_ms = self.most_ms.max(by_ms);
    }

    fn note(self, notes: &mut Vec<String>) {
        if self.count > 0 {
            let (count, most, first) = (self.count, seconds(self.most_ms), self.first);
            notes.push(format!("{count} times lay beside the call or ended before they started, by up to {most} (first: {first}): they were moved to it"));
        }
    }
}

fn seconds(ms: f64) -> String {
    format!("{:.3} s", ms / 1000.0)
}
