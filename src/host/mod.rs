//! Being code inside a server: a process of Postgres, the shared memory between processes, the call of a function or a
//! trigger, the end of a transaction. Knows neither the queue nor what the worker does with it.

pub mod backtrace;
mod catalog;
pub mod clock;
pub mod commit_hooks;
pub mod error;
pub mod foreign_keys;
pub mod function;
pub mod insert;
pub mod lock;
pub mod partition;
#[cfg(not(feature = "pg18"))]
pub mod plans;
pub mod privilege;
pub mod probe;
pub mod process;
pub mod progress;
pub mod row_array;
pub mod shmem;
pub mod tenant_binding;
pub mod trigger;
pub mod tsvector;
mod tuple;
pub mod usage;
pub mod user;
