//! The background worker. A launcher starts one worker a database. Each job, whatever its kind, goes
//! poll → claim → prepare → request → settle. `docs/architecture.md` draws it.

mod backoff;
mod credentials;
mod cycle;
mod databases;
mod ddl;
mod entry;
mod health;
mod job;
mod jobs;
mod latency;
mod launcher;
mod leases;
mod listen;
mod main_loop;
mod maintenance;
mod maintenance_scheduler;
mod model_client;
mod pipeline;
mod provider;
mod queue;
mod recover;
mod recovery;
mod results;
mod runner;
mod schedule;
mod search_state;
mod status_writer;

use crate::host::{process, shmem};

/// Registers everything that must be there before the server starts.
pub fn register() {
    shmem::request();
    ddl::watch();
    if !process::upgrading() {
        process::register_launcher();
    }
}
