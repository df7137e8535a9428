//! What a DBA does while requests are in flight: nothing waits for the LLM, nothing crashes, nobody else's calls suffer.

use std::time::{Duration, Instant};

use harness::stub::Reply;
use harness::voice::SOON;
use harness::wait_until;

use crate::scene::Scene;

const CALLS: usize = 3;

/// A worker with three requests in flight whose answers wait for `release`.
fn in_flight() -> Scene {
    let mut scene = Scene::start();
    scene.stub.answer_always(Reply::analysis().held());
    scene.calls_end(CALLS);
    scene.asked(CALLS);
    scene
}

/// How long a statement took: it must not have waited for an answer that never comes, nor for a lock time-out.
fn at_once(scene: &mut Scene, sql: &str) -> String {
    let start = Instant::now();
    scene.voice.client.batch_execute(sql).unwrap_or_else(|e| panic!("{sql}: {e:?}"));
    let took = start.elapsed();
    // Generous for a slow machine; the answers are held for good.
    assert!(took < Duration::from_secs(10), "{sql} took {took:?}");
    format!("took {} ms", took.as_millis())
}

fn answer_now(scene: &Scene) {
    scene.stub.answer_always(Reply::analysis());
    scene.stub.release();
}

/// A database beside `app` with a request in flight of its own.
fn busy_database(scene: &Scene, name: &str) {
    let asked = scene.requests();
    let mut other = scene.voice.cluster.create_voice_database(name);
    let import = "SELECT voice_import_call('{\"id\": \"x\", \"turns\": [{\"role\": \"user\", \"text\": \"hello\"}]}')";
    other.batch_execute(import).unwrap();
    scene.asked(asked + 1);
    drop(other);
    left(scene, name);
}

/// A client's own connection lingers a moment after it is closed.
fn left(scene: &Scene, database: &str) {
    let mut client = scene.voice.cluster.connect("postgres");
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND backend_type = 'client backend'";
    wait_until("the clients to leave", SOON, || {
        (client.query_one(sql, &[&database]).unwrap().get::<_, i64>(0) == 0).then_some(())
    });
}

fn no_crash(scene: &Scene) {
    let log = scene.voice.cluster.log();
    assert!(!log.contains("terminated by signal") && !log.contains("PANIC"), "{log}");
}

#[test]
fn a_call_deleted_while_it_is_judged_leaves_nothing_and_disturbs_no_other() {
    let mut scene = in_flight();
    let sql = "DELETE FROM voice.call WHERE id = (SELECT id FROM voice.call ORDER BY id LIMIT 1)";
    let took = at_once(&mut scene, sql);
    answer_now(&scene);
    scene.voice.drained();
    let tally = scene.tally("7a", "DELETE of one call of three", &took);
    assert_eq!((tally.calls, tally.analytics, tally.requests), (2, 2, CALLS));
    no_crash(&scene);
}

#[test]
fn a_truncated_queue_takes_no_late_answers_and_the_calls_can_be_queued_again() {
    let mut scene = in_flight();
    let took = at_once(&mut scene, "TRUNCATE voice.job");
    answer_now(&scene);
    scene.voice.until("SELECT count(*) = 3 FROM voice.attempt WHERE outcome = 'discarded'");
    assert_eq!(scene.voice.count("SELECT count(*) FROM voice.analytics"), 0);
    scene.voice.client.batch_execute("SELECT voice_reanalyze(id) FROM voice.call").unwrap();
    scene.voice.drained();
    let tally = scene.tally("7b", "TRUNCATE voice.job; then voice_reanalyze() of all", &took);
    assert_eq!((tally.analytics, tally.requests), (CALLS as i64, 2 * CALLS));
    no_crash(&scene);
}

#[test]
fn an_extension_dropped_with_requests_in_flight_goes_at_once_and_comes_back() {
    let mut scene = in_flight();
    let took = at_once(&mut scene, "DROP EXTENSION voice_analytics CASCADE");
    answer_now(&scene);
    scene.voice.client.batch_execute("CREATE EXTENSION voice_analytics").unwrap();
    scene.furnish();
    scene.calls_end(CALLS);
    scene.voice.drained();
    let tally = scene.tally("7c", "DROP EXTENSION CASCADE, CREATE EXTENSION, three new calls", &took);
    assert_eq!((tally.analytics, tally.requests), (CALLS as i64, 2 * CALLS));
    no_crash(&scene);
}

#[test]
fn any_database_can_be_dropped_while_requests_are_in_flight() {
    let mut scene = in_flight();
    let mut times = Vec::new();
    for how in ["", "WITH (FORCE)"] {
        // One that no worker serves, and one whose own worker has a request in flight.
        scene.voice.cluster.create_database("bystander");
        at_once(&mut scene, &format!("DROP DATABASE bystander {how}"));
        busy_database(&scene, "own");
        times.push(at_once(&mut scene, &format!("DROP DATABASE own {how}")));
    }
    let workers = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'voice_analytics worker'";
    assert_eq!(scene.voice.count(workers), 1);
    answer_now(&scene);
    scene.voice.drained();
    let did = "DROP DATABASE of others and of a worker's own, plain and FORCE";
    let tally = scene.tally("7d", did, &times.join(", "));
    assert_eq!((tally.analytics, tally.requests), (CALLS as i64, CALLS + 2));
    no_crash(&scene);
}

#[test]
fn drop_owned_by_the_workers_role_is_refused_and_disturbs_nobody() {
    let mut scene = in_flight();
    let refused = scene.voice.client.batch_execute("DROP OWNED BY voice_worker CASCADE").unwrap_err();
    let said = refused.as_db_error().unwrap().message().to_owned();
    answer_now(&scene);
    scene.voice.drained();
    let tally = scene.tally("7e", "DROP OWNED BY voice_worker CASCADE", &format!("refused: {said}"));
    assert_eq!((tally.analytics, tally.requests), (CALLS as i64, CALLS));
    no_crash(&scene);
}

#[test]
fn a_database_renamed_or_copied_with_requests_in_flight_loses_none_of_them() {
    let mut scene = in_flight();
    scene.voice.client = scene.voice.cluster.connect("postgres");
    left(&scene, "app");
    let took = at_once(&mut scene, "ALTER DATABASE app RENAME TO renamed");
    scene.asked(2 * CALLS);
    at_once(&mut scene, "CREATE DATABASE copied TEMPLATE renamed");
    scene.asked(3 * CALLS);
    scene.voice.client = scene.voice.cluster.connect("renamed");
    answer_now(&scene);
    scene.voice.drained();
    let tally = scene.tally("7f", "ALTER DATABASE RENAME, CREATE DATABASE TEMPLATE", &took);
    assert_eq!((tally.analytics, tally.requests), (CALLS as i64, 3 * CALLS));
    no_crash(&scene);
}
