//! All SPI, by subject. Statements stand in `sql/queries/`, one a file, and take bound parameters only.

pub mod alerts;
pub mod arrival;
pub mod as_owner;
mod attempt_log;
pub mod cached_query;
pub mod claim;
pub mod complete;
pub mod correct;
pub mod definitions;
pub mod deliver;
pub mod enqueue;
mod error;
pub mod export;
pub mod import;
pub mod imports;
pub mod limits;
pub mod live;
pub mod outcome;
pub mod partition;
pub mod partitions;
pub mod prepare;
pub mod receive;
mod results;
mod row_statement;
pub mod scores;
pub mod search;
pub mod settle;
#[cfg(feature = "pg_test")]
mod settle_tests;
pub mod state;
mod statement;
mod store;
pub mod transaction;
pub mod trials;
mod usage;

pub use error::{DbError, rethrow};
pub use statement::Statement;
pub use transaction::transaction;
