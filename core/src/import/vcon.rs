//! vCon: draft-ietf-vcon-vcon-core (03, July 2026), and files of older drafts (`role` of a party, `mimetype`, `appended`).
//!
//! Words are dialogs of type text, else the transcript in `analysis`. Who is the agent is a party of type bot, the
//! options, or the `role` of older files; where none says it, the options must.

use super::ImportError;
use super::draft::{Draft, DraftTool, DraftTurn, When, name_of};
use super::fields::{Fields, Item, Json, error, quoted};
use super::options::{Options, Speaker};
use super::time::Unit;
use crate::export::vcon::TOOL_CALL_PURPOSE;

/// Every time of it is RFC 3339.
const RFC3339: Unit = Unit::EpochMilliseconds;

struct Party {
    who: Option<Speaker>,
    tel: Option<String>,
    name: Option<String>,
}

pub fn parse(payload: &Item<'_>, options: &Options) -> Result<Draft, ImportError> {
    let mut root = Fields::of(payload)?;
    if root.has("payload") && root.has("signatures") || root.has("ciphertext") {
        return Err(payload.error("the unsigned form of a vCon: a signed or encrypted one is to be opened first"));
    }
    let mut draft = Draft { id: root.id("uuid")?, ..Draft::default() };
    if draft.id.is_none() {
        return Err(root.error("uuid", "the id of a vCon"));
    }
    let parties = parties_of(&mut root, options)?;
    for party in &parties {
        match party.who {
            Some(Speaker::USER) if draft.from.is_none() => draft.from.clone_from(&party.tel),
            Some(Speaker::ASSISTANT) if draft.agent_name.is_none() => {
                draft.agent_name.clone_from(&party.name);
                draft.to.clone_from(&party.tel);
            }
            _ => {}
        }
    }
    if options.direction.as_deref() == Some("outbound") {
        std::mem::swap(&mut draft.from, &mut draft.to);
    }
    let mut recording_starts = Vec::new();
    let mut analyses = Vec::new();
    for (at, item) in root.array("dialog")?.unwrap_or_default().iter().enumerate() {
        recording_starts.push(dialog(&mut draft, item, at, &parties)?);
    }
    let texts = draft.turns.len();
    for item in root.array("analysis")?.unwrap_or_default() {
        let mut analysis = Fields::of(&item)?;
        if texts == 0 && analysis.peek("type") == Some("\"transcript\"") {
            transcript(&mut draft, &mut analysis, &parties, &recording_starts)?;
        } else if let Some(left) = analysis.left() {
            analyses.push(left);
        }
    }
    // Dialogs need not be in the order of time.
    if draft.turns.iter().all(|turn| matches!(turn.start, When::Epoch(_))) {
        draft.turns.sort_by(|a, b| epoch(a.start).total_cmp(&epoch(b.start)));
    }
    if !analyses.is_empty() {
        draft.meta.raw("analysis", &super::fields::array_json(&analyses));
    }
    let mut attachments = Vec::new();
    for item in root.array("attachments")?.unwrap_or_default() {
        attachment(&mut draft, &item, &mut attachments)?;
    }
    if !attachments.is_empty() {
        draft.meta.raw("attachments", &super::fields::array_json(&attachments));
    }
    root.drop(&["vcon"]);
    root.into_json(&mut draft.meta);
    Ok(draft)
}

fn epoch(when: When) -> f64 {
    if let When::Epoch(ms) = when { ms } else { 0.0 }
}

fn parties_of(root: &mut Fields<'_>, options: &Options) -> Result<Vec<Party>, ImportError> {
    let mut parties = Vec::new();
    for (at, item) in root.array("parties")?.unwrap_or_default().iter().enumerate() {
        let mut party = Fields::of(item)?;
        let tel = party.text("tel")?.map(|tel| tel.trim_start_matches("tel:").to_owned());
        let name = party.text("name")?;
        let (kind, role) = (party.text("type")?, party.text("role")?);
        let told = options.speaker(&[
            &at.to_string(),
            name.as_deref().unwrap_or_default(),
            tel.as_deref().unwrap_or_default(),
        ]);
        let said = match (kind.as_deref(), role.as_deref()) {
            (Some("bot"), _) => Some(Speaker::ASSISTANT),
            (_, Some("agent" | "bot" | "assistant")) => Some(Speaker::ASSISTANT),
            (_, Some("caller" | "customer" | "contact" | "user")) => Some(Speaker::USER),
            (_, Some("human_agent" | "supervisor" | "manager")) => Some(Speaker::HUMAN),
            (_, Some("system")) => Some(Speaker::SYSTEM),
            _ => None,
        };
        parties.push(Party { who: told.or(said), tel, name });
    }
    // Beside an agent, one person is the caller.
    let has_agent = parties.iter().any(|party| party.who == Some(Speaker::ASSISTANT));
    let unknown: Vec<usize> = (0..parties.len()).filter(|at| parties[*at].who.is_none()).collect();
    if let ([one], true) = (&unknown[..], has_agent)
        && parties.iter().all(|party| party.who != Some(Speaker::USER))
    {
        parties[*one].who = Some(Speaker::USER);
    }
    Ok(parties)
}

fn party(parties: &[Party], at: usize, item: &Item<'_>) -> Result<Speaker, ImportError> {
    let party = parties.get(at).ok_or_else(|| item.error("the place of a party"))?;
    party.who.ok_or_else(|| {
        let name = party.name.as_deref().or(party.tel.as_deref()).unwrap_or_default();
        let expected =
            "user, assistant, system or human_agent: no party is of type bot, and the roles do not say who this is";
        error(&format!("options.speakers.{at}"), Some(&quoted(name)), expected)
    })
}

/// The start of a dialog, for what is counted from it.
fn dialog(draft: &mut Draft, item: &Item<'_>, at: usize, parties: &[Party]) -> Result<Option<f64>, ImportError> {
    let mut dialog = Fields::of(item)?;
    let kind = dialog.text("type")?.unwrap_or_default();
    let start = dialog.moment("start", RFC3339)?;
    let duration = dialog.duration("duration", Unit::Seconds)?;
    match kind.as_str() {
        "text" => {
            let originator = dialog.take("originator").or(dialog.item("parties"));
            let Some(speaker) = originator.map(|item| first_party(&item)).transpose()?.flatten() else {
                return Err(dialog.error("parties", "the place of the party that wrote or said it"));
            };
            let who = party(parties, speaker.0, &speaker.1)?;
            let text = body_text(&mut dialog)?;
            let mut turn = DraftTurn::new(item, who, text);
            turn.start = When::epoch(start);
            turn.end = When::epoch(start.zip(duration).map(|(start, duration)| start + duration));
            dialog.drop(&["mediatype", "mimetype", "encoding", "parties"]);
            turn.left.number("dialog", at as f64);
            dialog.into_json(&mut turn.left);
            draft.turn(turn);
        }
        "recording" => {
            draft.recording_url = draft.recording_url.take().or(dialog.text("url")?);
            if let (Some(start), None) = (start, &draft.started) {
                draft.started = Some((start, dialog.path_of("start")));
            }
            draft.duration_ms = draft.duration_ms.or(duration);
            // Sound has no column.
            dialog.drop(&["body"]);
            draft.event("recording", dialog);
        }
        "transfer" => {
            draft.status = Some("transferred");
            draft.event("transfer", dialog);
        }
        "incomplete" => {
            draft.status = Some("failed");
            draft.end_reason = dialog.text("disposition")?;
            draft.event("incomplete", dialog);
        }
        _ => draft.event("dialog", dialog),
    }
    Ok(start)
}

/// `parties` is a number, or an array of numbers or of arrays of them: who speaks stands first.
fn first_party<'a>(item: &Item<'a>) -> Result<Option<(usize, Item<'a>)>, ImportError> {
    let mut item = item.clone();
    for _ in 0..3 {
        if !item.is_array() {
            break;
        }
        match item.elements()?.into_iter().next() {
            Some(first) => item = first,
            None => return Ok(None),
        }
    }
    item.json.parse().map(|at| Some((at, item.clone()))).map_err(|_| item.error("the place of a party"))
}

/// A body is text, or JSON with it.
fn body_text(dialog: &mut Fields<'_>) -> Result<String, ImportError> {
    let path = dialog.path_of("body");
    match dialog.take("body") {
        Some(body) if body.is_text() => body.text(),
        Some(body) if body.is_object() => Ok(Fields::of(&body)?.text("text")?.unwrap_or_default()),
        _ => Err(error(&path, None, "the words: what is stored elsewhere is to be fetched first")),
    }
}

/// Utterances of any vendor: an array of objects with words, a speaker and seconds from the start of the recording.
fn transcript(
    draft: &mut Draft,
    analysis: &mut Fields<'_>,
    parties: &[Party],
    starts: &[Option<f64>],
) -> Result<(), ImportError> {
    let of = analysis.take("dialog").map(|item| first_party(&item)).transpose()?.flatten();
    let start = of.and_then(|(at, _)| starts.get(at).copied().flatten());
    let Some(body) = analysis.take("body") else { return Ok(()) };
    let decoded = if body.is_text() { body.text()? } else { body.json.to_owned() };
    let body = Item { json: &decoded, path: body.path };
    if !body.is_object() {
        return Err(body.error("an object with utterances or segments: words alone say no speakers"));
    }
    let mut body = Fields::of(&body)?;
    let pieces = body.array("utterances")?.or(body.array("segments")?);
    let pieces = pieces.ok_or_else(|| body.error("utterances", "an array of what was said, or segments"))?;
    for item in pieces {
        let mut said = Fields::of(&item)?;
        let speaker = said.required("speaker", "the place of a party")?;
        let name = if speaker.is_text() { speaker.text()? } else { speaker.json.to_owned() };
        let at = name.parse().ok().or(parties.iter().position(|party| party.name.as_deref() == Some(&name)));
        let who = party(parties, at.ok_or_else(|| speaker.error("the place of a party"))?, &speaker)?;
        let text = said.text("text")?.or(said.text("transcript")?).unwrap_or_default();
        let mut turn = DraftTurn::new(&item, who, text);
        let offset = |ms: Option<f64>| {
            ms.map_or(When::Unknown, |ms| start.map_or(When::Offset(ms), |start| When::Epoch(start + ms)))
        };
        turn.start = offset(said.offset("start", Unit::Seconds)?);
        turn.end = offset(said.offset("end", Unit::Seconds)?);
        draft.turn(turn);
    }
    Ok(())
}

fn attachment(draft: &mut Draft, item: &Item<'_>, kept: &mut Vec<String>) -> Result<(), ImportError> {
    let mut attachment = Fields::of(item)?;
    let purpose = attachment.item("purpose").or(attachment.item("type")).and_then(|item| item.text().ok());
    if purpose.as_deref() != Some(TOOL_CALL_PURPOSE) || !attachment.item("body").is_some_and(|body| body.is_object()) {
        kept.extend(attachment.left());
        return Ok(());
    }
    let at = When::epoch(attachment.moment("start", RFC3339)?);
    let Some(mut body) = attachment.object("body")? else { return Ok(()) };
    let mut tool = DraftTool {
        path: item.path.clone(),
        id: None,
        turn: None,
        name: name_of(&mut body, "name")?,
        args: body.take("args").map(|args| args.json.to_owned()),
        at,
        result: None,
        left: Json::object(),
    };
    let (result, error_text) = (body.take("result"), body.text("error_text")?);
    let mut answer = super::draft::DraftResult { error_text, ..Default::default() };
    answer.result = result.map(|result| result.json.to_owned());
    answer.latency_ms = body.latency("latency_ms", Unit::Milliseconds)?;
    tool.result = Some(answer);
    tool.turn = body.number("turn")?.map(|turn| turn as usize).filter(|turn| *turn < draft.turns.len());
    draft.tools.push(tool);
    Ok(())
}
