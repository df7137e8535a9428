//! A database of 0.1.0 becomes one of this version: by ALTER EXTENSION UPDATE, or by a dump that is restored.

use std::path::Path;
use std::process::Command;

use harness::stub::StubLlm;
use postgres::Client;

use crate::voice::Voice;

const OURS: &str = env!("CARGO_PKG_VERSION");

/// A server of this version with a database of 0.1.0 that nobody has updated yet.
fn of_0_1_0(stub: &StubLlm) -> Voice {
    let cluster = Voice::asking(stub).start();
    cluster.create_database("app");
    let mut client = cluster.connect("app");
    client.batch_execute("CREATE EXTENSION voice_analytics VERSION '0.1.0'").unwrap();
    Voice { cluster, client }
}

/// What the database is made of, an object a line.
fn catalog(client: &mut Client) -> Vec<String> {
    let rows = client.query(include_str!("../catalog.sql"), &[]).unwrap();
    rows.iter()
        .map(|row| format!("{} {}: {}", row.get::<_, String>(0), row.get::<_, String>(1), row.get::<_, String>(2)))
        .collect()
}

/// Those lines that are not among the others.
fn only(these: &[String], those: &[String]) -> Vec<String> {
    these.iter().filter(|line| !those.contains(line)).cloned().collect()
}

#[track_caller]
fn assert_same(upgraded: &[String], fresh: &[String]) {
    assert!(fresh.len() > 1000, "{} objects", fresh.len());
    assert_eq!(only(upgraded, fresh), only(fresh, upgraded), "objects of the upgraded one, and of the fresh one");
    assert_eq!(upgraded, fresh);
}

#[test]
fn scripts_of_released_versions_never_change() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sql");
    let output = Command::new("sha256sum")
        .args(["--check", "--strict", "released.sha256"])
        .current_dir(&folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let sums = std::fs::read_to_string(folder.join("released.sha256")).unwrap();
    for file in std::fs::read_dir(&folder).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        if name.starts_with("voice_analytics--") {
            assert!(sums.contains(&format!("  {name}\n")), "{name} has no line in released.sha256");
        }
    }
}

#[test]
fn an_upgraded_database_is_made_of_the_same_objects_as_a_new_one() {
    let stub = StubLlm::start();
    let mut voice = of_0_1_0(&stub);
    voice.client.batch_execute("ALTER EXTENSION voice_analytics UPDATE").unwrap();
    let mut fresh = voice.cluster.create_voice_database("fresh");
    assert_same(&catalog(&mut voice.client), &catalog(&mut fresh));
}

#[test]
fn an_upgrade_keeps_what_roles_were_granted() {
    let stub = StubLlm::start();
    let mut voice = of_0_1_0(&stub);
    let setup = "CREATE ROLE app_writer; CREATE ROLE app_operator; SELECT voice_grant('app_writer', 'writer'), voice_grant('app_operator', 'operator')";
    voice.client.batch_execute(setup).unwrap();
    let grants = "SELECT string_agg(a::text, E'\n' ORDER BY a::text) FROM voice_access() a WHERE a::text ~ 'app_'";
    let before = voice.text(grants, &[]).unwrap();
    assert!(before.contains("app_writer") && before.contains("app_operator"), "{before}");
    voice.client.batch_execute("ALTER EXTENSION voice_analytics UPDATE").unwrap();
    assert_eq!(voice.text(grants, &[]).unwrap(), before);
    let may = "SELECT has_function_privilege('app_operator', 'voice_rollup(date)', 'EXECUTE')::int::bigint";
    assert_eq!(voice.count(may), 1);
}

/// What a role may do with the functions, tables, columns and sequences of the extension, one a line.
fn privileges(client: &mut Client, role: &str) -> Vec<String> {
    let sql = "
        SELECT 'function ' || p.oid::regprocedure FROM pg_proc p
        WHERE p.pronamespace IN ('public'::regnamespace, 'voice'::regnamespace) AND has_function_privilege($1::text, p.oid, 'EXECUTE')
        UNION ALL
        SELECT format('%s %s', m, c.relname) FROM pg_class c CROSS JOIN unnest('{SELECT,INSERT,UPDATE,DELETE}'::text[]) m
        WHERE c.relnamespace = 'voice'::regnamespace AND c.relkind IN ('r', 'p', 'v') AND has_table_privilege($1::text, c.oid, m)
        UNION ALL
        SELECT format('%s %s.%s', m, c.relname, a.attname)
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        CROSS JOIN unnest('{SELECT,INSERT,UPDATE}'::text[]) m
        WHERE c.relnamespace = 'voice'::regnamespace AND c.relkind IN ('r', 'p', 'v') AND has_column_privilege($1::text, c.oid, a.attnum, m)
        UNION ALL
        SELECT format('%s %s', m, c.relname) FROM pg_class c CROSS JOIN unnest('{USAGE,SELECT,UPDATE}'::text[]) m
        WHERE c.relnamespace = 'voice'::regnamespace AND c.relkind = 'S' AND has_sequence_privilege($1::text, c.oid, m)
        ORDER BY 1";
    client.query(sql, &[&role]).unwrap().iter().map(|row| row.get(0)).collect()
}

#[test]
fn who_had_an_access_may_do_after_the_upgrade_what_the_access_is_now() {
    let stub = StubLlm::start();
    let mut voice = of_0_1_0(&stub);
    let accesses = ["reader", "analyst", "writer", "operator", "admin"];
    let grant = |voice: &mut Voice, role: &str, access: &str| {
        voice.client.batch_execute(&format!("CREATE ROLE {role}; SELECT voice_grant('{role}', '{access}')")).unwrap();
    };
    accesses.iter().for_each(|access| grant(&mut voice, &format!("old_{access}"), access));
    voice.client.batch_execute("ALTER EXTENSION voice_analytics UPDATE").unwrap();
    for access in accesses {
        grant(&mut voice, &format!("new_{access}"), access);
        let (old, new) = (format!("old_{access}"), format!("new_{access}"));
        let (old, new) = (privileges(&mut voice.client, &old), privileges(&mut voice.client, &new));
        assert!(new.len() > 20, "{access}: {new:?}");
        assert_eq!(only(&old, &new), only(&new, &old), "{access}: what only the old one may, and only the new one");
    }
}

#[test]
fn the_worker_waits_beside_sql_of_another_version_says_so_and_goes_on_after_the_update() {
    let stub = StubLlm::start();
    let mut voice = of_0_1_0(&stub);
    let reason = voice.state("unfit");
    assert!(reason.contains("0.1.0") && reason.contains(OURS) && reason.contains("ALTER EXTENSION"), "{reason}");
    let webhook = "SELECT id::text FROM voice_add_webhook('https://example.com/hook', min_lead_score => 100)";
    let webhook = voice.text(webhook, &[]).unwrap();
    voice
        .client
        .batch_execute(
            "CREATE ROLE pinned; SELECT voice_pin_tenant('pinned', 'acme'); SELECT voice_limit_tenant('acme', 3)",
        )
        .unwrap();
    let call = voice.call(&[("user", "queued before the update")]);
    assert_eq!(voice.count("SELECT count(*) FROM voice.job"), 1);
    assert_eq!(stub.count(), 0);
    voice.client.batch_execute("ALTER EXTENSION voice_analytics UPDATE").unwrap();
    voice.drained();
    assert_eq!(stub.count(), 1);
    assert_eq!(voice.attempts(&call).len(), 1);
    assert_eq!(
        voice.count("SELECT schema_version::bigint FROM voice._state"),
        voice.count("SELECT voice._latest_schema_version()::bigint")
    );
    assert_eq!(voice.text("SELECT id::text FROM voice.webhook WHERE enabled", &[]).unwrap(), webhook);
    assert_eq!(voice.count("SELECT count(*) FROM voice._webhook_secret"), 1);
    assert_eq!(voice.text("SELECT role || ' ' || tenant_id FROM voice._pin", &[]).unwrap(), "pinned acme");
    assert_eq!(voice.count("SELECT max_concurrency::bigint FROM voice.tenant_limit WHERE tenant_id = 'acme'"), 3);
}

#[test]
fn a_dump_of_0_1_0_restored_into_this_version_comes_up_to_date_when_it_is_told_to_go_on() {
    let stub = StubLlm::start();
    let mut voice = of_0_1_0(&stub);
    voice.call(&[("user", "queued when the dump was taken")]);
    let dump = voice.cluster.folder().join("app.dump");
    let dumped = voice.cluster.client("pg_dump").args(["-Fc", "-f"]).arg(&dump).arg("app").output().unwrap();
    assert!(dumped.status.success(), "{}", String::from_utf8_lossy(&dumped.stderr));
    voice.cluster.create_database("restored");
    let restore = ["--exit-on-error", "-d", "restored"];
    let restored = voice.cluster.client("pg_restore").args(restore).arg(&dump).output().unwrap();
    assert!(restored.status.success(), "{}", String::from_utf8_lossy(&restored.stderr));

    let client = voice.cluster.connect("restored");
    let mut restored = Voice { client, cluster: voice.cluster };
    assert_eq!(
        restored.text("SELECT extversion FROM pg_extension WHERE extname = 'voice_analytics'", &[]).unwrap(),
        OURS
    );
    assert_eq!(restored.count("SELECT voice._schema_version()::bigint"), 1);
    restored.client.batch_execute("SELECT voice_resume()").unwrap();
    restored.drained();
    assert_eq!(stub.count(), 1);
    assert_eq!(
        restored.count("SELECT voice._schema_version()::bigint"),
        restored.count("SELECT voice._latest_schema_version()::bigint")
    );
    let mut fresh = restored.cluster.create_voice_database("fresh");
    assert_same(&catalog(&mut restored.client), &catalog(&mut fresh));
}

#[test]
fn a_step_that_was_taken_is_taken_again_without_harm() {
    let mut voice = Voice::start();
    voice.client.batch_execute("UPDATE voice._state SET schema_version = 1").unwrap();
    let before = catalog(&mut voice.client);
    voice.client.batch_execute("SELECT voice_install(); SELECT voice_install()").unwrap();
    assert_same(&catalog(&mut voice.client), &before);
    assert_eq!(
        voice.count("SELECT voice._schema_version()::bigint"),
        voice.count("SELECT voice._latest_schema_version()::bigint")
    );
}
