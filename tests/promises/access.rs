//! Who may do what: the table in SECURITY.md, tried cell by cell.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use harness::Cluster;
use postgres::Client;

const ROLES: [&str; 7] = ["nobody", "reader", "analyst", "labeller", "writer", "operator", "admin"];
const TENANTS: [&str; 2] = ["red", "blue"];

/// Object (a table, a function, or words that begin with "every" or "setting") and what each of ROLES may do with it.
type Table = BTreeMap<String, Vec<String>>;

fn table() -> Table {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../SECURITY.md");
    let text = std::fs::read_to_string(path).unwrap();
    let mut lines = text.lines().skip_while(|line| !line.starts_with("| | nobody"));
    let cells = |line: &str| -> Vec<String> {
        line.trim_matches('|').split('|').map(|cell| cell.trim().replace('–', "")).collect()
    };
    assert_eq!(cells(lines.next().unwrap())[1..], ROLES);
    let mut table = Table::new();
    for line in lines.skip(1).take_while(|line| line.starts_with('|')) {
        let row = cells(line);
        assert_eq!(row.len(), ROLES.len() + 1, "{line}");
        let names: Vec<&str> = match row[0].starts_with('`') {
            true => row[0].split('`').skip(1).step_by(2).collect(),
            false => vec![&row[0]],
        };
        for name in names {
            assert!(table.insert(name.into(), row[1..].to_vec()).is_none(), "{name} twice");
        }
    }
    table
}

/// A database whose owner gives everything that is new to everybody, the extension in it, a role of each access for each
/// of two tenants, and a call of each tenant.
fn scene() -> (Cluster, Client) {
    let cluster = Cluster::builder().setting("voice_analytics.enabled", "off").start();
    cluster.create_database("app");
    let mut client = cluster.connect("app");
    client.batch_execute("CREATE ROLE mallory").unwrap();
    for objects in ["TABLES", "SEQUENCES", "FUNCTIONS", "SCHEMAS", "TYPES"] {
        let sql = format!("ALTER DEFAULT PRIVILEGES GRANT ALL ON {objects} TO PUBLIC, mallory");
        client.batch_execute(&sql).unwrap();
    }
    client.batch_execute("CREATE EXTENSION voice_analytics").unwrap();
    for tenant in TENANTS {
        for role in ROLES {
            client.batch_execute(&format!("CREATE ROLE {tenant}_{role} LOGIN")).unwrap();
            if role != "nobody" {
                client.batch_execute(&format!("SELECT voice_grant('{tenant}_{role}', '{role}')")).unwrap();
            }
            client.batch_execute(&format!("SELECT voice_pin_tenant('{tenant}_{role}', '{tenant}')")).unwrap();
        }
        client
            .batch_execute(&format!(
                "GRANT mallory TO {tenant}_nobody;
                 SET voice_analytics.tenant = '{tenant}';
                 SELECT voice_import_call('{{\"id\": \"x\", \"agent\": \"{tenant}-agent\", \"from\": \"+12125550142\",
                    \"turns\": [{{\"role\": \"user\", \"text\": \"secret of {tenant}\"}}], \"tool_calls\": [{{\"name\": \"book\"}}]}}');
                 INSERT INTO voice.analytics (call_id, started_at, sentiment, lead_score, agent_id, vertical, intent, model,
                    prompt_version, summary, next_action, from_number, entities)
                 SELECT id, started_at, 0.5, 80, agent_id, 'general', 'sales', 'test', 'test', 'summary of {tenant}', 'act', from_number,
                    '{{\"name\": \"Dana\"}}' FROM voice.call WHERE tenant_id = '{tenant}';
                 INSERT INTO voice.attempt (call_id, job_id, attempt, kind, outcome) SELECT id, 1, 1, 'analyze', 'failed'
                    FROM voice.call WHERE tenant_id = '{tenant}';
                 INSERT INTO voice.search_document (call_id, document) SELECT id, 'secret' FROM voice.call WHERE tenant_id = '{tenant}';
                 INSERT INTO voice.dead_job (id, call_id, attempts, kind) SELECT nextval('voice.job_id_seq'), id, 5, 'analyze'
                    FROM voice.call WHERE tenant_id = '{tenant}';
                 INSERT INTO voice.analysis (name, version, schema) VALUES ('x', 1, '{{}}');
                 INSERT INTO voice.result (call_id, started_at, agent_id, vertical, analysis, version, model, prompt_version)
                    SELECT id, started_at, agent_id, 'general', 'x', 1, 'test', 'test' FROM voice.call WHERE tenant_id = '{tenant}';
                 INSERT INTO voice.label (call_id, labeller, sentiment) SELECT id, 'anna', 0.5 FROM voice.call WHERE tenant_id = '{tenant}';
                 SELECT voice_label_sample(1, '-infinity');
                 GRANT CREATE ON SCHEMA public TO {tenant}_reader, {tenant}_admin;
                 INSERT INTO voice.erasure (kind, removed) VALUES ('call', '{{}}')"
            ))
            .unwrap();
    }
    client.batch_execute("RESET voice_analytics.tenant").unwrap();
    (cluster, client)
}

/// Whether the statement gets past the privileges; whatever else is wrong with it, and whatever it does, is undone.
fn allowed(client: &mut Client, sql: &str) -> bool {
    let mut transaction = client.transaction().unwrap();
    let denied = match transaction.batch_execute(sql) {
        Ok(()) => false,
        Err(error) => error.code().unwrap_or_else(|| panic!("{sql}: {error}")).code() == "42501",
    };
    transaction.rollback().unwrap();
    !denied
}

/// Whether the statement works. A view over functions and a generated column are written by nobody, and PostgreSQL says so
/// before it asks who.
fn works(client: &mut Client, sql: &str) -> bool {
    let mut transaction = client.transaction().unwrap();
    let outcome = transaction.batch_execute(sql);
    transaction.rollback().unwrap();
    outcome.is_ok()
}

fn names(client: &mut Client, sql: &str) -> Vec<String> {
    client.query(sql, &[]).unwrap().into_iter().map(|row| row.get(0)).collect()
}

/// What a role may do with a table, in the words of SECURITY.md: every column is tried for itself.
fn may(client: &mut Client, relation: &str, columns: &[String]) -> String {
    let mut found = Vec::new();
    for (letter, statement) in [
        ("r", "SELECT {column} FROM voice.{relation} LIMIT 0"),
        ("i", "INSERT INTO voice.{relation} ({column}) SELECT NULL WHERE false"),
        ("u", "UPDATE voice.{relation} SET {column} = DEFAULT WHERE false"),
    ] {
        let tried = |client: &mut Client, column: &String| {
            works(client, &statement.replace("{relation}", relation).replace("{column}", &format!("\"{column}\"")))
        };
        match columns.iter().filter(|column| tried(client, column)).count() {
            0 => {}
            all if all == columns.len() => found.push(letter.to_owned()),
            _ => found.push(format!("{letter}*")),
        }
    }
    if works(client, &format!("DELETE FROM voice.{relation} WHERE false")) {
        found.push("d".into());
    }
    found.join(" ")
}

/// Arguments with which a function gets as far as its tables; without an entry, all NULL.
fn arguments(function: &str) -> Option<&'static str> {
    const NO_CALL: &str = "'01890000-0000-7000-8000-000000000000'";
    Some(match function {
        "voice_uuidv7" | "voice_uuid_at" => "now()",
        "voice_top_leads" => "NULL, '-infinity'",
        "voice_sentiment_trend" | "voice_tool_stats" => "'-infinity'",
        "voice_search" => "'secret'",
        "voice_label" => "'01890000-0000-7000-8000-000000000000', 0.5",
        "voice_start_call" => "'no-agent', '1', '2'",
        "voice_add_turn" => "'01890000-0000-7000-8000-000000000000', 'user', 'x'",
        "voice_add_chunk" => "'01890000-0000-7000-8000-000000000000', 1, 1, 'x'",
        "voice_finish_turn" => "'01890000-0000-7000-8000-000000000000', 1",
        "voice_add_tool_call" => "'01890000-0000-7000-8000-000000000000', 'x', '{}'",
        "voice_import_call" => "'{\"turns\": []}'",
        "voice_import" => "'voice', '{\"turns\": []}'",
        "voice_imports" => "'voice', ARRAY['{\"turns\": []}']::jsonb[]",
        "voice_erase_caller" => "'+19995550000'",
        "voice_rollup" => "'2020-01-01'",
        "voice_drop_partitions" => "'100 years'",
        "voice_add_webhook" => "'https://127.0.0.1/x'",
        "voice_remove_webhook" | "voice_enable_webhook" => NO_CALL,
        "voice_results" | "voice_create_view" | "voice_retire_analysis" => "'x'",
        "voice_grant" => "'red_reader', 'reader'",
        "voice_revoke" => "'red_reader'",
        "voice_pin_tenant" => "'red_reader', NULL",
        "voice_status"
        | "voice_pause"
        | "voice_resume"
        | "voice_access"
        | "voice_install"
        | "voice_requeue_dead"
        | "voice_create_partitions"
        | "voice_backfill"
        | "voice_analyses"
        | "voice_scorecard"
        | "voice_report"
        | "voice_report_data"
        | "voice_trial"
        | "voice_next_to_label"
        | "voice_label_sample"
        | "voice_agreement"
        | "voice_drift"
        | "voice_schedule"
        | "voice_unschedule" => "",
        "voice_uuid_time" | "voice_transcript" | "voice_evidence" | "voice_export" | "voice_end_call"
        | "voice_reanalyze" | "voice_delete_call" | "voice_restore_call" | "voice_erase_call" => NO_CALL,
        _ => return None,
    })
}

#[test]
fn every_role_may_do_what_the_table_says_and_nothing_else() {
    let table = table();
    let (cluster, mut dba) = scene();
    let tables = names(
        &mut dba,
        "SELECT relname::text FROM pg_class WHERE relnamespace = 'voice'::regnamespace AND relkind IN ('r', 'p', 'v', 'm')
         AND NOT relispartition ORDER BY 1",
    );
    let leaves = names(
        &mut dba,
        "SELECT relname::text FROM pg_class WHERE relnamespace = 'voice'::regnamespace AND relispartition AND relkind = 'r' ORDER BY 1",
    );
    assert!(leaves.len() > 20);
    let functions = dba
        .query(
            "SELECT DISTINCT p.proname::text, (p.pronargs - p.pronargdefaults)::int FROM pg_proc p
             JOIN pg_depend d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
             WHERE p.proname LIKE 'voice\\_%' ORDER BY 1",
            &[],
        )
        .unwrap();
    let functions: Vec<(String, i32)> = functions.into_iter().map(|row| (row.get(0), row.get(1))).collect();
    let settings = names(
        &mut dba,
        "SELECT name FROM pg_settings WHERE name LIKE 'voice\\_analytics.%' AND context <> 'postmaster' ORDER BY 1",
    );
    let columns = |dba: &mut Client, relation: &str| {
        names(
            dba,
            &format!(
                "SELECT attname::text FROM pg_attribute WHERE attrelid = 'voice.{relation}'::regclass AND attnum > 0 AND NOT attisdropped"
            ),
        )
    };
    let known: BTreeSet<String> = tables.iter().cloned().chain(functions.iter().map(|f| f.0.clone())).collect();
    let written: BTreeSet<String> = table.keys().filter(|k| !k.contains(' ')).cloned().collect();
    assert_eq!(written, known, "SECURITY.md names every table and function, and no other");

    let mut wrong = Vec::new();
    for tenant in TENANTS {
        for (at, role) in ROLES.into_iter().enumerate() {
            let user = format!("{tenant}_{role}");
            let mut client = cluster.connect_as(&user, "app");
            let mut check = |what: &str, row: &str, found: String| {
                let expected = &table[row][at];
                if *expected != found {
                    wrong.push(format!("{user}, {what}: '{found}', and SECURITY.md says '{expected}'"));
                }
            };
            for relation in &tables {
                let columns = columns(&mut dba, relation);
                check(relation, relation, may(&mut client, relation, &columns));
            }
            for leaf in &leaves {
                let columns = columns(&mut dba, leaf);
                check(leaf, "every partition", may(&mut client, leaf, &columns));
            }
            for (function, required) in &functions {
                let nulls = vec!["NULL"; *required as usize].join(", ");
                let sql = format!("SELECT * FROM {function}({})", arguments(function).unwrap_or(&nulls));
                check(function, function, if allowed(&mut client, &sql) { "x".into() } else { String::new() });
            }
            for setting in &settings {
                let row = match setting.as_str() {
                    "voice_analytics.tenant" => "setting `voice_analytics.tenant` (a binding overrides it)",
                    _ => "every other setting",
                };
                // One that concerns the whole server is refused to everybody, for another reason.
                let may_set = client.batch_execute(&format!("SET {setting} TO DEFAULT")).is_ok();
                check(setting, row, if may_set { "u".into() } else { String::new() });
            }
            // Beyond the cells: what nobody has anywhere, and nobody sees of the other tenant.
            let other = TENANTS[usize::from(tenant == TENANTS[0])];
            client.batch_execute(&format!("SET voice_analytics.tenant = '{other}'")).unwrap();
            for relation in tables.iter().chain(&leaves) {
                let sql = format!(
                    "SELECT has_table_privilege('{user}', 'voice.{relation}', 'TRIGGER, REFERENCES, TRUNCATE')"
                );
                if dba.query_one(&sql, &[]).unwrap().get::<_, bool>(0) {
                    wrong.push(format!("{user} has TRIGGER, REFERENCES or TRUNCATE on {relation}"));
                }
                let seen = format!("SELECT count(*) FROM voice.{relation} WHERE tenant_id <> '{tenant}'");
                if let Ok(row) = client.query_one(&seen, &[])
                    && row.get::<_, i64>(0) > 0
                {
                    wrong.push(format!("{user} sees rows of another tenant in {relation}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_writer_writes_whole_calls_and_reads_none() {
    let (cluster, mut dba) = scene();
    let mut client = cluster.connect_as("red_writer", "app");
    let row = client.query_one("INSERT INTO voice.agent (name) VALUES ('Ava') RETURNING id, tenant_id", &[]).unwrap();
    assert_eq!(row.get::<_, String>(1), "red");
    let agent: String = row.get(0);
    let insert = "INSERT INTO voice.call (agent_id, from_number) VALUES ($1, '+1') RETURNING id::text";
    let call: String = client.query_one(insert, &[&agent]).unwrap().get(0);
    let insert = "INSERT INTO voice.turn (call_id, role, text) VALUES ($1::text::uuid, 'user', 'hi') RETURNING id";
    let turn: i64 = client.query_one(insert, &[&call]).unwrap().get(0);
    client
        .execute("UPDATE voice.turn SET text = 'hello' WHERE call_id = $1::text::uuid AND id = $2", &[&call, &turn])
        .unwrap();
    let started: String = client
        .query_one("SELECT voice_start_call($1, '+1', '+2', external_id => 'w')::text", &[&agent])
        .unwrap()
        .get(0);
    for sql in [
        "SELECT voice_add_turn($1::text::uuid, 'assistant', 'good day')::text",
        "SELECT voice_add_tool_call($1::text::uuid, 'book', '{}')::text",
        "SELECT voice_add_chunk($1::text::uuid, voice_add_turn($1::text::uuid, 'user', ''), 1, 'in pieces', true)::text",
        "SELECT voice_finish_turn($1::text::uuid, (SELECT max(id) FROM voice.turn WHERE call_id = $1::text::uuid))::text",
        "SELECT voice_end_call($1::text::uuid, end_reason => 'hangup', recording_url => 'https://example.com/r')::text",
    ] {
        client.query_one(sql, &[&started]).unwrap_or_else(|e| panic!("{sql}: {e:?}"));
    }
    client.execute("SELECT voice_import_call('{\"vertical\": \"salon\", \"turns\": [{\"role\": \"user\", \"text\": \"imported\"}]}')", &[]).unwrap();
    let sql = "SELECT recording_url || ' ' || voice_transcript(id) FROM voice.call WHERE external_id = 'w'";
    dba.batch_execute("SET voice_analytics.tenant = 'red'").unwrap();
    let stored: String = dba.query_one(sql, &[]).unwrap().get(0);
    assert_eq!(stored, "https://example.com/r assistant: good day\nuser: in pieces");
    for sql in [
        "SELECT text FROM voice.turn",
        "UPDATE voice.turn SET audio_url = text",
        "UPDATE voice.call SET external_id = from_number RETURNING external_id",
        "UPDATE voice.turn SET text = '' RETURNING text",
        "INSERT INTO voice.transcript_chunk (call_id, turn_id, seq, text) VALUES (NULL, 1, 1, '') RETURNING text",
        "SELECT voice._streamed_words(id, 1) FROM voice.call",
        "COPY voice.turn TO STDOUT",
        "SELECT count(*) FROM voice.turn WHERE text LIKE '%secret%'",
        "SELECT turn FROM voice.turn",
    ] {
        assert!(!allowed(&mut client, sql), "{sql}");
    }
}

#[test]
fn an_analyst_sees_scores_and_not_a_word() {
    let (cluster, _dba) = scene();
    let leads = "SELECT lead_score, vertical, from_number, entities::text, summary, next_action FROM voice_top_leads(NULL, '-infinity', 0)";
    let mut client = cluster.connect_as("red_analyst", "app");
    // More often than a session asks before it plans for all months.
    for _ in 0..6 {
        let row = client.query_one(leads, &[]).unwrap();
        assert_eq!(row.get::<_, i32>(0), 80);
        assert_eq!(row.get::<_, String>(1), "general");
        for column in 2..6 {
            assert_eq!(row.get::<_, Option<String>>(column), None, "column {column}");
        }
    }
    assert_eq!(client.query("SELECT * FROM voice_sentiment_trend('-infinity')", &[]).unwrap().len(), 1);
    // One session, two roles: each gets what is theirs.
    let mut dba = cluster.connect("app");
    for (role, words) in [("red_reader", true), ("red_analyst", false), ("red_reader", true)] {
        dba.batch_execute(&format!("SET SESSION AUTHORIZATION {role}")).unwrap();
        let row = dba.query_one(leads, &[]).unwrap();
        assert_eq!(row.get::<_, Option<String>>(4).is_some(), words, "{role}");
        dba.batch_execute("RESET SESSION AUTHORIZATION").unwrap();
    }
}

#[test]
fn a_labeller_sees_transcripts_and_no_score() {
    let (cluster, _dba) = scene();
    let mut client = cluster.connect_as("red_labeller", "app");
    // The call of the scene has a label already, so that its task is done; a person's own view of it is left.
    let transcript = "SELECT voice_transcript(id) FROM voice.call";
    assert_eq!(client.query_one(transcript, &[]).unwrap().get::<_, String>(0), "user: secret of red");
    client.batch_execute("SELECT voice_label(id, 0.25, 10, 'info', labeller => 'ben') FROM voice.call").unwrap();
    for sql in [
        "SELECT lead_score FROM voice.analytics",
        "SELECT score FROM voice.result",
        "SELECT before FROM voice.trial_result",
        "SELECT document FROM voice.search_document",
        "SELECT calls FROM voice.daily",
        "SELECT stratum FROM voice.label_task",
        "SELECT stratum_calls FROM voice.label_task",
        "SELECT doubt FROM voice.label_task",
        "SELECT task FROM voice.label_task task",
        "SELECT method FROM voice.label_sample",
        "SELECT from_number FROM voice.call",
        "SELECT recording_url FROM voice.call",
        "SELECT audio_url FROM voice.turn",
        "UPDATE voice.label_task SET labels = 0",
        "UPDATE voice.label SET labeller = 'anna'",
        "DELETE FROM voice.label",
        "SELECT * FROM voice_agreement()",
        "SELECT * FROM voice_drift()",
        "SELECT * FROM voice_top_leads(NULL, '-infinity')",
        "SELECT * FROM voice_evidence((SELECT id FROM voice.call))",
        "SELECT voice_label_sample(1)",
    ] {
        assert!(!allowed(&mut client, sql), "{sql}");
    }
}

#[test]
fn a_rule_of_ones_own_needs_a_table_of_ones_own() {
    let (cluster, mut dba) = scene();
    dba.batch_execute("CREATE SCHEMA lair; GRANT ALL ON SCHEMA lair TO PUBLIC").unwrap();
    for role in ROLES {
        let mut client = cluster.connect_as(&format!("red_{role}"), "app");
        for sql in [
            "CREATE RULE r AS ON INSERT TO voice.turn DO ALSO SELECT 1",
            "CREATE TRIGGER t AFTER INSERT ON voice.turn_default EXECUTE FUNCTION suppress_redundant_updates_trigger()",
            "CREATE POLICY p ON voice.turn USING (true)",
            "ALTER TABLE voice.turn DISABLE ROW LEVEL SECURITY",
            "CREATE TABLE voice.mine (n int)",
            "CREATE FUNCTION voice.lower(text) RETURNS text LANGUAGE sql AS 'SELECT 1'",
            "SET ROLE voice_worker",
            "CREATE TABLE lair.t (id uuid REFERENCES voice.call (id))",
            "TRUNCATE voice.call",
        ] {
            assert!(!allowed(&mut client, sql), "{role}: {sql}");
        }
    }
}
