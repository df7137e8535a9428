//! Where Postgres enters the two kinds of processes; it finds them by these names in the library.
#![allow(unsafe_code)] // the names must not be mangled

use super::{launcher, serve};
use pgrx::prelude::*;

#[pg_guard]
#[unsafe(no_mangle)]
pub extern "C-unwind" fn voice_analytics_launcher(_argument: pg_sys::Datum) {
    launcher::run();
}

/// The argument is the number of the database's slot.
#[pg_guard]
#[unsafe(no_mangle)]
pub extern "C-unwind" fn voice_analytics_worker(argument: pg_sys::Datum) {
    serve::run(argument.value());
}
