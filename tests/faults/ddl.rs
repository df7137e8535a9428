//! What a DBA does while requests are in flight: nothing waits for the LLM, nothing crashes, nobody else's calls suffer.

use std::time::{Duration, Instant};

use harness::stub::Reply;
use harness::voice::SOON;
use harness::wait_until;

use crate::fixture::Fixture;

const CALLS: usize = 3;

/// A worker with three requests in flight whose answers wait for `release`.
fn in_flight() -> Fixture {
    let mut fixture = Fixture::start();
    fixture.stub.answer_always(Reply::analysis().held());
    fixture.calls_end(CALLS);
    fixture.asked(CALLS);
    fixture
}

/// How long a statement took: it must not have waited for an answer that never comes, nor for a lock time-out.
fn at_once(fixture: &mut Fixture, sql: &str) -> String {
    let start = Instant::now();
    fixture.voice.client.batch_execute(sql).unwrap_or_else(|e| panic!("{sql}: {e:?}"));
    let took = start.elapsed();
    // Generous for a slow machine; the answers are held for good.
    assert!(took < Duration::from_secs(10), "{sql} took {took:?}");
    format!("took {} ms", took.as_millis())
}

fn answer_now(fixture: &Fixture) {
    fixture.stub.answer_always(Reply::analysis());
    fixture.stub.release();
}

/// A database beside `app` with a request in flight of its own.
fn busy_database(fixture: &Fixture, name: &str) {
    let asked = fixture.requests();
    let mut other = fixture.voice.cluster.create_voice_database(name);
    let import = "SELECT voice_import_call('{\"id\": \"x\", \"turns\": [{\"role\": \"user\", \"text\": \"hello\"}]}')";
    other.batch_execute(import).unwrap();
    fixture.asked(asked + 1);
    drop(other);
    left(fixture, name);
}

/// A client's own connection lingers a moment after it is closed.
fn left(fixture: &Fixture, database: &str) {
    let mut client = fixture.voice.cluster.connect("postgres");
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND backend_type = 'client backend'";
    wait_until("the clients to leave", SOON, || {
        (client.query_one(sql, &[&database]).unwrap().get::<_, i64>(0) == 0).then_some(())
    });
}

fn no_crash(fixture: &Fixture) {
    let log = fixture.voice.cluster.log();
    assert!(!log.contains("terminated by signal") && !log.contains("PANIC"), "{log}");
}

#[test]
fn a_call_deleted_while_it_is_judged_leaves_nothing_and_disturbs_no_other() {
    let mut fixture = in_flight();
    let sql = "DELETE FROM voice.call WHERE id = (SELECT id FROM voice.call ORDER BY id LIMIT 1)";
    let took = at_once(&mut fixture, sql);
    answer_now(&fixture);
    fixture.voice.drained();
    let tally = fixture.tally("7a", "DELETE of one call of three", &took);
    assert_eq!((tally.calls, tally.analytics, tally.requests), (2, 2, CALLS));
    no_crash(&fixture);
}

#[test]
fn a_truncated_queue_takes_no_late_answers_and_the_calls_can_be_queued_again() {
    let mut fixture = in_flight();
    let took = at_once(&mut fixture, "TRUNCATE voice.job");
    answer_now(&fixture);
    fixture.voice.until("SELECT count(*) = 3 FROM voice.attempt WHERE outcome = 'discarded'");
    assert_eq!(fixture.voice.count("SELECT count(*) FROM voice.analytics"), 0);
    fixture.voice.client.batch_execute("SELECT voice_reanalyze(id) FROM voice.call").unwrap();
    fixture.voice.drained();
    let tally = fixture.tally("7b", "TRUNCATE voice.job; then voice_reanalyze() of all", &took);
    assert_eq!((tally.analytics, tally.requests), (CALLS as i64, 2 * CALLS));
    no_crash(&fixture);
}

#[test]
fn an_extension_dropped_with_requests_in_flight_goes_at_once_and_comes_back() {
    let mut fixture = in_flight();
    let took = at_once(&mut fixture, "DROP EXTENSION voice_analytics CASCADE");
    answer_now(&fixture);
    fixture.voice.client.batch_execute("CREATE EXTENSION voice_analytics").unwrap();
    fixture.furnish();
    fixture.calls_end(CALLS);
    fixture.voice.drained();
    let tally = fixture.tally("7c", "DROP EXTENSION CASCADE, CREATE EXTENSION, three new calls", &took);
    assert_eq!((tally.analytics, tally.requests), (CALLS as i64, 2 * CALLS));
    no_crash(&fixture);
}

#[test]
fn any_database_can_be_dropped_while_requests_are_in_flight() {
    let mut fixture = in_flight();
    let mut times = Vec::new();
    for how in ["", "WITH (FORCE)"] {
        // One that no worker serves, and one whose own worker has a request in flight.
        fixture.voice.cluster.create_database("bystander");
        at_once(&mut fixture, &format!("DROP DATABASE bystander {how}"));
        busy_database(&fixture, "own");
        times.push(at_once(&mut fixture, &format!("DROP DATABASE own {how}")));
    }
    let workers = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'voice_analytics worker'";
    assert_eq!(fixture.voice.count(workers), 1);
    answer_now(&fixture);
    fixture.voice.drained();
    let did = "DROP DATABASE of others and of a worker's own, plain and FORCE";
    let tally = fixture.tally("7d", did, &times.join(", "));
    assert_eq!((tally.analytics, tally.requests), (CALLS as i64, CALLS + 2));
    no_crash(&fixture);
}

#[test]
fn drop_owned_by_the_workers_role_is_refused_and_disturbs_nobody() {
    let mut fixture = in_flight();
    let refused = fixture.voice.client.batch_execute("DROP OWNED BY voice_worker CASCADE").unwrap_err();
    let said = refused.as_db_error().unwrap().message().to_owned();
    answer_now(&fixture);
    fixture.voice.drained();
    let tally = fixture.tally("7e", "DROP OWNED BY voice_worker CASCADE", &format!("refused: {said}"));
    assert_eq!((tally.analytics, tally.requests), (CALLS as i64, CALLS));
    no_crash(&fixture);
}

#[test]
fn a_database_renamed_or_copied_with_requests_in_flight_loses_none_of_them() {
    let mut fixture = in_flight();
    fixture.voice.client = fixture.voice.cluster.connect("postgres");
    left(&fixture, "app");
    let took = at_once(&mut fixture, "ALTER DATABASE app RENAME TO renamed");
    fixture.asked(2 * CALLS);
    at_once(&mut fixture, "CREATE DATABASE copied TEMPLATE renamed");
    fixture.asked(3 * CALLS);
    fixture.voice.client = fixture.voice.cluster.connect("renamed");
    answer_now(&fixture);
    fixture.voice.drained();
    let tally = fixture.tally("7f", "ALTER DATABASE RENAME, CREATE DATABASE TEMPLATE", &took);
    assert_eq!((tally.analytics, tally.requests), (CALLS as i64, 3 * CALLS));
    no_crash(&fixture);
}

#[test]
fn two_commands_that_need_one_database_empty_keep_the_worker_away_until_the_last_is_over() {
    let mut fixture = in_flight();
    fixture.voice.client = fixture.voice.cluster.connect("postgres");
    left(&fixture, "app");
    // Somebody has the database's name locked, so the command waits after it has sent the worker away.
    let mut locks = fixture.voice.cluster.connect("postgres");
    locks.batch_execute("BEGIN; COMMENT ON DATABASE app IS 'locked'").unwrap();
    let mut first = fixture.voice.cluster.connect("postgres");
    let renaming = std::thread::spawn(move || first.batch_execute("ALTER DATABASE app RENAME TO renamed"));
    fixture.voice.until(
        "SELECT count(*) > 0 FROM pg_stat_activity WHERE query LIKE 'ALTER DATABASE app%' AND wait_event_type = 'Lock'",
    );
    // Another one comes and gives up: the database must stay empty for the first.
    let mut second = fixture.voice.cluster.connect("postgres");
    second.batch_execute("SET lock_timeout = '100ms'").unwrap();
    let refused = second.batch_execute("ALTER DATABASE app RENAME TO other").unwrap_err();
    assert_eq!(refused.code().map(|code| code.code()), Some("55P03"));
    // The launcher has looked at every slot once it has started a worker for a new database.
    fixture.voice.cluster.create_voice_database("new");
    fixture.voice.cluster.worker_pid("new");
    let processes = harness::processes::children_of(fixture.voice.cluster.postmaster_pid());
    let title =
        |pid: &i32| std::fs::read(format!("/proc/{pid}/cmdline")).map(|t| String::from_utf8_lossy(&t).into_owned());
    let titles: Vec<String> = processes.iter().filter_map(|pid| title(pid).ok()).collect();
    assert!(titles.iter().any(|title| title.contains("voice_analytics worker: new")), "{titles:?}");
    assert!(!titles.iter().any(|title| title.contains("voice_analytics worker: app")), "{titles:?}");
    locks.batch_execute("COMMIT").unwrap();
    renaming.join().unwrap().expect("the database is empty");
    // Two copies at once, and then the worker is back.
    let copies: Vec<_> = ["copy_1", "copy_2"]
        .map(|name| {
            let mut client = fixture.voice.cluster.connect("postgres");
            std::thread::spawn(move || client.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE renamed")))
        })
        .into_iter()
        .collect();
    for copy in copies {
        copy.join().unwrap().expect("the template is empty");
    }
    fixture.voice.client = fixture.voice.cluster.connect("renamed");
    answer_now(&fixture);
    fixture.voice.drained();
    assert_eq!(fixture.voice.count("SELECT count(*) FROM voice.analytics"), CALLS as i64);
    no_crash(&fixture);
}
