//! What the caller of an import knows and the payload does not say.

use super::ImportError;
use super::fields::{Fields, Item};
use super::time::{Time, iso};
use std::collections::BTreeMap;

/// A person on the agent's side: nobody's words are ascribed to the agent.
pub const HUMAN_AGENT: &str = "human_agent";

/// Who speaks: a role of the table, and `speaker` where the role does not say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Speaker {
    /// `user`, `assistant` or `system`.
    pub role: &'static str,
    pub speaker: Option<&'static str>,
}

impl Speaker {
    pub const USER: Speaker = Speaker { role: "user", speaker: None };
    pub const ASSISTANT: Speaker = Speaker { role: "assistant", speaker: None };
    pub const SYSTEM: Speaker = Speaker { role: "system", speaker: None };
    pub const HUMAN: Speaker = Speaker { role: "system", speaker: Some(HUMAN_AGENT) };

    fn named(name: &str) -> Option<Speaker> {
        match name {
            "user" => Some(Speaker::USER),
            "assistant" => Some(Speaker::ASSISTANT),
            "system" => Some(Speaker::SYSTEM),
            HUMAN_AGENT => Some(Speaker::HUMAN),
            _ => None,
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Options {
    /// Who the speakers, channels or parties of a transcript are, by the name they have in it.
    pub speakers: BTreeMap<String, Speaker>,
    pub external_id: Option<String>,
    pub agent_id: Option<String>,
    pub agent_name: Option<String>,
    pub vertical: Option<String>,
    pub started_at: Option<Time>,
    pub from: Option<String>,
    pub to: Option<String>,
    pub direction: Option<String>,
    /// What was made of the call elsewhere: a JSON object.
    pub scores: Option<String>,
    /// Keeps the whole payload in `meta`.
    pub keep_raw: bool,
}

const KNOWN: &str =
    "one of the options speakers, external_id, agent, vertical, started_at, from, to, direction, scores, keep_raw";

impl Options {
    /// Reads a JSON object of options; one that is not known is refused.
    pub fn parse(json: &str) -> Result<Options, ImportError> {
        let mut given = Fields::of(&Item { json, path: "options".into() })?;
        let mut options = Options::default();
        if let Some(mut speakers) = given.object("speakers")? {
            options.speakers = speakers_of(&mut speakers)?;
        }
        match given.item("agent") {
            Some(agent) if agent.is_object() => {
                let mut agent = Fields::of(&agent)?;
                (options.agent_id, options.agent_name) = (agent.text("id")?, agent.text("name")?);
                given.drop(&["agent"]);
            }
            _ => options.agent_id = given.text("agent")?,
        }
        options.external_id = given.id("external_id")?;
        options.vertical = given.text("vertical")?;
        if let Some(item) = given.take("started_at") {
            let at = item.text().ok().and_then(|text| iso(&text)).filter(|at| at.has_zone);
            let at = at.ok_or_else(|| item.error("an ISO 8601 time with a zone, as \"2026-03-01T09:30:00Z\""))?;
            options.started_at = Some(Time::EpochMs(at.ms));
        }
        (options.from, options.to) = (given.text("from")?, given.text("to")?);
        options.direction = match given.item("direction") {
            None => None,
            Some(item) => match item.text().as_deref() {
                Ok(direction @ ("inbound" | "outbound")) => Some(direction.to_owned()),
                _ => return Err(item.error("inbound or outbound")),
            },
        };
        options.scores = match given.take("scores") {
            None => None,
            Some(scores) if scores.is_object() => Some(scores.json.to_owned()),
            Some(other) => return Err(other.error("an object: sentiment, lead_score, intent, entities, …")),
        };
        options.keep_raw = given.boolean("keep_raw")?.unwrap_or(false);
        given.drop(&["direction"]);
        match given.first_left() {
            None => Ok(options),
            Some(unknown) => Err(unknown.error(KNOWN)),
        }
    }

    /// The speaker that the map gives to any of these names.
    pub fn speaker(&self, names: &[&str]) -> Option<Speaker> {
        names.iter().find_map(|name| self.speakers.get(*name)).copied()
    }

    pub fn started_ms(&self) -> Option<f64> {
        match self.started_at {
            Some(Time::EpochMs(ms)) => Some(ms),
            _ => None,
        }
    }
}

fn speakers_of(speakers: &mut Fields<'_>) -> Result<BTreeMap<String, Speaker>, ImportError> {
    let mut map = BTreeMap::new();
    while let Some((name, item)) = speakers.take_first() {
        let speaker = item.text().ok().and_then(|role| Speaker::named(&role));
        map.insert(name, speaker.ok_or_else(|| item.error("user, assistant, system or human_agent"))?);
    }
    Ok(map)
}
