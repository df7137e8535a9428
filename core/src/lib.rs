//! The pure logic of voice_analytics. Time and randomness are arguments; Cargo itself forbids Postgres and I/O here.

pub mod analysis;
pub mod analyzer;
pub mod breaker;
pub mod builtin;
pub mod call;
pub mod export;
pub mod import;
pub mod notification;
pub mod poison;
pub mod prompt;
pub mod quota;
pub mod rate;
pub mod receive;
pub mod redact;
pub mod redact_echo;
pub mod reply;
pub mod retention;
pub mod retry;
pub mod round_robin;
pub mod scrub;
mod strip_invisible;
pub mod time;
pub mod transcript;
pub mod tsvector_cache;
pub mod turn;
pub mod uuid7;
pub mod webhook;
