//! Hot leads are told to whoever wants to know, once, signed, and to nobody else.

use std::time::Duration;

use harness::receiver::Receiver;
use harness::stub::{Reply, Request, StubLlm};
use harness::{Cluster, wait_until};

use crate::voice::{SOON, Voice};

/// Calls are judged to be hot leads by the one stub.
fn judged(score: i32) -> Reply {
    let mut good = Reply::good();
    good["lead_score"] = score.into();
    good["intent"] = "sales".into();
    Reply::content(&good.to_string())
}

fn with_hot_leads() -> (StubLlm, Voice) {
    let llm = StubLlm::start();
    llm.answer_always(judged(92));
    let voice = Voice::with_llm(&llm);
    (llm, voice)
}

/// Adds a webhook; gives its id and its secret.
fn add(voice: &mut Voice, url: &str, more: &str) -> (String, String) {
    let sql = format!("SELECT id::text, secret FROM voice_add_webhook('{url}'{more})");
    let row = voice.client.query_one(&sql, &[]).unwrap();
    (row.get(0), row.get::<_, Option<String>>(1).unwrap_or_default())
}

fn ended_call(voice: &mut Voice) -> String {
    voice.call(&[("user", "I want to buy ten of them today")])
}

/// What the attempts to tell of a call came to.
fn outcomes(voice: &mut Voice, call: &str) -> Vec<String> {
    let sql = "SELECT outcome || coalesce(' ' || http_status, '') FROM voice.attempt
               WHERE kind = 'deliver' AND call_id = $1::text::uuid ORDER BY id";
    voice.client.query(sql, &[&call]).unwrap().into_iter().map(|row| row.get(0)).collect()
}

#[track_caller]
fn until_outcomes(voice: &mut Voice, call: &str, expected: &[&str]) {
    let mut last = Vec::new();
    wait_until(&format!("{expected:?}"), SOON, || {
        last = outcomes(voice, call);
        (last == expected).then_some(())
    });
}

/// The wait of the schedule is over.
fn time_passes(voice: &mut Voice) {
    let sql = "UPDATE voice.job SET run_at = now() WHERE kind = 'deliver'; NOTIFY voice_analytics";
    voice.client.batch_execute(sql).unwrap();
}

fn error_of(voice: &mut Voice, call: &str) -> String {
    let sql =
        "SELECT error FROM voice.attempt WHERE kind = 'deliver' AND call_id = $1::text::uuid ORDER BY id DESC LIMIT 1";
    voice.text(sql, &[&call]).unwrap_or_default()
}

#[test]
fn the_official_library_verifies_what_it_receives_and_refuses_it_tampered_with() {
    let (_llm, mut voice) = with_hot_leads();
    let mut receiver = Receiver::start(voice.cluster.folder());
    let (_, secret) = add(&mut voice, &receiver.url(), "");
    receiver.knows(&secret);

    // It fails, then it is dead, then it is back.
    receiver.answers(500);
    let call = ended_call(&mut voice);
    until_outcomes(&mut voice, &call, &["failed 500"]);
    receiver.kill();
    time_passes(&mut voice);
    until_outcomes(&mut voice, &call, &["failed 500", "failed"]);
    assert_eq!(error_of(&mut voice, &call), "the receiver refuses connections");
    receiver.answers(200);
    receiver.rise();
    time_passes(&mut voice);
    until_outcomes(&mut voice, &call, &["failed 500", "failed", "ok 200"]);
    voice.drained();

    let seen = receiver.seen();
    assert_eq!(seen.len(), 2);
    for request in &seen {
        assert_eq!(request["id"], seen[0]["id"], "the same id at every attempt");
        assert_eq!(request["verified"], true);
        assert_eq!((&request["was_tampered_with"], &request["tampered"]), (&true.into(), &false.into()));
        assert_eq!(request["other_id"], false, "the id is signed too");
    }
    let body = &seen[1]["body"];
    assert_eq!((body["type"].as_str(), body["data"]["call_id"].as_str()), (Some("lead.hot"), Some(call.as_str())));
    assert_eq!((&body["data"]["lead_score"], &body["data"]["intent"]), (&92.into(), &"sales".into()));
    assert_eq!((&body["data"]["agent"], &body["data"]["vertical"]), (&"Ava".into(), &"healthcare".into()));
    assert!(body["timestamp"].as_str().unwrap().ends_with('Z') && body["data"]["ended_at"].is_string());
    assert!(!body.to_string().contains("ten of them"), "no word of the transcript");

    // A receiver with another secret is not fooled.
    receiver.knows("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    ended_call(&mut voice);
    assert_eq!(receiver.wait_for(3)[2]["verified"], false);
}

#[test]
fn a_call_that_is_judged_again_is_not_told_again() {
    let (_llm, mut voice) = with_hot_leads();
    let hook = StubLlm::start();
    add(&mut voice, &hook.url(), ", events => '{lead.hot,call.analyzed}'");
    let call = ended_call(&mut voice);
    voice.drained();
    hook.wait_for(2, SOON);
    voice.client.execute("SELECT voice_reanalyze($1::text::uuid)", &[&call]).unwrap();
    voice.until("SELECT count(*) = 2 FROM voice.attempt WHERE kind = 'analyze' AND outcome = 'ok'");
    voice.drained();
    assert_eq!(hook.count(), 2);
    let requests = hook.requests();
    assert_ne!(requests[0].header("webhook-id"), requests[1].header("webhook-id"), "one id an event");
    assert_eq!(outcomes(&mut voice, &call), ["ok 200", "ok 200"]);
}

#[test]
fn who_was_told_of_a_call_is_told_when_it_is_judged_differently() {
    let (llm, mut voice) = with_hot_leads();
    let [hook, other] = [StubLlm::start(), StubLlm::start()];
    add(&mut voice, &hook.url(), ", events => '{lead.hot,call.updated}'");
    add(&mut voice, &other.url(), ", events => '{call.updated}'");
    let call = ended_call(&mut voice);
    voice.drained();
    // The same again, another score, the same score again, the first one.
    for (score, requests) in [(92, 1), (30, 2), (30, 2), (92, 3)] {
        llm.answer_always(judged(score));
        let before = voice.count("SELECT count(*) FROM voice.attempt WHERE kind = 'analyze' AND outcome = 'ok'");
        voice.client.execute("SELECT voice_reanalyze($1::text::uuid)", &[&call]).unwrap();
        voice.until(&format!(
            "SELECT count(*) = {before} + 1 FROM voice.attempt WHERE kind = 'analyze' AND outcome = 'ok'"
        ));
        voice.drained();
        assert_eq!(hook.count(), requests, "{score}");
    }
    let told: Vec<(String, String)> = hook
        .requests()
        .iter()
        .map(|request| {
            let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
            (body["type"].as_str().unwrap().to_owned(), body["data"]["lead_score"].to_string())
        })
        .collect();
    let event = |name: &str, score: &str| (name.to_owned(), score.to_owned());
    assert_eq!(told, [event("lead.hot", "92"), event("call.updated", "30"), event("call.updated", "92")]);
    let ids: std::collections::HashSet<_> =
        hook.requests().iter().map(|request| request.header("webhook-id").unwrap().to_owned()).collect();
    assert_eq!(ids.len(), 3, "each is a message of its own");
    assert_eq!(other.count(), 0, "it was never told of this call");
}

#[test]
fn who_was_told_of_half_of_the_words_is_told_when_the_others_change_the_judgement() {
    let llm = StubLlm::start();
    llm.answer(|request| judged(if request.transcript().contains("changed my mind") { 5 } else { 92 }));
    let mut voice = Voice::with_llm(&llm);
    let hook = StubLlm::start();
    add(&mut voice, &hook.url(), ", events => '{call.analyzed,call.updated}'");
    let call = ended_call(&mut voice);
    voice.drained();
    let told = |hook: &StubLlm| {
        let body = |request: &Request| (request.json()["type"].clone(), request.json()["data"]["lead_score"].clone());
        hook.requests().iter().map(body).collect::<Vec<_>>()
    };
    assert_eq!(told(&hook), [("call.analyzed".into(), 92.into())]);
    for (late, asked) in [("Thank you.", 2), ("No, wait, I have changed my mind.", 3)] {
        let turn = "SELECT voice_add_turn($1::text::uuid, 'user', $2)";
        voice.client.execute(turn, &[&call, &late]).unwrap();
        llm.wait_for(asked, SOON);
        voice.drained();
    }
    // The first of them has changed nothing.
    assert_eq!(told(&hook), [("call.analyzed".into(), 92.into()), ("call.updated".into(), 5.into())]);
}

#[test]
fn a_lead_says_whom_to_ring_and_the_providers_id_of_the_call() {
    let (_llm, mut voice) = with_hot_leads();
    let hook = StubLlm::start();
    add(&mut voice, &hook.url(), "");
    let start = "INSERT INTO voice.agent (id, name, vertical) VALUES ('a', 'Ava', 'salon');
        SELECT voice_start_call('a', '+12125550100', '+12125550142', external_id => 'CA9', direction => 'outbound')";
    voice.client.batch_execute(start).unwrap();
    let end = "SELECT voice_add_turn(id, 'user', 'I want to buy it'), voice_end_call(id) FROM voice.call";
    voice.client.batch_execute(end).unwrap();
    voice.drained();
    let body: serde_json::Value = serde_json::from_slice(&hook.requests()[0].body).unwrap();
    let told = ["direction", "contact_number", "external_id"].map(|field| body["data"][field].as_str().unwrap());
    assert_eq!(told, ["outbound", "+12125550142", "CA9"]);
    let lead =
        "SELECT concat_ws(' ', from_number, contact_number, external_id) FROM voice_top_leads(NULL, '-infinity')";
    assert_eq!(voice.text(lead, &[]).as_deref(), Some("+12125550100 +12125550142 CA9"));
    // A correction of the call is one of the lead.
    voice.client.batch_execute("UPDATE voice.call SET to_number = '+12125550143'").unwrap();
    assert_eq!(voice.text(lead, &[]).as_deref(), Some("+12125550100 +12125550143 CA9"));
    voice.client.batch_execute("CREATE ROLE figures LOGIN; SELECT voice_grant('figures', 'analyst')").unwrap();
    let mut figures = voice.cluster.connect_as("figures", "app");
    let row =
        figures.query_one("SELECT contact_number, lead_score FROM voice_top_leads(NULL, '-infinity')", &[]).unwrap();
    assert_eq!((row.get::<_, Option<String>>(0), row.get::<_, i32>(1)), (None, 92));
}

#[test]
fn only_what_matches_is_told_and_only_to_its_own_tenant() {
    let llm = StubLlm::start();
    llm.answer_always(judged(85));
    let mut voice = Voice::with_llm(&llm);
    let [ours, picky, theirs] = [StubLlm::start(), StubLlm::start(), StubLlm::start()];
    add(&mut voice, &ours.url(), "");
    add(&mut voice, &picky.url(), ", min_lead_score => 86");
    add(&mut voice, &picky.url(), ", intents => '{booking,info}'");
    voice.client.batch_execute("SET voice_analytics.tenant = 'another'").unwrap();
    add(&mut voice, &theirs.url(), ", events => '{lead.hot,call.analyzed}'");
    voice.client.batch_execute("RESET voice_analytics.tenant").unwrap();
    ended_call(&mut voice);
    ours.wait_for(1, SOON);
    voice.drained();
    assert_eq!((ours.count(), picky.count(), theirs.count()), (1, 0, 0));
}

#[test]
fn a_receiver_that_hangs_delays_neither_analyses_nor_other_receivers() {
    const CALLS: usize = 40;
    let (llm, mut voice) = with_hot_leads();
    voice.cluster.set("voice_analytics.max_concurrency", "1");
    let (hanging, working) = (StubLlm::start(), StubLlm::start());
    hanging.answer_always(Reply::hang());
    add(&mut voice, &hanging.url(), "");
    add(&mut voice, &working.url(), "");
    for _ in 0..CALLS {
        ended_call(&mut voice);
    }
    working.wait_for(CALLS, SOON);
    assert_eq!(llm.count(), CALLS);
    assert!((1..=4).contains(&hanging.count()), "{} requests at a receiver that answers none", hanging.count());
    assert_eq!(voice.count("SELECT count(*) FROM voice.analytics"), CALLS as i64);
    // Those to the one that hangs, and no other.
    voice.until(&format!("SELECT count(*) = {CALLS} FROM voice.job"));
}

#[test]
fn a_receiver_that_is_gone_is_disabled_and_can_be_enabled_again() {
    let (_llm, mut voice) = with_hot_leads();
    let hook = StubLlm::start();
    hook.answer_always(Reply::body(b"gone").status(410).held());
    let (id, secret) = add(&mut voice, &hook.url(), "");
    let calls: Vec<String> = (0..10).map(|_| ended_call(&mut voice)).collect();
    hook.wait_for(4, SOON);
    voice.until("SELECT count(*) = 10 FROM voice.job WHERE kind = 'deliver'");
    hook.release();
    voice.drained();
    let state = "SELECT format('%s, %s, %s', enabled, disabled_at IS NOT NULL, disabled_reason) FROM voice.webhook";
    assert_eq!(voice.text(state, &[]).unwrap(), "f, t, the receiver wants nothing any more (HTTP 410): gone");
    let told = calls.iter().filter(|call| outcomes(&mut voice, call) == ["dead 410"]).count();
    assert!((1..=4).contains(&told) && hook.count() == 4, "{told}, {}", hook.count());
    voice.cluster.wait_for_log(&format!("webhook {id} is disabled"), SOON);

    ended_call(&mut voice);
    voice.drained();
    assert_eq!(hook.count(), 4, "nobody is told while it is disabled");

    hook.answer_always(Reply::body(b"ok"));
    let again = voice.text("SELECT voice_enable_webhook($1::text::uuid)", &[&id]);
    assert_eq!(again, None, "it has its secret");
    ended_call(&mut voice);
    hook.wait_for(5, SOON);
    let changed = voice.text("SELECT voice_enable_webhook($1::text::uuid, $2)", &[&id, &secret]);
    assert_eq!(changed, Some(secret));
}

#[test]
fn whatever_a_receiver_answers_but_2xx_and_410_is_sent_again_by_the_schedule() {
    let (_llm, mut voice) = with_hot_leads();
    let hook = StubLlm::start();
    add(&mut voice, &hook.url(), "");
    for (status, outcome) in [
        (401, "failed 401"),
        (400, "failed 400"),
        (404, "failed 404"),
        (422, "failed 422"),
        (302, "failed 302"),
        (408, "failed 408"),
        (429, "failed 429"),
        (503, "failed 503"),
    ] {
        hook.answer_always(Reply::body(b"").status(status).header("Location", "http://127.0.0.1:1/"));
        let call = ended_call(&mut voice);
        until_outcomes(&mut voice, &call, &[outcome]);
        let waits =
            voice.count("SELECT count(*) FROM voice.job WHERE kind = 'deliver' AND attempt = 1 AND run_at > now()");
        assert_eq!(waits, 1, "{status}");
        assert_eq!(voice.count("SELECT count(*) FROM voice.dead_job"), 0, "{status}");
        voice.client.batch_execute("DELETE FROM voice.job").unwrap();
    }
}

#[test]
fn for_a_day_after_its_change_receivers_may_know_the_old_secret_or_the_new_one() {
    let (_llm, mut voice) = with_hot_leads();
    let mut receiver = Receiver::start(voice.cluster.folder());
    let (id, old) = add(&mut voice, &receiver.url(), "");
    receiver.knows(&old);
    receiver.answers(500);
    let waits = ended_call(&mut voice);
    until_outcomes(&mut voice, &waits, &["failed 500"]);
    let new = voice_core::webhook::secret::Secret::new([7; 32]).expose();
    // Without its padding, as some tools show it.
    let given = new.trim_end_matches('=');
    let change = "SELECT voice_enable_webhook($1::text::uuid, $2)";
    assert_eq!(voice.text(change, &[&id, &given]).as_deref(), Some(new.as_str()));
    // A second change to the same is none.
    voice.text(change, &[&id, &new]);
    // One that was waiting when the secret changed: the same message, by both.
    time_passes(&mut voice);
    until_outcomes(&mut voice, &waits, &["failed 500", "failed 500"]);
    receiver.knows(&new);
    receiver.answers(200);
    time_passes(&mut voice);
    until_outcomes(&mut voice, &waits, &["failed 500", "failed 500", "ok 200"]);
    let seen = receiver.seen();
    assert!(seen.len() == 3 && seen.iter().all(|request| request["id"] == seen[0]["id"]), "{seen:?}");
    for known in [&old, &new] {
        receiver.knows(known);
        let call = ended_call(&mut voice);
        until_outcomes(&mut voice, &call, &["ok 200"]);
    }
    assert!(receiver.seen().iter().all(|request| request["verified"] == true), "{:?}", receiver.seen());
    voice.client.batch_execute("UPDATE voice._webhook_secret SET replaced_at = now() - interval '25 hours'").unwrap();
    receiver.knows(&old);
    let call = ended_call(&mut voice);
    until_outcomes(&mut voice, &call, &["ok 200"]);
    assert_eq!(receiver.seen().last().unwrap()["verified"], false);
    receiver.kill();
}

#[test]
fn the_tenth_attempt_is_the_last_and_a_dead_delivery_can_rise() {
    let (_llm, mut voice) = with_hot_leads();
    let hook = StubLlm::start();
    hook.answer_always(Reply::body(b"").status(500));
    add(&mut voice, &hook.url(), "");
    let call = ended_call(&mut voice);
    until_outcomes(&mut voice, &call, &["failed 500"]);
    voice.client.batch_execute("UPDATE voice.job SET attempt = 9, run_at = now(); NOTIFY voice_analytics").unwrap();
    until_outcomes(&mut voice, &call, &["failed 500", "dead 500"]);
    hook.answer_always(Reply::body(b""));
    assert_eq!(voice.count("SELECT voice_requeue_dead()"), 1);
    until_outcomes(&mut voice, &call, &["failed 500", "dead 500", "ok 200"]);
    let ids: Vec<_> = hook.requests().iter().map(|r| r.header("webhook-id").map(str::to_owned)).collect();
    assert!(ids[0].is_some() && ids.iter().all(|id| *id == ids[0]), "{ids:?}");
}

#[test]
fn a_receiver_that_says_when_is_asked_then() {
    let (_llm, mut voice) = with_hot_leads();
    let hook = StubLlm::start();
    hook.answer_always(Reply::body(b"").status(503).header("Retry-After", "600"));
    add(&mut voice, &hook.url(), "");
    let call = ended_call(&mut voice);
    until_outcomes(&mut voice, &call, &["failed 503"]);
    assert_eq!(
        voice.count("SELECT count(*) FROM voice.job WHERE run_at BETWEEN now() + interval '9 minutes' AND now() + interval '11 minutes'"),
        1
    );
    // Nor by anything else.
    ended_call(&mut voice);
    voice.until("SELECT count(*) = 2 FROM voice.job WHERE kind = 'deliver'");
    voice.until("SELECT count(*) = 2 FROM voice.analytics");
    assert_eq!(hook.count(), 1);
}

#[test]
fn a_name_that_leads_to_an_address_of_ones_own_is_not_called() {
    let (_llm, mut voice) = with_hot_leads();
    let hook = StubLlm::start();
    // Not an address to anybody but the C library: a name that resolves to 127.0.0.1.
    let url = format!("http://0x7f000001:{}/hook", hook.address().port());
    let error = voice.client.query_one(&format!("SELECT voice_add_webhook('{url}')"), &[]).unwrap_err();
    assert_eq!(error.code().unwrap().code(), "22023");
    // Added where it was allowed, called where it is not.
    voice.client.batch_execute("SET voice_analytics.webhook_private_addresses = on").unwrap();
    add(&mut voice, &url, "");
    add(&mut voice, &url.replace("http:", "https:"), "");
    let call = ended_call(&mut voice);
    voice.drained();
    assert_eq!((outcomes(&mut voice, &call), hook.connections()), (vec!["dead".to_owned(), "dead".to_owned()], 0));
    let sql = "SELECT string_agg(error, E'\\n' ORDER BY error) FROM voice.attempt WHERE kind = 'deliver'";
    let errors = voice.text(sql, &[]).unwrap();
    assert!(errors.contains("0x7f000001 resolves to 127.0.0.1, which is loopback, not public"), "{errors}");
    assert!(errors.contains("http to another machine"), "{errors}");

    voice.cluster.set("voice_analytics.webhook_private_addresses", "on");
    wait_until("the worker to follow", SOON, || {
        ended_call(&mut voice);
        (hook.count() > 0).then_some(())
    });
}

#[test]
fn a_call_that_is_deleted_and_a_webhook_that_is_removed_are_told_of_no_more() {
    let (_llm, mut voice) = with_hot_leads();
    let (failing, other) = (StubLlm::start(), StubLlm::start());
    failing.answer_always(Reply::body(b"").status(500));
    other.answer_always(Reply::body(b"").status(500));
    let (id, _) = add(&mut voice, &failing.url(), "");
    add(&mut voice, &other.url(), "");
    let [hidden, erased, kept] = [0; 3].map(|_| ended_call(&mut voice));
    for call in [&hidden, &erased, &kept] {
        wait_until("both to have failed", SOON, || (outcomes(&mut voice, call).len() == 2).then_some(()));
    }
    voice.client.execute("UPDATE voice.call SET deleted_at = now() WHERE id = $1::text::uuid", &[&hidden]).unwrap();
    voice.client.execute("DELETE FROM voice.call WHERE id = $1::text::uuid", &[&erased]).unwrap();
    assert_eq!(voice.count("SELECT count(*) FROM voice.job"), 2);
    voice.client.execute("SELECT voice_remove_webhook($1::text::uuid)", &[&id]).unwrap();
    assert_eq!(voice.count("SELECT count(*) FROM voice.job"), 1);
    assert_eq!(voice.count("SELECT count(*) FROM voice._webhook_secret"), 1);
    other.answer_always(Reply::body(b""));
    let before = (failing.count(), other.count());
    time_passes(&mut voice);
    voice.drained();
    assert_eq!((failing.count(), other.count()), (before.0, before.1 + 1));
    assert_eq!(outcomes(&mut voice, &kept).last().unwrap(), "ok 200");
    assert_eq!(outcomes(&mut voice, &hidden).len(), 2);
}

#[test]
fn slack_is_told_in_its_own_words_and_its_url_stays_secret() {
    let (_llm, mut voice) = with_hot_leads();
    let slack = StubLlm::start();
    slack.answer_always(Reply::body(b"no_service at /services/T0/B0/canary").status(500));
    let url = format!("http://127.0.0.1:{}/services/T0/B0/canary", slack.address().port());
    let (_, secret) = add(&mut voice, &url, ", format => 'slack'");
    assert_eq!(secret, "");
    let call = ended_call(&mut voice);
    until_outcomes(&mut voice, &call, &["failed 500"]);
    assert_eq!(error_of(&mut voice, &call), "the receiver failed (HTTP 500): no_service at ***");
    let request = slack.requests().remove(0);
    assert_eq!((request.path.as_str(), request.header("webhook-id")), ("/services/T0/B0/canary", None));
    let text = request.json()["text"].as_str().unwrap().to_owned();
    assert!(text.starts_with("*Hot lead*: score 92, sales") && text.contains(&call), "{text}");
    let shown = voice.text("SELECT w::text FROM voice.webhook w", &[]).unwrap();
    assert!(shown.contains("127.0.0.1") && !shown.contains("canary"), "{shown}");
}

#[test]
fn a_restored_webhook_is_disabled_until_it_gets_a_secret_again() {
    let (_llm, mut voice) = with_hot_leads();
    let hook = StubLlm::start();
    hook.answer_always(Reply::body(b"").status(500));
    let (id, secret) = add(&mut voice, &hook.url(), "");
    let call = ended_call(&mut voice);
    until_outcomes(&mut voice, &call, &["failed 500"]);
    voice.client.batch_execute("SELECT voice_pause()").unwrap();
    hook.answer_always(Reply::body(b""));
    let asked = hook.count();

    let dump = voice.cluster.client("pg_dump").arg("app").output().unwrap();
    let file = voice.cluster.folder().join("app.sql");
    std::fs::write(&file, &dump.stdout).unwrap();
    voice.cluster.create_database("restored");
    let input = std::fs::File::open(&file).unwrap();
    let mut psql = voice.cluster.client("psql");
    let restored = psql.args(["-q", "-X", "-v", "ON_ERROR_STOP=1", "-d", "restored"]).stdin(input).output().unwrap();
    assert!(restored.status.success(), "{}", String::from_utf8_lossy(&restored.stderr));

    let mut copy = Voice { client: voice.cluster.connect("restored"), cluster: voice.cluster };
    time_passes(&mut copy);
    copy.state("restored copy");
    copy.client.batch_execute("SELECT voice_resume()").unwrap();
    let why = copy.text("SELECT disabled_reason FROM voice.webhook WHERE NOT enabled", &[]).unwrap();
    assert!(why.contains("restored without its secret"), "{why}");
    copy.drained();
    assert_eq!(hook.count(), asked, "nobody is told by the copy, nor by the job that it brought");

    // Enabling it by hand is refused: nothing could be signed.
    let sql = format!("UPDATE voice.webhook SET enabled = true WHERE id = '{id}'");
    assert_eq!(copy.client.batch_execute(&sql).unwrap_err().code().unwrap().code(), "55000");
    let new = copy.text("SELECT voice_enable_webhook($1::text::uuid)", &[&id]).unwrap();
    assert!(new.starts_with("whsec_") && new != secret);
    ended_call(&mut copy);
    hook.wait_for(asked + 1, SOON);
    copy.drained();
}

#[test]
fn a_batch_of_calls_is_a_few_notifications_and_each_call_is_in_them_once() {
    const CALLS: usize = 120;
    let mut voice = Voice::on(Cluster::builder().setting("voice_analytics.enabled", "off"));
    let mut listener = voice.cluster.connect("app");
    listener.batch_execute("LISTEN voice_call_analyzed; LISTEN voice_lead_hot").unwrap();
    for _ in 0..CALLS {
        voice.call(&[("user", "hello")]);
    }
    voice.cluster.set("voice_analytics.enabled", "on");
    voice.drained();
    let (mut calls, mut notifications) = (Vec::new(), 0);
    wait_until("every call to be in a notification", SOON, || {
        use postgres::fallible_iterator::FallibleIterator;
        let mut heard = listener.notifications();
        let mut heard = heard.timeout_iter(Duration::from_millis(10));
        while let Some(notification) = heard.next().unwrap() {
            assert_eq!(notification.channel(), "voice_call_analyzed", "none of them is hot");
            notifications += 1;
            let headlines: serde_json::Value = serde_json::from_str(notification.payload()).unwrap();
            calls.extend(headlines.as_array().unwrap().iter().map(|h| h["call_id"].to_string()));
        }
        (calls.len() >= CALLS).then_some(())
    });
    calls.sort();
    calls.dedup();
    assert_eq!(calls.len(), CALLS);
    assert!(notifications <= CALLS / 10, "{notifications} notifications");
}

#[test]
fn a_hot_lead_is_told_only_where_an_analysis_says_what_the_webhook_wants() {
    let llm = StubLlm::start();
    llm.answer(|request| {
        let schema = &request.json()["response_format"]["json_schema"]["schema"];
        let mut content = Reply::fitting_content(request, schema);
        (content["lead_score"], content["intent"]) = (92.into(), "sales".into());
        content["analyses"]["deal"]["values"]["annual"] = request.transcript().contains("annual").into();
        Reply::content(&content.to_string())
    });
    let mut voice = Voice::with_llm(&llm);
    let receiver = Receiver::start(voice.cluster.folder());
    voice
        .client
        .batch_execute(
            r#"SELECT voice_define_analysis('deal', '{"type": "object", "properties": {"annual": {"type": "boolean",
               "description": "an annual plan"}}}', '[{"name": "closed", "kind": "pass_fail", "rubric": "A deal was made."}]')"#,
        )
        .unwrap();
    let more = r#", only_if => '{"analysis": "deal", "success": "pass", "min_score": 70, "values": {"annual": true}}'"#;
    receiver.knows(&add(&mut voice, &receiver.url(), more).1);
    let monthly = voice.call(&[("user", "I take the monthly plan today")]);
    let annual = voice.call(&[("user", "I take the annual plan today")]);
    until_outcomes(&mut voice, &annual, &["ok 200"]);
    voice.drained();
    assert_eq!(outcomes(&mut voice, &monthly), Vec::<String>::new());
    let seen = receiver.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0]["body"]["data"]["call_id"], annual, "{}", seen[0]);
}
