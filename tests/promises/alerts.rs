//! Rates of calls are watched: who has asked for it is told once that one is wrong, and once that it is over.

use std::time::Duration;

use harness::stub::{Reply, StubLlm};
use harness::wait_until;
use serde_json::{Value, json};

use crate::voice::{SOON, Voice};

/// So many calls of the last minutes that ended so.
fn calls(voice: &mut Voice, tenant: &str, status: &str, count: i64) {
    let sql = "INSERT INTO voice.call (agent_id, tenant_id, started_at, ended_at, status)
        SELECT $1 || '-agent', $1, now() - interval '10 minutes', now() - interval '5 minutes', $2 FROM generate_series(1, $3::bigint)";
    voice.client.execute(sql, &[&tenant, &status, &count]).unwrap();
}

/// Has the maintenance process evaluate the alerts now, whatever it did in this minute.
fn evaluate(voice: &mut Voice) {
    let sql = "UPDATE voice.alert SET evaluated_at = NULL; SELECT pg_reload_conf()";
    voice.client.batch_execute(sql).unwrap();
    voice.until("SELECT NOT EXISTS (SELECT FROM voice.alert WHERE evaluated_at IS NULL)");
}

fn tenant(voice: &mut Voice, name: &str) {
    voice.client.batch_execute(&format!("SET voice_analytics.tenant = '{name}'")).unwrap();
}

fn ids(hook: &StubLlm) -> Vec<String> {
    hook.requests().iter().map(|request| request.header("webhook-id").unwrap().to_owned()).collect()
}

#[test]
fn an_alert_is_told_once_when_it_is_raised_and_once_when_it_is_over_and_to_its_own_tenant() {
    let mut voice = Voice::start();
    let hooks: Vec<StubLlm> = ["one", "two"]
        .map(|name| {
            let hook = StubLlm::start();
            hook.answer_always(Reply::body(b""));
            tenant(&mut voice, name);
            let insert = "INSERT INTO voice.agent (id, vertical, tenant_id) VALUES ($1 || '-agent', 'salon', $1)";
            voice.client.execute(insert, &[&name]).unwrap();
            let add = "SELECT voice_add_webhook($1, events => '{alert.raised,alert.cleared,lead.hot}')";
            voice.client.query_one(add, &[&hook.url()]).unwrap();
            hook
        })
        .into();
    let add = "SELECT voice_add_alert('transfers', 'transfer_share', '>', 0.5, '30 minutes')";
    for name in ["one", "two"] {
        tenant(&mut voice, name);
        voice.client.execute(add, &[]).unwrap();
    }
    calls(&mut voice, "one", "transferred", 30);
    // Fewer than min_calls.
    calls(&mut voice, "two", "transferred", 19);
    // The receiver is not well: it is told again, by the same id.
    hooks[0].answer_always(Reply::error(500, "not now"));
    evaluate(&mut voice);
    hooks[0].wait_for(1, SOON);
    hooks[0].answer_always(Reply::body(b""));
    let raised = hooks[0].wait_for(2, SOON)[1].json();
    assert_eq!((&raised["type"], &raised["data"]["alert"]), (&json!("alert.raised"), &json!("transfers")), "{raised}");
    let data = &raised["data"];
    assert_eq!(
        (&data["metric"], &data["op"], &data["threshold"], &data["window_s"], &data["value"], &data["calls"]),
        (&json!("transfer_share"), &json!(">"), &json!(0.5), &json!(1800), &json!(1.0), &json!(30)),
        "{raised}"
    );
    assert_eq!((&data["agent_id"], &data["reason"]), (&Value::Null, &json!("past the threshold")));
    voice.drained();
    assert_eq!(ids(&hooks[0])[0], ids(&hooks[0])[1]);
    // What is raised is not raised again.
    evaluate(&mut voice);
    voice.drained();
    assert_eq!((hooks[0].count(), hooks[1].count()), (2, 0));
    // 30 of 60 is on the right side of the threshold, and not yet far enough from it.
    calls(&mut voice, "one", "completed", 30);
    evaluate(&mut voice);
    voice.drained();
    assert_eq!(hooks[0].count(), 2);
    // 30 of 90 is.
    calls(&mut voice, "one", "completed", 30);
    evaluate(&mut voice);
    let cleared = hooks[0].wait_for(3, SOON)[2].json();
    let data = &cleared["data"];
    assert_eq!((&cleared["type"], &data["reason"]), (&json!("alert.cleared"), &json!("back")), "{cleared}");
    assert_eq!((&data["raised_at"], &data["calls"]), (&raised["data"]["at"], &json!(90)), "{cleared}");
    assert_ne!(data["event_id"], raised["data"]["event_id"]);
    voice.drained();
    // Another tenant's events are its own, in the table too; no call was told of, and no call's log has any of it.
    calls(&mut voice, "two", "transferred", 1);
    evaluate(&mut voice);
    let other = hooks[1].wait_for(1, SOON)[0].json();
    assert_eq!((&other["data"]["alert"], &other["data"]["calls"]), (&json!("transfers"), &json!(20)), "{other}");
    voice.drained();
    assert_eq!((hooks[0].count(), hooks[1].count()), (3, 1));
    let events = "SELECT string_agg(concat_ws(' ', tenant_id, event, told_at IS NOT NULL), ', ' ORDER BY id) FROM voice.alert_event";
    assert_eq!(voice.text(events, &[]).as_deref(), Some("one alert.raised t, one alert.cleared t, two alert.raised t"));
    assert_eq!(voice.count("SELECT count(*) FROM voice.attempt WHERE event LIKE 'alert.%'"), 0);
    assert_eq!(voice.count("SELECT count(*) FROM voice.dead_job"), 0);
}

#[test]
fn every_minute_is_evaluated_by_itself() {
    let mut voice = Voice::start();
    voice.client.batch_execute("SELECT voice_add_alert('dead', 'dead_jobs', '>', 0)").unwrap();
    let evaluated = |voice: &mut Voice| voice.text("SELECT evaluated_at::text FROM voice.alert", &[]);
    let within = Duration::from_secs(70) + SOON;
    let first = wait_until("the first evaluation", within, || evaluated(&mut voice));
    let second = wait_until("the next one", within, || evaluated(&mut voice).filter(|at| *at != first));
    let apart = "SELECT $2::text::timestamptz - $1::text::timestamptz >= interval '1 minute' AND date_trunc('minute', $1::text::timestamptz) = $1::text::timestamptz";
    assert!(voice.client.query_one(apart, &[&first, &second]).unwrap().get::<_, bool>(0), "{first} {second}");
}

#[test]
fn a_delivery_of_an_alert_that_nobody_takes_is_dead_and_can_be_queued_again() {
    let mut voice = Voice::start();
    let hook = StubLlm::start();
    hook.answer_always(Reply::error(500, "not now"));
    voice.client.query_one("SELECT voice_add_webhook($1, events => '{alert.raised}')", &[&hook.url()]).unwrap();
    voice.client.batch_execute("INSERT INTO voice.agent (id, tenant_id) VALUES ('-agent', '')").unwrap();
    calls(&mut voice, "", "failed", 20);
    voice.client.batch_execute("SELECT voice_add_alert('volume', 'transfer_share', '<', 0.5)").unwrap();
    evaluate(&mut voice);
    hook.wait_for(1, SOON);
    voice.until("SELECT EXISTS (SELECT FROM voice.job WHERE event = 'alert.raised' AND lease IS NULL AND attempt = 1)");
    // The schedule's last attempt.
    let last = "UPDATE voice.job SET attempt = 9, run_at = now() WHERE event = 'alert.raised'; SELECT voice._wake()";
    voice.client.batch_execute(last).unwrap();
    voice.until("SELECT EXISTS (SELECT FROM voice.dead_job WHERE event = 'alert.raised' AND last_error LIKE '%500%')");
    hook.answer_always(Reply::body(b""));
    assert_eq!(voice.count("SELECT voice_requeue_dead()"), 1);
    hook.wait_for(3, SOON);
    voice.drained();
    assert_eq!(ids(&hook)[0], ids(&hook)[2]);
    assert_eq!(voice.count("SELECT count(*) FROM voice.dead_job"), 0);
}
