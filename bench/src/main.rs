//! voice_analytics beside the design it replaces: on one server, in one run, with the same calls.

mod arguments;
mod ending;
mod ingest;
mod machine;
mod ours;
mod pgbench;
mod plots;
mod progress;
mod reads;
mod report;
mod search;
mod server;
mod sizes;
mod tenants;
mod theirs;
mod verify;
mod worker;

use std::process::ExitCode;

use arguments::{Arguments, Command, Part};
use reads::Bench;
use report::Report;
use server::Server;

fn main() -> ExitCode {
    match arguments::parse(std::env::args().skip(1)) {
        Ok(Command::Help) => println!("{}", arguments::USAGE),
        Ok(Command::Compare(arguments)) => compare(&arguments),
        Err(what) => {
            eprintln!("{what}\n{}", arguments::USAGE);
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn compare(arguments: &Arguments) {
    let has = |parts: &[Part]| parts.iter().any(|part| arguments.parts.contains(part));
    let alone = arguments.copies > 1;
    let cluster = arguments.folder.join("cluster");
    progress::step(&format!("starting the server in {}", cluster.display()));
    let loading = Server::start_for_loading(&cluster);
    if has(&[Part::Reads, Part::Search, Part::Sizes]) {
        theirs::provide(&loading, reads::THEIRS, arguments.calls / arguments.copies, arguments.days);
        ours::provide(&loading, reads::THEIRS, reads::OURS, ours::Months::Needed, arguments.copies);
    }
    if has(&[Part::Reads, Part::Search]) && !alone {
        tenants::provide(&loading, reads::OURS, reads::TENANTS);
    }
    if has(&[Part::Ingest, Part::Import]) {
        ingest::provide(&loading, arguments.calls);
    }
    if has(&[Part::Ending]) {
        ending::provide(&loading);
    }
    loading.checkpoint();
    // Stops it; everything goes to disk before anything is measured.
    drop(loading);
    sync();

    progress::step("starting it again, with fsync");
    let load = machine::load();
    let server = Server::start_for_measuring(&cluster, ending::SERVED);
    let mut report = Report::new(alone);
    let (seconds, rounds) = (arguments.seconds, arguments.rounds);
    let mut bench = Bench { server: &server, alone, seconds, rounds, report: &mut report };
    if has(&[Part::Reads, Part::Search]) {
        let databases = [reads::TENANTS, reads::OURS, reads::THEIRS];
        databases[usize::from(alone)..].iter().for_each(|database| server.warm(database));
    }
    type Measure = fn(&mut Bench);
    let parts: [(Part, Measure); 6] = [
        (Part::Reads, reads::run),
        (Part::Search, search::run),
        (Part::Ingest, ingest::run),
        (Part::Import, ingest::import),
        (Part::Sizes, sizes::run),
        (Part::Ending, ending::run),
    ];
    for (part, run) in parts {
        if has(&[part]) {
            run(&mut bench);
        }
    }
    if has(&[Part::Worker]) {
        let drain = std::time::Duration::from_secs(arguments.drain.into());
        worker::run(&worker::Size { calls: arguments.calls, drain, seconds }, &mut report);
    }
    if has(&[Part::Analyses]) {
        worker::defined(seconds, rounds, &mut report);
    }
    if has(&[Part::Live]) {
        worker::in_progress(rounds, &mut report);
    }
    let mut below = machine::describe(&mut server.connect("postgres"));
    below.push(format!(
        "{} calls of 10 turns and 2 tool calls, 200 agents, {} days; `make bench BENCH='{}'`, {:.0} minutes; load average before measuring: {load}",
        arguments.calls,
        arguments.days,
        std::env::args().skip(1).collect::<Vec<_>>().join(" "),
        progress::elapsed().as_secs_f64() / 60.0,
    ));
    below.push(
        "Reads: `pgbench --client=1 --protocol=prepared|extended --log`, medians; ingest and ending: medians of rounds in turns. \
         The statements are in bench/sql. Ratio: how many times faster; of rates and bytes, ours to theirs."
            .into(),
    );
    report.draw(&arguments.plots, arguments.calls);
    report.write(&arguments.folder, &below);
}

/// The operating system's caches too.
fn sync() {
    let synced = std::process::Command::new("sync").status();
    assert!(synced.is_ok_and(|status| status.success()), "sync failed");
}
