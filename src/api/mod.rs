//! The few SQL functions that SQL cannot express. Their declarations stand in `sql/functions/`.

mod queue;
mod search;
mod status;
mod transcript;
mod uuid;
