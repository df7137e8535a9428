use crate::voice::{SOON, Voice};
use harness::stub::{Reply, StubLlm};
use harness::wait_until;
use std::time::Duration;

const BOOKING: &[(&str, &str)] = &[
    ("assistant", "Hello, how can I help?"),
    ("user", "Hi, I'm Dana Whitfield. I'd like to book an appointment for Tuesday, please."),
    ("assistant", "Of course, Tuesday at nine?"),
    ("user", "Perfect, thank you so much!"),
];

#[test]
fn plain_inserts_are_enough_for_analytics() {
    let mut voice = Voice::start();
    let call = voice.call(BOOKING);
    voice.drained();
    let row = voice
        .client
        .query_one(
            "SELECT sentiment, lead_score::int, intent, model, vertical FROM voice.analytics WHERE call_id::text = $1",
            &[&call],
        )
        .unwrap();
    assert!(row.get::<_, f64>(0) > 0.0);
    assert!((0..=100).contains(&row.get::<_, i32>(1)));
    assert_eq!(row.get::<_, String>(2), "booking");
    assert!(row.get::<_, String>(3).starts_with("builtin/"));
    assert_eq!(row.get::<_, String>(4), "healthcare");
    let leads = "SELECT count(*) FROM voice_top_leads('healthcare', now() - interval '7 days', 0)";
    assert_eq!(voice.count(leads), 1);
}

#[test]
fn an_llm_judges_and_its_tokens_are_recorded() {
    let stub = StubLlm::start();
    let mut voice = Voice::with_llm(&stub);
    let call = voice.call(BOOKING);
    voice.drained();
    let request = &stub.wait_for(1, SOON)[0];
    assert!(request.transcript().contains("Dana Whitfield"), "{}", request.transcript());
    assert_eq!(request.header("authorization"), None, "no key is configured");
    let sql = "SELECT prompt_tokens > 0 AND completion_tokens > 0 AND octet_length(transcript_hash) = 16 FROM voice.analytics WHERE call_id::text = $1";
    assert!(voice.client.query_one(sql, &[&call]).unwrap().get::<_, bool>(0));
    assert_eq!(voice.attempts(&call), [("ok".to_owned(), None)]);
}

#[test]
fn a_server_without_json_schema_is_asked_for_a_json_object() {
    let stub = StubLlm::start();
    stub.answer(Reply::rejects_json_schema);
    let mut voice = Voice::with_llm(&stub);
    voice.call(BOOKING);
    voice.call(BOOKING);
    voice.drained();
    assert_eq!(voice.count("SELECT count(*) FROM voice.analytics"), 2);
    assert_eq!(stub.requests().last().unwrap().style(), "json_object");
}

#[test]
fn a_call_without_conversation_costs_no_tokens() {
    let stub = StubLlm::start();
    let mut voice = Voice::with_llm(&stub);
    let silent = voice.call(&[("assistant", "Hello? Is anyone there?")]);
    let empty = voice.call(&[]);
    voice.drained();
    for call in [silent, empty] {
        let sql = "SELECT model || ' ' || intent || ' ' || lead_score FROM voice.analytics WHERE call_id::text = $1";
        assert_eq!(voice.text(sql, &[&call]).unwrap(), "rule/no-conversation none 0");
    }
    assert_eq!(stub.count(), 0);
}

#[test]
fn a_job_too_many_costs_no_request() {
    let stub = StubLlm::start();
    let mut voice = Voice::with_llm(&stub);
    let call = voice.call(BOOKING);
    voice.drained();
    let insert = "INSERT INTO voice.job (kind, call_id) VALUES ('analyze', $1::text::uuid)";
    voice.client.execute(insert, &[&call]).unwrap();
    voice.client.batch_execute("NOTIFY voice_analytics").unwrap();
    voice.drained();
    assert_eq!(stub.count(), 1);
    assert_eq!(voice.attempts(&call).last().unwrap().0, "skipped");
}

#[test]
fn no_transaction_is_open_while_a_request_is_in_flight() {
    let stub = StubLlm::start();
    stub.answer_always(Reply::hang());
    let mut voice = Voice::with_llm(&stub);
    voice.call(BOOKING);
    stub.wait_for(1, SOON);
    voice.until("SELECT in_flight = 1 FROM voice_status()");
    let sql = "SELECT xact_start IS NULL AND backend_xmin IS NULL AND query LIKE '%1 request%' FROM pg_stat_activity WHERE backend_type = 'voice_analytics worker'";
    voice.until(sql);
    assert_eq!(voice.text("SELECT state FROM voice_status()", &[]).unwrap(), "working");
}

#[test]
fn a_long_transcript_keeps_its_beginning_and_its_end() {
    let stub = StubLlm::start();
    let builder = Voice::asking(&stub)
        .setting("voice_analytics.transcript_max_chars", 2000)
        .setting("voice_analytics.long_transcripts", "ends");
    let mut voice = Voice::on(builder);
    let middle = vec![("user", "and then there was more to say about this and that"); 200];
    let mut turns = vec![("user", "the very first words")];
    turns.extend(middle);
    turns.push(("user", "the very last words"));
    voice.call(&turns);
    voice.drained();
    let sent = stub.requests()[0].transcript();
    assert!(sent.contains("the very first words") && sent.contains("the very last words"), "{sent}");
    assert!(sent.chars().count() <= 2000);
}

#[test]
fn a_thousand_calls_run_in_parallel_within_the_limit() {
    let stub = StubLlm::start();
    stub.keep_requests(false);
    stub.answer_always(Reply::analysis().delay(Duration::from_millis(200)));
    let mut voice = Voice::on(Voice::asking(&stub).setting("voice_analytics.max_concurrency", 64));
    voice.client.batch_execute("INSERT INTO voice.agent (id, name, vertical) VALUES ('a', 'Ava', 'salon')").unwrap();
    let calls = "WITH c AS (INSERT INTO voice.call (agent_id, from_number, to_number)
                   SELECT 'a', '+15550100', '+15550199' FROM generate_series(1, 1000) RETURNING id),
                 t AS (INSERT INTO voice.turn (call_id, role, text) SELECT id, 'user', 'Hello, a booking please ' || id FROM c)
                 SELECT count(*) FROM c";
    // One statement cannot end what it inserts: two, in one transaction.
    voice.client.query_one(calls, &[]).unwrap();
    voice.client.batch_execute("UPDATE voice.call SET status = 'completed', ended_at = clock_timestamp()").unwrap();
    let mut most = 0;
    wait_until("1,000 analyses", SOON, || {
        most = most.max(stub.connections());
        (voice.count("SELECT count(*) FROM voice.analytics") == 1000).then_some(())
    });
    voice.drained();
    assert_eq!(stub.count(), 1000, "each call costs one request");
    assert!(most <= 64, "{most} connections at once");
    assert_eq!(voice.count("SELECT count(*) FROM voice.attempt WHERE outcome = 'ok'"), 1000);
}
