//! AssemblyAI: a transcript as its API returns it. It says neither who spoke nor when the call was: both are options.
//! Source: assemblyai 1.8.2.

use super::ImportError;
use super::deepgram::{NEEDS_START, speaker};
use super::draft::{Draft, DraftTurn, When, in_progress};
use super::fields::{Fields, Item};
use super::options::Options;
use super::time::Unit;
use std::collections::BTreeSet;

pub fn parse(payload: &Item<'_>, options: &Options) -> Result<Draft, ImportError> {
    let mut root = Fields::of(payload)?;
    let mut draft = Draft { id: root.id("id")?, needs_start: Some(NEEDS_START), ..Draft::default() };
    if draft.id.is_none() {
        return Err(root.error("id", "the id of a transcript"));
    }
    let path = root.path_of("status");
    match root.text("status")?.as_deref() {
        Some(state @ ("queued" | "processing")) => return Err(in_progress(&path, state)),
        Some("error") => return Err(root.error("error", "none: nothing was transcribed")),
        _ => {}
    }
    draft.duration_ms = root.duration("audio_duration", Unit::Seconds)?;
    draft.recording_url = root.text("audio_url")?;
    draft.language = root.text("language_code")?.map(|code| code.replace('_', "-"));
    let Some(utterances) = root.array("utterances")? else {
        return Err(root.error("utterances", "an array of what was said (speaker_labels, or multichannel)"));
    };
    let mut channels = BTreeSet::new();
    for item in &utterances {
        channels.insert(Fields::of(item)?.id("channel")?);
    }
    let many = channels.into_iter().flatten().count() > 1;
    for item in &utterances {
        let mut said = Fields::of(item)?;
        let (label, channel) = (said.id("speaker")?, said.id("channel")?);
        // A label is of the whole transcript, also where it has channels.
        let who = speaker(item, options, channel.as_deref(), label.as_deref(), many && label.is_none())?;
        let mut turn = DraftTurn::new(item, who, said.text("text")?.unwrap_or_default());
        turn.start = When::offset(said.offset("start", Unit::Milliseconds)?);
        turn.end = When::offset(said.offset("end", Unit::Milliseconds)?);
        said.drop(&["words"]);
        said.into_json(&mut turn.left);
        draft.turn(turn);
    }
    root.drop(&["words", "text"]);
    root.into_json(&mut draft.meta);
    Ok(draft)
}
