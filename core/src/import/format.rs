//! The formats that calls come in, and one way into all of them.

use super::draft::Draft;
use super::fields::{Item, error, has_nul, quoted};
use super::options::Options;
use super::settle::settle;
use super::{
    Import, ImportError, assemblyai, bland, deepgram, detect, elevenlabs, livekit, openai_realtime, pipecat, retell,
    twilio, vapi, vcon, voice,
};
use crate::export::vcon::restored;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    Voice,
    Retell,
    Vapi,
    Elevenlabs,
    Livekit,
    Pipecat,
    OpenaiRealtime,
    Bland,
    Twilio,
    Deepgram,
    Assemblyai,
    Vcon,
}

impl Format {
    pub const ALL: [Format; 12] = [
        Format::Voice,
        Format::Retell,
        Format::Vapi,
        Format::Elevenlabs,
        Format::Livekit,
        Format::Pipecat,
        Format::OpenaiRealtime,
        Format::Bland,
        Format::Twilio,
        Format::Deepgram,
        Format::Assemblyai,
        Format::Vcon,
    ];

    /// As SQL calls it, as `meta` keeps it, and what external ids begin with.
    pub fn name(self) -> &'static str {
        match self {
            Format::Voice => "voice",
            Format::Retell => "retell",
            Format::Vapi => "vapi",
            Format::Elevenlabs => "elevenlabs",
            Format::Livekit => "livekit",
            Format::Pipecat => "pipecat",
            Format::OpenaiRealtime => "openai_realtime",
            Format::Bland => "bland",
            Format::Twilio => "twilio",
            Format::Deepgram => "deepgram",
            Format::Assemblyai => "assemblyai",
            Format::Vcon => "vcon",
        }
    }

    pub fn named(name: &str) -> Option<Format> {
        Format::ALL.into_iter().find(|format| format.name() == name)
    }

    fn parse(self, payload: &Item<'_>, options: &Options) -> Result<Draft, ImportError> {
        match self {
            // Not a draft: see `from_format`.
            Format::Voice => Err(payload.error("of another format")),
            Format::Retell => retell::parse(payload),
            Format::Vapi => vapi::parse(payload),
            Format::Elevenlabs => elevenlabs::parse(payload),
            Format::Livekit => livekit::parse(payload),
            Format::Pipecat => pipecat::parse(payload),
            Format::OpenaiRealtime => openai_realtime::parse(payload),
            Format::Bland => bland::parse(payload),
            Format::Twilio => twilio::parse(payload, options),
            Format::Deepgram => deepgram::parse(payload, options),
            Format::Assemblyai => assemblyai::parse(payload, options),
            Format::Vcon => vcon::parse(payload, options),
        }
    }
}

/// The call that a payload says. `format` is a name of `Format`, or `auto` where the payload tells by itself; `options` is
/// a JSON object (`Options`). Takes time in proportion to the payload.
pub fn from_format(format: &str, payload: &str, options: &str) -> Result<Import, ImportError> {
    let options = Options::parse(options)?;
    let format = match format {
        "auto" => detect(payload)?,
        name => Format::named(name).ok_or_else(|| {
            let names: Vec<_> = Format::ALL.into_iter().map(Format::name).collect();
            error("format", Some(&quoted(name)), &format!("auto or one of {}", names.join(", ")))
        })?,
    };
    if format == Format::Voice {
        return voice::parse(payload, &options).map_err(|e| hint(e, format, payload));
    }
    // A vCon that we wrote says the whole call.
    if format == Format::Vcon
        && let Some(call) = restored(payload)?
    {
        return voice::parse(&call, &options);
    }
    // Postgres could not store what is left over of it.
    if has_nul(payload) {
        return Err(error("the payload", Some("\\u0000"), "JSON without a NUL character"));
    }
    let item = Item { json: payload, path: String::new() };
    let draft = format.parse(&item, &options).map_err(|e| hint(e, format, payload))?;
    settle(draft, format.name(), &options, payload)
}

/// A payload of another format is told by name, where it can be.
fn hint(mut refused: ImportError, format: Format, payload: &str) -> ImportError {
    if let Ok(other) = detect(payload)
        && other != format
    {
        refused.expected.push_str(&format!(" (the payload looks like {}, not {})", other.name(), format.name()));
    }
    refused
}
