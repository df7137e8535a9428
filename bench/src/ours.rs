//! The same calls in voice_analytics: read out of the other design's database, batch by batch, and written straight into
//! the tables. Foreign keys and checks do their work; our own triggers are off while history is loaded, so what they
//! would have filled in is loaded too, and `verify.rs` compares it with calls that were inserted in the ordinary way.

use std::io;

use postgres::Client;

use crate::progress::{Progress, step};
use crate::server::{Server, extension_script, stamp};
use crate::theirs::{self, Range, in_batches, ranges};
use crate::verify;

/// An id beyond all of ours.
pub const PAST_ALL: &str = "ffffffff-ffff-ffff-ffff-ffffffffffff";

const TABLES: [&str; 6] = ["call", "turn", "tool_call", "analytics", "attempt", "search_document"];

macro_rules! sql {
    ($name:literal) => {
        include_str!(concat!("../sql/ours/", $name, ".sql"))
    };
}

/// Out of one, into the other.
const AGENTS: (&str, &str) = (sql!("export_agents"), sql!("import_agents"));
const COPIES: [(&str, &str); 4] = [
    (sql!("export_calls"), sql!("import_calls")),
    (sql!("export_turns"), sql!("import_turns")),
    (sql!("export_tool_calls"), sql!("import_tool_calls")),
    (sql!("export_analytics"), sql!("import_analytics")),
];
const JUDGED: &str = sql!("judged");
const ANALYTICS: &str = sql!("load_analytics");
const SEARCH: &str = sql!("load_search");
const ATTEMPTS: &str = sql!("load_attempts");

/// How many months there are before the load.
#[derive(Clone, Copy, Debug)]
pub enum Months {
    /// As many as the calls need.
    Needed,
    Exactly(i32),
}

/// `database` with everything that `source`, of the other design, has: each call so many times.
pub fn provide(server: &Server, source: &str, database: &str, months: Months, copies: i64) {
    let now: String = server.connect(source).query_one("SELECT now::text FROM load_plan", &[]).expect("now").get(0);
    let stamp = stamp(&[
        &extension_script(),
        &now,
        &format!("{months:?}{}", if copies > 1 { format!(", {copies} copies") } else { String::new() }),
        &COPIES.map(|(out, into)| format!("{out}\n{into}")).join("\n"),
        ANALYTICS,
        SEARCH,
        ATTEMPTS,
    ]);
    server.provide(database, &stamp, |server| fill(server, source, database, months, copies));
}

fn fill(server: &Server, source: &str, database: &str, months: Months, copies: i64) {
    let mut client = server.connect(database);
    create_months(&mut client, server, source, months);
    step(&format!("{database}: agents"));
    copy(&mut server.connect(source), AGENTS.0, &mut client, AGENTS.1);
    // Copies of what was checked need no check; `verify.rs` looks for turns without a call.
    let which = if copies > 1 { "ALL" } else { "USER" };
    triggers(&mut client, "DISABLE", which);
    let analytics = load_analytics(&mut client);

    if copies > 1 {
        server.connect(source).batch_execute(sql!("copies")).expect("ids of copies");
    }
    let ranges = ranges(&mut server.connect(source), theirs::CALLS_TABLE, theirs::PAST_ALL, theirs::BATCH / copies);
    let calls = ranges.iter().map(|r| r.calls * copies).sum();
    let progress = Progress::new(&format!("{database}: calls and all that belongs to them"), calls);
    let connect = || {
        let mut client = server.connect(database);
        client.batch_execute("SET work_mem = '256MB'").expect("work_mem");
        client.batch_execute(JUDGED).expect("judged");
        client
    };
    in_batches(&ranges, connect, |client, _, range| {
        fill_range(&mut server.connect(source), client, range, copies, &analytics);
        progress.add(range.calls * copies);
    });
    progress.end();

    triggers(&mut client, "ENABLE", which);
    client
        .batch_execute("CREATE TABLE bench_agents AS SELECT array_agg(id) ids FROM voice.agent; GRANT SELECT ON bench_agents TO PUBLIC")
        .expect("agents");
    client.batch_execute(sql!("app_role")).expect("an application's role");
    step(&format!("{database}: comparing it with {source}, and with calls that are inserted in the ordinary way"));
    client.batch_execute("ANALYZE").expect("analyze");
    if copies == 1 {
        verify::same_content(&mut server.connect(source), &mut client);
    }
    verify::as_inserted(&mut client);
}

fn create_months(client: &mut Client, server: &Server, source: &str, months: Months) {
    client.batch_execute("CREATE EXTENSION voice_analytics").expect("CREATE EXTENSION");
    match months {
        Months::Needed => {
            let sql = "SELECT min(\"startedAt\")::text || '+00' FROM \"Call\"";
            let since: String = server.connect(source).query_one(sql, &[]).expect("the first call").get(0);
            client.query("SELECT voice_create_partitions(since => $1::text::timestamptz)", &[&since]).expect("months");
        }
        // The installation has made last month's, this one's and those to come; ones before and after are made or dropped.
        Months::Exactly(wanted) => {
            let there: i64 = client.query_one(MONTHS, &[]).expect("months").get(0);
            let back = wanted - there as i32 + 1;
            if back > 1 {
                let sql = "SELECT voice_create_partitions(since => now() - $1 * interval '1 month')";
                client.query(sql, &[&f64::from(back)]).expect("months");
            }
            let there: i64 = client.query_one(MONTHS, &[]).expect("months").get(0);
            for ahead in ((4 - (there as i32 - wanted))..4).rev() {
                client.batch_execute(&drop_month(ahead)).expect("drop a month");
            }
            let there: i64 = client.query_one(MONTHS, &[]).expect("months").get(0);
            assert_eq!(there, i64::from(wanted), "months");
        }
    }
}

/// The DEFAULT is none.
const MONTHS: &str = "SELECT count(*) - 1 FROM pg_inherits WHERE inhparent = 'voice.call'::regclass";

/// So many months from now; children before what they reference.
fn drop_month(ahead: i32) -> String {
    format!(
        "DO $$ DECLARE family text; BEGIN
             FOREACH family IN ARRAY '{{result,search_document,attempt,analytics,tool_call,transcript_chunk,turn,call}}'::text[] LOOP
                 EXECUTE format('DROP TABLE voice.%I', family || '_'
                     || to_char((now() AT TIME ZONE 'UTC') + interval '{ahead} months', 'YYYY_MM'));
             END LOOP;
         END $$"
    )
}

fn fill_range(source: &mut Client, client: &mut Client, range: &Range, copies: i64, analytics: &str) {
    for (name, value) in [("first", &range.first), ("past", &range.past)] {
        source.batch_execute(&format!("SET bench.{name} = '{value}'")).expect("the range");
    }
    // Never two calls in one millisecond, so both designs have them in the same order; a copy differs in its last byte.
    let sql = "SELECT left(load_uuid($1)::text, 34) || '00',
               CASE $2 WHEN $3 THEN $4 ELSE left(load_uuid($2)::text, 34) || '00' END";
    let row = source.query_one(sql, &[&range.first, &range.past, &theirs::PAST_ALL, &PAST_ALL]).expect("the range");
    let (first, past): (String, String) = (row.get(0), row.get(1));
    let mut transaction = client.transaction().expect("begin");
    for copy in 0..copies {
        source.batch_execute(&format!("SET bench.copy = '{copy}'")).expect("the copy");
        for (out, into) in COPIES {
            let mut writer = transaction.copy_in(into).unwrap_or_else(|e| panic!("{into}: {e:?}"));
            io::copy(&mut source.copy_out(out).unwrap_or_else(|e| panic!("{out}: {e:?}")), &mut writer).expect("copy");
            writer.finish().unwrap_or_else(|e| panic!("{into}: {e:?}"));
        }
    }
    for sql in [analytics, SEARCH, ATTEMPTS] {
        transaction.execute(sql, &[&first, &past]).unwrap_or_else(|e| panic!("{sql}: {e:?}"));
    }
    transaction.commit().expect("commit");
}

fn copy(source: &mut Client, out: &str, client: &mut Client, into: &str) {
    let mut writer = client.copy_in(into).unwrap_or_else(|e| panic!("{into}: {e:?}"));
    io::copy(&mut source.copy_out(out).unwrap_or_else(|e| panic!("{out}: {e:?}")), &mut writer).expect("copy");
    writer.finish().unwrap_or_else(|e| panic!("{into}: {e:?}"));
}

/// On a parent it reaches the partitions too. USER: not those of foreign keys.
fn triggers(client: &mut Client, what: &str, which: &str) {
    for table in TABLES {
        client.batch_execute(&format!("ALTER TABLE voice.{table} {what} TRIGGER {which}")).expect("triggers");
    }
}

/// Columns of the call that voice.analytics keeps a copy of.
pub fn copied_columns(client: &mut Client) -> Vec<String> {
    let sql = "SELECT a.column_name::text
               FROM information_schema.columns a JOIN information_schema.columns c USING (table_schema, column_name)
               WHERE a.table_schema = 'voice' AND a.table_name = 'analytics' AND c.table_name = 'call'";
    client.query(sql, &[]).expect("columns").iter().map(|row| row.get(0)).collect()
}

/// The statement names those copies that were there from the beginning; whatever came later is added here.
fn load_analytics(client: &mut Client) -> String {
    let mut later = copied_columns(client);
    later.retain(|name| !["tenant_id", "agent_id", "started_at", "deleted_at"].contains(&name.as_str()));
    let list = |prefix: &str| later.iter().map(|name| format!(", {prefix}{name}")).collect::<String>();
    ANALYTICS.replace("{copies}", &list("")).replace("{copied}", &list("c."))
}
