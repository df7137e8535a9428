//! Calls that nobody ends, words that nobody has finished, tenants that nobody has named.

use harness::stub::StubLlm;

use crate::voice::Voice;

#[test]
fn calls_that_nobody_ends_are_listed_and_end_at_their_last_word() {
    let mut voice = Voice::start();
    let open = "INSERT INTO voice.agent (id, vertical) VALUES ('a', 'salon');
        INSERT INTO voice.call (id, agent_id, started_at, external_id)
        SELECT voice_uuidv7(t), 'a', t, n::text FROM (SELECT n, now() - n * interval '13 hours' AS t FROM generate_series(0, 2) n) s;
        INSERT INTO voice.turn (call_id, role, text, started_at, ended_at)
        SELECT id, 'user', 'hello', started_at + interval '1 min', started_at + interval '2 min' FROM voice.call WHERE external_id = '2'";
    voice.client.batch_execute(open).unwrap();
    let listed = "SELECT string_agg(external_id || ' ' || (last_word_at - started_at), ', ' ORDER BY started_at) FROM voice_stale_calls($1::text::interval)";
    assert_eq!(voice.text(listed, &[&"4 hours"]).as_deref(), Some("2 00:02:00, 1 00:00:00"));
    assert_eq!(voice.text(listed, &[&"20 hours"]).as_deref(), Some("2 00:02:00"));
    assert_eq!(voice.count("SELECT voice_end_stale_calls(interval '20 hours')"), 1);
    voice.until("SELECT count(*) = 1 FROM voice.analytics");
    let ended = "SELECT string_agg(format('%s %s %s', status, duration_ms, end_reason), ', ') FROM voice.call WHERE status <> 'in_progress'";
    assert_eq!(voice.text(ended, &[]).as_deref(), Some("completed 120000 nobody ended it"));
    // By the setting, the worker's maintenance ends the others; not the one that has just begun.
    voice
        .client
        .batch_execute("ALTER DATABASE app SET voice_analytics.end_stale_calls_after = '4h'; SELECT pg_reload_conf()")
        .unwrap();
    voice.until("SELECT count(*) = 2 FROM voice.analytics");
    assert_eq!(
        voice.text("SELECT external_id FROM voice.call WHERE status = 'in_progress'", &[]).as_deref(),
        Some("0")
    );
}

#[test]
fn a_call_that_is_cut_off_before_any_final_word_is_judged_and_found_by_what_was_heard() {
    let stub = StubLlm::start();
    let mut voice = Voice::with_llm(&stub);
    let call = voice.open_call(&[]);
    let heard = format!(
        "SELECT voice_add_chunk('{call}', t, 1, 'I want to buy two annual plans today') FROM voice_add_turn('{call}', 'user', '') t"
    );
    voice.client.batch_execute(&heard).unwrap();
    voice.end(&call);
    voice.drained();
    assert!(stub.requests()[0].transcript().contains("user: I want to buy two annual plans today"));
    assert_eq!(voice.count("SELECT count(*) FROM voice_search('annual plans')"), 1);
    assert_eq!(voice.count("SELECT count(*) FROM voice.analytics WHERE model = 'rule/no-conversation'"), 0);
}

#[test]
fn a_live_call_under_the_id_of_a_deleted_one_is_judged_and_found() {
    let stub = StubLlm::start();
    let mut voice = Voice::with_llm(&stub);
    voice.client.batch_execute("INSERT INTO voice.agent (id, vertical) VALUES ('a', 'salon')").unwrap();
    let live = |voice: &mut Voice, said: &str| {
        let start = "SELECT voice_start_call('a', '+12125550142', '+12125550100', external_id => 'CA-9')::text";
        let call = voice.text(start, &[]).unwrap();
        let heard = "SELECT voice_add_turn($1::text::uuid, 'user', $2), voice_end_call($1::text::uuid)";
        voice.client.execute(heard, &[&call, &said]).unwrap();
        voice.drained();
        call
    };
    let deleted = live(&mut voice, "I want to hear the price of a cut");
    voice.client.execute("SELECT voice_delete_call($1::text::uuid)", &[&deleted]).unwrap();
    let call = live(&mut voice, "I want to buy two annual plans");
    assert_ne!(call, deleted);
    assert!(stub.requests().last().unwrap().transcript().contains("two annual plans"));
    let outcomes: Vec<String> = voice.attempts(&call).into_iter().map(|a| a.0).collect();
    assert_eq!(outcomes, ["ok"]);
    for found in [
        "SELECT call_id::text FROM voice.analytics WHERE call_id = $1::text::uuid",
        "SELECT string_agg(call_id::text, ' ') FROM voice_search('annual plans') WHERE call_id = $1::text::uuid",
    ] {
        assert_eq!(voice.text(found, &[&call]).as_ref(), Some(&call), "{found}");
    }
    let leads = "SELECT string_agg(call_id::text, ' ') FROM voice_top_leads(NULL, '-infinity', 0)";
    assert_eq!(voice.text(leads, &[]), Some(call));
}

#[test]
fn the_model_is_told_who_was_interrupted() {
    let stub = StubLlm::start();
    let mut voice = Voice::with_llm(&stub);
    let call = voice.open_call(&[("user", "How much is a cut?")]);
    let spoken_over = format!(
        "SELECT voice_add_turn('{call}', 'assistant', 'Forty dollars, and I have booked you', interrupted => true)"
    );
    voice.client.batch_execute(&spoken_over).unwrap();
    voice.end(&call);
    voice.drained();
    let asked = stub.requests()[0].transcript();
    assert!(asked.contains("assistant (interrupted): Forty dollars, and I have booked you"), "{asked}");
    // The same words with another flag are another call to judge.
    voice.client.batch_execute("UPDATE voice.turn SET interrupted = false").unwrap();
    voice.until("SELECT count(*) = 2 FROM voice.attempt WHERE outcome = 'ok'");
    voice.drained();
    assert!(!stub.requests()[1].transcript().contains("(interrupted)"));
    assert_eq!(voice.count("SELECT count(*) FROM voice_backfill(stale => true)"), 1);
    assert_eq!(voice.count("SELECT count(*) FROM voice.job"), 0, "the hashes are alike everywhere");
}

#[test]
fn who_forgets_the_tenant_is_refused_where_one_is_required() {
    let mut voice = Voice::start();
    voice.client.batch_execute("CREATE ROLE app LOGIN; SELECT voice_grant('app', 'admin'); ALTER DATABASE app SET voice_analytics.require_tenant = on").unwrap();
    let mut app = voice.cluster.connect_as("app", "app");
    let import = r#"SELECT voice_import_call('{"id": "t2", "vertical": "salon", "turns": [{"role": "user", "text": "hello"}]}')"#;
    for statement in [import, "SELECT count(*) FROM voice.call", "INSERT INTO voice.agent (id) VALUES ('x')"] {
        let error = app.batch_execute(statement).expect_err(statement);
        let error = error.as_db_error().unwrap();
        assert_eq!((error.code().code(), error.message()), ("55000", "no tenant is set"), "{statement}");
        assert!(error.hint().unwrap().contains("SET voice_analytics.tenant"), "{error:?}");
    }
    // Nor can it free itself.
    assert_eq!(
        app.batch_execute("SET voice_analytics.require_tenant = off").unwrap_err().code().unwrap().code(),
        "42501"
    );
    app.batch_execute("BEGIN; SET LOCAL voice_analytics.tenant = 'acme'").unwrap();
    app.batch_execute(import).unwrap();
    app.batch_execute("COMMIT").unwrap();
    // The worker, a DBA and a pinned role have nothing to say.
    voice.client = voice.cluster.connect("app");
    voice.drained();
    assert_eq!(voice.count("SELECT count(*) FROM voice.analytics WHERE tenant_id = 'acme'"), 1);
    voice
        .client
        .batch_execute(
            "CREATE ROLE acme LOGIN; SELECT voice_grant('acme', 'reader'); SELECT voice_pin_tenant('acme', 'acme')",
        )
        .unwrap();
    let mut acme = voice.cluster.connect_as("acme", "app");
    assert_eq!(acme.query_one("SELECT count(*) FROM voice.call", &[]).unwrap().get::<_, i64>(0), 1);
}
