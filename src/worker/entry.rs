//! Where Postgres enters the two kinds of processes; it finds them by these names in the library.
#![allow(unsafe_code)] // the names must not be mangled

use super::main_loop::{Leave, Server};
use super::{launcher, maintenance};
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

/// Its task is in `bgw_extra`.
#[pg_guard]
#[unsafe(no_mangle)]
pub extern "C-unwind" fn voice_analytics_maintenance(_argument: pg_sys::Datum) {
    maintenance::run();
}

/// Serves the database of this slot until there is nothing to serve.
fn serve(index: usize) {
    process::take_signals();
    let Some(slot) = shmem::slots().and_then(|s| s.get(index)) else { return };
    slot.attach();
    slot.set_state(State::Starting, "");
    process::detach_at_exit(index);
    process::connect_to(pg_sys::Oid::from(slot.database.load(Acquire)));
    process::pin_session_settings();
    let mut said = String::new();
    loop {
        match state::installation() {
            Ok(Installation::Fits { schema, role }) => match Server::new(slot, schema, role) {
                Ok(mut server) => {
                    if let Leave::Restart = server.run() {
                        return slot.set_stage(Stage::Wanted);
                    }
                    continue;
                }
                Err(e) => idle(slot, State::Failing, format!("cannot start: {e}"), &mut said),
            },
            Ok(Installation::Absent) => return slot.leave_absent(),
            Ok(Installation::Other { version }) => {
                let ours = env!("CARGO_PKG_VERSION");
                let way_out = "ALTER EXTENSION voice_analytics UPDATE, or restart the server";
                let reason = format!("the loaded library is {ours}, the extension here is {version}: {way_out}");
                idle(slot, State::VersionMismatch, reason, &mut said);
            }
            Ok(Installation::MissingRole) => {
                idle(slot, State::VersionMismatch, "the role voice_worker does not exist".to_owned(), &mut said);
            }
            Err(e) => idle(slot, State::Failing, e.message, &mut said),
        }
        process::check_for_interrupts();
        process::reload_if_asked();
        process::wait(None, Some(Duration::from_secs(10)));
    }
}

/// Nothing can be done here for now. The log hears of each reason once.
fn idle(slot: &shmem::Slot, state: State, reason: String, said: &mut String) {
    slot.set_state(state, &reason);
    process::report_idle(&format!("voice_analytics: {reason}"));
    if *said != reason {
        log!("voice_analytics: nothing is analysed in this database: {reason}");
        *said = reason;
    }
}
