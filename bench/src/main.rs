//! voice_analytics beside the design it replaces: on one server, in one run, with the same calls.

mod arguments;
mod machine;
mod ours;
mod progress;
mod server;
mod tenants;
mod theirs;
mod verify;
mod worker;

use std::process::ExitCode;

use arguments::{Arguments, Command};
use server::Server;

fn main() -> ExitCode {
    match arguments::parse(std::env::args().skip(1)) {
        Ok(Command::Worker) => worker::run(),
        Ok(Command::Compare(arguments)) => compare(&arguments),
        Err(what) => {
            eprintln!("{what}\n{}", arguments::USAGE);
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn compare(arguments: &Arguments) {
    let server = Server::start_for_loading(&arguments.folder.join("cluster"));
    theirs::provide(&server, "theirs", arguments.calls, 365);
    ours::provide(&server, "theirs", "ours", ours::Months::Needed);
    tenants::provide(&server, "ours", "tenants");
}
