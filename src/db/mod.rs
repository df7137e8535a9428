//! All SPI, by subject. Statements stand in `sql/queries/`, one a file, and take bound parameters only.

pub mod claim;
pub mod deliver;
pub mod import;
pub mod late;
pub mod leaf;
pub mod limits;
pub mod months;
pub mod owner;
pub mod prepare;
pub mod question;
pub mod search;
pub mod settle;
pub mod state;
mod statement;
mod store;
pub mod transaction;

pub use statement::Statement;
pub use transaction::{DbError, transaction};
