//! Dumps restore without an error and without a lost row; a copy keeps quiet until it is told to speak. A data
//! directory that has moved is no copy.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use harness::stub::{Reply, StubLlm};
use harness::voice::{SOON, Voice};
use harness::{Cluster, Shutdown};

use crate::fixture::{Fixture, Tally, row};

/// Calls ended and going on, months past and present, a DEFAULT with rows, a job waiting, a dead one, a webhook, a tenant.
pub fn lived_in(stub: &StubLlm) -> Voice {
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
    let tenant = "SET voice_analytics.tenant = 'acme';
        SELECT voice_import_call('{\"id\": \"x\", \"agent\": \"b\", \"turns\": [{\"role\": \"user\", \"text\": \"hello\"}]}');
        RESET voice_analytics.tenant";
    voice.client.batch_execute(tenant).unwrap();
    // Whoever it is, there is never anything to tell him.
    let webhook =
        "SELECT voice_add_webhook('https://example.com/hook', min_lead_score => 100, intents => '{complaint}')";
    voice.client.batch_execute(webhook).unwrap();
    voice.drained();
    voice.client.batch_execute("SELECT voice_pause('for the dump')").unwrap();
    voice.state("paused");
    let dead = voice.call(&[("user", "given up on")]);
    let bury = format!(
        "WITH gone AS (DELETE FROM voice.job WHERE call_id = '{dead}' RETURNING *)
         INSERT INTO voice.dead_job (id, call_id, attempts, kind, last_error) SELECT id, call_id, 5, kind, 'the reply made no sense' FROM gone"
    );
    voice.client.batch_execute(&bury).unwrap();
    voice.call(&[("user", "queued when the dump was taken")]);
    voice.open_call(&[("user", "still talking")]);
    // The original is compared with its copies afterwards, and its worker keeps house while calls are paused.
    voice.client.batch_execute("SELECT voice._roll_up_due()").unwrap();
    voice
}

/// Beside the original, in the same cluster.
pub fn here(voice: &Voice, stub: &StubLlm, database: &str) -> Tally {
    is_whole_and_quiet(voice, stub, &voice.cluster, database)
}

pub fn run(cluster: &Cluster, program: &str, arguments: &[&str], input: Option<&Path>) {
    let (succeeded, said) = try_to(cluster, program, arguments, input);
    assert!(succeeded, "{program} {arguments:?}: {said}");
    assert!(!said.contains("ERROR") && !said.contains("error:"), "{program} {arguments:?}: {said}");
}

/// Whether it succeeded, and what it had to say.
pub fn try_to(cluster: &Cluster, program: &str, arguments: &[&str], input: Option<&Path>) -> (bool, String) {
    let mut command = cluster.client(program);
    command.args(arguments);
    if let Some(file) = input {
        command.stdin(Stdio::from(std::fs::File::open(file).unwrap()));
    }
    let output = command.output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Of every ordinary table and every leaf of the schema: rows and a checksum of them. Of sequences: where they stand.
pub fn checksums(cluster: &Cluster, database: &str) -> Vec<(String, i64, String)> {
    let mut client = cluster.connect(database);
    let tables = "SELECT relname::text FROM pg_class WHERE relnamespace = 'voice'::regnamespace AND relkind = 'r'
                  AND relname NOT IN ('_instance', '_webhook_secret', '_receive_secret', '_rolled_month') ORDER BY 1";
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
    let mut sums: Vec<_> = names.iter().map(sum).collect();
    let sequences =
        "SELECT sequencename::text, coalesce(last_value, 0) FROM pg_sequences WHERE schemaname = 'voice' ORDER BY 1";
    sums.extend(client.query(sequences, &[]).unwrap().into_iter().map(|row| (row.get(0), row.get(1), String::new())));
    sums
}

/// The restored database has every row, asks nobody anything, and goes on when told to.
fn is_whole_and_quiet(voice: &Voice, stub: &StubLlm, cluster: &Cluster, database: &str) -> Tally {
    let rows = checksums(&voice.cluster, "app");
    assert_eq!(rows, checksums(cluster, database));
    let mut restored = cluster.connect(database);
    keeps_quiet(&mut restored);
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
    let unsigned = "SELECT count(*) FROM voice.webhook w
        WHERE enabled AND NOT EXISTS (SELECT FROM voice._webhook_secret s WHERE s.webhook_id = w.id)";
    assert_eq!(restored.query_one(unsigned, &[]).unwrap().get::<_, i64>(0), 0, "webhooks on without their secret");
    let waiting = voice.cluster.connect("app").query_one("SELECT count(*) FROM voice.job", &[]).unwrap();
    assert_eq!(waiting.get::<_, i64>(0), 1, "the original is still paused");
    let of = |table: &str| restored.query_one(&format!("SELECT count(*) FROM voice.{table}"), &[]).unwrap().get(0);
    let [calls, analytics, dead] = ["call", "analytics", "dead_job"].map(of);
    let tally = Tally {
        calls,
        analytics,
        requests: stub.count() - before,
        dead,
        lost: calls - analytics - dead,
        duplicates: 0,
    };
    assert_eq!(tally.lost, 0);
    tally
}

/// Its worker says that this is a copy.
pub fn keeps_quiet(restored: &mut postgres::Client) {
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
}

/// A dump of the database `app`.
fn dump(voice: &Voice) -> PathBuf {
    let file = voice.cluster.folder().join("app.dump");
    run(&voice.cluster, "pg_dump", &["-Fc", "-f", file.to_str().unwrap(), "app"], None);
    file
}

fn restore(cluster: &Cluster, dump: &Path) {
    cluster.create_database("restored");
    run(cluster, "pg_restore", &["-j2", "--exit-on-error", "-d", "restored", dump.to_str().unwrap()], None);
}

pub const QUIET: &str = "every row there, no request before voice_resume()";

#[test]
fn a_custom_dump_restored_in_parallel_is_whole_and_quiet() {
    let stub = StubLlm::start();
    let voice = lived_in(&stub);
    restore(&voice.cluster, &dump(&voice));
    let tally = here(&voice, &stub, "restored");
    row("11a", "pg_restore -j2 beside the original, worker on", Some(&tally), QUIET);
}

#[test]
fn a_plain_dump_restored_in_one_transaction_is_whole_and_quiet() {
    let stub = StubLlm::start();
    let voice = lived_in(&stub);
    let dump = voice.cluster.folder().join("app.sql");
    run(&voice.cluster, "pg_dump", &["-f", dump.to_str().unwrap(), "app"], None);
    voice.cluster.create_database("restored");
    run(&voice.cluster, "psql", &["-q", "-X", "-1", "-v", "ON_ERROR_STOP=1", "-d", "restored"], Some(&dump));
    let tally = here(&voice, &stub, "restored");
    row("11b", "psql -1 of a plain dump beside the original, worker on", Some(&tally), QUIET);
}

/// The same steps give the same OIDs: only the installation's own id tells them apart.
#[test]
fn a_dump_restored_into_a_fresh_cluster_built_by_the_same_steps_is_whole_and_quiet() {
    let stub = StubLlm::start();
    let mut voice = lived_in(&stub);
    let dump = dump(&voice);
    let fresh = Voice::asking(&stub).start();
    fresh.create_database("app");
    run(&fresh, "pg_restore", &["--exit-on-error", "-d", "app", dump.to_str().unwrap()], None);
    let oid = "SELECT oid::bigint FROM pg_database WHERE datname = 'app'";
    let restored_oid: i64 = fresh.connect("app").query_one(oid, &[]).unwrap().get(0);
    assert_eq!(voice.count(oid), restored_oid);
    let tally = is_whole_and_quiet(&voice, &stub, &fresh, "app");
    row("11c", "pg_restore into a fresh cluster built by the same steps", Some(&tally), QUIET);
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
    let tally = here(&voice, &stub, "copied");
    row("11d", "CREATE DATABASE TEMPLATE", Some(&tally), QUIET);
}

#[test]
fn a_data_directory_that_was_moved_goes_on_by_itself() {
    let mut fixture = Fixture::start();
    fixture.stub.answer_always(Reply::analysis().held());
    fixture.calls_end(10);
    fixture.asked(10);
    fixture.voice.cluster.stop(Shutdown::Fast);
    fixture.stub.answer_always(Reply::analysis());
    let moved = Voice::asking(&fixture.stub).start_on(&fixture.voice.cluster.data());
    let client = moved.connect("app");
    // The old folder goes with its cluster.
    fixture.voice = Voice { cluster: moved, client };
    fixture.voice.drained();
    let tally = fixture.tally("11e", "the data directory moved, requests in flight", "continues by itself");
    assert_eq!((tally.analytics, tally.requests), (10, 20));
}

#[test]
fn a_pause_survives_a_restart() {
    let mut voice = Voice::start();
    voice.client.batch_execute("SELECT voice_pause('maintenance window')").unwrap();
    voice.cluster.restart(Shutdown::Fast);
    voice.client = voice.cluster.connect("app");
    let reason = voice.state("paused");
    assert!(reason.contains("maintenance window"), "{reason}");
    voice.call(&[("user", "hello")]);
    assert_eq!(voice.count("SELECT count(*) FROM voice.job"), 1);
    voice.client.batch_execute("SELECT voice_resume()").unwrap();
    voice.drained();
}
