//! The pure logic of voice_analytics. Time and randomness are arguments; Cargo itself forbids Postgres and I/O here.

pub mod analysis;
pub mod builtin;
pub mod call;
pub mod import;
pub mod prompt;
pub mod reply;
pub mod retry;
pub mod scrub;
pub mod transcript;
pub mod turn;
pub mod uuid7;
