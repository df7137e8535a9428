//! What the tests stand on: real PostgreSQL clusters, and waiting for conditions instead of sleeping.

mod cluster;
mod installation;
pub mod leftovers;
mod mounts;
pub mod processes;
pub mod receiver;
#[cfg(test)]
mod selftest;
pub mod stub;
pub mod voice;
mod wait;

pub use cluster::{Builder, Cluster, PORT, Shutdown};
pub use installation::{extension_script, has_library, needs_major, server_major, skipped};
pub use wait::wait_until;
