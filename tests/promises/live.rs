//! Calls in progress are looked at, and nobody pays for it but whoever asked for it.

use std::time::{Duration, Instant};

use harness::stub::{Reply, Request, StubLlm};
use harness::{Builder, wait_until};
use postgres::Client;
use postgres::fallible_iterator::FallibleIterator;
use serde_json::{Value, json};

use crate::injection::{ALL_ELSE, NEIGHBOURS, case, quotation};
use crate::voice::{SOON, Voice};

const OPENING: &[(&str, &str)] = &[("assistant", "Hello?"), ("user", "I want a table for tonight, please.")];

fn asking(stub: &StubLlm, interval: &str) -> Builder {
    Voice::asking(stub).setting("voice_analytics.live_interval", interval)
}

/// Calls are looked at when the test says so.
fn by_hand(stub: &StubLlm) -> Voice {
    Voice::on(asking(stub, "10min"))
}

/// The interval is over.
fn due(voice: &mut Voice) {
    let sql = "UPDATE voice.job SET run_at = now() WHERE kind = 'live' AND lease IS NULL; SELECT voice._wake()";
    voice.client.batch_execute(sql).unwrap();
}

fn is_look(request: &Request) -> bool {
    request.json()["response_format"]["json_schema"]["schema"]["properties"].get("notes").is_some()
}

fn looks(stub: &StubLlm) -> Vec<Request> {
    stub.requests().into_iter().filter(is_look).collect()
}

/// The answer to a look with these fields.
fn answer(fields: Value) -> Reply {
    let mut answer = json!({"notes": "wants a table", "sentiment": 0.2, "intent": "booking", "lead_score": 55});
    for (name, value) in fields.as_object().into_iter().flatten() {
        answer[name] = value.clone();
    }
    Reply::content(&answer.to_string())
}

/// The row of a call as JSON.
fn row(voice: &mut Voice, call: &str) -> Value {
    let row = voice.text("SELECT to_jsonb(l)::text FROM voice.live l WHERE call_id = $1::text::uuid", &[&call]);
    row.map_or(Value::Null, |row| serde_json::from_str(&row).unwrap())
}

#[track_caller]
fn looked(voice: &mut Voice, call: &str, times: i64) -> Value {
    wait_until(&format!("look {times} at the call"), SOON, || {
        let row = row(voice, call);
        (row["looks"] == times).then_some(row)
    })
}

#[test]
fn a_call_in_progress_is_looked_at_every_interval_and_asked_what_is_new_with_notes_of_the_rest() {
    let stub = StubLlm::start();
    stub.answer(Reply::fitting);
    let mut voice = Voice::on(asking(&stub, "1s"));
    let call = voice.open_call(OPENING);
    let first = looked(&mut voice, &call, 1);
    assert_eq!(
        (&first["sentiment"], &first["lead_score"], &first["intent"], &first["turn"], &first["model"]),
        (&json!(0.6), &json!(85), &json!("booking"), &json!(2), &json!("stub-1"))
    );
    let asked = stub.requests();
    assert_eq!(asked[0].transcript(), "[1] assistant: Hello?\n[2] user: I want a table for tonight, please.");
    voice.turn(&call, "user", "For two.");
    let second = looked(&mut voice, &call, 2);
    assert_eq!((&second["turn"], &second["prompt_tokens"]), (&json!(3), &json!(2 * 221)));
    assert_eq!(stub.requests()[1].transcript(), "[turns 1 to 2, in notes] Lines (1) to (2).\n[3] user: For two.");
    let between = "SELECT $1::text::timestamptz - $2::text::timestamptz > interval '0.9 s'";
    let (later, before) = (second["asked_at"].as_str().unwrap(), first["asked_at"].as_str().unwrap());
    let apart: bool = voice.client.query_one(between, &[&later, &before]).unwrap().get(0);
    assert!(apart, "{before} {later}");
    // Nothing is said: nothing is asked, and nothing waits.
    voice.until("SELECT NOT EXISTS (SELECT FROM voice.job)");
    assert_eq!(stub.count(), 2);
    assert_eq!(voice.count("SELECT count(*) FROM voice.attempt WHERE kind = 'live' AND outcome = 'ok'"), 2);
    let shown = "SELECT format('%s %s %s %s', agent_id, as_of_turn, looks, sentiment) FROM voice_live()";
    assert_eq!(voice.text(shown, &[]).as_deref(), Some("a 3 2 0.6"));
    // The end takes all of it.
    voice.end(&call);
    voice.drained();
    assert_eq!(voice.count("SELECT count(*) FROM voice.analytics"), 1);
    assert_eq!(voice.count("SELECT count(*) FROM voice.live"), 0);
    assert_eq!(voice.count("SELECT count(*) FROM voice_live()"), 0);
}

#[test]
fn without_the_setting_nothing_is_queued_and_switched_off_nothing_is_left() {
    let stub = StubLlm::start();
    stub.answer(Reply::fitting);
    let mut voice = Voice::with_llm(&stub);
    let call = voice.open_call(OPENING);
    assert_eq!(voice.count("SELECT count(*) FROM voice.job"), 0);
    assert_eq!(voice.count("SELECT count(*) FROM voice.live"), 0);
    voice.cluster.set("voice_analytics.live_interval", "1s");
    voice.until("SELECT current_setting('voice_analytics.live_interval') = '1s'");
    voice.turn(&call, "user", "For two.");
    looked(&mut voice, &call, 1);
    voice.turn(&call, "user", "At eight.");
    voice.cluster.set("voice_analytics.live_interval", "0");
    voice.drained();
    voice.until("SELECT current_setting('voice_analytics.live_interval') = '0'");
    voice.turn(&call, "user", "Or at nine.");
    assert_eq!(voice.count("SELECT count(*) FROM voice.job"), 0);
}

#[test]
fn the_builtin_analyzer_looks_too() {
    let mut voice = Voice::on(harness::Cluster::builder().setting("voice_analytics.live_interval", "10min"));
    let call = voice.open_call(&[
        ("assistant", "Hello?"),
        ("user", "This is terrible, I am furious, I want to complain about the awful service."),
    ]);
    due(&mut voice);
    let row = looked(&mut voice, &call, 1);
    assert!(row["sentiment"].as_f64().unwrap() < -0.3, "{row}");
    assert_eq!((&row["intent"], &row["turn"]), (&json!("complaint"), &json!(2)), "{row}");
    assert!(row["model"].as_str().unwrap().starts_with("builtin/"), "{row}");
}

#[test]
fn what_is_said_during_a_look_is_in_the_next_one() {
    let stub = StubLlm::start();
    stub.answer_always(answer(json!({})).held());
    let mut voice = by_hand(&stub);
    let call = voice.open_call(OPENING);
    due(&mut voice);
    stub.wait_for(1, SOON);
    voice.turn(&call, "user", "For two.");
    assert_eq!(voice.count("SELECT count(*) FROM voice.job"), 1, "the job is there already");
    stub.answer_always(answer(json!({})));
    stub.release();
    assert_eq!(looked(&mut voice, &call, 1)["turn"], 2);
    due(&mut voice);
    assert_eq!(looked(&mut voice, &call, 2)["turn"], 3);
    assert_eq!(stub.requests()[1].transcript(), "[turns 1 to 2, in notes] wants a table\n[3] user: For two.");
}

#[test]
fn a_turn_that_commits_after_the_worker_found_nothing_new_is_looked_at() {
    let stub = StubLlm::start();
    stub.answer_always(answer(json!({})));
    let mut voice = by_hand(&stub);
    let call = voice.open_call(OPENING);
    due(&mut voice);
    looked(&mut voice, &call, 1);
    // Written while the job is there, and committed when it is gone.
    let mut writer = voice.cluster.connect("app");
    let mut writing = writer.transaction().unwrap();
    writing
        .execute("INSERT INTO voice.turn (call_id, role, text) VALUES ($1::text::uuid, 'user', 'For two.')", &[&call])
        .unwrap();
    due(&mut voice);
    voice.until("SELECT NOT EXISTS (SELECT FROM voice.job)");
    writing.commit().unwrap();
    voice.until("SELECT EXISTS (SELECT FROM voice.job WHERE kind = 'live')");
    due(&mut voice);
    assert_eq!(looked(&mut voice, &call, 2)["turn"], 3);
}

#[test]
fn the_whole_call_is_looked_at_again_when_it_is_three_times_as_long() {
    let stub = StubLlm::start();
    stub.answer_always(answer(json!({})));
    let mut voice = by_hand(&stub);
    let call = voice.open_call(OPENING);
    for (times, turns) in [(1, 0), (2, 2), (3, 1), (4, 1), (5, 1)] {
        (0..turns).for_each(|_| voice.turn(&call, "user", "And then?"));
        due(&mut voice);
        looked(&mut voice, &call, times);
    }
    let whole: Vec<bool> =
        stub.requests().iter().map(|request| request.transcript().starts_with("[1] assistant: Hello?")).collect();
    // Of 2, 4, 5, 6 and 7 lines.
    assert_eq!(whole, [true, false, false, true, false]);
}

#[test]
fn an_analysis_that_waits_goes_before_every_look() {
    let stub = StubLlm::start();
    stub.answer(|request| Reply::fitting(request).held());
    let mut voice = Voice::on(asking(&stub, "10min").setting("voice_analytics.max_concurrency", 1));
    voice.client.batch_execute("SELECT voice_pause()").unwrap();
    (0..3).for_each(|_| _ = voice.open_call(OPENING));
    due(&mut voice);
    (0..3).for_each(|_| _ = voice.call(OPENING));
    voice.client.batch_execute("SELECT voice_resume()").unwrap();
    for answered in 1..6 {
        stub.wait_for(answered, SOON);
        stub.release();
    }
    let asked: Vec<bool> = stub.wait_for(6, SOON).iter().map(is_look).collect();
    assert_eq!(asked, [false, false, false, true, true, true]);
    stub.release();
    voice.until("SELECT count(*) = 3 FROM voice.live WHERE looks = 1");
}

#[test]
fn looks_leave_half_of_the_requests_to_analyses() {
    let stub = StubLlm::start();
    stub.answer(|request| if is_look(request) { answer(json!({})).held() } else { Reply::analysis() });
    let mut voice = Voice::on(asking(&stub, "10min").setting("voice_analytics.max_concurrency", 4));
    (0..6).for_each(|_| _ = voice.open_call(OPENING));
    due(&mut voice);
    stub.wait_for(2, SOON);
    // While two looks hang, calls end and are judged.
    for _ in 0..5 {
        voice.call(OPENING);
    }
    voice.until("SELECT count(*) = 5 FROM voice.analytics");
    assert_eq!(looks(&stub).len(), 2);
}

#[test]
fn a_look_that_waited_longer_than_the_interval_is_dropped_and_the_next_one_is_an_interval_away() {
    let stub = StubLlm::start();
    stub.answer_always(answer(json!({})));
    let mut voice = by_hand(&stub);
    let call = voice.open_call(OPENING);
    let late = "UPDATE voice.job SET run_at = now() - interval '11 min' WHERE kind = 'live'; SELECT voice._wake()";
    voice.client.batch_execute(late).unwrap();
    voice.until("SELECT EXISTS (SELECT FROM voice.job WHERE run_at > now() + interval '4 min' AND kind = 'live' AND attempt = 0)");
    assert_eq!(stub.count(), 0);
    assert!(voice.attempts(&call).is_empty(), "nothing was attempted");
    due(&mut voice);
    looked(&mut voice, &call, 1);
}

#[test]
fn looks_that_fail_stop_no_analysis_and_are_not_tried_again() {
    let stub = StubLlm::start();
    stub.answer(|request| match is_look(request) {
        true => Reply::error(503, "overloaded"),
        false => Reply::analysis(),
    });
    let mut voice = by_hand(&stub);
    let calls: Vec<String> = (0..8).map(|_| voice.open_call(OPENING)).collect();
    due(&mut voice);
    voice.until("SELECT count(*) >= 1 FROM voice.attempt WHERE kind = 'live' AND outcome = 'snoozed'");
    voice.call(OPENING);
    voice.until("SELECT count(*) = 1 FROM voice.analytics");
    assert_eq!(voice.text("SELECT breaker FROM voice_status()", &[]).as_deref(), Some("closed"));
    voice.until("SELECT count(*) = 8 FROM voice.attempt WHERE kind = 'live' AND outcome = 'snoozed'");
    voice.until("SELECT bool_and(run_at > now() + interval '4 min') FROM voice.job WHERE kind = 'live'");
    assert_eq!((looks(&stub).len(), voice.count("SELECT count(*) FROM voice.dead_job")), (8, 0));
    assert!(calls.iter().all(|call| row(&mut voice, call)["looks"] == 0));
}

#[test]
fn while_the_server_is_left_alone_nobody_looks() {
    let stub = StubLlm::start();
    stub.answer_always(Reply::error(503, "overloaded"));
    let mut voice = by_hand(&stub);
    (0..6).for_each(|_| _ = voice.call(OPENING));
    voice.until("SELECT breaker <> 'closed' FROM voice_status()");
    let call = voice.open_call(OPENING);
    due(&mut voice);
    // What asks now are analyses.
    let asked = stub.count();
    stub.wait_for(asked + 2, SOON);
    assert_eq!(looks(&stub).len(), 0);
    stub.answer(Reply::fitting);
    voice.until("SELECT count(*) = 6 FROM voice.analytics");
    looked(&mut voice, &call, 1);
}

#[test]
fn a_tenant_looks_no_more_than_its_limit_allows() {
    let stub = StubLlm::start();
    stub.answer_always(answer(json!({})).held());
    let mut voice = by_hand(&stub);
    voice.client.batch_execute("SELECT voice_limit_tenant('small', 1)").unwrap();
    let mut small = voice.cluster.connect("app");
    small
        .batch_execute(
            "SET voice_analytics.tenant = 'small'; INSERT INTO voice.agent (id, vertical) VALUES ('s', 'salon');
             INSERT INTO voice.call (agent_id) SELECT 's' FROM generate_series(1, 3);
             INSERT INTO voice.turn (call_id, role, text) SELECT id, 'user', 'small' FROM voice.call",
        )
        .unwrap();
    (0..3).for_each(|_| _ = voice.open_call(OPENING));
    due(&mut voice);
    let of_small = |stub: &StubLlm| looks(stub).iter().filter(|r| r.transcript().contains("small")).count();
    stub.wait_for(4, SOON);
    assert_eq!(of_small(&stub), 1);
    for asked in 2..=3 {
        stub.release();
        wait_until("the tenant's next look", SOON, || (of_small(&stub) == asked).then_some(()));
        assert_eq!(stub.count(), 3 + asked);
    }
}

#[test]
fn what_is_redacted_for_an_analysis_is_redacted_for_a_look() {
    let stub = StubLlm::start();
    stub.answer(|request| answer(json!({"notes": format!("heard: {}", request.transcript().replace('\n', " "))})));
    let mut voice = by_hand(&stub);
    let call = voice.open_call(&[("user", "Ring me at 212 555 0142.")]);
    due(&mut voice);
    looked(&mut voice, &call, 1);
    assert!(stub.requests()[0].transcript().contains("555 0142"), "not asked for yet");
    // From now on no number leaves, not in notes either: the whole call is looked at again.
    voice.cluster.set("voice_analytics.redact", "on");
    voice.until("SELECT current_setting('voice_analytics.redact') = 'on'");
    voice.turn(&call, "user", "Or write to dana@example.com.");
    due(&mut voice);
    looked(&mut voice, &call, 2);
    voice.turn(&call, "user", "That is all.");
    due(&mut voice);
    let row = looked(&mut voice, &call, 3);
    for request in &stub.requests()[1..] {
        let sent = request.transcript();
        assert!(!sent.contains("0142") && !sent.contains("example.com"), "{sent}");
    }
    let last = stub.requests()[2].transcript();
    assert!(last.starts_with("[turns 1 to 2, in notes] heard: [1] user: Ring me at [PHONE_1]."), "{last}");
    assert!(row["summary"].as_str().unwrap().contains("[EMAIL_1]"), "{row}");
}

/// Waits for the next notification; gives its channel and what it says.
fn heard(listener: &mut Client) -> (String, Value) {
    wait_until("a notification", SOON, || {
        let mut heard = listener.notifications();
        let next = heard.timeout_iter(Duration::from_millis(10)).next().unwrap();
        next.map(|n| (n.channel().to_owned(), serde_json::from_str(n.payload()).unwrap()))
    })
}

#[test]
fn whoever_listens_hears_of_looks_and_behind_walls_no_figures() {
    let stub = StubLlm::start();
    stub.answer_always(answer(json!({})));
    let mut voice = by_hand(&stub);
    let mut listener = voice.cluster.connect("app");
    listener.batch_execute("LISTEN voice_call_live").unwrap();
    let call = voice.open_call(OPENING);
    due(&mut voice);
    let told =
        json!([{"call_id": call, "turn": 2, "lead_score": 55, "sentiment": 0.2, "intent": "booking", "alert": false}]);
    assert_eq!(heard(&mut listener), ("voice_call_live".to_owned(), told));
    voice.client.batch_execute("CREATE ROLE walled LOGIN; SELECT voice_pin_tenant('walled', 'other')").unwrap();
    voice.turn(&call, "user", "For two.");
    due(&mut voice);
    assert_eq!(heard(&mut listener).1, json!([{"call_id": call}]));
}

/// A receiver that takes everything; gives what it was told of this event.
fn told(hook: &StubLlm, event: &str) -> Vec<Value> {
    hook.requests().iter().map(Request::json).filter(|body| body["type"] == event).collect()
}

#[test]
fn a_webhook_is_told_of_looks_and_once_of_each_alert() {
    let stub = StubLlm::start();
    let mut voice =
        Voice::on(asking(&stub, "10min").setting("voice_analytics.live_analyses", "sentiment, care.greeting"));
    let hook = StubLlm::start();
    hook.answer_always(Reply::body(b""));
    let add = "SELECT voice_add_webhook($1, events => '{call.live,call.alert}')";
    voice.client.query_one(add, &[&hook.url()]).unwrap();
    voice
        .client
        .batch_execute(
            r#"SELECT voice_define_analysis('care', '{"type": "object", "properties": {"day": {"type": "string", "description": "day"}}}',
               '[{"name": "greeting", "rubric": "Says its name.", "kind": "pass_fail"},
                 {"name": "closing", "rubric": "Says goodbye.", "kind": "pass_fail"}]')"#,
        )
        .unwrap();
    let call = voice.open_call(OPENING);
    let says = |sentiment: f64, verdict: &str| {
        let criteria = json!({"greeting": {"verdict": verdict}});
        let fields = json!({"sentiment": sentiment, "analyses": {"care": {"criteria": criteria}}});
        answer(fields)
    };
    let steps = [(-0.7, "not_applicable"), (-0.8, "not_applicable"), (-0.9, "fail"), (-0.9, "fail")];
    for (times, (sentiment, verdict)) in (1..).zip(steps) {
        stub.answer_always(says(sentiment, verdict));
        voice.turn(&call, "user", "This will not do.");
        due(&mut voice);
        looked(&mut voice, &call, times);
        wait_until("the look to be told", SOON, || (told(&hook, "call.live").len() == times as usize).then_some(()));
    }
    let asked = &stub.requests()[0].json();
    let properties = &asked["response_format"]["json_schema"]["schema"]["properties"];
    assert!(properties.get("lead_score").is_none(), "{properties}");
    let criteria = &properties["analyses"]["properties"]["care"]["properties"]["criteria"]["required"];
    assert_eq!(*criteria, json!(["greeting"]));
    voice.until("SELECT NOT EXISTS (SELECT FROM voice.job WHERE kind = 'deliver')");
    let alerts: Vec<Value> = told(&hook, "call.alert").iter().map(|body| body["data"]["alerts"].clone()).collect();
    assert_eq!(alerts, [json!(["sentiment"]), json!(["sentiment", "criteria.care.greeting"])]);
    let last = told(&hook, "call.live").pop().unwrap();
    let data = &last["data"];
    assert_eq!(
        (&data["call_id"], &data["sentiment"], &data["lead_score"], &data["looks"]),
        (&json!(call), &json!(-0.9), &Value::Null, &json!(4)),
        "{last}"
    );
    assert_eq!(data["criteria"]["care"]["greeting"]["verdict"], "fail", "{last}");
    assert!(!last.to_string().contains("This will not do"), "no word of the transcript");
    let mut ids: Vec<_> = hook.requests().iter().map(|r| r.header("webhook-id").unwrap().to_owned()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 6, "four looks and two alerts");
    // None of these is an event of a call that has ended.
    stub.answer(Reply::fitting);
    voice.end(&call);
    voice.drained();
    assert_eq!(hook.count(), 6);
}

#[test]
fn a_look_asks_nothing_of_a_caller_who_has_not_spoken_or_of_words_that_came_with_the_end() {
    let stub = StubLlm::start();
    stub.answer(Reply::fitting);
    let mut voice = by_hand(&stub);
    let call = voice.open_call(&[("assistant", "Hello? Is anybody there?")]);
    due(&mut voice);
    voice.until("SELECT NOT EXISTS (SELECT FROM voice.job)");
    assert_eq!(stub.count(), 0);
    voice.end(&call);
    voice.drained();
    let whole = "WITH c AS (INSERT INTO voice.call (agent_id, status) VALUES ('a', 'completed') RETURNING id)
                 INSERT INTO voice.turn (call_id, role, text) SELECT id, 'user', 'All at once.' FROM c";
    voice.client.batch_execute(whole).unwrap();
    assert_eq!(voice.count("SELECT count(*) FROM voice.live"), 0);
    voice.drained();
    assert_eq!(looks(&stub).len(), 0);
}

#[test]
fn a_turn_of_a_call_that_has_its_job_writes_nothing_more() {
    let mut voice = Voice::on(
        harness::Cluster::builder()
            .setting("voice_analytics.live_interval", "10min")
            .setting("voice_analytics.enabled", "off"),
    );
    let call = voice.open_call(OPENING);
    let written = |voice: &mut Voice| {
        let sql = "SELECT format('%s %s', j.ctid, j.xmin) FROM voice.job j WHERE j.kind = 'live'";
        voice.client.query(sql, &[]).unwrap().iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>()
    };
    let before = written(&mut voice);
    assert_eq!(before.len(), 1);
    let start = Instant::now();
    (0..20).for_each(|n| voice.turn(&call, "user", &format!("Number {n}.")));
    assert_eq!(written(&mut voice), before, "in {:?}", start.elapsed());
    assert_eq!(voice.text("SELECT nextval('voice.job_id_seq')::text", &[]).as_deref(), Some("2"), "none was tried");
}

#[test]
fn a_caller_whom_the_model_obeys_gets_no_more_than_the_row_of_their_own_call() {
    let stub = StubLlm::start();
    stub.answer(Reply::obeying);
    let mut voice = Voice::on(asking(&stub, "10min").setting("voice_analytics.transcript_max_chars", 12_000));
    let (standard, slack) = (StubLlm::start(), StubLlm::start());
    for hook in [&standard, &slack] {
        hook.answer_always(Reply::body(b""));
    }
    let add = "SELECT voice_add_webhook($1, events => '{call.live,call.alert}', format => $2)";
    voice.client.query_one(add, &[&standard.url(), &"standard"]).unwrap();
    voice.client.query_one(add, &[&slack.url(), &"slack"]).unwrap();
    voice.client.batch_execute(NEIGHBOURS).unwrap();
    voice.drained();
    let cases = case::all();
    let mut stored = 0;
    for case in cases.iter().filter(|case| !case.redacted) {
        let title = &case.title;
        let (asked, told, slacked) = (stub.count(), standard.count(), slack.count());
        let turns: Vec<(&str, &str)> = case.turns.iter().map(|(role, text)| (&**role, &**text)).collect();
        let call = voice.open_call(&turns);
        for tool in &case.tools {
            let insert =
                "INSERT INTO voice.tool_call (call_id, name, result, error_text) VALUES ($1::text::uuid, $2, $3, $4)";
            voice.client.execute(insert, &[&call, &tool.name, &tool.result, &tool.error]).unwrap();
        }
        let all_else = voice.text(ALL_ELSE, &[&call]);
        due(&mut voice);
        // A look was stored or refused, or nothing of the caller's was there to look at.
        voice.until(&format!(
            "SELECT EXISTS (SELECT FROM voice.attempt WHERE call_id = '{call}' AND kind = 'live')
                 OR NOT EXISTS (SELECT FROM voice.job WHERE call_id = '{call}' AND kind = 'live')"
        ));
        voice.until("SELECT NOT EXISTS (SELECT FROM voice.job WHERE kind = 'deliver')");
        assert_eq!(voice.text(ALL_ELSE, &[&call]), all_else, "{title}: something else has changed");
        let requests = stub.requests().split_off(asked);
        assert!(requests.len() <= 1, "{title}");
        for request in &requests {
            quotation::has_a_line_for_each_turn(&request.transcript(), case, false);
        }
        let row = row(&mut voice, &call);
        if row["looks"] == 1 {
            stored += 1;
            let notes = row["summary"].as_str().unwrap();
            assert!(notes.chars().count() <= 500 && !notes.contains(char::is_control), "{title}: {notes:?}");
            assert!((-1.0..=1.0).contains(&row["sentiment"].as_f64().unwrap()), "{title}: {row}");
            assert!((0..=100).contains(&row["lead_score"].as_i64().unwrap()), "{title}: {row}");
        }
        let looked = usize::from(row["looks"] == 1);
        assert_eq!((standard.count() - told, slack.count() - slacked), (looked, looked), "{title}");
        for request in standard.requests().split_off(told) {
            assert_eq!(request.json()["data"]["call_id"], json!(call), "{title}");
        }
        for request in slack.requests().split_off(slacked) {
            let text = request.json()["text"].as_str().unwrap().to_owned();
            assert!(!text.contains("<!") && !text.contains("<http"), "{title}: {text}");
        }
        voice.client.execute("DELETE FROM voice.call WHERE id = $1::text::uuid", &[&call]).unwrap();
        assert_eq!(voice.count("SELECT count(*) FROM voice.live"), 0);
    }
    assert!(stored > 20, "{stored} of {} cases were answered in a form that is read", cases.len());
}
