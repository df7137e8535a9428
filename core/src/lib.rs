//! The pure logic of voice_analytics. Time and randomness are arguments; Cargo itself forbids Postgres and I/O here.

pub mod analysis;
pub mod breaker;
pub mod builtin;
pub mod call;
pub mod export;
pub mod fair;
pub mod headline;
pub mod import;
pub mod lexicon;
pub mod prompt;
pub mod quota;
pub mod quotation;
pub mod rate;
pub mod redact;
pub mod reply;
pub mod retention;
pub mod retry;
pub mod scrub;
pub mod suspects;
pub mod transcript;
pub mod turn;
pub mod uuid7;
mod visible;
pub mod webhook;
