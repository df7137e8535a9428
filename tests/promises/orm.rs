//! The Prisma schema that docs/orm ships says what the tables are.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use crate::voice::Voice;

/// A column as the schema says it: may it be NULL?
type Model = HashMap<String, bool>;

/// Columns of each table: scalar fields by their `@map`, without relations and lists.
fn models(schema: &str) -> HashMap<String, Model> {
    let names: HashSet<&str> =
        schema.lines().filter_map(|l| l.strip_prefix("model ")?.split_whitespace().next()).collect();
    let quoted = |line: &str, attribute: &str| {
        line.split_once(attribute).and_then(|(_, rest)| rest.split('"').nth(1)).map(str::to_owned)
    };
    let mut models = HashMap::new();
    for model in schema.split("\nmodel ").skip(1) {
        let body = model.split("\n}").next().unwrap();
        let table = quoted(body, "@@map(").expect("@@map");
        let mut columns = Model::new();
        for line in body.lines().skip(1).map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("@@")) {
            let mut words = line.split_whitespace();
            let (field, kind) = (words.next().unwrap(), words.next().unwrap());
            if names.contains(kind.trim_end_matches(['?', ']', '['])) {
                continue;
            }
            columns.insert(quoted(line, "@map(").unwrap_or(field.to_owned()), kind.ends_with('?'));
        }
        models.insert(table, columns);
    }
    models
}

#[test]
fn the_prisma_schema_has_the_columns_of_the_tables() {
    let mut voice = Voice::start();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/orm/schema.prisma");
    let models = models(&std::fs::read_to_string(path).unwrap());
    assert_eq!(models.len(), 7, "{models:?}");
    for (table, said) in models {
        let sql = "SELECT attname::text, NOT attnotnull FROM pg_attribute
            WHERE attrelid = ('voice.' || $1)::regclass AND attnum > 0 AND NOT attisdropped";
        let mut columns: Model =
            voice.client.query(sql, &[&table]).unwrap().into_iter().map(|row| (row.get(0), row.get(1))).collect();
        // What the worker keeps for itself there is of no use to an application.
        if table == "analytics" || table == "result" {
            columns.retain(|column, _| said.contains_key(column));
        }
        assert_eq!(said, columns, "voice.{table}");
    }
}

#[test]
fn what_prisma_must_leave_alone_is_every_table_there_is() {
    let mut voice = Voice::start();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/orm/prisma.config.ts");
    let config = std::fs::read_to_string(path).unwrap();
    let listed: Vec<&str> = config.split('"').filter(|word| word.starts_with("voice.")).collect();
    let sql = "SELECT string_agg('voice.' || relname, ' ' ORDER BY relname::text COLLATE \"C\") FROM pg_class
        WHERE relnamespace = 'voice'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition";
    assert_eq!(listed.join(" "), voice.text(sql, &[]).unwrap());
}

/// Oids that the adapters of ORMs read: no void, no interval, no reg… type.
#[test]
fn every_function_returns_what_every_client_reads() {
    let mut voice = Voice::start();
    let sql = "SELECT string_agg(DISTINCT p.proname || ' ' || t.oid::regtype, ', ')
        FROM pg_proc p JOIN pg_depend d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
        JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'voice_analytics'
        CROSS JOIN LATERAL unnest(CASE WHEN p.proargmodes IS NULL THEN ARRAY[p.prorettype]
            ELSE ARRAY(SELECT x.type FROM unnest(p.proallargtypes, p.proargmodes) x(type, mode) WHERE x.mode IN ('o', 't')) END) r(type)
        JOIN pg_type t ON t.oid = r.type
        WHERE p.proname LIKE 'voice\\_%' AND t.oid::regtype::text NOT IN ('uuid', 'text', 'jsonb', 'bigint', 'integer', 'smallint',
            'boolean', 'double precision', 'real', 'numeric', 'date', 'timestamp with time zone', 'uuid[]', 'text[]')";
    assert_eq!(voice.text(sql, &[]), None);
    let call = voice.open_call(&[]);
    let turn = voice.count(&format!("SELECT voice_add_turn('{call}', 'user', '')"));
    let seq = format!("SELECT voice_add_chunk('{call}', {turn}, 4, 'hello', true)::bigint");
    assert_eq!(voice.count(&seq), 4);
    assert_eq!(voice.count(&format!("SELECT voice_finish_turn('{call}', {turn})")), turn);
    assert_eq!(voice.count(&format!("SELECT voice_finish_turn('{call}', {turn}, 'hello there')")), turn);
    voice.client.batch_execute("CREATE ROLE web").unwrap();
    for (sql, expected) in [
        ("SELECT voice_pause('lunch')", true),
        ("SELECT voice_pause('dinner')", false),
        ("SELECT voice_resume()", true),
        ("SELECT voice_resume()", false),
        ("SELECT voice_limit_tenant('acme', 3)", true),
        ("SELECT voice_limit_tenant('acme')", false),
        ("SELECT voice_grant('web', 'writer')", true),
        ("SELECT voice_pin_tenant('web', 'acme')", true),
        ("SELECT voice_pin_tenant('web', NULL)", false),
        ("SELECT voice_revoke('web')", true),
        ("SELECT voice_revoke('nobody')", false),
        ("SELECT voice_install()", false),
        ("SELECT voice_remove_webhook(id) FROM voice_add_webhook('https://example.com/x')", true),
    ] {
        let answer: bool = voice.client.query_one(sql, &[]).unwrap().get(0);
        assert_eq!(answer, expected, "{sql}");
    }
}

#[test]
fn a_start_far_from_its_id_is_told_and_one_nearby_is_not() {
    let voice = Voice::start();
    let (mut client, notices) = voice.cluster.connect_with_notices("app");
    let mut told = |sql: &str| {
        client.batch_execute(sql).unwrap();
        std::mem::take(&mut *notices.lock().unwrap())
    };
    told("INSERT INTO voice.agent (id) VALUES ('a')");
    for near in ["now()", "now() - interval '50 minutes'", "now() + interval '1 minute'"] {
        let said = told(&format!("INSERT INTO voice.call (agent_id, started_at) VALUES ('a', {near})"));
        assert!(said.is_empty(), "{near}: {said:?}");
    }
    assert!(
        told(
            "INSERT INTO voice.call (id, agent_id, started_at) VALUES (voice_uuidv7('2026-01-01'), 'a', '2026-01-01')"
        )
        .is_empty()
    );
    // As a client writes it that sends New York's time as UTC, for many calls.
    let said = told(
        "INSERT INTO voice.call (agent_id, started_at) SELECT 'a', now() - interval '5 hours' FROM generate_series(1, 20)",
    );
    assert_eq!(said.len(), 1, "once a statement: {said:?}");
    assert_eq!((said[0].severity(), said[0].code().code()), ("WARNING", "01000"));
    let detail = said[0].detail().unwrap();
    assert!(detail.contains("5 h 0 min before") && said[0].hint().unwrap().contains("UTC"), "{detail}");
}

#[test]
fn an_ended_call_that_starts_again_is_no_foreign_key_error() {
    let mut voice = Voice::start();
    let call = voice.call(&[]);
    for sql in ["status = 'in_progress', ended_at = NULL", "id = voice_uuidv7()", "tenant_id = 'another'"] {
        let refused =
            voice.client.batch_execute(&format!("UPDATE voice.call SET {sql} WHERE id = '{call}'")).unwrap_err();
        let refused = refused.as_db_error().unwrap();
        assert_eq!(refused.code().code(), "23514", "{refused:?}");
        assert!(refused.detail().unwrap().contains(&call) && refused.hint().is_some(), "{refused:?}");
    }
}

/// What prisma db push, migrate reset, drizzle-kit push and alembic send when they find tables that no model names.
#[test]
fn a_tool_that_pushes_its_schema_loses_no_row() {
    let mut voice = Voice::start();
    voice.call(&[("user", "hello")]);
    voice.drained();
    voice.client.batch_execute("CREATE ROLE web LOGIN; SELECT voice_grant('web', 'admin')").unwrap();
    let mut web = voice.cluster.connect_as("web", "app");
    let tables = ["agent", "call", "turn", "tool_call", "transcript_chunk", "analytics", "job", "daily"];
    for sql in tables.iter().flat_map(|table| {
        [
            format!("DROP TABLE voice.{table} CASCADE"),
            format!("TRUNCATE voice.{table} CASCADE"),
            format!("ALTER TABLE voice.{table} ADD COLUMN x int"),
            format!("CREATE INDEX ON voice.{table} (tenant_id)"),
        ]
    }) {
        let refused = web.batch_execute(&sql).unwrap_err();
        assert_eq!(refused.code().unwrap().code(), "42501", "{sql}");
    }
    assert_eq!(web.batch_execute("DROP SCHEMA voice CASCADE").unwrap_err().code().unwrap().code(), "42501");
    // A superuser's plan goes table by table, or by the schema; it stops at what the extension owns.
    for sql in [
        "DROP SCHEMA voice CASCADE",
        "DROP VIEW voice.metrics CASCADE",
        "DROP TABLE voice._instance CASCADE",
        "DROP TABLE voice._webhook_secret, voice.call, voice.turn CASCADE",
        "DROP FUNCTION voice._tenant() CASCADE",
    ] {
        let refused = voice.client.batch_execute(sql).unwrap_err();
        assert_eq!(refused.code().unwrap().code(), "2BP01", "{sql}");
    }
    for table in ["agent", "call", "turn", "analytics", "search_document"] {
        assert_eq!(voice.count(&format!("SELECT count(*) FROM voice.{table}")), 1, "{table}");
    }
}

#[test]
fn who_meets_the_same_call_at_another_isolation_level_is_told_to_try_again_as_clients_understand_it() {
    let mut voice = Voice::start();
    voice.client.batch_execute("INSERT INTO voice.agent (id, vertical) VALUES ('iris', 'salon')").unwrap();
    let mut other = voice.cluster.connect("app");
    let call = |id: &str| format!(r#"{{"id": "{id}", "agent": "iris", "turns": []}}"#);
    for level in ["REPEATABLE READ", "SERIALIZABLE"] {
        for (n, function) in ["start", "import", "imports"].into_iter().enumerate() {
            let id = format!("{level} {n}");
            let statement = match function {
                "start" => format!("SELECT voice_start_call('iris', '+1', '+2', external_id => '{id}')"),
                "import" => format!("SELECT voice_import_call('{}')", call(&id)),
                _ => format!("SELECT (voice_imports('voice', ARRAY['{}'::jsonb]))[1]", call(&id)),
            };
            let begin = format!("BEGIN ISOLATION LEVEL {level}; SELECT count(*) FROM voice.call");
            other.batch_execute(&begin).unwrap();
            let first: String = voice.text(&format!("SELECT ({statement})::text"), &[]).unwrap();
            let error = other.batch_execute(&statement).expect_err(&statement);
            assert_eq!(error.code().unwrap().code(), "40001", "{level}: {statement}: {error:?}");
            // Which is what clients try again by, and then it is the same call.
            other.batch_execute(&format!("ROLLBACK; {begin}")).unwrap();
            let again: String = other.query_one(&format!("SELECT ({statement})::text"), &[]).unwrap().get(0);
            assert_eq!(again, first, "{level}: {statement}");
            other.batch_execute("COMMIT").unwrap();
        }
    }
}
