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
