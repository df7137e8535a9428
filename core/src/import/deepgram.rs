//! Deepgram: the response of a prerecorded transcription. It says neither who spoke nor when the call was: both are options.
//! Source: deepgram-sdk 7.17.0.

use super::ImportError;
use super::draft::{Draft, DraftTurn, When};
use super::fields::{Fields, Item, error};
use super::options::{Options, Speaker};
use super::time::Unit;

pub const WHO: &str = "who it is: user, assistant, system or human_agent (a transcription knows no roles)";
pub const NEEDS_START: &str = "when the call began: a transcription does not say it";

pub fn parse(payload: &Item<'_>, options: &Options) -> Result<Draft, ImportError> {
    let mut root = Fields::of(payload)?;
    let mut draft = Draft { needs_start: Some(NEEDS_START), ..Draft::default() };
    let Some(mut metadata) = root.object("metadata")? else {
        return Err(root.error("metadata", "an object with request_id"));
    };
    draft.id = metadata.id("request_id")?;
    draft.duration_ms = metadata.duration("duration", Unit::Seconds)?;
    // `created` is when it was transcribed, and stays in meta.
    let Some(mut results) = root.object("results")? else {
        return Err(root.error("results", "an object with utterances, or with channels and their words"));
    };
    let channels = results.array("channels")?.unwrap_or_default();
    if let Some(channel) = channels.first() {
        draft.language = Fields::of(channel)?.text("detected_language")?;
    }
    match results.array("utterances")? {
        Some(utterances) => {
            for item in &utterances {
                let mut said = Fields::of(item)?;
                let channel = said.id("channel")?;
                let who =
                    speaker(item, options, channel.as_deref(), said.id("speaker")?.as_deref(), channels.len() > 1)?;
                let mut turn = DraftTurn::new(item, who, said.text("transcript")?.unwrap_or_default());
                turn.start = When::offset(said.offset("start", Unit::Seconds)?);
                turn.end = When::offset(said.offset("end", Unit::Seconds)?);
                said.drop(&["words", "id"]);
                said.into_json(&mut turn.left);
                draft.turn(turn);
            }
        }
        None => {
            for (number, channel) in channels.iter().enumerate() {
                words(&mut draft, channel, number, channels.len() > 1, options)?;
            }
            // Channels come one after the other.
            draft.turns.sort_by(|a, b| order(a.start).total_cmp(&order(b.start)));
        }
    }
    metadata.drop(&["transaction_key"]);
    if let Some(left) = metadata.left() {
        draft.meta.raw("metadata", &left);
    }
    if let Some(left) = results.left() {
        draft.meta.raw("results", &left);
    }
    root.into_json(&mut draft.meta);
    Ok(draft)
}

fn order(when: When) -> f64 {
    match when {
        When::Offset(ms) | When::Epoch(ms) => ms,
        When::Unknown => 0.0,
    }
}

/// Who the options say it is: `channel:speaker`, else the speaker where there is one channel, else the channel.
pub fn speaker(
    item: &Item<'_>,
    options: &Options,
    channel: Option<&str>,
    speaker: Option<&str>,
    many_channels: bool,
) -> Result<Speaker, ImportError> {
    let both = format!("{}:{}", channel.unwrap_or_default(), speaker.unwrap_or_default());
    let name = match (speaker, channel) {
        (Some(speaker), _) if !many_channels => speaker,
        (_, Some(channel)) => channel,
        (Some(speaker), None) => speaker,
        (None, None) => {
            return Err(error(&item.path, None, "an utterance with a speaker or a channel (diarize, or multichannel)"));
        }
    };
    let names = [both.as_str(), name];
    options.speaker(&names).ok_or_else(|| error(&format!("options.speakers.{name}"), None, WHO))
}

/// Words of one speaker without a break are a turn.
fn words(
    draft: &mut Draft,
    channel: &Item<'_>,
    number: usize,
    many: bool,
    options: &Options,
) -> Result<(), ImportError> {
    let mut channel = Fields::of(channel)?;
    let path = channel.path_of("alternatives");
    let best = channel.array("alternatives")?.unwrap_or_default().into_iter().next();
    let mut best = Fields::of(&best.ok_or_else(|| error(&path, None, "an array of alternatives"))?)?;
    let number = number.to_string();
    let mut turn: Option<(Option<String>, DraftTurn)> = None;
    for item in best.array("words")?.unwrap_or_default() {
        let mut word = Fields::of(&item)?;
        let spoken_by = word.id("speaker")?;
        let text = word.text("punctuated_word")?.or(word.text("word")?).unwrap_or_default();
        let end = When::offset(word.offset("end", Unit::Seconds)?);
        match &mut turn {
            Some((speaker, turn)) if *speaker == spoken_by => {
                turn.text.push(' ');
                turn.text.push_str(&text);
                turn.end = end;
            }
            _ => {
                let who = speaker(&item, options, Some(&number), spoken_by.as_deref(), many)?;
                let mut next = DraftTurn::new(&item, who, text);
                next.start = When::offset(word.offset("start", Unit::Seconds)?);
                next.end = end;
                if let Some((_, done)) = turn.replace((spoken_by, next)) {
                    draft.turn(done);
                }
            }
        }
    }
    if let Some((_, done)) = turn {
        draft.turn(done);
    }
    Ok(())
}
