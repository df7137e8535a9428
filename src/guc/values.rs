//! Settings that have one of a few words for a value.

use pgrx::PostgresGucEnum;

/// [`voice_core::analyzer::Analyzer`] as the values of a setting.
#[derive(PostgresGucEnum, Clone, Copy, PartialEq, Eq, Debug)]
#[allow(non_camel_case_types)]
pub enum Analyzer {
    builtin,
    openai,
}

impl From<Analyzer> for voice_core::analyzer::Analyzer {
    fn from(setting: Analyzer) -> Self {
        match setting {
            Analyzer::builtin => Self::Builtin,
            Analyzer::openai => Self::OpenAi,
        }
    }
}

/// What is done with a transcript that is longer than `transcript_max_chars`.
#[derive(PostgresGucEnum, Clone, Copy, PartialEq, Eq, Debug)]
#[allow(non_camel_case_types)]
pub enum LongTranscripts {
    /// Its parts are summarised, and the notes judged with the last part.
    summarize,
    /// Its beginning and its end are judged.
    ends,
}
