//! Trials: calls that are judged otherwise, beside what is stored of them.

use crate::voice::{SOON, Voice};
use harness::stub::{Reply, Request, StubLlm};
use harness::wait_until;
use serde_json::{Value, json};

const CALL: &[(&str, &str)] = &[("assistant", "Hello?"), ("user", "I want two seats for tonight, please.")];

fn report(voice: &mut Voice, trial: i64) -> Value {
    let text = voice.text("SELECT voice_trial_report($1)::text", &[&trial]).expect("a report");
    serde_json::from_str(&text).unwrap()
}

/// What is stored of all calls, in one word.
fn stored(voice: &mut Voice) -> String {
    let sql = "SELECT md5(string_agg(x, E'\\n' ORDER BY x)) FROM (SELECT a::text FROM voice.analytics a UNION ALL SELECT r::text FROM voice.result r) s(x)";
    voice.text(sql, &[]).unwrap()
}

fn begin(voice: &mut Voice, arguments: &str) -> i64 {
    voice.client.query_one(&format!("SELECT voice_trial({arguments})"), &[]).unwrap().get(0)
}

#[test]
fn a_trial_of_another_model_stores_beside_and_reports_what_it_judges_otherwise() {
    let stub = StubLlm::start();
    stub.answer(|request: &Request| match request.json()["model"].as_str() {
        Some("other") => {
            let mut answer = Reply::good();
            (answer["lead_score"], answer["intent"]) = (json!(40), json!("info"));
            answer["evidence"] = json!([{"claim": "intent", "turn": 2, "quote": "nobody said that"}]);
            Reply::content(&answer.to_string())
        }
        _ => Reply::fitting(request),
    });
    let mut voice = Voice::with_llm(&stub);
    (0..6).for_each(|_| _ = voice.call(CALL));
    voice.drained();
    let before = stored(&mut voice);
    let trial = begin(&mut voice, "4, now() - interval '1 day', model => 'other'");
    voice.drained();
    assert_eq!(stored(&mut voice), before, "nothing else is touched");
    let report = report(&mut voice, trial);
    assert_eq!(
        (&report["calls"], &report["judged"], &report["changed"]),
        (&json!(4), &json!(4), &json!(4)),
        "{report}"
    );
    assert_eq!(report["scores"]["lead_score"], json!({"before": 85.0, "after": 40.0, "change": -45.0}), "{report}");
    assert_eq!(report["intents"], json!({"booking": {"info": 4}}), "{report}");
    assert_eq!(report["unsupported"], json!({"before": 0, "after": 4}), "{report}");
    assert_eq!(report["prompt_tokens"], json!(4 * 221), "{report}");
    assert_eq!(stub.requests().iter().filter(|request| request.json()["model"] == "other").count(), 4);
    let kinds = "SELECT count(*) FROM voice.attempt WHERE kind = 'trial' AND outcome = 'ok' AND event IS NOT NULL";
    assert_eq!(voice.count(kinds), 4);
}

#[test]
fn other_instructions_are_tried_on_an_analysis_and_what_cannot_be_judged_is_reported() {
    let stub = StubLlm::start();
    stub.answer(Reply::fitting);
    let mut voice = Voice::on(Voice::asking(&stub).setting("voice_analytics.max_attempts", 1));
    voice
        .client
        .batch_execute(
            r#"SELECT voice_define_analysis('seats', '{"type": "object", "properties": {"seats": {"type": "integer",
               "description": "how many"}}}', instructions => 'Count the seats.')"#,
        )
        .unwrap();
    (0..2).for_each(|_| _ = voice.call(CALL));
    voice.call(&[("user", "An odd call, of nineteen seats.")]);
    voice.drained();
    let trial = begin(&mut voice, "10, name => 'seats', instructions => 'Count the people.'");
    voice.drained();
    let asked = stub.requests().last().unwrap().json();
    let system = asked["messages"][0]["content"].as_str().unwrap();
    assert!(system.contains("Count the people.") && !system.contains("Count the seats."), "{system}");
    assert!(asked["response_format"]["json_schema"]["schema"]["properties"].get("summary").is_none());
    let first = report(&mut voice, trial);
    assert_eq!((&first["judged"], &first["changed"], &first["waiting"]), (&json!(3), &json!(0), &json!(0)), "{first}");
    // One that no answer can be read of, while others are judged.
    stub.answer(|request| match request.transcript().contains("odd") {
        true => Reply::content("no JSON"),
        false => Reply::fitting(request),
    });
    let trial = begin(&mut voice, "10, name => 'seats'");
    wait_until("the report of the odd one", SOON, || {
        voice.call(CALL);
        (report(&mut voice, trial)["waiting"] == 0).then_some(())
    });
    let failed = report(&mut voice, trial);
    assert_eq!((&failed["judged"], &failed["failed"]), (&json!(2), &json!(1)), "{failed}");
    assert_eq!(voice.count("SELECT count(*) FROM voice.dead_job"), 0, "a trial leaves no dead job");
}
