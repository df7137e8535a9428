//! Whole calls written a second: fourteen statements each, two clients, the designs by turns. The databases are fresh
//! and warmed with some thousand calls; one has 4 months and one has 60.

use std::collections::BTreeMap;

use serde_json::json;

use crate::ours::{self, Months};
use crate::pgbench::{Mode, Run, median};
use crate::progress::step;
use crate::reads::Bench;
use crate::report::{Row, Target, Unit};
use crate::server::Server;
use crate::theirs;

const THEIRS: &str = "theirs_fresh";
const FEW: &str = "ours_4";
const MANY: &str = "ours_60";
const STATEMENTS: [(&str, &str); 2] =
    [(THEIRS, include_str!("../sql/theirs/ingest.sql")), ("", include_str!("../sql/ours/ingest.sql"))];
const IMPORT: &str = include_str!("../sql/ours/import.sql");
const CLIENTS: u32 = 2;

/// How the fourteen statements are committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Commits {
    Each,
    Once,
}

/// Made anew in each run: a run before has left its calls in them.
pub fn provide(server: &Server, calls: i64) {
    for database in [THEIRS, FEW, MANY] {
        server.drop_database(database);
    }
    theirs::provide(server, THEIRS, calls.min(20_000), 20);
    ours::provide(server, THEIRS, FEW, Months::Exactly(4), 1);
    ours::provide(server, THEIRS, MANY, Months::Exactly(60), 1);
}

fn script(database: &str, commits: Commits) -> String {
    let statements = if database == THEIRS { STATEMENTS[0].1 } else { STATEMENTS[1].1 };
    match commits {
        Commits::Each => statements.to_owned(),
        Commits::Once => {
            let (variables, sql): (Vec<&str>, Vec<&str>) =
                statements.lines().partition(|line| line.starts_with("\\set"));
            format!("{}\nBEGIN;\n{}\nCOMMIT;\n", variables.join("\n"), sql.join("\n"))
        }
    }
}

/// Calls a second; ids of the other design are counted from a base that no run has had before.
fn rate(bench: &mut Bench, runs: &mut i64, database: &str, user: &str, script: String, seconds: u32) -> f64 {
    *runs += 1;
    let run = Run::of(database, script, Mode::Prepared, seconds).with("n", 0).with("base", *runs * 1_000_000_000_000);
    Run { clients: CLIENTS, user, ..run }.run(bench.server).tps
}

pub fn run(bench: &mut Bench) {
    let cases: Vec<(&str, &str, Commits)> =
        [(THEIRS, "postgres"), (FEW, "postgres"), (MANY, "postgres"), (FEW, "bench_app")]
            .into_iter()
            .flat_map(|(database, user)| [Commits::Each, Commits::Once].map(|commits| (database, user, commits)))
            .collect();
    let mut rates: BTreeMap<(&str, &str, Commits), Vec<f64>> = BTreeMap::new();
    let mut runs = 0;
    // Round 0 fills caches and plans, and is forgotten.
    for round in 0..=bench.rounds {
        for case @ (database, user, commits) in cases.iter().copied() {
            let seconds = if round == 0 { bench.seconds.min(2) } else { bench.seconds };
            let calls = rate(bench, &mut runs, database, user, script(database, commits), seconds);
            step(&format!(
                "ingest, round {round} of {}: {database} as {user}, commits {commits:?}: {calls:.0} calls/s",
                bench.rounds
            ));
            if round > 0 {
                rates.entry(case).or_default().push(calls);
            }
        }
    }
    for (case, rates) in &rates {
        bench.report.raw(format!("ingest {case:?}"), json!(rates));
    }
    for (commits, what) in [(Commits::Each, "autocommit"), (Commits::Once, "one transaction")] {
        let of = |database, user| &rates[&(database, user, commits)];
        let theirs = of(THEIRS, "postgres");
        let few = of(FEW, "postgres");
        let many = of(MANY, "postgres");
        for (ours, months) in [(few, 4), (many, 60)] {
            bench.report.add(
                Row::new(format!("ingest, {what}, {months} months"), Unit::PerSecond, median(ours.clone()))
                    .ratio(ratio(ours, theirs))
                    .against(median(theirs.clone()))
                    .target(Target::RatioAtLeast(1.0))
                    .remark("whole calls of 14 statements, 2 clients"),
            );
        }
        bench.report.add(
            Row::new(format!("ingest, {what}, 60 months against 4"), Unit::PerSecond, median(many.clone()))
                .ratio(ratio(many, few))
                .target(Target::RatioAtLeast(0.95))
                .remark(format!("ratio to {:.0}/s", median(few.clone()))),
        );
        let app = of(FEW, "bench_app");
        bench.report.add(
            Row::new(format!("ingest, {what}, 4 months, as an ordinary role"), Unit::PerSecond, median(app.clone()))
                .ratio(ratio(app, theirs))
                .against(median(theirs.clone()))
                .remark("row-level security in force; theirs has none"),
        );
    }
}

/// `voice_import_call` against one statement a turn, in one transaction.
pub fn import(bench: &mut Bench) {
    let (mut imported, mut inserted) = (Vec::new(), Vec::new());
    let mut runs = 1_000_000;
    for round in 0..=bench.rounds {
        let seconds = if round == 0 { bench.seconds.min(2) } else { bench.seconds };
        let one = rate(bench, &mut runs, FEW, "postgres", script(FEW, Commits::Once), seconds);
        let whole = rate(bench, &mut runs, FEW, "postgres", IMPORT.to_owned(), seconds);
        step(&format!("import, round {round} of {}: {whole:.0} calls/s, by statements {one:.0}", bench.rounds));
        if round > 0 {
            inserted.push(one);
            imported.push(whole);
        }
    }
    bench.report.raw("import", json!({"voice_import_call": imported, "statements": inserted}));
    bench.report.add(
        Row::new("voice_import_call, whole calls", Unit::PerSecond, median(imported.clone()))
            .ratio(ratio(&imported, &inserted))
            .target(Target::RatioAtLeast(3.0))
            .remark(format!(
                "ratio to one statement a turn (14 in one transaction), {:.0}/s; 2 clients",
                median(inserted)
            )),
    );
}

/// Median of the rounds' ratios: what disturbs a round disturbs both.
fn ratio(ours: &[f64], theirs: &[f64]) -> f64 {
    median(ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs).collect())
}
