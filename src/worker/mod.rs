//! The background worker. A launcher starts one worker a database; each job goes claim → prepare → request → settle.
//! `docs/architecture.md` draws it.

mod api_key;
mod cycle;
mod databases;
mod ddl;
mod deliver;
mod entry;
mod latency;
mod launcher;
mod listen;
mod main_loop;
mod maintenance;
mod maintenance_scheduler;
mod pipeline;
mod provider;
mod queue;
mod recovery;
mod reporting;

use crate::host::{process, shmem};

/// Registers everything that must be there before the server starts.
pub fn register() {
    shmem::request();
    ddl::watch();
    if !process::upgrading() {
        process::register_launcher();
    }
}
