//! The few SQL functions that SQL cannot express. Their declarations stand in `sql/`, by subject.

mod agreement;
mod call;
mod caller;
mod complete;
mod definition;
mod formats;
mod import;
mod imports;
mod leads;
mod maintenance;
mod owner;
mod queue;
mod receive;
mod report;
mod scores;
mod search;
mod status;
mod tenant;
mod transcript;
mod turn;
mod uuid;
mod webhook;
