//! The calls of `ours`, each agent's a tenant's own: two hundred tenants. What is said in a call is there for the two
//! tenants that are measured only; nobody else's turns are ever looked at.

use std::io;

use postgres::Client;

use crate::ours;
use crate::progress::{Progress, step};
use crate::server::{Server, extension_script, stamp};
use crate::theirs::{self, Range, in_batches, ranges};

const TABLES: [&str; 4] = ["call", "analytics", "search_document", "turn"];

pub struct Tenant {
    pub id: String,
    pub vertical: String,
}

pub fn provide(server: &Server, source: &str, database: &str) {
    let mut client = server.connect("postgres");
    let sql = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = $1";
    let source_stamp: String = client.query_one(sql, &[&source]).expect("the source's stamp").get(0);
    let stamp = stamp(&[&source_stamp, &extension_script(), &format!("{TABLES:?}, turns of two tenants")]);
    server.provide(database, &stamp, |server| fill(server, source, database));
}

/// The busiest one and one in the middle.
pub fn measured(server: &Server, source: &str) -> [Tenant; 2] {
    let sql = "SELECT g.id, g.vertical FROM voice.agent g JOIN voice.call c ON c.agent_id = g.id
               GROUP BY g.id ORDER BY count(*) DESC, g.id";
    let rows = server.connect(source).query(sql, &[]).expect("agents");
    [0, rows.len() / 2].map(|i| Tenant { id: rows[i].get(0), vertical: rows[i].get(1) })
}

fn fill(server: &Server, source: &str, database: &str) {
    let measured = measured(server, source).map(|t| t.id);
    let (mut from, mut client) = (server.connect(source), server.connect(database));
    client.batch_execute("CREATE EXTENSION voice_analytics").expect("CREATE EXTENSION");
    let first: String = from.query_one("SELECT min(started_at)::text FROM voice.call", &[]).expect("first").get(0);
    client.query("SELECT voice_create_partitions(since => $1::text::timestamptz)", &[&first]).expect("months");
    step(&format!("{database}: agents, each a tenant"));
    let agents = columns(&mut client, "agent");
    let values = agents.iter().map(|c| if c == "tenant_id" { "id".into() } else { format!("\"{c}\"") });
    let out = format!("COPY (SELECT {} FROM voice.agent) TO STDOUT", values.collect::<Vec<_>>().join(", "));
    copy(&mut from, &out, &mut client, "agent", &agents);

    for table in TABLES {
        client.batch_execute(&format!("ALTER TABLE voice.{table} DISABLE TRIGGER USER")).expect("triggers");
    }
    let ranges = ranges(&mut from, "voice.call", ours::PAST_ALL, theirs::BATCH);
    let progress = Progress::new(&format!("{database}: calls by tenant"), ranges.iter().map(|r| r.calls).sum());
    in_batches(
        &ranges,
        || server.connect(database),
        |client, _, range| {
            let mut from = server.connect(source);
            for table in TABLES {
                let columns = columns(client, table);
                copy(&mut from, &export(table, &columns, range, &measured), client, table, &columns);
            }
            progress.add(range.calls);
        },
    );
    progress.end();
    for table in TABLES {
        client.batch_execute(&format!("ALTER TABLE voice.{table} ENABLE TRIGGER USER")).expect("triggers");
    }
    client.batch_execute(include_str!("../sql/ours/app_role.sql")).expect("an application's role");
}

fn export(table: &str, columns: &[String], range: &Range, measured: &[String; 2]) -> String {
    let value = |c: &String| if c == "tenant_id" { "c.agent_id".into() } else { format!("t.\"{c}\"") };
    let values: Vec<String> = columns.iter().map(value).collect();
    let key = if table == "call" { "id" } else { "call_id" };
    let only = match table {
        "turn" => format!("AND c.agent_id IN ('{}', '{}')", measured[0], measured[1]),
        _ => String::new(),
    };
    let Range { first, past, .. } = range;
    format!(
        "COPY (SELECT {} FROM voice.{table} t JOIN voice.call c ON c.id = t.{key}
               WHERE t.{key} >= '{first}' AND t.{key} < '{past}' AND c.id >= '{first}' AND c.id < '{past}' {only}
               ORDER BY t.{key}) TO STDOUT",
        values.join(", ")
    )
}

/// Whatever columns the table has.
fn columns(client: &mut Client, table: &str) -> Vec<String> {
    let sql = "SELECT column_name::text FROM information_schema.columns
               WHERE table_schema = 'voice' AND table_name = $1 AND is_generated = 'NEVER' ORDER BY ordinal_position";
    client.query(sql, &[&table]).expect("columns").iter().map(|row| row.get(0)).collect()
}

fn copy(from: &mut Client, out: &str, client: &mut Client, table: &str, columns: &[String]) {
    let into = format!("COPY voice.{table} (\"{}\") FROM STDIN", columns.join("\", \""));
    let mut writer = client.copy_in(&into).unwrap_or_else(|e| panic!("{into}: {e:?}"));
    io::copy(&mut from.copy_out(out).unwrap_or_else(|e| panic!("{out}: {e:?}")), &mut writer).expect("copy");
    writer.finish().unwrap_or_else(|e| panic!("{into}: {e:?}"));
}
