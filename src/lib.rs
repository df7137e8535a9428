//! voice_analytics: the data layer and post-call analytics of AI voice agents, inside PostgreSQL.
//! `docs/architecture.md` shows the flow of a call through these modules.

use pgrx::prelude::*;

mod api;
mod db;
mod guc;
mod host;
#[cfg(feature = "pg_test")]
pub mod pg_test;
mod worker;

pg_module_magic!(name, version);

// For the tests cargo-pgrx makes the install script, of which only the tests' own functions are pgrx's.
#[cfg(feature = "pg_test")]
pgrx::extension_sql_file!("../target/pg_test/voice.sql", name = "voice", bootstrap);

#[pg_guard]
#[allow(non_snake_case)] // the name that Postgres looks for; pg_guard exports it
pub extern "C-unwind" fn _PG_init() {
    host::backtrace::keep_out_of_errors();
    guc::init();
    host::foreign_keys::check_by_probes();
    #[cfg(not(feature = "pg18"))]
    host::plans::keep();
    if host::process::preloading() {
        worker::register();
    }
}
