//! Whose fault a failure is, decided by what happens to other calls. One that fails while others are answered is its own:
//! it dies of it with the server's words, and holds up nobody. One that every call meets is the server's or the
//! configuration's: nothing is counted, and nothing is dead afterwards.

use crate::fairness::calls;
use crate::voice::{SOON, Voice};
use harness::stub::{Reply, Request, StubLlm};
use harness::wait_until;
use serde_json::json;

const HELLO: &[(&str, &str)] = &[("user", "I want a cut")];

/// Refused whatever it asks, where its transcript names one of these: with this status and these words.
const REFUSALS: [(&str, u16, &str); 12] = [
    ("marigold", 403, "Input was flagged by moderation"),
    ("tulip", 404, "no such deployment for this content"),
    ("daisy", 410, "gone for this one"),
    ("lily", 402, "this one costs more than there is"),
    ("orchid", 429, "Request too large: Limit 30000, Requested 36000"),
    ("peony", 503, "this one brings a node down"),
    ("aster", 200, "the provider drops this one"),
    ("violet", 405, "this one is not to be posted"),
    ("iris", 308, "this one lives elsewhere"),
    ("poppy", 451, "withheld for legal reasons"),
    ("clover", 400, "this one has a character that is not allowed"),
    ("thistle", 403, "blocked by the firewall"),
];

fn by_flower(request: &Request) -> Reply {
    let said = request.transcript();
    let Some((flower, status, words)) = REFUSALS.into_iter().find(|(flower, ..)| said.contains(flower)) else {
        return Reply::analysis();
    };
    match flower {
        "orchid" => Reply::error(status, words).header("Retry-After", "20"),
        "aster" => Reply::json(&json!({"error": {"code": 502, "message": words}})),
        // Of something before the server that knows nothing of JSON.
        "thistle" => {
            let page = format!("<html><head><title>403 Forbidden</title></head><body><p>{words}</p></body></html>");
            Reply::body(page.as_bytes()).status(status).header("content-type", "text/html")
        }
        _ => Reply::error(status, words),
    }
}

#[test]
fn a_call_that_alone_is_refused_dies_with_the_servers_words_and_holds_up_nobody() {
    let stub = StubLlm::start();
    stub.answer(by_flower);
    let mut voice = Voice::on(Voice::asking(&stub).setting("voice_analytics.max_attempts", 2));
    for (flower, _, words) in REFUSALS {
        let refused = voice.call(&[("user", &format!("I grow {flower} and want a cut"))]);
        let mut ordinary = 0;
        let died = wait_until("its death", 4 * SOON, || {
            let call = voice.call(HELLO);
            ordinary += 1;
            // Each is answered although the refused one waits.
            let judged = "SELECT 1::text FROM voice.analytics WHERE call_id = $1::text::uuid";
            wait_until("an ordinary call", SOON, || voice.text(judged, &[&call]));
            voice.text("SELECT last_error FROM voice.dead_job WHERE call_id = $1::text::uuid", &[&refused])
        });
        // A request that is rejected as such is the call's own to begin with.
        let is_its_own = ["poppy", "clover"].contains(&flower);
        assert!((is_its_own || died.starts_with("on this call only: ")) && died.contains(words), "{died}");
        let counted = voice.attempts(&refused).iter().filter(|(outcome, _)| outcome != "snoozed").count();
        assert_eq!(counted, 2, "{flower}: {:?}", voice.attempts(&refused));
        let state = voice.text("SELECT state FROM voice_status()", &[]).unwrap();
        assert!(["idle", "working"].contains(&state.as_str()), "{flower}: {state}");
        eprintln!(
            "{flower}: dead after {} attempts, {ordinary} ordinary calls meanwhile",
            voice.attempts(&refused).len()
        );
    }
    assert_eq!(voice.count("SELECT count(*) FROM voice.dead_job") as usize, REFUSALS.len());
}

#[test]
fn a_lone_refusal_is_the_servers_until_another_call_is_answered() {
    let stub = StubLlm::start();
    stub.answer(by_flower);
    let mut voice = Voice::with_llm(&stub);
    let first = voice.call(&[("user", "I grow marigold and want a cut")]);
    let reason = voice.state("misconfigured");
    assert!(reason.contains("HTTP 403") && reason.contains("Input was flagged by moderation"), "{reason}");
    assert_eq!(voice.count("SELECT max(attempt)::bigint FROM voice.job"), 0);
    assert!(voice.attempts(&first).iter().all(|(outcome, _)| outcome == "snoozed"));
    let asked = stub.count();
    voice.call(HELLO);
    voice.until("SELECT count(*) = 1 FROM voice.analytics");
    // The call that has just come was asked first.
    assert!(!stub.requests()[asked].transcript().contains("marigold"));
    voice.until("SELECT state IN ('idle', 'working') FROM voice_status()");
}

#[test]
fn a_200_that_means_an_outage_costs_no_attempt() {
    let stub = StubLlm::start();
    let mut voice = Voice::on(Voice::asking(&stub).setting("voice_analytics.max_attempts", 1));
    let bodies: [(Reply, &str); 7] = [
        (
            Reply::json(&json!({"error": {"code": 502, "message": "Provider returned error"}})),
            "Provider returned error",
        ),
        (Reply::json(&json!({"error": {"code": 429, "message": "Rate limit exceeded"}})), "Rate limit exceeded"),
        (Reply::json(&json!({"id": null, "choices": null})), "choices is null"),
        (Reply::message(json!({"content": ""}), "error"), "finish_reason is error"),
        (Reply::body(b"<html>maintenance</html>").header("content-type", "text/html"), "maintenance"),
        (Reply::json(&json!({"choices": []})), "choices is empty"),
        (Reply::body(b""), "the body is empty"),
    ];
    let mut analysed = 0;
    for (reply, words) in bodies {
        stub.answer_always(reply);
        calls(&mut voice, "acme", 30);
        let reason = voice.state("waiting for provider");
        assert!(reason.contains(words) && reason.contains("HTTP 200 that means"), "{words}: {reason}");
        let last_error = voice.text("SELECT last_error FROM voice_status()", &[]).unwrap();
        assert!(last_error.contains(words), "{last_error}");
        stub.answer_always(Reply::analysis());
        voice.client.batch_execute("SELECT pg_reload_conf()").unwrap();
        voice.drained();
        analysed += 30;
        assert_eq!(voice.count("SELECT count(*) FROM voice.analytics"), analysed, "{words}");
        assert_eq!(voice.count("SELECT count(*) FROM voice.dead_job"), 0, "{words}");
    }
    assert_eq!(voice.count("SELECT count(*) FROM voice.attempt WHERE outcome NOT IN ('ok', 'snoozed')"), 0);
}

#[test]
fn what_every_call_is_refused_with_keeps_the_queue_and_its_attempts() {
    let stub = StubLlm::start();
    let mut voice = Voice::with_llm(&stub);
    let refusals = [
        (Reply::error(400, "System role not supported"), "System role not supported"),
        (Reply::error(400, "Your credit balance is too low to access the API"), "credit balance"),
        (Reply::error(402, "Insufficient credits"), "Insufficient credits"),
        (Reply::error(410, "This project has been disabled"), "has been disabled"),
        (Reply::content("I am sorry, Dave."), "the model's reply was refused"),
    ];
    let mut analysed = 0;
    for (reply, words) in refusals {
        let before = stub.count();
        stub.answer_always(reply);
        calls(&mut voice, "acme", 100);
        voice.until("SELECT state IN ('misconfigured', 'waiting for provider') AND running = 0 FROM voice_status()");
        let reason = voice.text("SELECT reason FROM voice_status()", &[]).unwrap();
        assert!(reason.contains(words), "{reason}");
        assert!(stub.count() - before < 100, "{words}: {} requests", stub.count() - before);
        assert_eq!(voice.count("SELECT max(attempt)::bigint FROM voice.job WHERE lease IS NULL"), 0, "{words}");
        stub.answer_always(Reply::analysis());
        voice.client.batch_execute("NOTIFY voice_analytics").unwrap();
        voice.drained();
        analysed += 100;
        assert_eq!(voice.count("SELECT count(*) FROM voice.analytics"), analysed, "{words}");
    }
    assert_eq!(voice.count("SELECT count(*) FROM voice.dead_job"), 0);
}

#[test]
fn whoever_asks_for_a_try_gets_one_at_once_whatever_the_server_has_asked_for() {
    let stub = StubLlm::start();
    let mut voice = Voice::with_llm(&stub);
    for ask in ["SELECT pg_reload_conf()", "SELECT voice_resume()", "NOTIFY voice_analytics"] {
        stub.answer_always(Reply::error(503, "maintenance").header("Retry-After", "3600"));
        voice.call(HELLO);
        voice.until("SELECT coalesce(next_request_at > now() + interval '50 min', false) FROM voice_status()");
        stub.answer_always(Reply::analysis());
        voice.client.batch_execute(ask).unwrap();
        voice.drained();
    }
    assert_eq!(voice.count("SELECT count(*) FROM voice.analytics"), 3);
}

#[test]
fn whoever_asks_for_a_try_gets_one_at_once_where_everything_is_refused() {
    let stub = StubLlm::start();
    stub.answer_always(Reply::error(401, "invalid api key"));
    let mut voice = Voice::with_llm(&stub);
    calls(&mut voice, "acme", 5);
    voice.state("misconfigured");
    // Whether a request has come before the moment that was announced for the next one.
    let at_once = |voice: &mut Voice, ask: &str| {
        let announced = voice.text("SELECT next_request_at::text FROM voice_status()", &[]);
        let asked = stub.count();
        voice.client.batch_execute(ask).unwrap();
        stub.wait_for(asked + 1, SOON);
        let sooner = "SELECT (clock_timestamp() < $1::text::timestamptz)::text";
        (voice.text(sooner, &[&announced]).as_deref() == Some("true"), announced)
    };
    // Waits for the moment that is announced after it, not that from before the answer; whether it is far away.
    let again = |voice: &mut Voice, before: Option<String>| {
        let next = "SELECT (next_request_at > clock_timestamp() + interval '30 s')::text FROM voice_status()
            WHERE state = 'misconfigured' AND next_request_at > clock_timestamp()
              AND next_request_at::text IS DISTINCT FROM $1";
        wait_until("the answer", SOON, || voice.text(next, &[&before])) == "true"
    };
    // Each request that fails makes the pause longer, whoever asked for it, until the next one that comes by itself is
    // half a minute away, or more. What comes sooner was asked for.
    wait_until("a long pause", 4 * SOON, || {
        let (_, announced) = at_once(&mut voice, "NOTIFY voice_analytics");
        again(&mut voice, announced).then_some(())
    });
    for (status, ask) in
        [(401, "SELECT pg_reload_conf()"), (403, "SELECT voice_resume()"), (404, "NOTIFY voice_analytics")]
    {
        stub.answer_always(Reply::error(status, "no"));
        let (sooner, announced) = at_once(&mut voice, ask);
        assert!(sooner, "{ask}");
        again(&mut voice, announced);
    }
    assert_eq!(voice.count("SELECT count(*) FROM voice.analytics"), 0);
    stub.answer_always(Reply::analysis());
    assert!(at_once(&mut voice, "SELECT pg_reload_conf()").0);
    voice.drained();
    assert_eq!(voice.count("SELECT count(*) FROM voice.analytics"), 5);
}

#[test]
fn a_wait_that_one_call_is_told_does_not_stop_the_others() {
    let stub = StubLlm::start();
    stub.answer(|request| match request.transcript().contains("orchid") {
        true => Reply::error(429, "Request too large").header("Retry-After", "3600"),
        false => Reply::analysis(),
    });
    let mut voice = Voice::with_llm(&stub);
    voice.call(HELLO);
    voice.drained();
    voice.call(&[("user", "orchid")]);
    stub.wait_for(2, SOON);
    (0..20).for_each(|_| _ = voice.call(HELLO));
    voice.until("SELECT count(*) = 21 FROM voice.analytics");
}

#[test]
fn a_reload_looks_again_at_which_form_of_request_the_server_takes() {
    let stub = StubLlm::start();
    stub.answer(Reply::rejects_json_schema);
    let mut voice = Voice::with_llm(&stub);
    let ask = |voice: &mut Voice| {
        let before = stub.count();
        voice.call(HELLO);
        voice.drained();
        stub.requests()[before..].iter().map(Request::style).collect::<Vec<_>>()
    };
    assert_eq!(ask(&mut voice), ["json_schema", "json_object"]);
    assert_eq!(ask(&mut voice), ["json_object"]);
    stub.answer_always(Reply::analysis());
    // Its effect is seen in the settings of the worker, which reads both together.
    voice.cluster.set("voice_analytics.llm_model", "another");
    voice.cluster.set("voice_analytics.llm_model", "gpt-4o-mini");
    voice.until("SELECT current_setting('voice_analytics.llm_model') = 'gpt-4o-mini'");
    wait_until("the first form again", SOON, || (ask(&mut voice) == ["json_schema"]).then_some(()));
}
