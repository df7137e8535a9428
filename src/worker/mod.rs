//! The background worker. A launcher starts one worker a database; each job goes claim → prepare → request → settle.
//! `docs/architecture.md` draws it.

mod databases;
mod ddl;
mod deliver;
mod entry;
mod housekeeping;
mod key;
mod latency;
mod launcher;
mod listen;
mod maintenance;
mod mend;
mod pipeline;
mod provider;
mod queue;
mod serve;
mod show;
mod turn;

use crate::host::{process, shmem};
pub use pipeline::{RULE_VERSION, version_of};

/// Registers everything that must be there before the server starts.
pub fn register() {
    shmem::request();
    ddl::watch();
    if !process::upgrading() {
        process::register_launcher();
    }
}
