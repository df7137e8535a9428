//! Vapi: the server message `end-of-call-report`, or a call as its API returns it.
//! Sources: vapi_server_sdk 3.0.0; docs.vapi.ai/server-url/end-of-call-report.

use super::draft::{Draft, DraftResult, DraftTurn, When, in_progress, name_of};
use super::fields::{Fields, Item, parsed};
use super::options::Speaker;
use super::time::Unit;
use super::{Cost, ImportError};

/// How the assistant is made, prompts and secrets of servers among it: no part of what happened in the call.
const CONFIGURATION: [&str; 8] = [
    "assistant",
    "assistantOverrides",
    "squad",
    "squadOverrides",
    "workflow",
    "workflowOverrides",
    "phoneNumber",
    "monitor",
];
/// Says what a tool answered when nothing did.
const NO_RESULT: &str = "No result returned.";

pub fn parse(payload: &Item<'_>) -> Result<Draft, ImportError> {
    let mut root = Fields::of(payload)?;
    let mut report = if root.has("message") { root.object("message")?.unwrap_or(root) } else { root };
    let kind = report.take("type");
    let kind_text = kind.as_ref().map(|kind| kind.text()).transpose()?.unwrap_or_default();
    // The call object has the type of the call there.
    let mut call = match kind_text.as_str() {
        "end-of-call-report" => report.object("call")?,
        "inboundPhoneCall" | "outboundPhoneCall" | "webCall" | "vapi.websocketCall" => None,
        _ => {
            let path = kind.map_or_else(|| report.path_of("type"), |kind| kind.path);
            return Err(in_progress(&path, &kind_text));
        }
    };
    let mut draft = Draft::default();
    let call_type = match &mut call {
        Some(call) => call.text("type")?.unwrap_or_default(),
        None => kind_text,
    };
    draft.id = match &mut call {
        Some(call) => call.id("id")?,
        None => report.id("id")?,
    };
    if draft.id.is_none() {
        let path = call.as_ref().map_or_else(|| report.path_of("call.id"), |call| call.path_of("id"));
        return Err(super::fields::error(&path, None, "the id of a call"));
    }
    let outbound = call_type == "outboundPhoneCall";
    draft.direction = Some(if outbound { "outbound" } else { "inbound" });
    let (theirs, ours) = (number(&mut report, &mut call, "customer")?, number(&mut report, &mut call, "phoneNumber")?);
    (draft.from, draft.to) = if outbound { (ours, theirs) } else { (theirs, ours) };
    agent(&mut draft, &mut report, &mut call)?;
    for fields in [call.as_mut(), Some(&mut report)].into_iter().flatten() {
        draft.started_at(fields, "startedAt", Unit::EpochMilliseconds)?;
        draft.ended_at(fields, "endedAt", Unit::EpochMilliseconds)?;
        draft.end_reason = fields.text("endedReason")?.or(draft.end_reason);
    }
    if report.peek("status").is_some_and(|status| status != "\"ended\"") {
        return Err(report.error("status", "ended: an import takes no call in progress"));
    }
    draft.status = Some(status(draft.end_reason.as_deref().unwrap_or_default()));
    draft.cost = report.number("cost")?.map(|amount| Cost { amount, currency: "USD".into() });

    let mut artifact = report.object("artifact")?;
    draft.recording_url = match &mut artifact {
        Some(artifact) => recording(artifact)?,
        None => None,
    };
    draft.recording_url = draft.recording_url.or(report.text("recordingUrl")?).or(report.text("stereoRecordingUrl")?);
    let messages = match &mut artifact {
        Some(artifact) => artifact.array("messages")?,
        None => None,
    };
    let messages = messages.or(report.array("messages")?);
    let messages = messages.unwrap_or_default();
    let origin = origin(&messages)?;
    for item in &messages {
        message(&mut draft, item, origin)?;
    }
    // Copies of the messages.
    let copies = ["transcript", "messages", "messagesOpenAIFormatted", "recordingUrl", "stereoRecordingUrl"];
    report.drop(&copies);
    report.drop(&CONFIGURATION);
    report.into_json(&mut draft.meta);
    if let Some(mut artifact) = artifact {
        artifact.drop(&copies);
        if let Some(left) = artifact.left() {
            draft.meta.raw("artifact", &left);
        }
    }
    if let Some(mut call) = call {
        call.drop(&copies);
        call.drop(&CONFIGURATION);
        call.drop(&["artifact", "analysis", "customer", "costs", "costBreakdown", "cost"]);
        if let Some(left) = call.left() {
            draft.meta.raw("call", &left);
        }
    }
    Ok(draft)
}

/// The number of `customer` or `phoneNumber`, in the report or in its call.
fn number<'a>(
    report: &mut Fields<'a>,
    call: &mut Option<Fields<'a>>,
    key: &str,
) -> Result<Option<String>, ImportError> {
    for fields in [Some(&mut *report), call.as_mut()].into_iter().flatten() {
        if let Some(item) = fields.item(key).filter(Item::is_object)
            && let Some(number) = Fields::of(&item)?.text("number")?
        {
            return Ok(Some(number));
        }
    }
    Ok(None)
}

fn agent<'a>(draft: &mut Draft, report: &mut Fields<'a>, call: &mut Option<Fields<'a>>) -> Result<(), ImportError> {
    for fields in [Some(&mut *report), call.as_mut()].into_iter().flatten() {
        let id = fields.id("assistantId")?;
        draft.agent_id = draft.agent_id.take().or(id);
        let Some(item) = fields.item("assistant").filter(Item::is_object) else { continue };
        let mut assistant = Fields::of(&item)?;
        draft.agent_id = draft.agent_id.take().or(assistant.id("id")?);
        draft.agent_name = draft.agent_name.take().or(assistant.text("name")?);
        if let Some(voice) = assistant.item("voice").filter(Item::is_object) {
            draft.voice = draft.voice.take().or(Fields::of(&voice)?.text("voiceId").unwrap_or_default());
        }
    }
    Ok(())
}

fn status(reason: &str) -> &'static str {
    if reason.contains("forwarded-call") || reason.contains("transferred") {
        "transferred"
    } else if ["error", "failed", "did-not-answer", "customer-busy"].iter().any(|part| reason.contains(part)) {
        "failed"
    } else {
        "completed"
    }
}

/// Both sides in one track before two tracks; the signed one only where there is no other.
fn recording(artifact: &mut Fields<'_>) -> Result<Option<String>, ImportError> {
    let mut url = None;
    if let Some(item) = artifact.item("recording").filter(Item::is_object) {
        let mut recording = Fields::of(&item)?;
        if let Some(mut mono) = recording.object("mono")? {
            url = mono.text("combinedUrl")?;
        }
        url = url.or(recording.text("stereoUrl")?);
    }
    Ok(url.or(artifact.text("recordingUrl")?).or(artifact.text("stereoRecordingUrl")?))
}

/// When the clock of the messages was at `secondsFromStart` zero, in milliseconds since 1970.
fn origin(messages: &[Item<'_>]) -> Result<Option<f64>, ImportError> {
    for item in messages {
        let mut said = Fields::of(item)?;
        let seconds = said.offset("secondsFromStart", Unit::Seconds)?;
        if let (Some(at), Some(ms)) = (said.moment("time", Unit::EpochMilliseconds)?, seconds) {
            return Ok(Some(at - ms));
        }
    }
    Ok(None)
}

fn message(draft: &mut Draft, item: &Item<'_>, origin: Option<f64>) -> Result<(), ImportError> {
    let mut said = Fields::of(item)?;
    let role = said.required("role", "a role")?.text()?;
    let seconds = said.offset("secondsFromStart", Unit::Seconds)?;
    let began = said.moment("time", Unit::EpochMilliseconds)?;
    // One clock for all messages: results have no secondsFromStart, and the call's own start is of another machine.
    let moment = |ms: Option<f64>| match origin {
        Some(origin) => When::offset(ms.map(|ms| ms - origin)),
        None => When::epoch(ms),
    };
    let at = moment(began).or(When::offset(seconds));
    // Documented in seconds and seen in milliseconds: the end says it without a unit to guess.
    said.drop(&["duration"]);
    let who = match role.as_str() {
        "user" => Speaker::USER,
        "bot" | "assistant" => Speaker::ASSISTANT,
        "system" => {
            if let Some(text) = said.text("message")? {
                draft.system(text, draft.last_turn());
            }
            return Ok(());
        }
        "tool_calls" => {
            let calls = said.array("toolCalls")?.unwrap_or_default();
            for item in calls {
                let mut call = Fields::of(&item)?;
                let id = call.id("id")?;
                let Some(mut function) = call.object("function")? else {
                    return Err(call.error("function", "an object with a name"));
                };
                let args = function.take("arguments").map(|args| parsed(&args)).transpose()?.flatten();
                let name = name_of(&mut function, "name")?;
                draft.tool(&item.path, id, name, args, at);
            }
            return Ok(());
        }
        "tool_call_result" => {
            let id = said.id("toolCallId")?;
            let content = said.take("result");
            let failed = content.as_ref().is_some_and(|content| content.text().is_ok_and(|text| text == NO_RESULT));
            let mut result = DraftResult::new(id, content.as_ref(), failed)?;
            result.at = at;
            said.drop(&["name"]);
            said.into_json(&mut result.left);
            draft.results.push(result);
            return Ok(());
        }
        kind => {
            draft.event(kind, said);
            return Ok(());
        }
    };
    let text = said.take("message").map(|text| text.text()).transpose()?.unwrap_or_default();
    let mut turn = DraftTurn::new(item, who, text);
    turn.start = at;
    turn.end = moment(said.moment("endTime", Unit::EpochMilliseconds)?);
    if let (When::Offset(_), When::Epoch(_)) = (turn.start, turn.end) {
        turn.end = When::Unknown;
    }
    if said.peek("source") == Some("\"\"") {
        said.drop(&["source"]);
    }
    said.into_json(&mut turn.left);
    draft.turn(turn);
    Ok(())
}
