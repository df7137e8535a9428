//! Dumps of less than the whole: what each form brings, what it needs beforehand, and what is refused. The steps are those
//! of docs/backup.md.

use std::path::PathBuf;

use harness::stub::StubLlm;
use harness::voice::Voice;

use crate::copies::{QUIET, checksums, here, keeps_quiet, lived_in, run, try_to};
use crate::fixture::{Tally, row};

/// A custom-format dump of `app`, made with these options.
fn dump(voice: &Voice, name: &str, options: &[&str]) -> PathBuf {
    let file = voice.cluster.folder().join(name);
    let mut arguments = vec!["-Fc", "-f", file.to_str().unwrap()];
    arguments.extend(options);
    arguments.push("app");
    run(&voice.cluster, "pg_dump", &arguments, None);
    file
}

fn restore(voice: &Voice, database: &str, dump: &std::path::Path, options: &[&str]) {
    let mut arguments = vec!["--exit-on-error", "-d", database];
    arguments.extend(options);
    arguments.push(dump.to_str().unwrap());
    run(&voice.cluster, "pg_restore", &arguments, None);
}

fn refused(voice: &Voice, database: &str, dump: &std::path::Path, options: &[&str]) -> String {
    let mut arguments = vec!["--exit-on-error", "-d", database];
    arguments.extend(options);
    arguments.push(dump.to_str().unwrap());
    let (succeeded, said) = try_to(&voice.cluster, "pg_restore", &arguments, None);
    assert!(!succeeded, "pg_restore {arguments:?} was expected to be refused");
    said
}

/// The extension without its tables, as in the middle of a restore.
fn create_bare(voice: &Voice, database: &str) {
    voice.cluster.create_database(database);
    let mut client = voice.cluster.connect(database);
    client.batch_execute("SET row_security = off; CREATE EXTENSION voice_analytics").unwrap();
    let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'voice' AND tablename NOT IN ('_instance', '_webhook_secret', '_receive_secret', '_rolled_month', '_sending', '_receiving', '_move_mark')";
    assert_eq!(client.query_one(tables, &[]).unwrap().get::<_, i64>(0), 0);
}

#[test]
fn a_dump_of_the_schema_is_an_empty_copy_that_works_when_told_to() {
    let stub = StubLlm::start();
    let voice = lived_in(&stub);
    let schema = dump(&voice, "schema.dump", &["--schema-only"]);
    voice.cluster.create_database("restored");
    restore(&voice, "restored", &schema, &[]);
    let mut client = voice.cluster.connect("restored");
    keeps_quiet(&mut client);
    let rows = checksums(&voice.cluster, "restored").into_iter().filter(|(_, _, sum)| !sum.is_empty()).count();
    assert_eq!(rows, 0, "tables with rows");
    let before = stub.count();
    client.batch_execute("SELECT voice_resume()").unwrap();
    let mut restored = Voice { client, cluster: voice.cluster };
    restored.call(&[("user", "hello")]);
    restored.drained();
    let tally = Tally::of_copy(&mut restored, stub.count() - before);
    row("11f", "pg_dump --schema-only", Some(&tally), "no row; one call ends after voice_resume()");
    assert_eq!((tally.calls, tally.analytics, tally.requests), (1, 1, 1));
}

#[test]
fn a_dump_of_the_data_restored_into_the_schema_is_whole_and_quiet() {
    let stub = StubLlm::start();
    let voice = lived_in(&stub);
    let schema = dump(&voice, "schema.dump", &["--schema-only"]);
    let data = dump(&voice, "data.dump", &["--data-only"]);
    voice.cluster.create_database("restored");
    restore(&voice, "restored", &schema, &[]);
    // With the triggers on each call would be queued again; that collides with the queue that was dumped.
    let said = refused(&voice, "restored", &data, &["--data-only", "-1"]);
    assert!(said.contains("COPY failed for table \"job\""), "{said}");
    restore(&voice, "restored", &data, &["--data-only", "--disable-triggers", "-1"]);
    let tally = here(&voice, &stub, "restored");
    row("11g", "--data-only --disable-triggers into --schema-only", Some(&tally), QUIET);
}

#[test]
fn a_dump_of_the_data_restored_into_a_new_installation_is_whole_and_quiet() {
    let stub = StubLlm::start();
    let voice = lived_in(&stub);
    let data = dump(&voice, "data.dump", &["--data-only"]);
    let mut client = voice.cluster.create_voice_database("restored");
    client.batch_execute("SELECT voice_create_partitions(3, now() - interval '3 months')").unwrap();
    let steps = ["--data-only", "--disable-triggers", "-1"];
    let said = refused(&voice, "restored", &data, &steps);
    assert!(said.contains("_state_pkey"), "the installation's own state is in the way: {said}");
    client.batch_execute("TRUNCATE voice._state").unwrap();
    restore(&voice, "restored", &data, &steps);
    let tally = here(&voice, &stub, "restored");
    row("11h", "--data-only --disable-triggers into a new installation", Some(&tally), QUIET);
}

#[test]
fn a_dump_of_the_schema_voice_restored_beside_a_bare_extension_is_whole_and_quiet() {
    let stub = StubLlm::start();
    let voice = lived_in(&stub);
    // The extension is not part of it.
    let only = dump(&voice, "voice.dump", &["-n", "voice"]);
    voice.cluster.create_voice_database("installed");
    let before = checksums(&voice.cluster, "installed");
    let said = refused(&voice, "installed", &only, &["-1"]);
    assert!(said.contains("already exists"), "{said}");
    assert_eq!(before, checksums(&voice.cluster, "installed"), "nothing of a refused restore stays");
    create_bare(&voice, "restored");
    restore(&voice, "restored", &only, &["-j2"]);
    let tally = here(&voice, &stub, "restored");
    row("11i", "pg_dump -n voice, pg_restore -j2 beside a bare extension", Some(&tally), QUIET);
}

#[test]
fn what_a_partial_restore_lacks_is_made_by_voice_install_for_every_month() {
    let stub = StubLlm::start();
    let voice = lived_in(&stub);
    let without = ["attempt*", "search_document*", "job", "job_*", "dead_job"].map(|t| format!("-Tvoice.{t}"));
    let without: Vec<&str> = without.iter().map(String::as_str).collect();
    let partial = dump(&voice, "partial.dump", &without);
    voice.cluster.create_database("restored");
    restore(&voice, "restored", &partial, &["-j2"]);
    let mut client = voice.cluster.connect("restored");
    client.batch_execute("SELECT voice_install(); SELECT voice_install()").unwrap();
    keeps_quiet(&mut client);
    let before = stub.count();
    // Of every month, the DEFAULT among them: judged again, so that the ledger and the documents are written anew.
    let again = "SELECT voice_resume();
        SELECT voice_reanalyze(id) FROM voice.call WHERE status <> 'in_progress' AND tenant_id = ''";
    client.batch_execute(again).unwrap();
    let mut restored = Voice { client, cluster: voice.cluster };
    restored.drained();
    let leaves = "SELECT count(*) FROM unnest(voice._partitioned_tables()) f, voice._partitions(f) l WHERE f <> 'call'
        AND NOT EXISTS (SELECT FROM voice._partitions('call') c WHERE c.lower IS NOT DISTINCT FROM l.lower AND c.upper IS NOT DISTINCT FROM l.upper)";
    assert_eq!(restored.count(leaves), 0);
    let in_month = "SELECT count(DISTINCT tableoid) FROM voice.search_document";
    assert_eq!(restored.count(in_month), restored.count("SELECT count(DISTINCT tableoid) FROM voice.call"));
    let tally = Tally::of_copy(&mut restored, stub.count() - before);
    row(
        "11j",
        "restored without attempts, search documents and queue, then voice_install()",
        Some(&tally),
        "all analysed again",
    );
    // One call is still going on, one is the other tenant's, whose analysis came with the dump.
    assert_eq!((tally.calls, tally.analytics, tally.requests as i64), (8, 8, 7));
}
