//! The worker is nobody special.

use crate::voice::Voice;

#[test]
fn a_function_that_a_role_attached_to_a_table_cannot_become_superuser_through_the_worker() {
    let mut voice = Voice::start();
    voice
        .client
        .batch_execute(
            "CREATE ROLE mallory LOGIN;
             CREATE SCHEMA lair AUTHORIZATION mallory;
             GRANT USAGE ON SCHEMA voice TO mallory;
             GRANT TRIGGER ON ALL TABLES IN SCHEMA voice TO mallory;
             SET SESSION AUTHORIZATION mallory;
             CREATE TABLE lair.seen (who text, what text);
             GRANT INSERT ON lair.seen TO PUBLIC;
             GRANT USAGE ON SCHEMA lair TO PUBLIC;
             CREATE FUNCTION lair.climb() RETURNS trigger LANGUAGE plpgsql AS $$
             DECLARE attempt text;
             BEGIN
               FOREACH attempt IN ARRAY ARRAY['SET ROLE postgres', 'RESET SESSION AUTHORIZATION', 'SET SESSION AUTHORIZATION postgres',
                                              'RESET ROLE', 'ALTER ROLE mallory SUPERUSER', 'CREATE TEMP TABLE x (y int)'] LOOP
                 BEGIN
                   EXECUTE attempt;
                   EXECUTE 'ALTER ROLE mallory SUPERUSER';
                   INSERT INTO lair.seen VALUES (current_user, attempt || ' worked');
                 EXCEPTION WHEN OTHERS THEN
                   INSERT INTO lair.seen VALUES (current_user, attempt || ': ' || SQLERRM);
                 END;
               END LOOP;
               RETURN NULL;
             END $$;
             CREATE TRIGGER climb AFTER INSERT ON voice.analytics FOR EACH ROW EXECUTE FUNCTION lair.climb();
             RESET SESSION AUTHORIZATION",
        )
        .unwrap();
    voice.call(&[("user", "hello")]);
    voice.drained();
    voice.until("SELECT count(*) > 0 FROM lair.seen");
    assert_eq!(voice.text("SELECT string_agg(DISTINCT who, ',') FROM lair.seen", &[]).unwrap(), "voice_worker");
    assert_eq!(voice.count("SELECT count(*) FROM lair.seen WHERE what LIKE '% worked'"), 0);
    assert_eq!(voice.count("SELECT count(*) FROM pg_roles WHERE rolname = 'mallory' AND rolsuper"), 0);
    assert_eq!(voice.count("SELECT count(*) FROM voice.analytics"), 1, "and the call is analysed all the same");
}

#[test]
fn a_trigger_that_fails_costs_its_call_an_attempt_and_not_the_worker() {
    let mut voice = Voice::on(harness::Cluster::builder().setting("voice_analytics.max_attempts", 1));
    voice
        .client
        .batch_execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN IF NEW.summary LIKE '%poison%' THEN RAISE 'not this one'; END IF; RETURN NEW; END $$;
             CREATE TRIGGER refuse BEFORE INSERT ON voice.analytics FOR EACH ROW EXECUTE FUNCTION refuse()",
        )
        .unwrap();
    voice.cluster.set("voice_analytics.enabled", "off");
    voice.state("disabled");
    for words in ["hello there", "there is poison in the soup", "good evening"] {
        voice.call(&[("user", words)]);
    }
    voice.cluster.set("voice_analytics.enabled", "on");
    voice.drained();
    assert_eq!(voice.count("SELECT count(*) FROM voice.analytics"), 2);
    assert!(voice.text("SELECT last_error FROM voice.dead_job", &[]).unwrap().contains("not this one"));
}

#[test]
fn the_worker_serves_every_tenant() {
    let mut voice = Voice::start();
    for tenant in ["acme", "globex"] {
        voice
            .client
            .batch_execute(&format!(
                "SET voice_analytics.tenant = '{tenant}';
                 SELECT voice_import_call('{{\"id\": \"x\", \"agent\": \"{tenant}-agent\", \"turns\": [{{\"role\": \"user\", \"text\": \"hello\"}}]}}')"
            ))
            .unwrap();
    }
    voice.drained();
    let sql = "SELECT string_agg(tenant_id, ',' ORDER BY tenant_id) FROM voice.analytics";
    assert_eq!(voice.text(sql, &[]).unwrap(), "acme,globex");
}

/// `evil` has what every application role has, and a schema of his own.
fn with_evil(voice: &mut Voice) {
    voice
        .client
        .batch_execute(
            "CREATE ROLE evil LOGIN; CREATE SCHEMA lair AUTHORIZATION evil; GRANT USAGE ON SCHEMA lair TO PUBLIC;
             GRANT USAGE ON SCHEMA voice TO evil;
             GRANT SELECT, INSERT, UPDATE ON voice.agent, voice.call, voice.turn TO evil;
             GRANT USAGE ON ALL SEQUENCES IN SCHEMA voice TO evil;
             CREATE TABLE lair.loot (who text); GRANT ALL ON lair.loot TO PUBLIC",
        )
        .unwrap();
}

#[test]
fn an_operator_of_ones_own_does_not_run_as_the_worker() {
    let mut voice = Voice::start();
    with_evil(&mut voice);
    voice.open_call(&[("user", "hello")]);
    voice
        .client
        .batch_execute(
            "SET SESSION AUTHORIZATION evil;
             CREATE FUNCTION lair.mul(int, interval) RETURNS interval LANGUAGE plpgsql AS $$
               BEGIN INSERT INTO lair.loot VALUES (current_user); RETURN '0'; END $$;
             CREATE OPERATOR lair.* (LEFTARG = int, RIGHTARG = interval, FUNCTION = lair.mul);
             CREATE FUNCTION lair.eq(uuid, uuid) RETURNS boolean LANGUAGE plpgsql AS $$
               BEGIN INSERT INTO lair.loot VALUES (current_user); RETURN true; END $$;
             CREATE OPERATOR lair.= (LEFTARG = uuid, RIGHTARG = uuid, FUNCTION = lair.eq);
             SET search_path = lair, pg_catalog, public;
             UPDATE voice.call SET status = 'completed';
             INSERT INTO voice.turn (call_id, role, text) SELECT id, 'user', 'late' FROM voice.call;
             RESET SESSION AUTHORIZATION; RESET search_path",
        )
        .unwrap();
    assert_eq!(voice.count("SELECT count(*) FROM lair.loot WHERE who = 'voice_worker'"), 0);
    voice.drained();
}

#[test]
fn the_triggers_of_our_tables_are_for_our_tables() {
    let mut voice = Voice::start();
    with_evil(&mut voice);
    for function in
        ["_complete_call", "_call_written", "_turn_written", "_chunk_written", "_copy_to_analytics", "_calls_deleted"]
    {
        let attach = format!(
            "SET SESSION AUTHORIZATION evil; CREATE TEMP TABLE mine (id uuid, call_id uuid, tenant_id text);
             CREATE TRIGGER t AFTER INSERT ON mine FOR EACH ROW EXECUTE FUNCTION voice.{function}()"
        );
        let error = voice.client.batch_execute(&attach).expect_err(function);
        assert_eq!(error.code().unwrap().code(), "42501", "{function}");
        voice.client.batch_execute("ROLLBACK; RESET SESSION AUTHORIZATION; DROP TABLE IF EXISTS mine").unwrap();
    }
}

#[test]
fn a_search_inside_somebody_elses_index_reads_as_the_owner_of_the_index() {
    let mut voice = Voice::start();
    voice.call(&[("user", "my secret card")]);
    voice.drained();
    voice
        .client
        .batch_execute(
            "CREATE ROLE evil LOGIN; CREATE SCHEMA lair AUTHORIZATION evil; GRANT USAGE ON SCHEMA voice TO evil;
             SET SESSION AUTHORIZATION evil;
             CREATE TABLE lair.loot (what text);
             CREATE FUNCTION lair.grab() RETURNS void LANGUAGE plpgsql AS $$
               BEGIN INSERT INTO lair.loot SELECT headline FROM public.voice_search('card');
               EXCEPTION WHEN insufficient_privilege THEN NULL; END $$;
             CREATE FUNCTION lair.peek(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$
               BEGIN PERFORM lair.grab(); RETURN 1; END $$;
             CREATE TABLE lair.d (n int); CREATE INDEX ON lair.d (lair.peek(n)); INSERT INTO lair.d VALUES (1), (2);
             RESET SESSION AUTHORIZATION;
             ANALYZE lair.d; REINDEX TABLE lair.d",
        )
        .unwrap();
    assert_eq!(voice.count("SELECT count(*) FROM lair.loot"), 0);
    assert_eq!(voice.count("SELECT count(*) FROM voice_search('card')"), 1, "who may read does");
}
