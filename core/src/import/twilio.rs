//! Twilio, in three shapes: the messages of a ConversationRelay websocket (both directions, as the application logged
//! them), a transcript of Conversational Intelligence with its sentences, and the communications of Conversations v2.
//! Sources: twilio 9.13.0 (types); www.twilio.com/docs/voice/conversationrelay.

use super::ImportError;
use super::draft::{Draft, DraftTurn, When, in_progress};
use super::fields::{Fields, Item, error};
use super::options::{Options, Speaker};
use super::time::Unit;
use std::collections::HashMap;

const EPOCH: Unit = Unit::EpochSecondsOrMilliseconds;
/// Every time of the newer API is an ISO string.
const ISO: Unit = Unit::EpochMilliseconds;

pub fn parse(payload: &Item<'_>, options: &Options) -> Result<Draft, ImportError> {
    if payload.is_array() {
        return relay(Draft::default(), payload.elements()?);
    }
    let mut root = Fields::of(payload)?;
    if root.has("sentences") {
        intelligence(root, options)
    } else if root.has("communications") {
        communications(root, options)
    } else if let Some(messages) = root.array("messages")? {
        let mut draft = Draft::default();
        draft.started_at(&mut root, "started_at", EPOCH)?;
        draft.ended_at(&mut root, "ended_at", EPOCH)?;
        root.into_json(&mut draft.meta);
        relay(draft, messages)
    } else {
        Err(root.error("sentences", "an array (Intelligence), or communications, or messages (ConversationRelay)"))
    }
}

/// Who a participant is, by its type or role.
fn participant(kind: &str) -> Option<Speaker> {
    match kind.to_ascii_lowercase().as_str() {
        "customer" => Some(Speaker::USER),
        "ai_agent" | "virtual_agent" | "bot" | "assistant" => Some(Speaker::ASSISTANT),
        "human_agent" | "supervisor" | "external" => Some(Speaker::HUMAN),
        "system" => Some(Speaker::SYSTEM),
        _ => None,
    }
}

/// The application may add `received_at` to each message: the websocket has no times.
fn relay(mut draft: Draft, messages: Vec<Item<'_>>) -> Result<Draft, ImportError> {
    let mut answer: Option<DraftTurn> = None;
    for item in &messages {
        let mut message = Fields::of(item)?;
        let kind = message.required("type", "the type of a message")?.text()?;
        let at = When::epoch(message.moment("received_at", EPOCH)?);
        if kind != "text" && kind != "interrupt" {
            draft.turns.extend(answer.take());
        }
        match kind.as_str() {
            "setup" => {
                draft.id = message.id("callSid")?.or(message.id("sessionId")?);
                (draft.from, draft.to) = (message.text("from")?, message.text("to")?);
                let outbound = message.text("direction")?.is_some_and(|direction| direction.starts_with("outbound"));
                draft.direction = Some(if outbound { "outbound" } else { "inbound" });
                if let (When::Epoch(ms), None) = (at, &draft.started) {
                    draft.started = Some((ms, message.path_of("received_at")));
                }
                if let Some(left) = message.left() {
                    draft.meta.raw("setup", &left);
                }
            }
            "prompt" => {
                // What comes before the last one is heard again, fuller.
                if message.boolean("last")? == Some(false) {
                    continue;
                }
                let text = message.text("voicePrompt")?.unwrap_or_default();
                let mut turn = DraftTurn::new(item, Speaker::USER, text);
                turn.start = at;
                draft.language = draft.language.take().or(message.text("lang")?);
                message.into_json(&mut turn.left);
                draft.turn(turn);
            }
            "text" => {
                let token = message.take("token").map(|token| token.text()).transpose()?.unwrap_or_default();
                let last = message.boolean("last")?.unwrap_or(false);
                let turn = answer.get_or_insert_with(|| {
                    let mut turn = DraftTurn::new(item, Speaker::ASSISTANT, String::new());
                    turn.start = at;
                    turn
                });
                turn.text.push_str(&token);
                if last && let Some(turn) = answer.take() {
                    draft.turn(turn);
                }
            }
            "interrupt" => {
                let heard = message.text("utteranceUntilInterrupt")?;
                let ms = message.duration("durationUntilInterruptMs", Unit::Milliseconds)?;
                draft.turns.extend(answer.take());
                let said = draft.turns.iter_mut().rev().find(|turn| turn.who == Speaker::ASSISTANT);
                if let Some(turn) = said {
                    cut(turn, heard.as_deref().unwrap_or_default());
                    if let Some(ms) = ms {
                        turn.left.number("heard_ms", ms);
                    }
                }
            }
            "end" => {
                draft.end_reason = Some("end".to_owned());
                draft.event("end", message);
            }
            // dtmf, error, info, play, sendDigits, language
            kind => draft.event(kind, message),
        }
    }
    draft.turns.extend(answer.take());
    draft.turns.retain(|turn| !turn.text.trim().is_empty());
    if draft.id.is_none() {
        return Err(error(
            "the payload",
            None,
            "messages of a ConversationRelay session, the first of type setup with callSid",
        ));
    }
    Ok(draft)
}

/// The words up to the interruption; what was to be said beside them.
fn cut(turn: &mut DraftTurn, heard: &str) {
    turn.interrupted = true;
    if heard.is_empty() || turn.text == heard {
        return;
    }
    let end = turn.text.find(heard).map(|at| at + heard.len());
    let kept = end.map_or(heard.to_owned(), |end| turn.text[..end].to_owned());
    let generated = std::mem::replace(&mut turn.text, kept);
    turn.left.text("generated", &generated);
}

fn intelligence(mut root: Fields<'_>, options: &Options) -> Result<Draft, ImportError> {
    let mut draft = Draft::default();
    let Some(mut transcript) = root.object("transcript")? else {
        return Err(root.error(
            "transcript",
            "the transcript that the sentences are of: sentences alone say no roles and no time",
        ));
    };
    draft.id = transcript.id("sid")?;
    let path = transcript.path_of("status");
    match transcript.text("status")?.as_deref() {
        Some(state @ ("queued" | "in-progress")) => return Err(in_progress(&path, state)),
        Some(state @ ("failed" | "canceled")) => {
            return Err(error(&path, Some(&super::fields::quoted(state)), "completed"));
        }
        _ => {}
    }
    draft.started_at(&mut transcript, "media_start_time", ISO)?;
    draft.duration_ms = transcript.duration("duration", Unit::Seconds)?;
    draft.language = transcript.text("language_code")?;
    draft.needs_start = Some("when the call began: the transcript has no media_start_time");
    let mut who: HashMap<String, Speaker> = HashMap::new();
    if let Some(mut channel) = transcript.object("channel")? {
        for item in channel.array("participants")?.unwrap_or_default() {
            let mut one = Fields::of(&item)?;
            let Some(number) = one.id("channel_participant")? else { continue };
            let role = one.text("role")?.unwrap_or_default();
            let address = one.text("media_participant_id")?;
            // "Agent" may be a person or a machine.
            let speaker = options.speaker(&[number.as_str(), role.as_str()]);
            let speaker = speaker.or(participant(&role)).or((role == "Agent").then_some(Speaker::ASSISTANT));
            if let Some(speaker) = speaker {
                let number_of = if speaker == Speaker::USER { &mut draft.from } else { &mut draft.to };
                *number_of = number_of.take().or(address);
                who.insert(number, speaker);
            }
        }
        if let Some(left) = channel.left() {
            draft.meta.raw("channel", &left);
        }
    }
    if options.direction.as_deref() == Some("outbound") {
        std::mem::swap(&mut draft.from, &mut draft.to);
    }
    for item in root.array("sentences")?.unwrap_or_default() {
        let mut said = Fields::of(&item)?;
        let channel = said.id("media_channel")?.unwrap_or_default();
        let speaker = options.speaker(&[&channel]).or(who.get(&channel).copied());
        let speaker = speaker.ok_or_else(|| {
            error(
                &format!("options.speakers.{channel}"),
                None,
                "who it is: no participant of the transcript has this channel",
            )
        })?;
        let mut turn = DraftTurn::new(&item, speaker, said.text("transcript")?.unwrap_or_default());
        // Seconds from the start, in strings.
        turn.start = When::offset(said.offset("start_time", Unit::Seconds)?);
        turn.end = When::offset(said.offset("end_time", Unit::Seconds)?);
        said.drop(&["words", "sentence_index"]);
        said.into_json(&mut turn.left);
        draft.turn(turn);
    }
    transcript.into_json(&mut draft.meta);
    Ok(draft)
}

fn communications(mut root: Fields<'_>, options: &Options) -> Result<Draft, ImportError> {
    let mut draft =
        Draft { needs_start: Some("when the call began: no communication has occurredAt"), ..Draft::default() };
    let mut who: HashMap<String, Speaker> = HashMap::new();
    for item in root.array("participants")?.unwrap_or_default() {
        let mut one = Fields::of(&item)?;
        let Some(id) = one.id("id")? else { continue };
        let kind = one.text("type")?.unwrap_or_default();
        let name = one.text("name")?;
        let Some(speaker) = options.speaker(&[&id, &kind]).or(participant(&kind)) else { continue };
        let addresses = one.array("addresses")?.unwrap_or_default();
        let address = addresses.first().map(|address| Fields::of(address)?.text("address")).transpose()?.flatten();
        match speaker {
            Speaker::USER => draft.from = draft.from.take().or(address),
            Speaker::ASSISTANT => {
                draft.to = draft.to.take().or(address);
                draft.agent_name = draft.agent_name.take().or(name);
            }
            _ => {}
        }
        who.insert(id, speaker);
    }
    if options.direction.as_deref() == Some("outbound") {
        std::mem::swap(&mut draft.from, &mut draft.to);
    }
    for item in root.array("communications")?.unwrap_or_default() {
        let mut said = Fields::of(&item)?;
        draft.id = draft.id.take().or(said.id("conversationId")?);
        let path = said.path_of("author");
        let author = said.object("author")?.ok_or_else(|| error(&path, None, "an object with participantId"))?;
        let id = author.item("participantId").map(|id| id.text()).transpose()?.unwrap_or_default();
        let speaker = who.get(&id).copied();
        let speaker = speaker
            .ok_or_else(|| error(&path, None, "one of the participants, whose type is known or in options.speakers"))?;
        let path = said.path_of("content");
        let mut content = said.object("content")?.ok_or_else(|| error(&path, None, "an object with text"))?;
        let mut turn = DraftTurn::new(&item, speaker, content.text("text")?.unwrap_or_default());
        turn.start = When::epoch(said.moment("occurredAt", ISO)?);
        if let Some(mut transcription) = content.object("transcription")? {
            if let Some(last) = transcription.array("words")?.unwrap_or_default().last() {
                turn.end = When::epoch(Fields::of(last)?.moment("endTime", ISO)?);
            }
            transcription.into_json(&mut turn.left);
        }
        draft.turn(turn);
    }
    root.drop(&["meta"]);
    root.into_json(&mut draft.meta);
    Ok(draft)
}
