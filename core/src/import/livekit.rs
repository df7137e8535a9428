//! LiveKit Agents: a session report (`chat_history`) or a chat context (`items`), of Python or of Node.
//! Source: livekit-agents 1.8.9 and @livekit/agents 1.9.0, as their packages write them.
//!
//! Python writes seconds since 1970; Node writes milliseconds in contexts and for `timestamp`, and seconds in the history
//! of its report. Speaking times are seconds in both.

use super::ImportError;
use super::draft::{Draft, DraftResult, DraftTurn, When, name_of};
use super::fields::{Fields, Item, Json, error, parsed};
use super::options::Speaker;
use super::python::literal;
use super::time::Unit;

const EPOCH: Unit = Unit::EpochSecondsOrMilliseconds;

pub fn parse(payload: &Item<'_>) -> Result<Draft, ImportError> {
    let mut draft = Draft::default();
    let mut report = Fields::of(payload)?;
    let mut history = match ["chat_history", "chatHistory"].into_iter().find(|key| report.has(key)) {
        Some(key) => report.object(key)?,
        None => None,
    };
    let items = match &mut history {
        Some(history) => history.array("items")?,
        None => report.array("items")?,
    };
    let Some(items) = items else {
        return Err(report.error("chat_history", "an object with items, or items themselves"));
    };
    draft.id = report.id("job_id")?.or(report.id("jobId")?).or(report.id("room_id")?);
    draft.agent_name = report.text("agent_name")?.or(report.text("agentName")?);
    let timestamp = ["timestamp", "chat_timestamp"].into_iter().find(|key| report.has(key));
    if let Some(key) = timestamp {
        // When the report was made: about the end.
        draft.ended_at(&mut report, key, EPOCH)?;
    }
    draft.duration_ms = report.duration("duration_ms", Unit::Milliseconds)?;
    draft.started_at(&mut report, "audio_recording_started_at", EPOCH)?;
    if draft.duration_ms.is_some() {
        draft.started = None;
    }
    draft.recording_url = report.text("audio_recording_path")?.filter(|path| path.contains("://"));
    draft.end_reason = report.text("close_reason")?;
    // Each item again, states of the session, and interim words; of them only why it closed is said nowhere else.
    for item in report.array("events")?.unwrap_or_default().iter().rev().take(20) {
        let mut event = Fields::of(item)?;
        if draft.end_reason.is_none() && event.text("type")?.as_deref() == Some("close") {
            draft.end_reason = event.text("reason")?;
        }
    }
    let failed = |reason: &String| matches!(reason.as_str(), "CR_ERROR" | "error");
    draft.status = Some(if draft.end_reason.as_ref().is_some_and(failed) { "failed" } else { "completed" });
    for item in &items {
        history_item(&mut draft, item)?;
    }
    report.into_json(&mut draft.meta);
    Ok(draft)
}

fn history_item(draft: &mut Draft, item: &Item<'_>) -> Result<(), ImportError> {
    let mut fields = Fields::of(item)?;
    let kind = fields.required("type", "the type of an item")?.text()?;
    let created = ["created_at", "createdAt"].into_iter().find(|key| fields.has(key));
    let at = When::epoch(created.map(|key| fields.moment(key, EPOCH)).transpose()?.flatten());
    match kind.as_str() {
        "message" => message(draft, item, fields, at),
        "function_call" => {
            let id = fields.id("call_id")?.or(fields.id("callId")?);
            let args = fields.take_any(&["arguments", "args"]);
            let args = args.map(|args| parsed(&args)).transpose()?.flatten();
            let name = name_of(&mut fields, "name")?;
            fields.drop(&["id", "extra"]);
            draft.tool(&item.path, id, name, args, at);
            if let Some(tool) = draft.tools.last_mut() {
                fields.into_json(&mut tool.left);
            }
            Ok(())
        }
        "function_call_output" => {
            let id = fields.id("call_id")?.or(fields.id("callId")?);
            let failed = fields.boolean("is_error")?.or(fields.boolean("isError")?).unwrap_or(false);
            let mut result = DraftResult::new(id, fields.take("output").as_ref(), failed)?;
            result.at = at;
            // A dict that a tool returned is written by Python's str().
            if let Some(json) = result.result.as_deref().and_then(|json| serde_json::from_str::<String>(json).ok()) {
                result.result = literal(&json).or(result.result);
            }
            fields.drop(&["id", "name"]);
            fields.into_json(&mut result.left);
            draft.results.push(result);
            Ok(())
        }
        _ => {
            if let Some(instructions) = fields.text("instructions")? {
                // A later agent's prompt is no turn and no event: its hash would not be that of the call's agent.
                draft.prompt.get_or_insert(instructions);
            }
            if kind == "agent_handoff" && draft.agent_id.is_none() && draft.agent_name.is_none() {
                draft.agent_id =
                    fields.item("new_agent_id").or(fields.item("newAgentId")).map(|id| id.text()).transpose()?;
            }
            draft.event(&kind, fields);
            Ok(())
        }
    }
}

fn message(draft: &mut Draft, item: &Item<'_>, mut fields: Fields<'_>, at: When) -> Result<(), ImportError> {
    let role = fields.required("role", "a role")?;
    let who = match role.text()?.as_str() {
        "user" => Speaker::USER,
        "assistant" => Speaker::ASSISTANT,
        "system" | "developer" => Speaker::SYSTEM,
        _ => return Err(role.error("user, assistant, system or developer")),
    };
    let path = fields.path_of("content");
    let text = match fields.take("content") {
        Some(content) => spoken(&content)?,
        None => return Err(error(&path, None, "an array of strings")),
    };
    if who == Speaker::SYSTEM {
        if !text.is_empty() {
            draft.system(text, draft.last_turn());
        }
        return Ok(());
    }
    let mut turn = DraftTurn::new(item, who, text);
    turn.start = at;
    turn.interrupted = fields.boolean("interrupted")?.unwrap_or(false);
    if let Some(mut metrics) = fields.object("metrics")? {
        // By either spelling: the first that has a value.
        let moment = |metrics: &mut Fields<'_>, names: [&str; 2]| -> Result<Option<f64>, ImportError> {
            Ok(metrics.moment(names[0], EPOCH)?.or(metrics.moment(names[1], EPOCH)?))
        };
        let began = moment(&mut metrics, ["started_speaking_at", "startedSpeakingAt"])?;
        turn.start = When::epoch(began).or(at);
        turn.end = When::epoch(moment(&mut metrics, ["stopped_speaking_at", "stoppedSpeakingAt"])?);
        let latency = |metrics: &mut Fields<'_>, names: [&str; 2]| -> Result<Option<i32>, ImportError> {
            Ok(metrics.latency(names[0], Unit::Seconds)?.or(metrics.latency(names[1], Unit::Seconds)?))
        };
        turn.latencies = [
            latency(&mut metrics, ["transcription_delay", "transcriptionDelay"])?,
            latency(&mut metrics, ["llm_node_ttft", "llmNodeTtft"])?,
            latency(&mut metrics, ["tts_node_ttfb", "ttsNodeTtfb"])?,
            latency(&mut metrics, ["e2e_latency", "e2eLatency"])?,
        ];
        let left: Option<String> = metrics.left();
        if let Some(left) = left {
            turn.left.raw("metrics", &left);
        }
    }
    if fields.peek("extra") == Some("{}") {
        fields.drop(&["extra"]);
    }
    let mut rest = Json::object();
    fields.into_json(&mut rest);
    if let Some(rest) = rest.into_some() {
        turn.left.raw("item", &rest);
    }
    draft.turn(turn);
    Ok(())
}

/// Strings, and the transcripts of audio; pictures say nothing.
fn spoken(content: &Item<'_>) -> Result<String, ImportError> {
    if content.is_text() {
        return content.text();
    }
    let mut said = Vec::new();
    for part in content.elements()? {
        if part.is_text() {
            said.push(part.text()?);
        } else if part.is_object() {
            said.extend(Fields::of(&part)?.text("transcript")?);
        }
    }
    Ok(said.join("\n"))
}
