//! The functions with which Postgres starts our three kinds of processes; it finds them by name in the library.
#![allow(unsafe_code)] // the names must not be mangled

use super::main_loop::{Leave, Server};
use super::{launcher, maintenance};
use crate::db::state::{self, Installation};
use crate::host::process;
use crate::host::shmem::{self, State};
use pgrx::prelude::*;
use std::time::Duration;

/// The launcher.
#[pg_guard]
#[unsafe(no_mangle)]
pub extern "C-unwind" fn voice_analytics_launcher(_argument: pg_sys::Datum) {
    launcher::run();
}

/// The worker of a database. The argument is the number of the database's slot.
#[pg_guard]
#[unsafe(no_mangle)]
pub extern "C-unwind" fn voice_analytics_worker(argument: pg_sys::Datum) {
    serve(argument.value());
}

/// A maintenance process. The argument is the id of its request.
#[pg_guard]
#[unsafe(no_mangle)]
pub extern "C-unwind" fn voice_analytics_maintenance(argument: pg_sys::Datum) {
    maintenance::run(argument.value() as u64);
}

/// Serves the database of this slot until the extension is dropped, or the process is asked to leave.
fn serve(index: usize) {
    process::take_signals();
    let Some(slot) = shmem::slots().and_then(|s| s.get(index)) else { return };
    process::at_exit(detach, index);
    let Some(database) = slot.attach() else { return };
    process::connect_to(database);
    process::pin_session_settings();
    let mut last_logged = String::new();
    loop {
        match state::installation() {
            Ok(Installation::Fits { schema, role }) => match Server::new(slot, schema, role) {
                Ok(mut server) => {
                    if let Leave::Restart = server.run() {
                        return slot.want_worker();
                    }
                    continue;
                }
                Err(e) => idle(slot, State::Failing, format!("cannot start: {e}"), &mut last_logged),
            },
            Ok(Installation::Absent) => return slot.leave_absent(),
            Ok(Installation::Other { version }) => {
                let ours = env!("CARGO_PKG_VERSION");
                let way_out = "ALTER EXTENSION voice_analytics UPDATE, or restart the server";
                let reason = format!("the loaded library is {ours}, the extension here is {version}: {way_out}");
                idle(slot, State::VersionMismatch, reason, &mut last_logged);
            }
            Ok(Installation::MissingRole) => {
                idle(slot, State::VersionMismatch, "the role voice_worker does not exist".to_owned(), &mut last_logged);
            }
            Err(e) => idle(slot, State::Failing, e.message, &mut last_logged),
        }
        process::check_for_interrupts();
        process::reload_if_asked();
        process::wait(None, Some(Duration::from_secs(10)));
    }
}

/// Gives the slot back when the worker ends.
fn detach(slot: usize) {
    if let Some(slot) = shmem::slots().and_then(|slots| slots.get(slot)) {
        slot.detach();
    }
    shmem::wake_launcher();
}

/// Reports that nothing can be done here for now, and why. Each reason goes to the log once in a row.
fn idle(slot: &shmem::Slot, state: State, reason: String, last_logged: &mut String) {
    slot.set_state(state, &reason);
    process::report_idle(&format!("voice_analytics: {reason}"));
    if *last_logged != reason {
        log!("voice_analytics: nothing is analysed in this database: {reason}");
        *last_logged = reason;
    }
}
