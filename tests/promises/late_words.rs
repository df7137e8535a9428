use crate::voice::{SOON, Voice};
use harness::stub::{Reply, StubLlm};
use std::time::Duration;

const FIRST: &[(&str, &str)] = &[("user", "Hello, I have a question.")];

/// What the last request was about.
fn last_asked(stub: &StubLlm) -> String {
    stub.requests().last().unwrap().transcript()
}

#[test]
fn a_turn_after_hang_up_is_in_the_analysis_for_at_most_one_more_request() {
    let stub = StubLlm::start();
    let mut voice = Voice::with_llm(&stub);
    let call = voice.call(FIRST);
    voice.drained();
    voice.turn(&call, "user", "One more thing: the late words.");
    voice.until("SELECT count(*) = 1 FROM voice.job");
    voice.drained();
    assert!(last_asked(&stub).contains("the late words"));
    assert_eq!(stub.count(), 2);
}

#[test]
fn a_turn_that_comes_while_the_request_is_out_is_not_lost() {
    let stub = StubLlm::start();
    stub.answer_always(Reply::analysis().delay(Duration::from_millis(300)));
    let mut voice = Voice::with_llm(&stub);
    let call = voice.call(FIRST);
    stub.wait_for(1, SOON);
    voice.turn(&call, "user", "the late words");
    voice.drained();
    assert!(last_asked(&stub).contains("the late words"));
    assert_eq!(stub.count(), 2);
    let outcomes: Vec<String> = voice.attempts(&call).into_iter().map(|a| a.0).collect();
    assert_eq!(outcomes, ["stale", "ok"], "an answer to other words is not stored");
}

#[test]
fn a_writer_that_commits_long_after_hang_up_is_heard() {
    let stub = StubLlm::start();
    let mut voice = Voice::with_llm(&stub);
    let call = voice.open_call(FIRST);
    let mut writer = voice.cluster.connect("app");
    let mut transaction = writer.transaction().unwrap();
    let insert = "INSERT INTO voice.turn (call_id, role, text) VALUES ($1::text::uuid, 'user', 'the late words')";
    transaction.execute(insert, &[&call]).unwrap();
    voice.end(&call);
    stub.wait_for(1, SOON);
    transaction.commit().unwrap();
    voice.until("SELECT count(*) = 1 FROM voice.analytics");
    voice.drained();
    assert!(last_asked(&stub).contains("the late words"));
}

#[test]
fn a_late_turn_undone_by_a_savepoint_does_not_hide_the_next_one() {
    let stub = StubLlm::start();
    let mut voice = Voice::with_llm(&stub);
    let call = voice.call(FIRST);
    voice.drained();
    voice
        .client
        .batch_execute(&format!(
            "BEGIN; SET CONSTRAINTS ALL IMMEDIATE;
             SAVEPOINT s; INSERT INTO voice.turn (call_id, role, text) VALUES ('{call}', 'user', 'undone'); ROLLBACK TO s;
             INSERT INTO voice.turn (call_id, role, text) VALUES ('{call}', 'user', 'the late words'); COMMIT"
        ))
        .unwrap();
    voice.until("SELECT count(*) > 0 FROM voice.job");
    voice.drained();
    assert!(last_asked(&stub).contains("the late words"));
}

#[test]
fn history_written_turn_by_turn_is_analysed_whole() {
    let stub = StubLlm::start();
    let mut voice = Voice::with_llm(&stub);
    voice.client.batch_execute("INSERT INTO voice.agent (id, name, vertical) VALUES ('a', 'Ava', 'salon')").unwrap();
    let insert = "INSERT INTO voice.call (id, agent_id, from_number, to_number, started_at, ended_at, status)
                  SELECT voice_uuidv7(t), 'a', '+15550100', '+15550199', t, t + interval '5 min', 'completed'
                  FROM (VALUES (now() - interval '40 days')) v(t) RETURNING id::text";
    let call: String = voice.client.query_one(insert, &[]).unwrap().get(0);
    voice.drained();
    voice.turn(&call, "user", "words of last month");
    voice.until("SELECT count(*) = 1 FROM voice.analytics WHERE model <> 'rule/no-conversation'");
    assert!(last_asked(&stub).contains("words of last month"));
}

#[test]
fn an_open_streaming_turn_is_read_by_its_final_chunks() {
    let stub = StubLlm::start();
    let mut voice = Voice::with_llm(&stub);
    let call = voice.open_call(FIRST);
    voice
        .client
        .batch_execute(&format!(
            "SELECT voice_add_chunk('{call}', t, 1, 'never', true), voice_add_chunk('{call}', t, 2, 'clo', false),
                    voice_add_chunk('{call}', t, 3, 'closed', true)
             FROM voice_add_turn('{call}', 'user', '') t"
        ))
        .unwrap();
    voice.end(&call);
    voice.drained();
    assert!(last_asked(&stub).contains("never closed"), "{}", last_asked(&stub));
}

#[test]
fn a_writer_that_sees_the_past_is_heard() {
    for level in ["REPEATABLE READ", "SERIALIZABLE"] {
        let stub = StubLlm::start();
        let mut voice = Voice::with_llm(&stub);
        let call = voice.open_call(FIRST);
        let mut writer = voice.cluster.connect("app");
        writer.batch_execute(&format!("BEGIN ISOLATION LEVEL {level}; SELECT count(*) FROM voice.call")).unwrap();
        voice.end(&call);
        voice.drained();
        let insert = "INSERT INTO voice.turn (call_id, role, text) VALUES ($1::text::uuid, 'user', 'the late words')";
        writer.execute(insert, &[&call]).unwrap();
        writer.batch_execute("COMMIT").unwrap();
        voice.until("SELECT count(*) = 2 FROM voice.attempt");
        assert!(last_asked(&stub).contains("the late words"), "{level}");
    }
}

#[test]
fn a_call_that_ends_while_its_job_is_found_needless_keeps_a_job() {
    let mut voice = Voice::start();
    for _ in 0..50 {
        let call = voice.open_call(FIRST);
        let insert = "INSERT INTO voice.job (kind, call_id) VALUES ('analyze', $1::text::uuid)";
        voice.client.execute(insert, &[&call]).unwrap();
        voice.client.batch_execute("NOTIFY voice_analytics").unwrap();
        voice.end(&call);
    }
    voice.drained();
    assert_eq!(voice.count("SELECT count(*) FROM voice.analytics"), 50);
}

#[test]
fn a_worker_in_a_database_of_other_habits_works_all_the_same() {
    let mut voice = Voice::start();
    voice
        .client
        .batch_execute(
            "ALTER DATABASE app SET default_transaction_isolation = 'serializable';
             ALTER DATABASE app SET default_transaction_read_only = on;
             ALTER DATABASE app SET row_security = off;
             ALTER DATABASE app SET search_path = 'nowhere';
             ALTER DATABASE app SET statement_timeout = '1ms';
             ALTER DATABASE app SET standard_conforming_strings = off",
        )
        .unwrap();
    let pid = voice.cluster.worker_pid("app");
    voice.client.execute("SELECT pg_terminate_backend($1)", &[&pid]).unwrap();
    harness::wait_until("a new worker", SOON, || (voice.cluster.worker_pid("app") != pid).then_some(()));
    voice.call(FIRST);
    voice.drained();
    assert_eq!(voice.count("SELECT count(*) FROM voice.analytics"), 1);
}

#[test]
fn a_final_chunk_after_hang_up_is_heard() {
    let stub = StubLlm::start();
    let mut voice = Voice::with_llm(&stub);
    let call = voice.open_call(FIRST);
    let turn: i64 =
        voice.client.query_one("SELECT voice_add_turn($1::text::uuid, 'user', '')", &[&call]).unwrap().get(0);
    voice.end(&call);
    voice.drained();
    let chunk = "SELECT voice_add_chunk($1::text::uuid, $2, 1, 'the late words', true, confidence => 0.9)";
    voice.client.execute(chunk, &[&call, &turn]).unwrap();
    voice.until("SELECT count(*) = 1 FROM voice.job");
    voice.drained();
    assert!(last_asked(&stub).contains("the late words"));
}

#[test]
fn a_final_chunk_of_a_turn_that_was_closed_before_hang_up_is_heard() {
    let stub = StubLlm::start();
    let mut voice = Voice::with_llm(&stub);
    for late in [
        "SELECT voice_add_chunk(call_id, id, 2, 'the late words', true)",
        "INSERT INTO voice.transcript_chunk (call_id, turn_id, seq, text, is_final)
         SELECT call_id, id, 2, 'the late words', true",
    ] {
        let call = voice.open_call(FIRST);
        let closed = format!(
            "SELECT voice_add_chunk('{call}', t, 1, 'book a cut and', true), voice_finish_turn('{call}', t)
             FROM voice_add_turn('{call}', 'user', '') t"
        );
        voice.client.batch_execute(&closed).unwrap();
        voice.end(&call);
        voice.drained();
        assert!(!last_asked(&stub).contains("the late words"));
        let asked = stub.count();
        let of_turn = format!("{late} FROM voice.turn WHERE call_id = '{call}' AND text LIKE 'book a cut%'");
        voice.client.batch_execute(&of_turn).unwrap();
        stub.wait_for(asked + 1, SOON);
        voice.drained();
        assert!(last_asked(&stub).contains("user: book a cut and the late words"), "{}", last_asked(&stub));
        assert_eq!(stub.count(), asked + 1);
        let outcomes: Vec<String> = voice.attempts(&call).into_iter().map(|a| a.0).collect();
        assert_eq!(outcomes, ["ok", "ok"], "{late}");
    }
}

#[test]
fn late_turns_of_several_calls_do_not_wait_for_one_another_in_a_ring() {
    let mut voice = Voice::on(harness::Cluster::builder().setting("voice_analytics.enabled", "off"));
    let calls: Vec<String> = (0..6).map(|_| voice.call(FIRST)).collect();
    let database = &voice.cluster;
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let calls = calls.clone();
            scope.spawn(move || {
                let mut client = database.connect("app");
                for round in 0..30 {
                    let mut transaction = client.transaction().unwrap();
                    for at in 0..calls.len() {
                        let call = &calls[(at * (writer + 1) + round) % calls.len()];
                        let insert =
                            "INSERT INTO voice.turn (call_id, role, text) VALUES ($1::text::uuid, 'user', 'late')";
                        transaction.execute(insert, &[call]).unwrap();
                    }
                    transaction.commit().unwrap();
                }
            });
        }
    });
    assert_eq!(voice.count("SELECT count(*) FROM voice.turn"), 6 + 4 * 30 * 6);
}

#[test]
fn a_turn_that_moves_to_another_call_makes_both_current() {
    let stub = StubLlm::start();
    let mut voice = Voice::with_llm(&stub);
    let (from, to) = (voice.call(FIRST), voice.call(FIRST));
    voice.turn(&from, "user", "the moving words");
    voice.drained();
    let moving =
        "UPDATE voice.turn SET call_id = $2::text::uuid WHERE call_id = $1::text::uuid AND text = 'the moving words'";
    voice.client.execute(moving, &[&from, &to]).unwrap();
    assert_eq!(voice.count("SELECT count(*) FROM voice.job"), 2);
    voice.drained();
}
