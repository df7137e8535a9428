//! Nothing out of range is stored and no call is lost, whatever the LLM says.

use crate::voice::Voice;
use harness::stub::{Reply, StubLlm};
use serde_json::json;

const CALLER: &[(&str, &str)] = &[("user", "Hello, I would like to buy a house.")];

fn good_but(field: &str, value: serde_json::Value) -> Reply {
    let mut content = Reply::good();
    content[field] = value;
    Reply::content(&content.to_string())
}

/// Every way to answer badly that costs the job an attempt.
fn bad_replies() -> Vec<(&'static str, Reply)> {
    let good = Reply::good().to_string();
    vec![
        ("not JSON", Reply::content("I am sorry, Dave.")),
        ("JSON with text around it", Reply::content(&format!("Sure! {good} Anything else?"))),
        ("truncated JSON", Reply::content(&good[..good.len() / 2])),
        ("wrong type", good_but("lead_score", json!("high"))),
        ("NaN", Reply::content(&good.replace("\"lead_score\":", "\"lead_score\":NaN,\"x\":"))),
        ("score 250", good_but("lead_score", json!(250))),
        ("sentiment 7.5", good_but("sentiment", json!(7.5))),
        ("intent banana", good_but("intent", json!("banana"))),
        ("NUL character", good_but("summary", json!("a\u{0}b"))),
        ("blank summary", good_but("summary", json!(" "))),
        ("5 MB", Reply::body(&vec![b'x'; 5_000_000])),
        ("refusal", Reply::refusal("I cannot judge people.")),
        ("400", Reply::error(400, "bad request")),
    ]
}

#[test]
fn a_bad_reply_is_a_failed_attempt_with_its_reason_and_never_a_row() {
    let stub = StubLlm::start();
    let mut voice = Voice::on(Voice::asking(&stub).setting("voice_analytics.max_attempts", 1));
    for (what, reply) in bad_replies() {
        stub.answer_always(reply);
        let call = voice.call(CALLER);
        voice.drained();
        let attempts = voice.attempts(&call);
        assert_eq!(attempts.len(), 1, "{what}: {attempts:?}");
        assert_eq!(attempts[0].0, "dead", "{what}: {attempts:?}");
        let reason = attempts[0].1.clone().unwrap_or_default();
        assert!(reason.len() > 5, "{what}: the reason is {reason:?}");
        let sql = "SELECT last_error FROM voice.dead_job WHERE call_id::text = $1";
        assert_eq!(voice.text(sql, &[&call]).unwrap(), reason, "{what}");
    }
    assert_eq!(voice.count("SELECT count(*) FROM voice.analytics"), 0);
    // The worker is as well as before.
    stub.answer_always(Reply::analysis());
    assert_eq!(voice.count("SELECT voice_requeue_dead()") as usize, bad_replies().len());
    voice.drained();
    assert_eq!(voice.count("SELECT count(*) FROM voice.analytics") as usize, bad_replies().len());
    assert_eq!(voice.count("SELECT count(*) FROM voice.dead_job"), 0);
}

#[test]
fn a_failed_attempt_is_followed_by_another() {
    let stub = StubLlm::start();
    stub.answer_always(Reply::content("not JSON"));
    let mut voice = Voice::with_llm(&stub);
    let call = voice.call(CALLER);
    voice.until("SELECT count(*) = 1 FROM voice.attempt WHERE outcome = 'failed'");
    stub.answer_always(Reply::analysis());
    voice.drained();
    let outcomes: Vec<String> = voice.attempts(&call).into_iter().map(|a| a.0).collect();
    assert_eq!(outcomes.last().unwrap(), "ok");
    assert!(outcomes[..outcomes.len() - 1].iter().all(|o| o == "failed"), "{outcomes:?}");
    assert_eq!(voice.count("SELECT count(*) FROM voice.attempt") as usize, stub.count());
}

#[test]
fn one_bad_call_does_not_hold_up_the_others() {
    let stub = StubLlm::start();
    stub.answer(
        |request| {
            if request.transcript().contains("poison") { Reply::content("{") } else { Reply::analysis() }
        },
    );
    let mut voice = Voice::on(Voice::asking(&stub).setting("voice_analytics.max_attempts", 1));
    for n in 0..20 {
        voice.call(&[("user", if n % 5 == 0 { "poison" } else { "hello" })]);
    }
    voice.until("SELECT count(*) = 16 FROM voice.analytics");
    // Where the bad ones came last, nobody is left to tell that it is not the server; the next call does.
    voice.call(&[("user", "hello")]);
    voice.drained();
    assert_eq!(voice.count("SELECT count(*) FROM voice.analytics"), 17);
    assert_eq!(voice.count("SELECT count(*) FROM voice.dead_job"), 4);
}

#[test]
fn a_refused_key_pauses_the_analyzer_and_burns_no_attempt() {
    for status in [401, 403] {
        let stub = StubLlm::start();
        stub.answer_always(Reply::error(status, "Incorrect API key provided"));
        let mut voice = Voice::with_llm(&stub);
        let calls: Vec<String> = (0..5).map(|_| voice.call(CALLER)).collect();
        let reason = voice.state("misconfigured");
        assert!(reason.contains(&status.to_string()), "{reason}");
        voice.until("SELECT running = 0 AND in_flight = 0 FROM voice_status()");
        assert_eq!(voice.count("SELECT max(attempt)::bigint FROM voice.job"), 0);
        assert_eq!(voice.count("SELECT count(*) FROM voice.job"), 5);
        stub.answer_always(Reply::analysis());
        // A changed setting is reason enough to try again.
        voice.cluster.set("voice_analytics.llm_model", "another");
        voice.drained();
        assert_eq!(voice.count("SELECT count(*) FROM voice.analytics") as usize, calls.len());
    }
}

#[test]
fn a_key_that_cannot_be_read_burns_no_attempt_and_is_never_shown() {
    let stub = StubLlm::start();
    let mut voice = Voice::with_llm(&stub);
    let path = voice.cluster.folder().join("key");
    voice.cluster.set("voice_analytics.llm_api_key_file", path.to_str().unwrap());
    let reason = voice.state("misconfigured");
    assert!(reason.contains("llm_api_key_file"), "{reason}");
    voice.call(CALLER);
    assert_eq!(stub.count(), 0);

    voice.cluster.write_file("key", "sk-canary-1234567890\n", 0o644);
    voice.client.batch_execute("SELECT pg_reload_conf()").unwrap();
    voice.until("SELECT reason LIKE '%chmod 0600%' FROM voice_status()");
    assert_eq!(stub.count(), 0);

    voice.cluster.write_file("key", "sk-canary-1234567890\n", 0o600);
    voice.client.batch_execute("SELECT pg_reload_conf()").unwrap();
    voice.drained();
    assert_eq!(stub.requests()[0].header("authorization"), Some("Bearer sk-canary-1234567890"));
    assert_eq!(voice.count("SELECT count(*) FROM voice.dead_job"), 0);

    stub.answer_always(Reply::error(500, "your key sk-canary-1234567890 is fine, we are not"));
    voice.call(CALLER);
    voice.until("SELECT count(*) > 0 FROM voice.attempt WHERE outcome = 'snoozed'");
    let shown = "SELECT string_agg(x, ' ') FROM (SELECT error FROM voice.attempt UNION ALL SELECT last_error FROM voice_status() UNION ALL SELECT setting FROM pg_settings) s(x)";
    let shown = voice.text(shown, &[]).unwrap();
    assert!(!shown.contains("sk-canary"), "{shown}");
    assert!(!voice.cluster.log().contains("sk-canary"));
}

#[test]
fn no_error_repeats_what_was_said_in_a_call() {
    const SAID: &str = "My husband must not hear of 4111-1111, I am leaving him";
    let stub = StubLlm::start();
    let mut voice = Voice::on(Voice::asking(&stub).setting("voice_analytics.max_attempts", 1));
    let echo = json!({"detail": [{"loc": ["body", "messages"], "input": format!("user: {SAID}"), "msg": "too sad"}]});
    let replies = [
        Reply::content(SAID),
        good_but("intent", json!(SAID)),
        good_but("lead_score", json!(41111111)),
        Reply::refusal(&format!("I do not talk of this: {SAID}")),
        Reply::error(400, &format!("cannot judge \"{SAID}\"")),
        Reply::json(&echo).status(422),
    ];
    let count = replies.len();
    for reply in replies {
        stub.answer_always(reply);
        voice.call(&[("user", SAID)]);
        voice.drained();
    }
    // What a gateway says in place of a model costs no attempt.
    let gateways = [
        Reply::json(&json!({"error": {"message": SAID}})),
        Reply::json(&json!({"choices": SAID})),
        Reply::body(SAID.as_bytes()),
        Reply::error(502, &format!("lost \"{SAID}\"")),
    ];
    for reply in gateways {
        stub.answer_always(reply);
        let call = voice.call(&[("user", SAID)]);
        harness::wait_until("an attempt", crate::voice::SOON, || (!voice.attempts(&call).is_empty()).then_some(()));
        stub.answer_always(Reply::analysis());
        voice.client.batch_execute("SELECT pg_reload_conf()").unwrap();
        voice.drained();
    }
    // All that an operator reads.
    let shown = "SELECT string_agg(w, E'\\n') FROM (SELECT error AS w FROM voice.attempt UNION ALL SELECT last_error FROM voice.dead_job \
                 UNION ALL SELECT s::text FROM voice_status() s UNION ALL SELECT m::text FROM voice.metrics m) x";
    let shown = voice.text(shown, &[]).unwrap() + &voice.cluster.log();
    for words in ["husband", "4111", "leaving him", "not hear of"] {
        assert!(!shown.contains(words), "{words}: {shown}");
    }
    assert!(
        shown.contains("too sad") && shown.contains("cannot judge"),
        "what the server says for itself stays: {shown}"
    );
    assert_eq!(voice.count("SELECT count(*) FROM voice.dead_job") as usize, count);
}
