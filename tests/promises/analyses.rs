//! Analyses that tenants define: what is asked, what is stored of the answer, and what is asked again.

use crate::voice::{SOON, Voice};
use harness::stub::{Reply, Request, StubLlm};
use serde_json::{Value, json};

const BOOKING: &[(&str, &str)] = &[
    ("assistant", "Lakeside Clinic, how can I help?"),
    ("user", "I want to see Doctor Lang on Tuesday, if that works."),
    ("assistant", "Tuesday at ten is yours."),
    ("user", "Great, see you on Tuesday."),
];

const BOOKED: &str = r#"SELECT voice_define_analysis('booking_quality',
    '{"type": "object", "properties": {
        "day": {"type": ["string", "null"], "description": "day of the appointment, as said"},
        "visits": {"type": "integer", "description": "how many appointments were made", "minimum": 0}}}',
    '[{"name": "greeting", "rubric": "The agent says the name of the clinic.", "kind": "pass_fail"},
      {"name": "care", "rubric": "How well the agent listens.", "kind": "score", "max": 5, "weight": 2}]',
    vertical => 'healthcare')"#;

/// A database with the definition, and a stub that answers in the form that is asked for.
fn defined(stub: &StubLlm) -> Voice {
    stub.answer(Reply::fitting);
    let mut voice = Voice::with_llm(stub);
    assert_eq!(voice.client.query_one(BOOKED, &[]).unwrap().get::<_, i32>(0), 1);
    voice
}

/// The answer that fits, with the definition's part changed.
fn changed(request: &Request, change: impl Fn(&mut Value)) -> Reply {
    let schema = &request.json()["response_format"]["json_schema"]["schema"];
    let mut content = Reply::fitting_content(request, schema);
    change(&mut content["analyses"]["booking_quality"]);
    Reply::content(&content.to_string())
}

fn result(voice: &mut Voice, call: &str) -> Value {
    let sql =
        "SELECT to_jsonb(r)::text FROM voice.result r WHERE call_id = $1::text::uuid ORDER BY version DESC LIMIT 1";
    let text = voice.text(sql, &[&call]).expect("a result");
    serde_json::from_str(&text).unwrap()
}

fn system(request: &Request) -> String {
    request.json()["messages"][0]["content"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn one_request_answers_the_fixed_fields_and_every_definition_that_applies() {
    let stub = StubLlm::start();
    let mut voice = defined(&stub);
    voice.client.batch_execute("SELECT voice_define_analysis('elsewhere', '{\"type\": \"object\", \"properties\": {\"a\": {\"type\": \"string\", \"description\": \"a\"}}}', vertical => 'salon')").unwrap();
    let call = voice.call(BOOKING);
    voice.drained();
    assert_eq!(stub.count(), 1);
    assert_eq!(voice.count("SELECT count(*) FROM voice.analytics WHERE lead_score = 85 AND prompt_tokens = 221"), 1);
    assert_eq!(
        voice.count("SELECT count(*) FROM voice.result"),
        1,
        "the definition of another vertical does not apply"
    );
    let result = result(&mut voice, &call);
    assert_eq!(result["values"], json!({"day": "2026-01-02", "visits": 3}));
    assert_eq!(result["criteria"]["greeting"]["verdict"], "pass");
    // One point of one, weight 1, and three points of five, weight 2.
    assert_eq!((&result["score"], &result["success"]), (&json!(73), &json!("pass")));
    assert_eq!(
        (&result["refused"], &result["prompt_tokens"]),
        (&Value::Null, &Value::Null),
        "the tokens are the call's"
    );
    assert_eq!(
        (&result["analysis"], &result["version"], &result["vertical"]),
        (&json!("booking_quality"), &json!(1), &json!("healthcare"))
    );
    let exported = voice.text("SELECT voice_export($1::text::uuid)->>'analysis'", &[&call]).unwrap();
    let exported: Value = serde_json::from_str(&exported).unwrap();
    assert_eq!(exported.as_array().map(Vec::len), Some(3), "the summary, the fixed fields and the result");
    assert_eq!(exported[2]["schema"], "voice_analytics.result/booking_quality/1");
    assert_eq!((&exported[2]["body"]["values"], &exported[2]["body"]["score"]), (&result["values"], &json!(73)));
    let asked = system(&stub.requests()[0]);
    assert!(asked.contains("booking_quality") && !asked.contains("elsewhere"), "{asked}");
    assert!(asked.contains("The agent says the name of the clinic."), "{asked}");
}

#[test]
fn every_claim_has_its_turn_and_what_was_not_said_there_is_counted_as_unsupported() {
    let stub = StubLlm::start();
    let mut voice = defined(&stub);
    stub.answer(|request| {
        changed(request, |part| {
            part["evidence"] = json!([
                {"claim": "values.day", "turn": 2, "quote": "doctor  LANG on tuesday"},
                {"claim": "criteria.greeting", "turn": 1, "quote": "Lakeside Clinic"},
                {"claim": "criteria.care", "turn": 999, "quote": "I am listening"},
                {"claim": "values.visits", "turn": 3, "quote": "two appointments"},
            ]);
        })
    });
    let call = voice.call(BOOKING);
    voice.drained();
    let sql = "SELECT string_agg(concat_ws(' ', claim, turn, speaker, supported), ', ' ORDER BY claim)
               FROM voice_evidence($1::text::uuid) WHERE analysis = 'booking_quality'";
    assert_eq!(
        voice.text(sql, &[&call]).unwrap(),
        "criteria.care 999 f, criteria.greeting 1 assistant t, values.day 2 user t, values.visits 3 assistant f"
    );
    assert_eq!(result(&mut voice, &call)["unsupported"], 2);
}

#[test]
fn a_bad_part_is_refused_by_its_path_and_spoils_nothing_else() {
    let stub = StubLlm::start();
    let mut voice = defined(&stub);
    stub.answer(|request| {
        changed(request, |part| {
            part["values"]["visits"] = json!(-1);
            part["values"]["more"] = json!("nobody asked");
            part["criteria"].as_object_mut().unwrap().remove("greeting");
        })
    });
    let call = voice.call(BOOKING);
    voice.drained();
    assert_eq!(voice.count("SELECT count(*) FROM voice.analytics WHERE lead_score = 85"), 1);
    let result = result(&mut voice, &call);
    assert_eq!(result["values"]["day"], "2026-01-02");
    let mut refused: Vec<&str> = result["refused"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    refused.sort_unstable();
    assert_eq!(refused, ["criteria.greeting", "values.*", "values.visits"]);
    assert_eq!(
        (&result["criteria"]["greeting"]["verdict"], &result["success"]),
        (&json!("unknown"), &json!("unknown"))
    );
    assert_eq!(stub.count(), 1, "it is not asked again");
    // A part that is missing as a whole.
    stub.answer(|request| changed(request, |part| *part = Value::Null));
    let call = voice.call(BOOKING);
    voice.drained();
    let result = self::result(&mut voice, &call);
    assert_eq!((&result["values"], &result["refused"]), (&json!({}), &json!(["values", "criteria"])));
}

#[test]
fn a_changed_definition_is_a_new_version_and_what_the_old_one_judged_stays() {
    let stub = StubLlm::start();
    let mut voice = defined(&stub);
    let call = voice.call(BOOKING);
    voice.drained();
    let again = voice.client.query_one(BOOKED, &[]).unwrap().get::<_, i32>(0);
    let changed = BOOKED.replace("as said", "as a date");
    let version = voice.client.query_one(&changed, &[]).unwrap().get::<_, i32>(0);
    assert_eq!((again, version), (1, 2));
    voice.client.batch_execute("SELECT voice_backfill(stale => true, name => 'booking_quality')").unwrap();
    voice.drained();
    let sql = "SELECT string_agg(version::text, ',' ORDER BY version) FROM voice.result WHERE call_id = $1::text::uuid";
    assert_eq!(voice.text(sql, &[&call]).unwrap(), "1,2");
    let asked = stub.requests()[1].json()["response_format"]["json_schema"]["schema"].clone();
    assert_eq!(
        asked["properties"].as_object().unwrap().keys().collect::<Vec<_>>(),
        ["analyses"],
        "the fixed fields are current"
    );
    // Nothing is stale any more, and nothing is asked.
    voice.client.batch_execute("SELECT voice_backfill(stale => true, name => 'booking_quality')").unwrap();
    voice.drained();
    assert_eq!(stub.count(), 2);
    // Retired: calls that end from now on are not asked.
    voice.client.batch_execute("SELECT voice_retire_analysis('booking_quality')").unwrap();
    voice.call(BOOKING);
    voice.drained();
    assert_eq!(voice.count("SELECT count(*) FROM voice.result"), 2);
}

#[test]
fn a_definition_with_a_model_of_its_own_takes_a_request_of_its_own() {
    let stub = StubLlm::start();
    let mut voice = defined(&stub);
    voice
        .client
        .batch_execute(
            r#"SELECT voice_define_analysis('mood', '{"type": "object", "properties": {"mood": {"type": "string",
               "enum": ["calm", "tense"], "description": "of the caller"}}}', model => 'big-model')"#,
        )
        .unwrap();
    let call = voice.call(BOOKING);
    voice.drained();
    let mut models: Vec<String> =
        stub.requests().iter().map(|r| r.json()["model"].as_str().unwrap().to_owned()).collect();
    models.sort();
    assert_eq!(models, ["big-model", "gpt-4o-mini"]);
    let sql = "SELECT string_agg(analysis || ' ' || coalesce(prompt_tokens, 0), ', ' ORDER BY analysis) FROM voice.result WHERE call_id = $1::text::uuid";
    assert_eq!(voice.text(sql, &[&call]).unwrap(), "booking_quality 0, mood 221");
    let of_the_call = "SELECT prompt_tokens::text FROM voice.analytics WHERE call_id = $1::text::uuid";
    assert_eq!(voice.text(of_the_call, &[&call]).unwrap(), "221", "no token is counted twice");
    let outcomes: Vec<String> = voice.attempts(&call).into_iter().map(|(outcome, _)| outcome).collect();
    assert_eq!(outcomes, ["part", "ok"], "each request is a row");
    // The other model fails once: only it is asked again.
    stub.answer(|request| match request.json()["model"].as_str() {
        Some("big-model") => Reply::error(400, "this model is not for you"),
        _ => Reply::fitting(request),
    });
    voice.call(BOOKING);
    stub.wait_for(4, SOON);
    voice.until("SELECT EXISTS (SELECT FROM voice.attempt WHERE outcome IN ('failed', 'snoozed'))");
    let before = stub.requests().iter().filter(|r| r.json()["model"] == "gpt-4o-mini").count();
    stub.answer(Reply::fitting);
    voice.client.batch_execute("SELECT voice_resume()").unwrap();
    voice.drained();
    let after = stub.requests().iter().filter(|r| r.json()["model"] == "gpt-4o-mini").count();
    assert_eq!((before, after), (2, 2), "what was answered is kept");
    assert_eq!(voice.count("SELECT count(*) FROM voice.result"), 4);
}

#[test]
fn the_model_sees_numbered_turns_and_what_tools_did_between_them() {
    let stub = StubLlm::start();
    let mut voice = Voice::on(Voice::asking(&stub).setting("voice_analytics.redact", "on"));
    let call = voice.open_call(&BOOKING[..2]);
    let tool = "SELECT voice_add_tool_call($1::text::uuid, 'book_slot', $2::text::jsonb, $3::text::jsonb, 412, $4)";
    voice
        .client
        .execute(tool, &[&call, &r#"{"day": "tue", "phone": "+1 212 555 0142"}"#, &r#"{"id": 7}"#, &None::<&str>])
        .unwrap();
    voice.client.execute(tool, &[&call, &"{}", &None::<&str>, &Some("no answer")]).unwrap();
    voice.turn(&call, "assistant", "Tuesday at ten. I have 212 555 0142 for you.");
    voice.end(&call);
    voice.drained();
    assert_eq!(
        stub.requests()[0].transcript(),
        "[1] assistant: Lakeside Clinic, how can I help?\n\
         [2] user: I want to see Doctor Lang on Tuesday, if that works.\n\
         [3] tool book_slot {\"day\": \"tue\", \"phone\": \"[PHONE_1]\"} → ok {\"id\": 7} (412 ms)\n\
         [4] tool book_slot → failed: no answer (412 ms)\n\
         [5] assistant: Tuesday at ten. I have [PHONE_1] for you."
    );
    let hash = "SELECT transcript_hash = voice._transcript_hash(call_id) FROM voice.analytics";
    assert!(voice.client.query_one(hash, &[]).unwrap().get::<_, bool>(0), "one hash, wherever it is computed");
    // A tool that reports after the end is judged as well.
    voice.client.execute(tool, &[&call, &"{}", &Some("{\"sent\": true}"), &None::<&str>]).unwrap();
    stub.wait_for(2, SOON);
    voice.drained();
    assert!(stub.requests()[1].transcript().contains("{\"sent\": true}"));
}

#[test]
fn definitions_wait_for_a_model_and_the_status_says_so() {
    let mut voice = Voice::start();
    voice.client.batch_execute(BOOKED).unwrap();
    let call = voice.call(BOOKING);
    voice.drained();
    assert_eq!(voice.count("SELECT count(*) FROM voice.result"), 0);
    voice.until("SELECT reason LIKE 'analyses that are defined (1) wait for a model:%' FROM voice_status()");
    let sql = "SELECT count(*) FROM voice_evidence($1::text::uuid) e JOIN voice.turn t ON t.call_id = $1::text::uuid
               WHERE e.supported AND e.speaker = t.role AND t.text LIKE '%' || e.quote || '%'";
    assert!(voice.client.query_one(sql, &[&call]).unwrap().get::<_, i64>(0) > 0, "the builtin analyzer shows its turn");
}

#[test]
fn a_model_that_a_definition_names_and_that_fails_holds_up_neither_its_call_nor_anybody_else() {
    let stub = StubLlm::start();
    let mut voice = Voice::on(Voice::asking(&stub).setting("voice_analytics.max_attempts", 2));
    voice
        .client
        .batch_execute(
            r#"SELECT voice_define_analysis('mood', '{"type": "object", "properties": {"mood": {"type": "string",
               "description": "of the caller"}}}', model => 'no-such-model')"#,
        )
        .unwrap();
    stub.answer(|request| match request.json()["model"].as_str() {
        Some("no-such-model") => Reply::error(404, "The model does not exist"),
        _ => Reply::fitting(request),
    });
    let calls: Vec<String> = (0..8).map(|_| voice.call(BOOKING)).collect();
    voice.until("SELECT count(*) = 8 FROM voice.analytics");
    assert_ne!(voice.text("SELECT state FROM voice_status()", &[]).unwrap(), "misconfigured");
    voice.drained();
    let dead = "SELECT count(*) FROM voice.dead_job WHERE last_error LIKE '%The model does not exist%'";
    assert_eq!(voice.count(dead), 8, "what was not answered is said");
    let outcomes: Vec<String> = voice.attempts(&calls[0]).into_iter().map(|(outcome, _)| outcome).collect();
    assert_eq!(outcomes, ["part", "failed", "dead"], "the fixed fields are asked for once");
    assert_eq!(voice.count("SELECT count(*) FROM voice.result"), 0);
}
