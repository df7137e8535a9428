//! The design that voice_analytics replaces, filled with calls.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use postgres::Client;

use crate::machine;
use crate::progress::{Progress, step};
use crate::server::{Server, stamp};

pub const BATCH: i64 = 50_000;

/// Where the calls are, and an id beyond all of theirs.
pub const CALLS_TABLE: &str = "\"Call\"";
pub const PAST_ALL: &str = "d";

const TABLES: &str = include_str!("../sql/theirs/tables.sql");
const INDEXES: &str = include_str!("../sql/theirs/indexes.sql");
const AGENTS: &str = include_str!("../sql/theirs/load_agents.sql");
const CALLS: &str = include_str!("../sql/theirs/load_calls.sql");
const RARE: &str = include_str!("../sql/theirs/load_rare.sql");
const CHILDREN: [&str; 3] = [
    include_str!("../sql/theirs/load_turns.sql"),
    include_str!("../sql/theirs/load_tool_calls.sql"),
    include_str!("../sql/theirs/load_analytics.sql"),
];

/// Which ids a batch covers: `first <= id < past`.
#[derive(Clone, Debug)]
pub struct Range {
    pub first: String,
    pub past: String,
    pub calls: i64,
}

/// `calls` calls, spread evenly over the last `days` days.
pub fn provide(server: &Server, database: &str, calls: i64, days: i32) {
    let made_of = [TABLES, INDEXES, AGENTS, CALLS, RARE, CHILDREN[0], CHILDREN[1], CHILDREN[2]];
    let scale = format!("{calls} calls, {days} days");
    let stamp = stamp(&[made_of.as_slice(), &[&scale]].concat());
    server.provide(database, &stamp, |server| fill(server, database, calls, days));
}

fn fill(server: &Server, database: &str, calls: i64, days: i32) {
    step(&format!("{database}: tables and agents"));
    let mut client = server.connect(database);
    client.batch_execute(TABLES).expect("tables");
    client
        .batch_execute(&format!(
            "CREATE TABLE load_plan AS SELECT localtimestamp(3) AS now, {days} AS days, {calls}::bigint AS calls"
        ))
        .expect("load_plan");
    client.batch_execute(AGENTS).expect("agents");

    let progress = Progress::new(&format!("{database}: calls"), calls);
    for first in (0..calls).step_by(BATCH as usize) {
        let last = (first + BATCH).min(calls) - 1;
        seed(&mut client, first);
        client.execute(CALLS, &[&first, &last]).expect("calls");
        progress.add(last - first + 1);
    }
    progress.end();
    client.batch_execute(RARE).expect("rare words");

    let progress = Progress::new(&format!("{database}: turns, tool calls, analytics"), calls);
    in_batches(
        &ranges(&mut client, CALLS_TABLE, PAST_ALL, BATCH),
        || server.connect(database),
        |client, number, range| {
            seed(client, number as i64 * BATCH);
            for sql in CHILDREN {
                client.execute(sql, &[&range.first, &range.past]).unwrap_or_else(|e| panic!("{sql}: {e:?}"));
            }
            progress.add(range.calls);
        },
    );
    progress.end();

    let statements: Vec<&str> = INDEXES.split_inclusive(';').map(str::trim).filter(|s| !s.is_empty()).collect();
    let progress = Progress::new(&format!("{database}: keys and indexes"), statements.len() as i64);
    for statement in statements {
        client.batch_execute(statement).unwrap_or_else(|e| panic!("{statement}: {e:?}"));
        progress.add(1);
    }
    progress.end();
    client
        .batch_execute(
            "DROP TABLE load_agent, load_text; CREATE TABLE bench_agents AS SELECT array_agg(id) ids FROM \"Agent\"",
        )
        .expect("agents");
}

/// The same calls in every run: setseed takes -1 to 1.
fn seed(client: &mut Client, first: i64) {
    client.execute("SELECT setseed(0.17 + $1::double precision / 1e9)", &[&(first as f64)]).expect("setseed");
}

/// Of all calls in a table, `batch` in each, in the order of their ids; `end` is beyond all of them.
pub fn ranges(client: &mut Client, table: &str, end: &str, batch: i64) -> Vec<Range> {
    let sql = format!(
        "SELECT min(id::text), count(*) FROM (SELECT id, (row_number() OVER (ORDER BY id) - 1) / $1 AS batch FROM {table}) c
         GROUP BY batch ORDER BY batch"
    );
    let rows = client.query(&sql, &[&batch]).expect("ranges");
    let firsts: Vec<(String, i64)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let past = |i: usize| firsts.get(i + 1).map_or(end, |next| &next.0).to_owned();
    let range =
        |(i, (first, calls)): (usize, &(String, i64))| Range { first: first.clone(), past: past(i), calls: *calls };
    firsts.iter().enumerate().map(range).collect()
}

/// Does `work` for each range, on as many connections as there are cores.
pub fn in_batches(
    ranges: &[Range],
    connect: impl Fn() -> Client + Sync,
    work: impl Fn(&mut Client, usize, &Range) + Sync,
) {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..machine::cores().min(ranges.len()) {
            scope.spawn(|| {
                let mut client = connect();
                while let number = next.fetch_add(1, Ordering::Relaxed)
                    && let Some(range) = ranges.get(number)
                {
                    work(&mut client, number, range);
                }
            });
        }
    });
}
