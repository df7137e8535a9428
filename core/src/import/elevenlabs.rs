//! ElevenLabs: the webhook `post_call_transcription`, or the conversation alone as its API returns it.
//! Sources: elevenlabs 2.78.0; elevenlabs.io/docs, post-call webhooks.

use super::draft::{Draft, DraftResult, DraftTurn, When, in_progress, name_of};
use super::fields::{Fields, Item, error, parsed};
use super::options::Speaker;
use super::time::Unit;
use super::{Cost, ImportError};

/// The system tool that hands the caller to a number.
const TRANSFER: &str = "transfer_to_number";

pub fn parse(payload: &Item<'_>) -> Result<Draft, ImportError> {
    let mut root = Fields::of(payload)?;
    let kind = root.take("type");
    let mut data = if root.has("data") { root.object("data")?.unwrap_or(root) } else { root };
    let never_began = match kind.as_ref().map(|kind| kind.text()).transpose()?.as_deref() {
        None | Some("post_call_transcription") => false,
        Some("call_initiation_failure") => true,
        Some(other) => {
            let path = kind.map_or_else(String::new, |kind| kind.path);
            return Err(error(
                &path,
                Some(&super::fields::quoted(other)),
                "post_call_transcription: no other event has the words",
            ));
        }
    };
    let mut draft = Draft { id: data.id("conversation_id")?, ..Draft::default() };
    if draft.id.is_none() {
        return Err(data.error("conversation_id", "the id of a conversation"));
    }
    (draft.agent_id, draft.agent_name) = (data.id("agent_id")?, data.text("agent_name")?);
    let path = data.path_of("status");
    draft.status = Some(match data.text("status")?.as_deref() {
        _ if never_began => "failed",
        Some(state @ ("initiated" | "in-progress" | "processing")) => return Err(in_progress(&path, state)),
        Some("failed") => "failed",
        _ => "completed",
    });
    draft.end_reason = data.text("failure_reason")?;
    let metadata = data.object("metadata")?;
    let had_metadata = metadata.is_some();
    if let Some(mut metadata) = metadata {
        call_facts(&mut draft, &mut metadata)?;
        if let Some(left) = metadata.left() {
            draft.meta.raw("metadata", &left);
        }
    }
    let path = data.path_of("transcript");
    match data.array("transcript")? {
        Some(transcript) => transcript.iter().try_for_each(|item| utterance(&mut draft, item))?,
        None if never_began => {}
        None => return Err(error(&path, None, "an array of turns")),
    }
    if !never_began && !had_metadata {
        return Err(data.error("metadata", "an object with the start of the call"));
    }
    let transfers = |tool: &super::draft::DraftTool| {
        let answers = |result: &DraftResult| result.id == tool.id && result.error_text.is_none();
        tool.name == TRANSFER && draft.results.iter().any(answers)
    };
    if draft.status == Some("completed") && draft.tools.iter().any(transfers) {
        draft.status = Some("transferred");
    }
    data.into_json(&mut draft.meta);
    Ok(draft)
}

fn call_facts(draft: &mut Draft, metadata: &mut Fields<'_>) -> Result<(), ImportError> {
    draft.started_at(metadata, "start_time_unix_secs", Unit::EpochSeconds)?;
    draft.duration_ms = metadata.duration("call_duration_secs", Unit::Seconds)?;
    draft.end_reason = metadata.text("termination_reason")?.or(draft.end_reason.take());
    draft.language = metadata.text("main_language")?;
    // `cost` is in credits, and stays in meta.
    draft.cost = metadata.number("cost_fiat")?.map(|amount| Cost { amount, currency: "USD".into() });
    let Some(mut phone) = metadata.object("phone_call")? else { return Ok(()) };
    let outbound = phone.text("direction")?.as_deref() == Some("outbound");
    draft.direction = Some(if outbound { "outbound" } else { "inbound" });
    let (ours, theirs) = (phone.text("agent_number")?, phone.text("external_number")?);
    (draft.from, draft.to) = if outbound { (ours, theirs) } else { (theirs, ours) };
    if let Some(left) = phone.left() {
        draft.meta.raw("phone_call", &left);
    }
    Ok(())
}

fn utterance(draft: &mut Draft, item: &Item<'_>) -> Result<(), ImportError> {
    let mut said = Fields::of(item)?;
    let role = said.required("role", "agent or user")?;
    let who = match role.text()?.as_str() {
        "agent" => Speaker::ASSISTANT,
        "user" => Speaker::USER,
        _ => return Err(role.error("agent or user")),
    };
    let text = said.text("message")?.unwrap_or_default();
    let (calls, results) = (said.array("tool_calls")?, said.array("tool_results")?);
    let start = When::offset(said.offset("time_in_call_secs", Unit::Seconds)?);
    let mut turn = DraftTurn::new(item, who, text);
    turn.start = start;
    turn.interrupted = said.boolean("interrupted")?.unwrap_or(false);
    if let Some(metrics) = said.item("conversation_turn_metrics").filter(Item::is_object) {
        turn.latencies = latencies(Fields::of(&metrics)?)?;
    }
    // What a turn without words says beside its tools is nothing.
    said.into_json(&mut turn.left);
    draft.turn(turn);
    for item in calls.unwrap_or_default() {
        let mut call = Fields::of(&item)?;
        let id = call.id("request_id")?;
        let args = call.take("params_as_json").map(|args| parsed(&args)).transpose()?.flatten();
        let name = name_of(&mut call, "tool_name")?;
        draft.tool(&item.path, id, name, args, start);
        if let Some(tool) = draft.tools.last_mut() {
            call.into_json(&mut tool.left);
        }
    }
    for item in results.unwrap_or_default() {
        let mut answer = Fields::of(&item)?;
        let id = answer.id("request_id")?;
        let failed = answer.boolean("is_error")?.unwrap_or(false);
        let mut result = DraftResult::new(id, answer.take("result_value").as_ref(), failed)?;
        if failed && let Some(message) = answer.text("raw_error_message")? {
            result.error_text = Some(message);
        }
        // Whole seconds of turns are too coarse for a latency.
        result.latency_ms = answer.latency("tool_latency_secs", Unit::Seconds)?;
        answer.drop(&["tool_name", "tool_has_been_called"]);
        answer.into_json(&mut result.left);
        draft.results.push(result);
    }
    Ok(())
}

/// Transcription, first token, first byte of speech, end to end: of the new form `{metrics: {name: {elapsed_time}}}` or of
/// the old one without `metrics`; seconds.
fn latencies(mut metrics: Fields<'_>) -> Result<[Option<i32>; 4], ImportError> {
    let mut metrics = if metrics.has("metrics") { metrics.object("metrics")?.unwrap_or(metrics) } else { metrics };
    let mut elapsed = |names: &[&str]| -> Result<Option<i32>, ImportError> {
        for name in names {
            if let Some(item) = metrics.take(name).filter(Item::is_object)
                && let Some(ms) = Fields::of(&item)?.latency("elapsed_time", Unit::Seconds)?
            {
                return Ok(Some(ms));
            }
        }
        Ok(None)
    };
    Ok([
        elapsed(&["convai_asr_trailing_service_latency", "convai_turn_asr_latency"])?,
        elapsed(&["convai_llm_service_ttfb"])?,
        elapsed(&["convai_tts_service_ttfb"])?,
        elapsed(&["convai_ttf_audio_since_silence"])?,
    ])
}
