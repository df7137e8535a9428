//! What a tenant may ask of the LLM: so much at once, so much a minute; and nobody else waits for it.

use crate::fairness::calls;
use crate::voice::{SOON, Voice};
use harness::stub::{Reply, Request, StubLlm};
use std::time::Duration;

fn of(requests: &[Request], tenant: &str) -> Vec<Request> {
    let words = format!("{tenant} calls");
    requests.iter().filter(|r| r.transcript().contains(&words)).cloned().collect()
}

/// Every request is held until the test lets it go.
fn holding() -> (StubLlm, Voice) {
    let stub = StubLlm::start();
    stub.answer_always(Reply::analysis().held());
    let voice = Voice::on(Voice::asking(&stub).setting("voice_analytics.max_concurrency", 64));
    (stub, voice)
}

/// Waits until as many requests of this tenant have come, and gives how many have by then.
fn have_come(stub: &StubLlm, tenant: &str, count: usize) -> usize {
    harness::wait_until(tenant, SOON, || {
        let come = of(&stub.requests(), tenant).len();
        (come >= count).then_some(come)
    })
}

#[test]
fn a_tenant_has_no_more_requests_under_way_than_its_limit_and_others_go_on() {
    let (stub, mut voice) = holding();
    voice.client.batch_execute("SELECT voice_limit_tenant('small', max_concurrency => 2)").unwrap();
    calls(&mut voice, "small", 300);
    have_come(&stub, "small", 2);
    calls(&mut voice, "other", 30);
    have_come(&stub, "other", 30);
    assert_eq!(of(&stub.requests(), "small").len(), 2, "the others came after them, so more would have come before");
    assert_eq!(voice.count("SELECT count(*) FROM voice.job WHERE tenant_id = 'small' AND lease IS NULL"), 298);
    voice.until("SELECT reason = 'jobs wait for the limits of their tenants' FROM voice_status()");

    // What is asked for next is one for each that is answered.
    stub.answer_always(Reply::analysis());
    stub.release();
    voice.drained();
    assert_eq!(of(&stub.requests(), "small").len(), 300);
    voice.until("SELECT state = 'idle' AND reason IS NULL FROM voice_status()");
}

#[test]
fn a_tenant_asks_as_often_a_minute_as_it_may_and_others_as_they_like() {
    let stub = StubLlm::start();
    let mut voice = Voice::with_llm(&stub);
    voice.client.batch_execute("SELECT voice_limit_tenant('small', requests_per_minute => 60)").unwrap();
    calls(&mut voice, "small", 4);
    calls(&mut voice, "other", 100);
    voice.drained();
    let requests = stub.requests();
    let small = of(&requests, "small");
    assert_eq!((small.len(), of(&requests, "other").len()), (4, 100));
    for pair in small.windows(2) {
        let gap = (pair[1].arrived - pair[0].arrived).as_millis();
        assert!(gap >= 900, "{gap} ms between two requests at 60 a minute");
    }
    let last = of(&requests, "other").last().map(|r| r.arrived);
    assert!(last < small.last().map(|r| r.arrived), "the others did not wait for the last of these");
}

#[test]
fn a_tenant_whose_minute_has_come_waits_for_no_answer_and_no_sweep() {
    let stub = StubLlm::start();
    stub.answer_always(Reply::analysis().held());
    let mut voice = Voice::on(Voice::asking(&stub).setting("voice_analytics.sweep_interval", 0));
    voice.client.batch_execute("SELECT voice_limit_tenant('small', requests_per_minute => 60)").unwrap();
    calls(&mut voice, "small", 4);
    have_come(&stub, "small", 4);
}

#[test]
fn a_new_limit_counts_at_once_and_so_does_none() {
    let (stub, mut voice) = holding();
    voice.client.batch_execute("SELECT voice_limit_tenant('small', 1, 1)").unwrap();
    calls(&mut voice, "small", 20);
    assert_eq!(have_come(&stub, "small", 1), 1);
    voice.client.batch_execute("SELECT voice_limit_tenant('small', 4, 0)").unwrap();
    have_come(&stub, "small", 4);
    voice.client.batch_execute("SELECT voice_limit_tenant('small')").unwrap();
    have_come(&stub, "small", 20);
    assert_eq!(voice.count("SELECT count(*) FROM voice.tenant_limit"), 0);
}

#[test]
fn the_settings_speak_of_every_tenant_and_the_table_of_one() {
    let stub = StubLlm::start();
    stub.answer_always(Reply::analysis().held());
    let builder = Voice::asking(&stub).setting("voice_analytics.max_concurrency", 64);
    let mut voice = Voice::on(builder.setting("voice_analytics.tenant_max_concurrency", 2));
    voice.client.batch_execute("SELECT voice_limit_tenant('large', 5), voice_limit_tenant('free', 0)").unwrap();
    for tenant in ["small", "large"] {
        calls(&mut voice, tenant, 30);
    }
    calls(&mut voice, "free", 30);
    have_come(&stub, "free", 30);
    have_come(&stub, "large", 5);
    have_come(&stub, "small", 2);
    voice.cluster.set("voice_analytics.tenant_max_concurrency", "3");
    have_come(&stub, "small", 3);
    let requests = stub.requests();
    assert_eq!(["small", "large", "free"].map(|t| of(&requests, t).len()), [3, 5, 30]);
}

#[test]
fn a_backlog_beyond_what_is_read_ahead_does_not_hide_others_behind_it() {
    let (stub, mut voice) = holding();
    voice.cluster.set("voice_analytics.enabled", "off");
    voice.state("disabled");
    voice.client.batch_execute("SELECT voice_limit_tenant('small', 1)").unwrap();
    calls(&mut voice, "small", 3000);
    calls(&mut voice, "other", 1500);
    stub.answer(|request| match request.transcript().contains("small calls") {
        true => Reply::analysis().held(),
        false => Reply::analysis().delay(Duration::from_millis(1)),
    });
    voice.cluster.set("voice_analytics.enabled", "on");
    voice.until("SELECT count(*) = 0 FROM voice.job WHERE tenant_id = 'other'");
    assert_eq!(of(&stub.requests(), "small").len(), 1);
}

#[test]
fn a_call_that_somebody_holds_does_not_hold_up_the_others_of_its_tenant() {
    let stub = StubLlm::start();
    let mut voice = Voice::with_llm(&stub);
    voice.client.batch_execute("SELECT voice_pause(), voice_limit_tenant('small', 1)").unwrap();
    calls(&mut voice, "small", 20);
    let mut somebody = voice.cluster.connect("app");
    let mut transaction = somebody.transaction().unwrap();
    let held = "SELECT id FROM voice.job WHERE id IN (SELECT id FROM voice.job ORDER BY run_at, id LIMIT 3) FOR UPDATE";
    transaction.batch_execute(held).unwrap();
    voice.client.batch_execute("SELECT voice_resume()").unwrap();
    voice.until("SELECT count(*) = 3 FROM voice.job");
    transaction.rollback().unwrap();
    voice.drained();
    assert_eq!(stub.count(), 20);
}

#[test]
fn a_transaction_that_has_set_a_limit_holds_up_nobody() {
    let mut voice = Voice::start();
    let mut somebody = voice.cluster.connect("app");
    let mut transaction = somebody.transaction().unwrap();
    transaction.batch_execute("SELECT voice_limit_tenant('small', 1)").unwrap();
    voice
        .client
        .batch_execute("SET lock_timeout = '1s'; SELECT voice_pause(), voice_limit_tenant('other', 2), voice_resume()")
        .unwrap();
    let worker = "SELECT worker_pid FROM voice_status()";
    let pid: i32 = voice.client.query_one(worker, &[]).unwrap().get(0);
    voice.client.execute("SELECT pg_terminate_backend($1)", &[&pid]).unwrap();
    calls(&mut voice, "small", 1);
    voice.drained();
    transaction.commit().unwrap();
}

#[test]
fn a_limit_that_no_trigger_has_seen_counts_from_the_next_sweep_or_reload_on() {
    let (stub, mut voice) = holding();
    voice.client.batch_execute("SET session_replication_role = replica; INSERT INTO voice.tenant_limit (tenant_id, max_concurrency) VALUES ('small', 1); RESET session_replication_role").unwrap();
    // It reads them at a reload too.
    voice.cluster.set("voice_analytics.enabled", "off");
    voice.state("disabled");
    voice.cluster.set("voice_analytics.enabled", "on");
    calls(&mut voice, "small", 5);
    calls(&mut voice, "other", 20);
    have_come(&stub, "other", 20);
    assert_eq!(of(&stub.requests(), "small").len(), 1);
}

#[test]
fn the_builtin_analyzer_knows_no_limits() {
    let mut voice = Voice::start();
    voice.client.batch_execute("SELECT voice_limit_tenant('small', 1, 1)").unwrap();
    calls(&mut voice, "small", 50);
    voice.drained();
    assert_eq!(voice.count("SELECT count(*) FROM voice.analytics WHERE tenant_id = 'small'"), 50);
}

#[test]
fn limits_that_make_no_sense_are_refused() {
    let mut voice = Voice::start();
    for (call, code) in [
        ("voice_limit_tenant(NULL, 1)", "22004"),
        ("voice_limit_tenant('a', -1)", "22023"),
        ("voice_limit_tenant('a', 1025)", "22023"),
        ("voice_limit_tenant('a', 1, 1000001)", "22023"),
        ("voice_limit_tenant('a', requests_per_minute => -1)", "22023"),
    ] {
        let error = voice.client.batch_execute(&format!("SELECT {call}")).unwrap_err();
        let error = error.as_db_error().unwrap();
        assert_eq!(error.code().code(), code, "{call}");
        assert!(error.detail().is_some() && error.hint().is_some(), "{call}");
    }
    assert_eq!(voice.count("SELECT count(*) FROM voice.tenant_limit"), 0);
}

#[test]
fn who_is_pinned_sees_its_own_limit_and_sets_none() {
    let mut voice = Voice::start();
    voice
        .client
        .batch_execute(
            "SELECT voice_limit_tenant('red', 1), voice_limit_tenant('blue', 2);
             CREATE ROLE red_operator LOGIN; SELECT voice_grant('red_operator', 'operator'), voice_pin_tenant('red_operator', 'red');
             CREATE ROLE operator LOGIN; SELECT voice_grant('operator', 'operator')",
        )
        .unwrap();
    let limits =
        "SELECT string_agg(tenant_id || ' ' || max_concurrency, ', ' ORDER BY tenant_id) FROM voice.tenant_limit";
    let mut red = voice.cluster.connect_as("red_operator", "app");
    assert_eq!(red.query_one(limits, &[]).unwrap().get::<_, String>(0), "red 1");
    for attempt in [
        "SELECT voice_limit_tenant('red', 64)",
        "SELECT voice_limit_tenant('blue', 1)",
        "INSERT INTO voice.tenant_limit (tenant_id, max_concurrency) VALUES ('green', 1)",
    ] {
        let error = red.batch_execute(attempt).unwrap_err();
        assert_eq!(error.code().unwrap().code(), "42501", "{attempt}");
    }
    let touched = red.execute("UPDATE voice.tenant_limit SET max_concurrency = 64", &[]).unwrap();
    assert_eq!(touched + red.execute("DELETE FROM voice.tenant_limit", &[]).unwrap(), 0);

    let mut operator = voice.cluster.connect_as("operator", "app");
    operator.batch_execute("SELECT voice_limit_tenant('blue', 3)").unwrap();
    assert_eq!(operator.query_one(limits, &[]).unwrap().get::<_, String>(0), "blue 3, red 1");
}
