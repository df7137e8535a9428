//! voice_analytics: the data layer and post-call analytics of AI voice agents, inside PostgreSQL.
//! `docs/architecture.md` shows the flow of a call through these modules.

use pgrx::prelude::*;

mod api;
mod db;
mod guc;
mod host;
mod worker;

pg_module_magic!(name, version);

#[pg_guard]
#[allow(non_snake_case)] // the name that Postgres looks for; pg_guard exports it
pub extern "C-unwind" fn _PG_init() {
    host::backtrace::keep_out_of_errors();
    guc::init();
    if host::process::preloading() {
        worker::register();
    }
}
