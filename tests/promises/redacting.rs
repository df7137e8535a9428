//! What is said on the telephone, and what a language model gets to read of it.

use harness::stub::{Reply, StubLlm};
use harness::voice::Voice;
use serde_json::json;

const SAID: &str =
    "I'm Kim, kim dot ortega at example dot com or 212-555-0142. Card 4111 1111 1111 1111, social 219-09-9999.";

fn judged(stub: &StubLlm) {
    let mut reply = Reply::good();
    reply["summary"] = json!("Kim ([EMAIL_1]) paid with [CARD_1] and is [SSN_1].");
    reply["entities"] = json!({"name": "Kim", "email": "[EMAIL_1]", "phone": "[PHONE_1]", "topic": "[PHONE_9]"});
    reply["next_action"] = json!("Call [PHONE_1].");
    stub.answer_always(Reply::content(&reply.to_string()));
}

#[test]
fn what_leaves_has_placeholders_and_what_is_stored_says_how_to_reach_the_caller() {
    let stub = StubLlm::start();
    judged(&stub);
    let mut voice = Voice::on(Voice::asking(&stub).setting("voice_analytics.redact", "on"));
    let call = voice.call(&[("user", SAID), ("assistant", "I have 212 555 0142.")]);
    voice.drained();
    let requests = stub.requests();
    let sent = String::from_utf8_lossy(&requests[0].body).into_owned();
    for secret in ["ortega", "example", "555", "0142", "4111", "219"] {
        assert!(!sent.contains(secret), "{secret} has left: {sent}");
    }
    assert!(sent.contains("[EMAIL_1] or [PHONE_1]. Card [CARD_1], social [SSN_1]"), "{sent}");
    assert!(sent.contains("I have [PHONE_1]."), "the same value, the same placeholder: {sent}");

    let row = |sql: &str, voice: &mut Voice| voice.text(sql, &[&call]).unwrap_or_default();
    let from = "FROM voice.analytics WHERE call_id::text = $1";
    assert_eq!(
        row(&format!("SELECT summary {from}"), &mut voice),
        "Kim (kim.ortega@example.com) paid with [CARD_1] and is [SSN_1]."
    );
    assert_eq!(row(&format!("SELECT entities->>'email' {from}"), &mut voice), "kim.ortega@example.com");
    assert_eq!(row(&format!("SELECT entities->>'phone' {from}"), &mut voice), "2125550142");
    assert_eq!(row(&format!("SELECT entities->>'topic' {from}"), &mut voice), "[PHONE_9]", "nobody gave it out");
    assert_eq!(row(&format!("SELECT next_action {from}"), &mut voice), "Call 2125550142.");
    assert!(row("SELECT voice_transcript($1::text::uuid)", &mut voice).contains("4111 1111"), "what was said stays");
}

#[test]
fn whether_it_is_on_changes_nothing_about_which_words_were_judged() {
    let stub = StubLlm::start();
    judged(&stub);
    let mut voice = Voice::on(Voice::asking(&stub).setting("voice_analytics.redact", "on"));
    let call = voice.call(&[("user", SAID)]);
    voice.drained();
    voice.cluster.set("voice_analytics.redact", "off");
    voice.until("SELECT setting = 'off' FROM pg_settings WHERE name = 'voice_analytics.redact'");
    // Queued again, and found to be judged already.
    voice.client.execute("INSERT INTO voice.job (kind, call_id) VALUES ('analyze', $1::text::uuid)", &[&call]).unwrap();
    voice.client.batch_execute("NOTIFY voice_analytics").unwrap();
    voice.drained();
    assert_eq!(stub.count(), 1);
}
