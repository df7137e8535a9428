//! What the end of a call costs: sixteen clients end calls, one transaction each, with and without the queue and the wake.
//!
//! The wake is left out by a setting that is there anyway: a database that `voice_analytics.databases` does not name has
//! no slot in shared memory after a restart, so a commit finds nobody to wake. The worker of the one that is named is
//! switched off (`enabled`), wakes all the same, looks and rests: more often than a busy one, which needs no waking.
//! With synchronous_commit off as well: waiting for the disk hides what a commit costs the processor.

use serde_json::json;

use crate::pgbench::{Length, Mode, Run, median};
use crate::progress::step;
use crate::reads::Bench;
use crate::report::{Row, Target, Unit};
use crate::server::Server;

/// Has a slot and a worker; the other one has neither.
pub const SERVED: &str = "ending";
const UNSERVED: &str = "ending_unserved";
const CLIENTS: u32 = 16;
const CALLS: &str = include_str!("../sql/ours/ending_calls.sql");
const END: &str = include_str!("../sql/ours/ending.sql");
const NOTIFY: &str = include_str!("../sql/ours/ending_notify.sql");

struct Case {
    name: &'static str,
    database: &'static str,
    queue: bool,
    notify: bool,
}

const CASES: [Case; 4] = [
    Case { name: "queue and wake", database: SERVED, queue: true, notify: false },
    Case { name: "queue", database: UNSERVED, queue: true, notify: false },
    Case { name: "neither", database: UNSERVED, queue: false, notify: false },
    Case { name: "queue and pg_notify", database: UNSERVED, queue: true, notify: true },
];

/// Made anew in each run: a call ends once.
pub fn provide(server: &Server) {
    for database in [SERVED, UNSERVED] {
        step(&format!("{database}: made anew"));
        server.drop_database(database);
        server.cluster.create_database(database);
        let mut client = server.connect(database);
        client.batch_execute("CREATE EXTENSION voice_analytics").expect("CREATE EXTENSION");
        client.batch_execute("INSERT INTO voice.agent (id) VALUES ('iris')").expect("an agent");
        client.batch_execute(NOTIFY).expect("the trigger that notifies");
    }
}

pub fn run(bench: &mut Bench) {
    bench.server.cluster.worker_pid(SERVED);
    let sql = "SELECT regexp_replace(lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint), 12, '0'),
                                     '(.{8})(.{4})', '\\1-\\2-7000-8000-')";
    let prefix: String = bench.server.connect(SERVED).query_one(sql, &[]).expect("now").get(0);
    let mut runs = 0;
    for commit in ["on", "off"] {
        let mut rates: [Vec<f64>; CASES.len()] = Default::default();
        for round in 0..=bench.rounds {
            // Each case in turn is the first: what a run leaves to the next (the disk above all) falls on all of them.
            for at in (0..CASES.len()).map(|at| (at + round) % CASES.len()) {
                let (case, rates) = (&CASES[at], &mut rates[at]);
                runs += 1;
                // With pg_notify they take several times as long.
                let calls = if round == 0 { 50 } else { bench.seconds * if case.notify { 100 } else { 400 } };
                let rate = end_calls(bench, case, commit, &prefix, runs * 100_000_000, calls);
                let name = format!("synchronous_commit {commit}, round {round} of {}, {}", bench.rounds, case.name);
                step(&format!("ending calls, {name}: {rate:.0}/s"));
                if round > 0 {
                    rates.push(rate);
                }
            }
        }
        for (case, rates) in CASES.iter().zip(&rates) {
            bench.report.raw(format!("ending calls, {}, synchronous_commit {commit}", case.name), json!(rates));
        }
        add_rows(bench, commit, &rates);
    }
}

fn add_rows(bench: &mut Bench, commit: &str, [wake, queue, neither, notify]: &[Vec<f64>; CASES.len()]) {
    let ratio = |a: &[f64], b: &[f64]| median(a.iter().zip(b).map(|(a, b)| a / b).collect());
    let when = if commit == "on" { "" } else { ", synchronous_commit off" };
    let mut add = |work: &str, with: &[f64], without: &[f64], least: Option<f64>, remark: &str| {
        let row = Row::new(format!("ending calls, {work}{when}"), Unit::PerSecond, median(with.to_vec()))
            .ratio(ratio(with, without))
            .remark(format!("{remark}: {:.0}/s without; 16 clients", median(without.to_vec())));
        bench.report.add(match least {
            Some(least) => row.target(Target::RatioAtLeast(least)),
            None => row,
        });
    };
    add("with the wake against without", wake, queue, Some(0.95), "a worker's slot in shared memory, or none");
    add(
        "with queue and wake against neither",
        wake,
        neither,
        Some(0.75),
        "the trigger that checks the call and writes the job, or none",
    );
    add("with pg_notify against without", notify, queue, None, "the old way, for comparison");
}

fn end_calls(bench: &Bench, case: &Case, commit: &str, prefix: &str, base: i64, calls: u32) -> f64 {
    let mut client = bench.server.connect(case.database);
    let (each, clients) = (i64::from(calls), i64::from(CLIENTS));
    client.execute(CALLS, &[&base, &each, &clients, &prefix]).unwrap_or_else(|e| panic!("{e:?}"));
    switch(&mut client, "tgfoid = 'voice._call_written'::regproc", case.queue);
    switch(&mut client, "tgname = 'zz_notify'", case.notify);
    // The calls just inserted are on disk before the clock starts.
    client.batch_execute("CHECKPOINT").expect("checkpoint");
    drop(client);
    let run = Run::of(case.database, END, Mode::Prepared, 0).with("n", 0).with("base", base).with("prefix", prefix);
    let (length, settings) = (Length::TransactionsOfEachClient(calls), vec![("synchronous_commit", commit)]);
    let tps = Run { clients: CLIENTS, length, settings, ..run }.run(bench.server).tps;
    let sql = "SELECT count(*) FILTER (WHERE status = 'in_progress'), (SELECT count(*) FROM voice.job j WHERE j.call_id >= $1::text::uuid),
                      count(*) FROM voice.call WHERE id >= $1::text::uuid";
    let first = format!("{prefix}{base:012x}");
    let row = bench.server.connect(case.database).query_one(sql, &[&first]).expect("count");
    let (open, jobs, all): (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
    assert_eq!((open, jobs), (0, if case.queue { all } else { 0 }), "calls that did not end, and jobs, of {all}");
    tps
}

/// On or off, the triggers of voice.call for which this holds.
fn switch(client: &mut postgres::Client, which: &str, on: bool) {
    let sql = format!("SELECT quote_ident(tgname) FROM pg_trigger WHERE tgrelid = 'voice.call'::regclass AND {which}");
    let names: Vec<String> = client.query(&sql, &[]).expect("triggers").iter().map(|row| row.get(0)).collect();
    assert!(!names.is_empty(), "no trigger of voice.call where {which}");
    for name in names {
        let what = if on { "ENABLE" } else { "DISABLE" };
        client.batch_execute(&format!("ALTER TABLE voice.call {what} TRIGGER {name}")).expect("a trigger");
    }
}
