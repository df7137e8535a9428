//! A pinned role stays behind its wall: under another name, in a dump, in what others run for it, in our own functions.

use crate::voice::{SOON, Voice};
use harness::{Cluster, wait_until};
use postgres::Client;

/// A call of each of two tenants, and `red`, a login that is the admin of tenant red and pinned to it.
fn two_tenants(voice: &mut Voice) {
    voice
        .client
        .batch_execute(
            "CREATE ROLE red LOGIN; SELECT voice_grant('red', 'admin'); SELECT voice_pin_tenant('red', 'red');
             SET voice_analytics.tenant = 'red';
             SELECT voice_import_call('{\"id\": \"r\", \"agent\": \"red-agent\", \"turns\": [{\"role\": \"user\", \"text\": \"words of red\"}]}');
             SET voice_analytics.tenant = 'blue';
             SELECT voice_import_call('{\"id\": \"b\", \"agent\": \"blue-agent\", \"turns\": [{\"role\": \"user\", \"text\": \"words of blue\"}]}');
             RESET voice_analytics.tenant",
        )
        .unwrap();
    voice.drained();
}

/// The tenant that a role is in, and whose agents it sees, having asked to be in `blue`.
fn seen(client: &mut Client) -> (String, String) {
    client.batch_execute("SET voice_analytics.tenant = 'blue'").unwrap();
    let sql = "SELECT voice._tenant(), coalesce((SELECT string_agg(id, ',') FROM voice.agent), '')";
    let row = client.query_one(sql, &[]).unwrap();
    (row.get(0), row.get(1))
}

fn red() -> (String, String) {
    ("red".into(), "red-agent".into())
}

fn pins(voice: &mut Voice) -> String {
    let sql = "SELECT coalesce(string_agg(role || '=' || tenant_id, ' ' ORDER BY role), '') FROM voice_access() \
               WHERE tenant_id IS NOT NULL";
    voice.text(sql, &[]).unwrap()
}

#[test]
fn a_pinned_role_stays_pinned_under_another_name() {
    let mut voice = Voice::on(Cluster::builder().setting("voice_analytics.sweep_interval", "1s"));
    two_tenants(&mut voice);
    voice.client.batch_execute("CREATE ROLE other LOGIN; SELECT voice_grant('other', 'admin')").unwrap();
    let mut session = voice.cluster.connect_as("red", "app");
    assert_eq!(seen(&mut session), red());
    voice.client.batch_execute("ALTER ROLE red RENAME TO scarlet").unwrap();
    assert_eq!(seen(&mut session), red(), "a session that was there");
    assert_eq!(seen(&mut voice.cluster.connect_as("scarlet", "app")), red(), "and one that comes");
    assert_eq!(pins(&mut voice), "scarlet=red", "before anybody has followed");
    // A dump knows the name only, so it has to be true soon.
    voice.until("SELECT role = 'scarlet' FROM voice._pin");

    // Who gets the name that was free is not red.
    voice.client.batch_execute("ALTER ROLE other RENAME TO red").unwrap();
    let mut other = voice.cluster.connect_as("red", "app");
    assert_eq!(seen(&mut other).0, "blue");
    assert_eq!(pins(&mut voice), "scarlet=red");
}

#[test]
fn two_pinned_roles_that_change_names_change_no_tenants() {
    let mut voice = Voice::on(Cluster::builder().setting("voice_analytics.enabled", "off"));
    voice
        .client
        .batch_execute(
            "CREATE ROLE one LOGIN; CREATE ROLE two LOGIN;
             SELECT voice_grant(r, 'reader'), voice_pin_tenant(r, 'of ' || r) FROM unnest('{one,two}'::text[]) r;
             ALTER ROLE one RENAME TO three; ALTER ROLE two RENAME TO one; ALTER ROLE three RENAME TO two",
        )
        .unwrap();
    for _ in 0..2 {
        assert_eq!(seen(&mut voice.cluster.connect_as("one", "app")).0, "of two");
        assert_eq!(seen(&mut voice.cluster.connect_as("two", "app")).0, "of one");
        assert_eq!(pins(&mut voice), "one=of two two=of one");
        voice.client.batch_execute("SELECT voice._sync_role_names()").unwrap();
    }
    // The pin that is written is that of the role that has the name now.
    voice.client.batch_execute("ALTER ROLE one RENAME TO four; SELECT voice_pin_tenant('four', 'new')").unwrap();
    assert_eq!(pins(&mut voice), "four=new two=of one");
    voice.client.batch_execute("ALTER ROLE four RENAME TO five; SELECT voice_pin_tenant('five', NULL)").unwrap();
    assert_eq!(pins(&mut voice), "two=of one");
}

#[test]
fn a_role_that_is_dropped_and_made_again_is_pinned_still() {
    let mut voice = Voice::on(Cluster::builder().setting("voice_analytics.enabled", "off"));
    let make = "CREATE ROLE red LOGIN; SELECT voice_grant('red', 'reader')";
    voice.client.batch_execute(&format!("{make}; SELECT voice_pin_tenant('red', 'red')")).unwrap();
    voice.client.batch_execute("SELECT voice_revoke('red'); DROP ROLE red").unwrap();
    voice.client.batch_execute(make).unwrap();
    assert_eq!(seen(&mut voice.cluster.connect_as("red", "app")).0, "red");
    // The new one is followed too, once it has been looked at.
    voice.client.batch_execute("SELECT voice._sync_role_names(); ALTER ROLE red RENAME TO scarlet").unwrap();
    assert_eq!(seen(&mut voice.cluster.connect_as("scarlet", "app")).0, "red");
}

#[test]
fn in_a_copy_pins_go_by_name_until_it_is_the_one_that_counts() {
    let mut voice = Voice::on(Cluster::builder().setting("voice_analytics.enabled", "off"));
    // What a dump from another server brings: names of here, oids of there, one of which is somebody else's here.
    voice
        .client
        .batch_execute(
            "CREATE ROLE red LOGIN; CREATE ROLE bystander LOGIN;
             SELECT voice_grant(r, 'reader') FROM unnest('{red,bystander}'::text[]) r;
             SELECT voice_pin_tenant('red', 'red');
             UPDATE voice._pin SET role_oid = 'bystander'::regrole, instance = gen_random_uuid();
             UPDATE voice._state SET instance = gen_random_uuid()",
        )
        .unwrap();
    assert_eq!(seen(&mut voice.cluster.connect_as("red", "app")).0, "red");
    assert_eq!(seen(&mut voice.cluster.connect_as("bystander", "app")).0, "blue");
    voice.client.batch_execute("SELECT voice_resume(); ALTER ROLE red RENAME TO scarlet").unwrap();
    assert_eq!(seen(&mut voice.cluster.connect_as("scarlet", "app")).0, "red");
    assert_eq!(seen(&mut voice.cluster.connect_as("bystander", "app")).0, "blue");
}

#[test]
fn a_role_that_no_pin_would_hold_is_not_pinned() {
    let mut voice = Voice::on(Cluster::builder().setting("voice_analytics.enabled", "off"));
    voice
        .client
        .batch_execute("CREATE ROLE boss SUPERUSER; CREATE ROLE between; GRANT voice_worker TO between")
        .unwrap();
    for (made, why) in [
        ("BYPASSRLS", "BYPASSRLS"),
        ("CREATEROLE", "CREATEROLE"),
        ("REPLICATION", "REPLICATION"),
        ("IN ROLE voice_worker", "may become voice_worker, which owns tables"),
        ("NOINHERIT IN ROLE between", "may become voice_worker, which owns tables"),
        ("IN ROLE boss", "may become boss, a superuser"),
        ("IN ROLE pg_write_all_data", "may become pg_write_all_data"),
        ("IN ROLE pg_read_server_files", "may become pg_read_server_files"),
    ] {
        voice.client.batch_execute(&format!("CREATE ROLE app LOGIN {made}")).unwrap();
        let error = voice.client.batch_execute("SELECT voice_pin_tenant('app', 'red')").expect_err(made);
        let error = error.as_db_error().unwrap();
        assert_eq!(error.code().code(), "22023", "{made}");
        assert!(error.detail().unwrap().contains(why), "{made}: {:?}", error.detail());
        assert!(error.hint().is_some(), "{made}");
        voice.client.batch_execute("DROP ROLE app").unwrap();
    }
    // What is given to it later is shown.
    voice
        .client
        .batch_execute("CREATE ROLE app LOGIN; SELECT voice_pin_tenant('app', 'red'); GRANT voice_worker TO app")
        .unwrap();
    let sql = "SELECT array_to_string(beyond, ';') FROM voice_access() WHERE role = 'app'";
    assert_eq!(voice.text(sql, &[]).unwrap(), "may become voice_worker, which owns tables of voice");
    // A wall that holds nobody can be taken away.
    voice.client.batch_execute("SELECT voice_pin_tenant('app', NULL)").unwrap();
    assert_eq!(pins(&mut voice), "");
}

/// `red` may become `free`, who is not pinned, and leaves behind as `free` what runs when others look after a table.
fn trap(voice: &mut Voice) {
    two_tenants(voice);
    voice
        .client
        .batch_execute(
            "CREATE ROLE free LOGIN; SELECT voice_grant('free', 'admin'); GRANT free TO red;
             CREATE SCHEMA lair AUTHORIZATION free",
        )
        .unwrap();
    let mut red = voice.cluster.connect_as("red", "app");
    red.batch_execute(
        "SET ROLE free;
         CREATE TABLE lair.loot (how text, what text);
         CREATE FUNCTION lair.grab(how text, sql text) RETURNS void LANGUAGE plpgsql AS $$
           BEGIN
             PERFORM set_config('voice_analytics.tenant', 'blue', true);
             EXECUTE 'INSERT INTO lair.loot ' || sql USING how;
           EXCEPTION WHEN OTHERS THEN INSERT INTO lair.loot VALUES (how || ' refused', SQLSTATE);
           END $$;
         CREATE FUNCTION lair.peek(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$
           BEGIN
             PERFORM lair.grab('table', 'SELECT $1, text FROM voice.turn');
             PERFORM lair.grab('search', 'SELECT $1, headline FROM public.voice_search(''words'')');
             PERFORM lair.grab('top leads', 'SELECT $1, call_id::text FROM public.voice_top_leads(NULL, ''-infinity'', 0)');
             PERFORM lair.grab('reanalyze', 'SELECT $1, public.voice_reanalyze(c.id)::text FROM voice.call c');
             PERFORM lair.grab('import', 'SELECT $1, public.voice_import_call(''{\"turns\": []}'')::text');
             RETURN 1;
           END $$;
         CREATE TABLE lair.bait (n int) WITH (autovacuum_analyze_threshold = 1, autovacuum_vacuum_threshold = 1);
         CREATE INDEX ON lair.bait (lair.peek(n));
         CREATE MATERIALIZED VIEW lair.mirror AS SELECT text FROM voice.turn WITH NO DATA;
         INSERT INTO lair.bait VALUES (1)",
    )
    .unwrap();
    // In its own session it is behind its wall, whatever role it has set.
    let own = "SELECT coalesce(string_agg(what, ','), '') FROM lair.loot WHERE how IN ('table', 'search')";
    assert!(!voice.text(own, &[]).unwrap().contains("blue"));
    voice.client.batch_execute("TRUNCATE lair.loot").unwrap();
}

fn loot(voice: &mut Voice) -> String {
    voice.text("SELECT coalesce(string_agg(DISTINCT how || ' ' || what, '; ' ORDER BY how || ' ' || what), '') FROM lair.loot", &[]).unwrap()
}

const REFUSED: &str = "import refused 42501; reanalyze refused 42501; search refused 42501; table refused 42501; \
                       top leads refused 42501";

#[test]
fn what_runs_when_others_look_after_a_table_sees_no_tenant() {
    let mut voice = Voice::on(Cluster::builder().setting("autovacuum", "off"));
    trap(&mut voice);
    for look_after in [
        "ANALYZE lair.bait",
        "REINDEX TABLE lair.bait",
        "VACUUM FULL lair.bait",
        "CLUSTER lair.bait USING bait_peek_idx",
    ] {
        voice.client.batch_execute("SET voice_analytics.tenant = 'blue'").unwrap();
        voice.client.batch_execute(look_after).unwrap_or_else(|e| panic!("{look_after}: {e:?}"));
        assert_eq!(loot(&mut voice), REFUSED, "{look_after}");
        voice.client.batch_execute("TRUNCATE lair.loot").unwrap();
    }
    let error = voice.client.batch_execute("REFRESH MATERIALIZED VIEW lair.mirror").unwrap_err();
    let error = error.as_db_error().unwrap();
    assert_eq!(error.code().code(), "42501");
    assert!(error.hint().unwrap().contains("voice_pin_tenant('free'"), "{:?}", error.hint());
    // The way out that the hint names.
    voice
        .client
        .batch_execute("SELECT voice_pin_tenant('free', 'red'); REFRESH MATERIALIZED VIEW lair.mirror")
        .unwrap();
    assert_eq!(voice.text("SELECT string_agg(text, ',') FROM lair.mirror", &[]).unwrap(), "words of red");
    voice.client.batch_execute("ANALYZE lair.bait").unwrap();
    assert!(!loot(&mut voice).contains("blue"), "{}", loot(&mut voice));
    // What a superuser owns is a superuser's.
    voice.client.batch_execute("CREATE MATERIALIZED VIEW all_turns AS SELECT text FROM voice.turn; CREATE MATERIALIZED VIEW leads AS SELECT * FROM voice_top_leads(NULL, '-infinity', 0)").unwrap();
    assert_eq!(voice.count("SELECT count(*) FROM all_turns"), 2);
}

#[test]
fn what_autovacuum_runs_sees_no_tenant() {
    let mut voice = Voice::on(Cluster::builder().setting("autovacuum_naptime", "1s"));
    trap(&mut voice);
    voice
        .client
        .batch_execute(
            "SET ROLE free; INSERT INTO lair.bait SELECT 1 FROM generate_series(1, 5); RESET ROLE; TRUNCATE lair.loot",
        )
        .unwrap();
    // So that the launcher, which knows the databases it has seen at its start, looks again now.
    voice.client.batch_execute("SELECT pg_reload_conf()").unwrap();
    let analyzed = "SELECT last_autoanalyze IS NOT NULL AND EXISTS (SELECT FROM lair.loot) FROM pg_stat_user_tables WHERE relname = 'bait'";
    wait_until("autovacuum", SOON * 3, || {
        voice.client.query_one(analyzed, &[]).unwrap().get::<_, bool>(0).then_some(())
    });
    assert_eq!(loot(&mut voice), REFUSED);
}

#[test]
fn where_nobody_is_pinned_a_materialized_view_is_refreshed_as_ever() {
    let mut voice = Voice::on(Cluster::builder().setting("voice_analytics.enabled", "off"));
    voice
        .client
        .batch_execute(
            "CREATE ROLE app LOGIN; SELECT voice_grant('app', 'admin'); CREATE SCHEMA mine AUTHORIZATION app; SET ROLE app;
             SELECT voice_import_call('{\"id\": \"b\", \"turns\": [{\"role\": \"user\", \"text\": \"hello\"}]}');
             CREATE MATERIALIZED VIEW mine.v AS SELECT text FROM voice.turn; RESET ROLE; REFRESH MATERIALIZED VIEW mine.v",
        )
        .unwrap();
    assert_eq!(voice.count("SELECT count(*) FROM mine.v"), 1);
}

#[test]
fn a_pin_of_the_codes_owner_holds_inside_our_own_functions() {
    let mut voice = Voice::start();
    two_tenants(&mut voice);
    voice
        .client
        .batch_execute(
            "CREATE ROLE pool LOGIN; CREATE SCHEMA app AUTHORIZATION red; GRANT USAGE ON SCHEMA app TO pool;
             SET voice_analytics.tenant = 'blue';
             SELECT voice_add_chunk(call_id, id, 1, 'changed', true) FROM voice.turn WHERE tenant_id = 'blue';
             RESET voice_analytics.tenant;
             CREATE TABLE ids AS SELECT tenant_id, call_id, id FROM voice.turn; GRANT SELECT ON ids TO PUBLIC",
        )
        .unwrap();
    let mut owner = voice.cluster.connect_as("red", "app");
    owner
        .batch_execute(
            "CREATE FUNCTION app.judge(tenant text) RETURNS bigint LANGUAGE sql SECURITY DEFINER
             AS $$ SELECT public.voice_reanalyze(call_id) FROM public.ids WHERE tenant_id = tenant $$;
             CREATE FUNCTION app.finish(tenant text) RETURNS void LANGUAGE sql SECURITY DEFINER
             AS $$ SELECT voice._finish_turn_from_chunks(call_id, id, NULL, false, NULL, NULL, NULL, NULL) FROM public.ids WHERE tenant_id = tenant $$",
        )
        .unwrap();
    let mut pool = voice.cluster.connect_as("pool", "app");
    pool.batch_execute("SET voice_analytics.tenant = 'blue'").unwrap();
    let error = pool.batch_execute("SELECT app.judge('blue')").expect_err("blue's call is not red's to judge");
    assert_eq!(error.code().unwrap().code(), "P0002");
    pool.batch_execute("SELECT app.finish('blue')").unwrap();
    let words = "SELECT text FROM voice.turn WHERE tenant_id = 'blue'";
    assert_eq!(voice.text(words, &[]).unwrap(), "words of blue");
    assert_eq!(pool.query_one("SELECT app.judge('red')", &[]).unwrap().get::<_, i64>(0), 1, "its own is");
}

#[test]
fn whoever_may_resume_resumes_a_copy_too() {
    let mut voice = Voice::start();
    voice.call(&[("user", "hello")]);
    voice.drained();
    voice
        .client
        .batch_execute(
            "CREATE ROLE ops LOGIN; SELECT voice_grant('ops', 'operator'); CREATE ROLE app LOGIN; SELECT voice_grant('app', 'writer');
             UPDATE voice._state SET instance = gen_random_uuid(); DROP TABLE voice.erasure, voice._pin",
        )
        .unwrap();
    assert!(voice.state("restored copy").contains("voice_resume()"));
    let error = voice.cluster.connect_as("app", "app").batch_execute("SELECT voice_resume()").unwrap_err();
    assert_eq!(error.code().unwrap().code(), "42501", "{error}");
    voice.cluster.connect_as("ops", "app").batch_execute("SELECT voice_resume()").unwrap();
    let there = "SELECT count(*) FROM pg_class WHERE oid IN ('voice.erasure'::regclass, 'voice._pin'::regclass) \
                 AND relowner = 'voice_worker'::regrole";
    assert_eq!(voice.count(there), 2, "what was missing is there");
    voice.call(&[("user", "the worker works again")]);
    voice.drained();
    assert_eq!(voice.count("SELECT count(*) FROM voice.analytics"), 2);
}

#[test]
fn who_listens_hears_no_figures_of_others() {
    use postgres::fallible_iterator::FallibleIterator;
    let mut voice = Voice::start();
    two_tenants(&mut voice);
    let mut red = voice.cluster.connect_as("red", "app");
    red.batch_execute("LISTEN voice_call_analyzed; LISTEN voice_lead_hot").unwrap();
    voice
        .client
        .batch_execute(
            "SET voice_analytics.tenant = 'blue'; SELECT voice_reanalyze(id) FROM voice.call WHERE tenant_id = 'blue'",
        )
        .unwrap();
    let payload = wait_until("a notification", SOON, || {
        let mut heard = red.notifications();
        heard.timeout_iter(std::time::Duration::from_millis(10)).next().unwrap().map(|n| n.payload().to_owned())
    });
    let told: serde_json::Value = serde_json::from_str(&payload).unwrap();
    let keys: Vec<&String> = told[0].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["call_id"], "{payload}");
    // Nor does a tenant's reader hear from the worker what it serves and what failed.
    voice.client.batch_execute("CREATE ROLE eye LOGIN; SELECT voice_grant('eye', 'reader')").unwrap();
    let error = voice.cluster.connect_as("eye", "app").batch_execute("SELECT voice._worker_status()").unwrap_err();
    assert_eq!(error.code().unwrap().code(), "42501");
}
