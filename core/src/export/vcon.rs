//! vCon, by draft-ietf-vcon-vcon-core-03 (July 2026): parties, one dialog of type text a turn, analysis, attachments.
//!
//! What the core draft has no place for (latencies, interruptions, tool calls, status, cost) is in attachments, whose
//! purposes begin with `voice_analytics`; an import of ours reads them again and gives the same call. Words stand in
//! dialogs only: whoever redacts those has redacted the call.

use super::voice::{call_json, tool_call_json, turn_json};
use crate::import::fields::{Fields, Item, Json, array_json, error};
use crate::import::time::{Time, iso, rfc3339};
use crate::import::{HUMAN_AGENT, Import, ImportError, Turn};

pub const TOOL_CALL_PURPOSE: &str = "voice_analytics.tool_call";
pub const CALL_PURPOSE: &str = "voice_analytics.call";
const VENDOR: &str = "voice_analytics";

/// What a vCon says beside the call.
#[derive(Debug, Clone)]
pub struct Envelope<'a> {
    /// A UUID.
    pub uuid: &'a str,
    /// When the vCon is made, in milliseconds since 1970.
    pub created_ms: f64,
    pub analyses: &'a [Analysis<'a>],
}

/// One result of an analysis.
#[derive(Debug, Clone)]
pub struct Analysis<'a> {
    /// `summary`, `sentiment`, `report` …
    pub kind: &'a str,
    /// What made it: a model.
    pub product: &'a str,
    /// Names the shape of `body`.
    pub schema: &'a str,
    /// JSON.
    pub body: &'a str,
}

/// Places in `parties`.
struct Parties {
    json: Vec<String>,
    user: usize,
    agent: usize,
    human: Option<usize>,
    system: Option<usize>,
}

impl Parties {
    fn of(call: &Import) -> Parties {
        let outbound = call.direction == "outbound";
        let (theirs, ours) = if outbound { (&call.to, &call.from) } else { (&call.from, &call.to) };
        let mut user = Json::object();
        user.optional("tel", theirs.as_ref());
        user.text("type", "person");
        let mut agent = Json::object();
        agent.optional("tel", ours.as_ref());
        agent.optional("name", call.agent.name.as_ref().or(call.agent.id.as_ref()));
        agent.text("type", "bot");
        let mut parties =
            Parties { json: vec![user.finish(), agent.finish()], user: 0, agent: 1, human: None, system: None };
        let is_human = |turn: &&Turn| turn.speaker.as_deref() == Some(HUMAN_AGENT);
        if call.turns.iter().any(|turn| is_human(&turn)) {
            parties.human = Some(parties.json.len());
            parties.json.push(r#"{"name":"human agent","type":"person"}"#.to_owned());
        }
        if call.turns.iter().any(|turn| turn.role == "system" && !is_human(&turn)) {
            parties.system = Some(parties.json.len());
            parties.json.push(r#"{"name":"system","type":"bot"}"#.to_owned());
        }
        parties
    }

    fn of_turn(&self, turn: &Turn) -> usize {
        match (turn.role.as_str(), turn.speaker.as_deref()) {
            (_, Some(HUMAN_AGENT)) => self.human.unwrap_or(self.agent),
            ("user", _) => self.user,
            ("system", _) => self.system.unwrap_or(self.agent),
            _ => self.agent,
        }
    }
}

/// A call without a start began so that it ended when the vCon is made.
pub fn vcon(call: &Import, envelope: &Envelope<'_>) -> String {
    let last = call.duration_ms.or(call.last_word_ms()).unwrap_or(0.0);
    let start = call.started_at.as_ref().and_then(ms_of).unwrap_or(envelope.created_ms - last);
    let at = |time: &Option<Time>, ms: Option<f64>| time.as_ref().and_then(ms_of).or(ms.map(|ms| start + ms));
    let parties = Parties::of(call);
    let (mut dialogs, mut turns) = (Vec::new(), Vec::new());
    let mut before = start;
    for turn in &call.turns {
        let began = at(&turn.started_at, turn.start_ms).unwrap_or(before);
        before = began;
        let mut dialog = Json::object();
        dialog.text("type", "text");
        dialog.text("start", &rfc3339(began));
        if let Some(end) = at(&turn.ended_at, turn.end_ms).filter(|end| *end >= began) {
            dialog.number("duration", ((end - began) * 1000.0).round() / 1e6);
        }
        dialog.raw("parties", &format!("[{}]", parties.of_turn(turn)));
        dialog.text("mediatype", "text/plain");
        dialog.text("body", &turn.text);
        dialog.text("encoding", "none");
        let mut beside = turn_json(turn);
        beside.number("dialog", dialogs.len() as f64);
        turns.push(beside.finish());
        dialogs.push(dialog.finish());
    }
    // A recording needs an address that others can read, and the hash of what is there: both are the provider's. It is in
    // the attachment of the call.
    let attachments = attachments(call, &parties, turns, start, |time, ms| at(time, ms));
    let mut json = Json::object();
    json.text("vcon", "0.4.0");
    json.text("uuid", envelope.uuid);
    json.text("created_at", &rfc3339(envelope.created_ms));
    json.raw("parties", &array_json(&parties.json));
    json.raw("dialog", &array_json(&dialogs));
    let of_all: Vec<String> = (0..dialogs.len()).map(|at| at.to_string()).collect();
    let analyses: Vec<String> = envelope.analyses.iter().map(|analysis| analysis_json(analysis, &of_all)).collect();
    json.raw("analysis", &array_json(&analyses));
    json.raw("attachments", &array_json(&attachments));
    json.finish()
}

fn attachments(
    call: &Import,
    parties: &Parties,
    turns: Vec<String>,
    start: f64,
    at: impl Fn(&Option<Time>, Option<f64>) -> Option<f64>,
) -> Vec<String> {
    let mut body = call_json(call);
    body.raw("turns", &array_json(&turns));
    let attachment = |purpose: &str, began: f64, dialog: usize, body: &str| {
        let mut json = Json::object();
        json.text("purpose", purpose);
        json.text("start", &rfc3339(began));
        json.number("party", parties.agent as f64);
        json.number("dialog", dialog as f64);
        json.text("mediatype", "application/json");
        json.raw("body", body);
        json.text("encoding", "json");
        json.finish()
    };
    let mut attachments = vec![attachment(CALL_PURPOSE, start, 0, &body.finish())];
    for tool in &call.tool_calls {
        let began = at(&tool.invoked_at, tool.offset_ms).unwrap_or(start);
        attachments.push(attachment(TOOL_CALL_PURPOSE, began, tool.turn.unwrap_or(0), &tool_call_json(tool).finish()));
    }
    attachments
}

fn analysis_json(analysis: &Analysis<'_>, dialogs: &[String]) -> String {
    let mut json = Json::object();
    json.text("type", analysis.kind);
    json.raw("dialog", &array_json(dialogs));
    json.text("vendor", VENDOR);
    json.text("product", analysis.product);
    json.text("schema", analysis.schema);
    json.text("mediatype", "application/json");
    json.raw("body", analysis.body);
    json.text("encoding", "json");
    json.finish()
}

/// A time without a zone is taken as UTC.
fn ms_of(time: &Time) -> Option<f64> {
    match time {
        Time::EpochMs(ms) => Some(*ms),
        Time::Text(text) => iso(text).map(|at| at.ms),
    }
}

/// The form `voice` of a vCon that we wrote; `None`: somebody else did.
pub fn restored(vcon: &str) -> Result<Option<String>, ImportError> {
    let Ok(mut root) = Fields::of(&Item { json: vcon, path: String::new() }) else { return Ok(None) };
    let (mut call, mut tools) = (None, Vec::new());
    for item in root.array("attachments").unwrap_or_default().unwrap_or_default() {
        let Ok(mut attachment) = Fields::of(&item) else { return Ok(None) };
        match attachment.text("purpose").unwrap_or_default().as_deref() {
            Some(CALL_PURPOSE) => call = attachment.take("body").filter(Item::is_object),
            Some(TOOL_CALL_PURPOSE) => tools.extend(attachment.take("body").map(|body| body.json)),
            _ => {}
        }
    }
    let Some(call) = call else { return Ok(None) };
    let mut call = Fields::of(&call)?;
    let dialogs = root.array("dialog")?.unwrap_or_default();
    let mut turns = Vec::new();
    for item in call.array("turns")?.unwrap_or_default() {
        let mut turn = Fields::of(&item)?;
        let at = turn.required("dialog", "the place of a dialog")?;
        let dialog = at.json.parse().ok().and_then(|at: usize| dialogs.get(at));
        let dialog = Fields::of(dialog.ok_or_else(|| at.error("the place of a dialog"))?)?;
        let words = dialog.item("body").filter(Item::is_text);
        let words = words.ok_or_else(|| error(&dialog.path_of("body"), None, "the words of a turn"))?;
        let mut json = Json::object();
        turn.into_json(&mut json);
        json.raw("text", words.json);
        turns.push(json.finish());
    }
    let mut json = Json::object();
    if !call.has("external_id") {
        json.optional("external_id", root.text("uuid")?.map(|uuid| format!("vcon:{uuid}")).as_ref());
    }
    call.into_json(&mut json);
    json.raw("turns", &array_json(&turns));
    json.raw("tool_calls", &array_json(&tools));
    Ok(Some(json.finish()))
}
