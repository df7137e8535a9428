//! Where Postgres enters the two kinds of processes; it finds them by these names in the library.
#![allow(unsafe_code)] // the names must not be mangled

use super::launcher;
use super::serve::{Leave, Server};
use crate::db::state::{self, Installation};
use crate::host::process;
use crate::host::shmem::{self, Stage, State};
use pgrx::prelude::*;
use std::sync::atomic::Ordering::*;
use std::time::Duration;

#[pg_guard]
#[unsafe(no_mangle)]
pub extern "C-unwind" fn voice_analytics_launcher(_argument: pg_sys::Datum) {
    launcher::run();
}

/// The argument is the number of the database's slot.
#[pg_guard]
#[unsafe(no_mangle)]
pub extern "C-unwind" fn voice_analytics_worker(argument: pg_sys::Datum) {
    serve(argument.value());
}

/// Serves the database of this slot until there is nothing to serve.
fn serve(index: usize) {
    process::take_signals();
    let Some(slot) = shmem::slots().and_then(|s| s.get(index)) else { return };
    slot.occupy();
    slot.set_state(State::Starting, "");
    process::vacate_at_exit(index);
    process::connect_to(pg_sys::Oid::from(slot.database.load(Acquire)));
    process::settle_session();
    loop {
        match state::installation() {
            Ok(Installation::Fits { schema, role }) => match Server::new(slot, schema, role) {
                Ok(mut server) => {
                    if let Leave::Restart = server.run() {
                        return slot.set_stage(Stage::Wanted);
                    }
                    continue;
                }
                Err(e) => slot.set_state(State::Failing, &format!("cannot start: {e}")),
            },
            Ok(Installation::Absent) => return slot.leave_absent(),
            Ok(Installation::Other { version }) => {
                slot.set_state(
                    State::Unfit,
                    &format!(
                        "the loaded library is {}, the extension here is {version}: ALTER EXTENSION voice_analytics UPDATE, or restart the server",
                        env!("CARGO_PKG_VERSION")
                    ),
                );
            }
            Ok(Installation::Roleless) => slot.set_state(State::Unfit, "the role voice_worker does not exist"),
            Err(e) => slot.set_state(State::Failing, &e.message),
        }
        process::check_for_interrupts();
        process::reload_if_asked();
        process::wait(None, Some(Duration::from_secs(10)));
    }
}
