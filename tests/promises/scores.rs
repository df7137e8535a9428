//! Calls that were judged before they came here keep their scores: no model is asked, and nobody is told of old leads.

use crate::voice::Voice;
use harness::stub::{Reply, StubLlm};
use postgres::Client;
use serde_json::{Value, json};

const RETELL: &str = include_str!("../../core/tests/import/samples/retell.json");

fn scores() -> Value {
    json!({"sentiment": 0.25, "lead_score": 91, "intent": "sales", "entities": {"name": "Dana", "email": null}, "summary": "Wants ten.",
           "next_action": "Call back.", "model": "before", "computed_at": "2026-07-29T09:00:00+02:00"})
}

/// SQLSTATE and message of a refusal.
fn refused(client: &mut Client, sql: &str, parameters: &[&(dyn postgres::types::ToSql + Sync)]) -> (String, String) {
    let error = client.query(sql, parameters).expect_err(sql);
    let error = error.as_db_error().unwrap();
    (error.code().code().to_owned(), error.message().to_owned())
}

fn hot() -> Reply {
    let mut good = Reply::good();
    good["lead_score"] = 92.into();
    good["intent"] = "sales".into();
    Reply::content(&good.to_string())
}

#[test]
fn a_call_that_brings_its_scores_is_not_judged_again_and_is_found() {
    let (llm, hook) = (StubLlm::start(), StubLlm::start());
    let mut voice = Voice::with_llm(&llm);
    voice.cluster.set("voice_analytics.webhook_max_age", "0");
    voice.client.batch_execute(&format!("SELECT voice_add_webhook('{}')", hook.url())).unwrap();
    let options = json!({ "scores": scores() }).to_string();
    let by_import = "SELECT voice_import('retell', $1::text::jsonb, $2::text::jsonb)::text";
    let first = voice.text(by_import, &[&RETELL, &options]).unwrap();
    let call = |id: &str| {
        json!({"id": id, "agent": "Ava", "vertical": "salon", "started_at": "2026-10-01T10:00:00Z", "scores": scores(),
                                 "turns": [{"role": "user", "text": "ten marmalade jars, please"}]})
        .to_string()
    };
    voice.text("SELECT voice_import_call($1::text::jsonb)::text", &[&call("one")]).unwrap();
    let many = [call("two"), call("three")];
    let by_imports = "SELECT cardinality(voice_imports('voice', $1::text[]::jsonb[]))::text";
    assert_eq!(voice.text(by_imports, &[&many.as_slice()]).unwrap(), "2");
    // Afterwards, for a call that waits to be judged.
    voice.cluster.set("voice_analytics.enabled", "off");
    voice.state("disabled");
    let late = voice.call(&[("user", "one more marmalade jar")]);
    let mut of_late = scores();
    of_late["call_id"] = json!(late);
    assert_eq!(voice.count("SELECT count(*) FROM voice.job"), 1);
    let by_id = "SELECT voice_import_scores($1::text::jsonb)::text";
    assert_eq!(voice.text(by_id, &[&of_late.to_string()]).unwrap(), "1");
    voice.cluster.set("voice_analytics.enabled", "on");
    voice.state("idle");

    let sql = "SELECT count(*) FROM voice.analytics a JOIN voice.call c ON c.id = a.call_id
        WHERE a.sentiment = 0.25 AND a.lead_score = 91 AND a.intent = 'sales' AND a.entities = '{\"name\": \"Dana\", \"email\": null}'
          AND a.summary = 'Wants ten.' AND a.next_action = 'Call back.' AND a.model = 'before' AND a.prompt_version = 'imported'
          AND a.computed_at = '2026-07-29 07:00:00+00' AND a.started_at = c.started_at AND a.agent_id = c.agent_id";
    assert_eq!(voice.count(sql), 5);
    assert_eq!(voice.count("SELECT count(DISTINCT call_id) FROM voice_search('marmalade')"), 4);
    assert_eq!(voice.count("SELECT count(*) FROM voice_top_leads('salon', '2026-01-01', 91)"), 3);
    assert_eq!(voice.count("SELECT count(*) FROM voice.job") + voice.count("SELECT count(*) FROM voice.dead_job"), 0);
    assert_eq!((llm.count(), hook.count()), (0, 0), "no model was asked, nobody was told");
    assert_eq!(voice.count("SELECT voice_backfill()"), 0, "nothing is missing");

    // Given again they are replaced; words that come later are judged.
    let again = json!({"call_id": first, "sentiment": -1, "lead_score": 0}).to_string();
    assert_eq!(voice.text(by_id, &[&again]).unwrap(), "1");
    let sql = "SELECT format('%s %s %s %s', sentiment, lead_score, intent, entities) FROM voice.analytics WHERE call_id = $1::text::uuid";
    assert_eq!(voice.text(sql, &[&first]).unwrap(), "-1 0 none {}");
    voice.turn(&first, "user", "and one thing more");
    voice.drained();
    assert_eq!(llm.count(), 1);
    let model = voice.text("SELECT model FROM voice.analytics WHERE call_id = $1::text::uuid", &[&first]).unwrap();
    assert!(model != "before" && model != "imported", "{model}");
}

#[test]
fn scores_that_break_a_rule_are_refused_by_their_name_and_leave_nothing() {
    let mut voice = Voice::on(harness::Cluster::builder().setting("voice_analytics.enabled", "off"));
    let call = voice.call(&[("user", "hello")]);
    let with = |key: &str, value: Value| {
        let mut scores = json!({"call_id": call, "sentiment": 0.5, "lead_score": 50});
        match value.is_null() {
            true => drop(scores.as_object_mut().unwrap().remove(key)),
            false => scores[key] = value,
        }
        scores
    };
    let by_id = "SELECT voice_import_scores($1::text::jsonb)";
    for (key, bad) in [
        ("call_id", json!(null)),
        ("call_id", json!("c1")),
        ("sentiment", json!(null)),
        ("sentiment", json!(1.01)),
        ("sentiment", json!("0.5")),
        ("lead_score", json!(101)),
        ("lead_score", json!(-1)),
        ("lead_score", json!(50.5)),
        ("intent", json!("buy")),
        ("entities", json!([1])),
        ("summary", json!("x".repeat(241))),
        ("next_action", json!({})),
        ("model", json!("")),
        ("computed_at", json!("yesterday")),
        ("computed_at", json!("2026-07-29T09:00:00")),
        ("mood", json!("good")),
    ] {
        let (code, message) =
            refused(&mut voice.client, by_id, &[&json!([with("intent", json!("sales")), with(key, bad)]).to_string()]);
        assert_eq!(code, "22023", "{key}: {message}");
        assert!(message.contains(&format!("scores[2].{key}")), "{key}: {message}");
    }
    for bad in ["null", "7", "[7]", "\"x\""] {
        assert_eq!(refused(&mut voice.client, by_id, &[&bad]).0, "22023", "{bad}");
    }
    let twice = json!([with("intent", json!("sales")), with("intent", json!("info"))]).to_string();
    assert!(refused(&mut voice.client, by_id, &[&twice]).1.contains("two"));
    assert_eq!(voice.text("SELECT voice_import_scores('[]')::text", &[]).unwrap(), "0");
    // Nor does a call that brings such come in.
    let bad = json!({"id": "bad", "agent": "a", "turns": [], "scores": {"sentiment": 2, "lead_score": 1}}).to_string();
    let (code, message) = refused(&mut voice.client, "SELECT voice_imports('voice', ARRAY[$1::text::jsonb])", &[&bad]);
    assert!(code == "22023" && message.contains("sentiment"), "{message}");
    let going_on = voice.open_call(&[("user", "hello")]);
    let (code, _) = refused(
        &mut voice.client,
        by_id,
        &[&json!({"call_id": going_on, "sentiment": 0, "lead_score": 1}).to_string()],
    );
    assert_eq!(code, "55000", "a call in progress");
    let nobody =
        json!({"call_id": "01890000-0000-7000-8000-000000000000", "sentiment": 0, "lead_score": 1}).to_string();
    assert_eq!(refused(&mut voice.client, by_id, &[&nobody]).0, "23503");
    assert_eq!(voice.count("SELECT count(*) FROM voice.analytics"), 0);
    assert_eq!(voice.count("SELECT count(*) FROM voice.call"), 2);
    assert_eq!(voice.count("SELECT count(*) FROM voice.job"), 1, "it still waits to be judged");
}

#[test]
fn only_an_admin_brings_scores_and_only_of_calls_of_its_own_tenant() {
    let mut voice = Voice::on(harness::Cluster::builder().setting("voice_analytics.enabled", "off"));
    voice
        .client
        .batch_execute(
            "CREATE ROLE acme LOGIN; CREATE ROLE globex LOGIN; CREATE ROLE scribe LOGIN;
             SELECT voice_grant('acme', 'admin'), voice_grant('globex', 'admin'), voice_grant('scribe', 'writer');
             SELECT voice_pin_tenant('acme', 'acme'), voice_pin_tenant('globex', 'globex'), voice_pin_tenant('scribe', 'acme')",
        )
        .unwrap();
    let call =
        json!({"id": "c", "agent": "a", "turns": [], "scores": {"sentiment": 0, "lead_score": 85, "intent": "sales"}})
            .to_string();
    let import = "SELECT voice_import('voice', $1::text::jsonb)::text";
    let (code, _) = refused(&mut voice.cluster.connect_as("scribe", "app"), import, &[&call]);
    assert_eq!((code.as_str(), voice.count("SELECT count(*) FROM voice.call")), ("42501", 0));
    let mut acme = voice.cluster.connect_as("acme", "app");
    let id: String = acme.query_one(import, &[&call]).unwrap().get(0);
    assert_eq!(voice.text("SELECT tenant_id FROM voice.analytics", &[]).unwrap(), "acme");
    assert_eq!(voice.text("SELECT tenant_id FROM voice.search_document", &[]).unwrap(), "acme");
    let mine = json!({"call_id": id, "sentiment": 1, "lead_score": 1}).to_string();
    let by_id = "SELECT voice_import_scores($1::text::jsonb)::text";
    let mut globex = voice.cluster.connect_as("globex", "app");
    globex.batch_execute("SET voice_analytics.tenant = 'acme'").unwrap();
    assert_eq!(refused(&mut globex, by_id, &[&mine]).0, "23503");
    assert_eq!(refused(&mut voice.cluster.connect_as("scribe", "app"), by_id, &[&mine]).0, "42501");
    assert_eq!(voice.count("SELECT lead_score::bigint FROM voice.analytics"), 85);
}

#[test]
fn a_lead_is_told_while_it_is_young() {
    const ANALYZED: &[&str] = &["call.analyzed"];
    const BOTH: &[&str] = &["call.analyzed", "lead.hot"];
    for (max_age, calls) in [
        (None, [("23 hours", BOTH), ("25 hours", ANALYZED)]),
        (Some("90min"), [("1 hour", BOTH), ("2 hours", ANALYZED)]),
        (Some("0"), [("1 hour", BOTH), ("300 days", BOTH)]),
    ] {
        let (llm, hook) = (StubLlm::start(), StubLlm::start());
        llm.answer_always(hot());
        let mut server = Voice::asking(&llm);
        if let Some(max_age) = max_age {
            server = server.setting("voice_analytics.webhook_max_age", max_age);
        }
        let mut voice = Voice::on(server);
        let add = format!("SELECT voice_add_webhook('{}', events => '{{lead.hot,call.analyzed}}')", hook.url());
        voice.client.batch_execute(&add).unwrap();
        let mut seen = 0;
        for (age, events) in calls {
            let import = "SELECT voice_import_call(jsonb_build_object('id', $1::text, 'agent', 'a', 'started_at', now() - $1::text::interval,
                'turns', '[{\"role\": \"user\", \"text\": \"ten of them\"}]'::jsonb))::text";
            voice.text(import, &[&age]).unwrap();
            voice.drained();
            let requests = hook.requests();
            let event = |request: &harness::stub::Request| request.json()["type"].as_str().unwrap().to_owned();
            let mut told: Vec<String> = requests[seen..].iter().map(event).collect();
            told.sort();
            assert_eq!(told, events, "{age} old, webhook_max_age {max_age:?}");
            seen = requests.len();
        }
    }
}
