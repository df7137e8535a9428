//! One call, one setting, one mistake does not stop the others.

use crate::voice::{SOON, Voice};
use harness::Cluster;
use harness::stub::{Reply, StubLlm};
use std::time::Duration;

const HELLO: &[(&str, &str)] = &[("user", "hello")];

#[test]
fn a_call_that_cannot_be_read_dies_of_it_and_answers_of_others_are_kept() {
    let stub = StubLlm::start();
    stub.answer_always(Reply::analysis().delay(Duration::from_millis(200)));
    let mut voice = Voice::on(Voice::asking(&stub).setting("voice_analytics.max_attempts", 2));
    // The words of an open turn are read by this function: a call with one cannot be read now.
    voice
        .client
        .batch_execute(
            "CREATE OR REPLACE FUNCTION voice._streamed_words(call_id uuid, turn_id bigint) RETURNS text LANGUAGE plpgsql
             STABLE AS $$ BEGIN RAISE 'unreadable'; END $$",
        )
        .unwrap();
    for _ in 0..5 {
        voice.call(HELLO);
    }
    let poison = voice.call(&[("user", "")]);
    for _ in 0..5 {
        voice.call(HELLO);
    }
    voice.drained();
    assert_eq!(voice.count("SELECT count(*) FROM voice.analytics"), 10);
    assert_eq!(stub.count(), 10, "no answer is paid for twice");
    let sql = "SELECT last_error FROM voice.dead_job WHERE call_id::text = $1";
    assert!(voice.text(sql, &[&poison]).unwrap().contains("unreadable"));
}

#[test]
fn an_unknown_search_configuration_is_said_and_burns_no_attempt() {
    let mut voice = Voice::on(Cluster::builder().setting("voice_analytics.search_config", "klingon"));
    voice.call(HELLO);
    let reason = voice.state("misconfigured");
    assert!(reason.contains("klingon"), "{reason}");
    assert_eq!(voice.count("SELECT max(attempt)::bigint FROM voice.job"), 0);
    voice.cluster.set("voice_analytics.search_config", "english");
    voice.drained();
    assert_eq!(voice.count("SELECT count(*) FROM voice.analytics"), 1);
}

#[test]
fn a_call_that_is_deleted_and_restored_is_analysed() {
    let mut voice = Voice::start();
    let call = voice.open_call(HELLO);
    let end = "UPDATE voice.call SET status = 'completed', deleted_at = now() WHERE id = $1::text::uuid";
    voice.client.execute(end, &[&call]).unwrap();
    voice.drained();
    assert_eq!(voice.count("SELECT count(*) FROM voice.analytics"), 0);
    voice.client.execute("UPDATE voice.call SET deleted_at = NULL WHERE id = $1::text::uuid", &[&call]).unwrap();
    voice.until("SELECT count(*) = 1 FROM voice.analytics");
}

#[test]
fn a_judgement_that_words_are_known_is_checked_once_more() {
    let mut voice = Voice::start();
    let call = voice.call(HELLO);
    voice.drained();
    let mut holder = voice.cluster.connect("app");
    let mut lock = holder.transaction().unwrap();
    lock.execute("SELECT FROM voice.call WHERE id = $1::text::uuid FOR UPDATE", &[&call]).unwrap();
    let again = "INSERT INTO voice.job (kind, call_id) VALUES ('analyze', $1::text::uuid)";
    voice.client.execute(again, &[&call]).unwrap();
    voice.client.batch_execute("NOTIFY voice_analytics").unwrap();
    voice.until("SELECT count(*) = 1 FROM voice.job WHERE lease IS NOT NULL");
    let change = "UPDATE voice.turn SET text = 'I hate this, it is terrible' WHERE call_id = $1::text::uuid";
    voice.client.execute(change, &[&call]).unwrap();
    lock.commit().unwrap();
    voice.drained();
    assert_eq!(voice.count("SELECT count(*) FROM voice.analytics WHERE sentiment < 0"), 1);
}

#[test]
fn a_result_that_came_while_the_data_was_another_installations_leaves_no_lease_behind() {
    let stub = StubLlm::start();
    stub.answer_always(Reply::analysis().delay(Duration::from_millis(500)));
    let mut voice = Voice::on(Voice::asking(&stub).setting("voice_analytics.sweep_interval", "100ms"));
    voice.call(HELLO);
    stub.wait_for(1, SOON);
    voice.client.batch_execute("UPDATE voice._state SET instance = gen_random_uuid(); NOTIFY voice_analytics").unwrap();
    voice.until("SELECT w->>'state' = 'quiet' AND w->>'in_flight' = '0' FROM voice._worker_status() w");
    voice.client.batch_execute("SELECT voice_resume()").unwrap();
    voice.drained();
    assert_eq!(voice.count("SELECT count(*) FROM voice.analytics"), 1);
}

#[test]
fn a_role_that_was_dropped_and_made_again_is_taken_up() {
    let mut voice = Voice::start();
    voice.call(HELLO);
    voice.drained();
    voice
        .client
        .batch_execute(
            "BEGIN; DROP EXTENSION voice_analytics CASCADE; DROP OWNED BY voice_worker; DROP ROLE voice_worker;
             CREATE EXTENSION voice_analytics; COMMIT",
        )
        .unwrap();
    voice.call(HELLO);
    voice.drained();
    assert_eq!(voice.count("SELECT count(*) FROM voice.analytics"), 1);
}

#[test]
fn a_leaf_that_is_renamed_takes_late_words_all_the_same() {
    let mut voice = Voice::start();
    let call = voice.call(HELLO);
    voice.drained();
    voice.turn(&call, "user", "late words");
    voice
        .client
        .batch_execute(
            "DO $$ BEGIN EXECUTE format('ALTER TABLE %s RENAME TO call_of_this_month',
               (SELECT tableoid::regclass FROM voice.call)); END $$",
        )
        .unwrap();
    voice.turn(&call, "user", "later words, I am so happy, thank you, wonderful");
    voice.until("SELECT count(*) = 1 FROM voice.analytics WHERE sentiment > 0.4");
}

#[test]
fn a_lock_on_a_table_stops_neither_ingest_nor_shutdown() {
    let mut voice = Voice::start();
    let mut holder = voice.cluster.connect("app");
    let mut lock = holder.transaction().unwrap();
    lock.batch_execute("LOCK TABLE voice.search_document IN SHARE MODE").unwrap();
    let call = voice.call(HELLO);
    voice.until("SELECT state = 'failing' FROM voice_status()");
    voice.turn(&call, "user", "late words");
    let pid = voice.cluster.worker_pid("app");
    voice.client.execute("SELECT pg_terminate_backend($1)", &[&pid]).unwrap();
    harness::wait_until("a new worker", SOON, || (voice.cluster.worker_pid("app") != pid).then_some(()));
    lock.commit().unwrap();
    voice.drained();
    assert_eq!(voice.count("SELECT count(*) FROM voice.analytics"), 1);
}

#[test]
fn a_call_that_brings_the_worker_down_each_time_dies_of_it() {
    let stub = StubLlm::start();
    stub.answer_always(Reply::hang());
    let mut voice = Voice::on(Voice::asking(&stub).setting("voice_analytics.max_attempts", 2));
    let poison = voice.call(HELLO);
    for requests in 1..=2 {
        stub.wait_for(requests, SOON);
        let pid = voice.cluster.worker_pid("app");
        voice.client.execute("SELECT pg_terminate_backend($1)", &[&pid]).unwrap();
        harness::wait_until("a new worker", SOON, || (voice.cluster.worker_pid("app") != pid).then_some(()));
    }
    let sql = "SELECT last_error FROM voice.dead_job WHERE call_id::text = $1";
    let error = harness::wait_until("the job to die", SOON, || voice.text(sql, &[&poison]));
    assert!(error.contains("went down"), "{error}");
    assert_eq!(stub.count(), 2);
}
