//! Dumps restore without an error and without a lost row; a copy keeps quiet until it is told to speak.

use crate::voice::{SOON, Voice};
use harness::stub::StubLlm;
use std::path::Path;
use std::process::Stdio;

/// Calls ended and going on, months past and present, a DEFAULT with rows, jobs waiting, tenants.
fn lived_in(stub: &StubLlm) -> Voice {
    let mut voice = Voice::with_llm(stub);
    voice.client.batch_execute("SELECT voice_create_partitions(1, now() - interval '3 months')").unwrap();
    for (n, days) in [1, 40, 70, 4000].into_iter().enumerate() {
        let import = format!(
            "SELECT voice_import_call(jsonb_build_object('id', 'h{n}', 'agent', 'a', 'started_at', now() - interval '{days} days',
                'turns', '[{{\"role\": \"user\", \"text\": \"history {n}\"}}, {{\"role\": \"assistant\", \"text\": \"indeed\"}}]'::jsonb,
                'tool_calls', '[{{\"name\": \"lookup\", \"args\": {{\"n\": {n}}}}}]'::jsonb))"
        );
        voice.client.batch_execute(&import).unwrap();
    }
    voice.call(&[("user", "hello"), ("assistant", "goodbye")]);
    voice.drained();
    voice.client.batch_execute("SELECT voice_pause('for the dump')").unwrap();
    voice.state("paused");
    voice.call(&[("user", "queued when the dump was taken")]);
    voice.open_call(&[("user", "still talking")]);
    voice
}

fn run(voice: &Voice, program: &str, arguments: &[&str], input: Option<&Path>) {
    let mut command = voice.cluster.client(program);
    command.args(arguments);
    if let Some(file) = input {
        command.stdin(Stdio::from(std::fs::File::open(file).unwrap()));
    }
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
    assert!(!said.contains("ERROR") && !said.contains("error:"), "{program} {arguments:?}: {said}");
}

/// Of every ordinary table and every leaf of the schema: rows and a checksum of them.
fn checksums(voice: &Voice, database: &str) -> Vec<(String, i64, String)> {
    let mut client = voice.cluster.connect(database);
    let tables = "SELECT relname::text FROM pg_class WHERE relnamespace = 'voice'::regnamespace AND relkind = 'r'
                  AND relname <> '_instance' ORDER BY 1";
    let names: Vec<String> = client.query(tables, &[]).unwrap().into_iter().map(|row| row.get(0)).collect();
    assert!(names.len() > 20, "{names:?}");
    let sum = |name: &String| {
        // The epoch counts workers, not data.
        let row = if name == "_state" { "(t.instance, t.paused_at, t.pause_reason)" } else { "t" };
        let sql = format!(
            "SELECT count(*), coalesce(md5(string_agg({row}::text, '' ORDER BY t::text)), '') FROM ONLY voice.{name} t"
        );
        let row = client.query_one(&sql, &[]).unwrap();
        (name.clone(), row.get(0), row.get(1))
    };
    names.iter().map(sum).collect()
}

/// The restored database has every row, asks nobody anything, and goes on when told to.
fn is_whole_and_quiet(voice: &mut Voice, stub: &StubLlm, database: &str) {
    assert_eq!(checksums(voice, "app"), checksums(voice, database));
    let mut restored = voice.cluster.connect(database);
    restored.batch_execute("NOTIFY voice_analytics").unwrap();
    let mut last = String::new();
    harness::wait_until("the worker to say that this is a copy", SOON, || {
        // What the worker says of itself, beside what voice_status() reads in the tables.
        let sql = "SELECT voice._worker_status()->>'state', s.reason FROM voice_status() s";
        let row = restored.query_one(sql, &[]).unwrap();
        let (state, reason): (String, Option<String>) = (row.get(0), row.get(1));
        let now = format!("{state}: {reason:?}");
        if now != last {
            eprintln!("the restored copy's worker: {now}");
            last = now;
        }
        (state == "quiet" && reason.unwrap_or_default().contains("SELECT voice_resume()")).then_some(())
    });
    let before = stub.count();
    restored.batch_execute("NOTIFY voice_analytics").unwrap();
    let end = "UPDATE voice.call SET status = 'completed', ended_at = clock_timestamp() WHERE status = 'in_progress'";
    restored.execute(end, &[]).unwrap();
    let waiting: i64 = restored.query_one("SELECT count(*) FROM voice.job", &[]).unwrap().get(0);
    assert_eq!(waiting, 2);
    assert_eq!(stub.count(), before, "a copy sends no request");
    restored.batch_execute("SELECT voice_resume()").unwrap();
    harness::wait_until("the copy to be analysed", SOON, || {
        (restored.query_one("SELECT count(*) FROM voice.job", &[]).unwrap().get::<_, i64>(0) == 0).then_some(())
    });
    assert_eq!(stub.count(), before + 2);
    assert_eq!(voice.count("SELECT count(*) FROM voice.job"), 1, "the original is still paused");
}

#[test]
fn a_custom_dump_restored_in_parallel_is_whole_and_quiet() {
    let stub = StubLlm::start();
    let mut voice = lived_in(&stub);
    let dump = voice.cluster.folder().join("app.dump");
    run(&voice, "pg_dump", &["-Fc", "-f", dump.to_str().unwrap(), "app"], None);
    voice.cluster.create_database("restored");
    run(&voice, "pg_restore", &["-j2", "--exit-on-error", "-d", "restored", dump.to_str().unwrap()], None);
    is_whole_and_quiet(&mut voice, &stub, "restored");
}

#[test]
fn a_plain_dump_restored_in_one_transaction_is_whole_and_quiet() {
    let stub = StubLlm::start();
    let mut voice = lived_in(&stub);
    let dump = voice.cluster.folder().join("app.sql");
    run(&voice, "pg_dump", &["-f", dump.to_str().unwrap(), "app"], None);
    voice.cluster.create_database("restored");
    run(&voice, "psql", &["-q", "-X", "-1", "-v", "ON_ERROR_STOP=1", "-d", "restored"], Some(&dump));
    is_whole_and_quiet(&mut voice, &stub, "restored");
}

#[test]
fn a_database_made_from_a_template_keeps_quiet() {
    let stub = StubLlm::start();
    let mut voice = lived_in(&stub);
    let dsn = voice.cluster.config("postgres");
    // The template must be empty of clients, ours included.
    voice.client = voice.cluster.try_connect(&dsn).unwrap();
    voice.until("SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = 'app' AND backend_type = 'client backend'");
    voice.client.batch_execute("CREATE DATABASE copied TEMPLATE app").unwrap();
    voice.client = voice.cluster.connect("app");
    is_whole_and_quiet(&mut voice, &stub, "copied");
}

#[test]
fn a_pause_survives_a_restart() {
    let mut voice = Voice::start();
    voice.client.batch_execute("SELECT voice_pause('maintenance window')").unwrap();
    voice.cluster.restart(harness::Shutdown::Fast);
    voice.client = voice.cluster.connect("app");
    let reason = voice.state("paused");
    assert!(reason.contains("maintenance window"), "{reason}");
    voice.call(&[("user", "hello")]);
    assert_eq!(voice.count("SELECT count(*) FROM voice.job"), 1);
    voice.client.batch_execute("SELECT voice_resume()").unwrap();
    voice.drained();
}
