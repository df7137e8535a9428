//! The move from a Prisma schema (docs/orm/prisma): five tables become voice_analytics, whatever is wrong with them.

use std::path::Path;
use std::process::Output;

use harness::stub::{Reply, StubLlm};

use crate::voice::Voice;

/// As `prisma migrate` makes them; `"ToolCall"` has no index on its call, as Prisma makes none by itself.
const TABLES: &str = r#"
    CREATE TYPE "CallStatus" AS ENUM ('in_progress', 'completed', 'failed', 'transferred');
    CREATE TABLE "Agent" ("id" TEXT PRIMARY KEY, "name" TEXT NOT NULL, "vertical" TEXT NOT NULL, "promptHash" TEXT NOT NULL, "voice" TEXT NOT NULL,
        "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP);
    CREATE TABLE "Call" ("id" TEXT PRIMARY KEY, "agentId" TEXT NOT NULL REFERENCES "Agent"("id"), "fromNumber" TEXT NOT NULL, "toNumber" TEXT NOT NULL,
        "startedAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP, "endedAt" TIMESTAMP(3), "durationMs" INTEGER,
        "status" "CallStatus" NOT NULL DEFAULT 'in_progress', "recordingUrl" TEXT, "meta" JSONB);
    CREATE TABLE "Turn" ("id" TEXT PRIMARY KEY, "callId" TEXT NOT NULL REFERENCES "Call"("id"), "role" TEXT NOT NULL, "text" TEXT NOT NULL,
        "startedAt" TIMESTAMP(3) NOT NULL, "endedAt" TIMESTAMP(3) NOT NULL, "audioUrl" TEXT);
    CREATE INDEX "Turn_callId_idx" ON "Turn"("callId");
    CREATE TABLE "ToolCall" ("id" TEXT PRIMARY KEY, "callId" TEXT NOT NULL REFERENCES "Call"("id"), "name" TEXT NOT NULL, "args" JSONB NOT NULL, "result" JSONB,
        "errorText" TEXT, "latencyMs" INTEGER NOT NULL, "invokedAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP);
    CREATE TABLE "Analytics" ("callId" TEXT PRIMARY KEY REFERENCES "Call"("id"), "sentiment" DOUBLE PRECISION NOT NULL, "leadScore" INTEGER NOT NULL,
        "intent" TEXT NOT NULL, "entities" JSONB NOT NULL, "computedAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP);"#;

/// 10,000 calls of 13 months, up to ten turns and two tool calls each, nine of ten with scores. Of each kind of dirt ten:
/// `n % 1000` says which.
const CALLS: &str = r#"
    INSERT INTO "Agent" SELECT 'agent' || a, 'Agent ' || a, CASE a WHEN 0 THEN '' ELSE 'salon' END, CASE a WHEN 1 THEN '' ELSE 'h' || a END, 'alloy'
    FROM generate_series(0, 19) a;
    INSERT INTO "Call"
    SELECT 'c' || lpad(n::text, 6, '0'), 'agent' || n % 20, '+1212555' || lpad((n % 10000)::text, 4, '0'), '+13035550100', s.at,
        CASE WHEN n % 1000 = 7 THEN s.at - interval '1 minute' WHEN n % 1000 IN (8, 9, 10) THEN NULL ELSE s.at + interval '95.5 seconds' END,
        CASE WHEN n % 1000 = 11 THEN -5 WHEN n % 1000 IN (8, 10) THEN NULL ELSE 95500 END,
        (CASE WHEN n % 1000 IN (10, 12) THEN 'in_progress' WHEN n % 17 = 0 THEN 'failed' WHEN n % 19 = 0 THEN 'transferred' ELSE 'completed' END)::"CallStatus",
        CASE WHEN n % 3 = 0 THEN 'https://example.com/' || n || '.wav' END, CASE WHEN n % 2 = 0 THEN jsonb_build_object('n', n, 'sid', NULL) END
    FROM generate_series(1, 10000) n
    CROSS JOIN LATERAL (SELECT date_trunc('ms', (now() AT TIME ZONE 'UTC') - interval '2 days' - n * (interval '395 days' / 10000)) AS at) s;
    INSERT INTO "Turn"
    SELECT 't' || n || '-' || t, 'c' || lpad(n::text, 6, '0'),
        CASE WHEN n % 1000 = 13 AND t = 1 THEN 'agent' WHEN n % 1000 = 14 AND t = 2 THEN 'tool' WHEN t % 2 = 0 THEN 'user' ELSE 'assistant' END,
        'turn ' || t || ' of call ' || n || CASE WHEN t = 2 THEN E' with an "umlaut" ü and a\ttab' ELSE '' END,
        c."startedAt" + t * interval '9 seconds',
        c."startedAt" + t * interval '9 seconds' + CASE WHEN n % 1000 = 15 AND t = 3 THEN interval '-1 second' ELSE interval '8.25 seconds' END,
        CASE WHEN n % 5 = 0 THEN 'https://example.com/t.wav' END
    FROM generate_series(1, 10000) n JOIN "Call" c ON c.id = 'c' || lpad(n::text, 6, '0') CROSS JOIN generate_series(1, 10) t
    WHERE n % 1000 <> 16 AND t <= 4 + n % 7;
    INSERT INTO "ToolCall"
    SELECT 'k' || n || '-' || t, 'c' || lpad(n::text, 6, '0'), CASE WHEN n % 1000 = 17 THEN '' ELSE 'book' END, jsonb_build_object('at', t, 'note', NULL),
        CASE WHEN t = 1 THEN '[]'::jsonb WHEN n % 4 = 0 THEN '"done"' END, CASE WHEN n % 9 = 0 THEN 'full' END,
        CASE WHEN n % 1000 = 18 THEN -1 ELSE 120 END, c."startedAt" + t * interval '20 seconds'
    FROM generate_series(1, 10000) n JOIN "Call" c ON c.id = 'c' || lpad(n::text, 6, '0') CROSS JOIN generate_series(1, 2) t WHERE n % 1000 <> 16;
    INSERT INTO "Analytics"
    SELECT c.id, CASE n % 1000 WHEN 1 THEN 2 ELSE round((n % 200 / 100.0 - 1)::numeric, 2)::float8 END, CASE n % 1000 WHEN 2 THEN 120 ELSE n % 101 END,
        CASE n % 1000 WHEN 4 THEN 'buy' ELSE (ARRAY['info', 'booking', 'complaint', 'sales', 'support', 'none'])[1 + n % 6] END,
        CASE n % 1000 WHEN 5 THEN '["Dana"]'::jsonb ELSE jsonb_build_object('name', 'Caller ' || n, 'email', NULL) END, c."endedAt" + interval '7.125 seconds'
    FROM generate_series(1, 10000) n JOIN "Call" c ON c.id = 'c' || lpad(n::text, 6, '0') WHERE n % 10 <> 3 AND c."endedAt" IS NOT NULL;
    -- On the phone now.
    INSERT INTO "Call" ("id", "agentId", "fromNumber", "toNumber", "startedAt")
    SELECT 'now' || n, 'agent1', '+12125550199', '+13035550100', (now() AT TIME ZONE 'UTC') - interval '2 minutes' FROM generate_series(1, 3) n;
    ANALYZE;"#;

fn script(voice: &Voice, name: &str, variables: &[&str]) -> Output {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/orm/prisma").join(name);
    let mut psql = voice.cluster.client("psql");
    psql.args(["-X", "-q", "-d", "app", "-f"]).arg(file);
    for variable in variables {
        psql.args(["-v", variable]);
    }
    psql.output().unwrap()
}

/// What it printed, on both channels.
#[track_caller]
fn ran(voice: &Voice, name: &str, variables: &[&str]) -> String {
    let output = script(voice, name, variables);
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    said
}

/// The server that calls are moved on, and the worker off.
fn with_old_tables() -> Voice {
    let mut voice = Voice::on(harness::Cluster::builder().setting("voice_analytics.enabled", "off"));
    voice.client.batch_execute(TABLES).unwrap();
    voice
}

/// Rows of the old tables (which may have moved) that do not have their likeness among the new ones.
fn differing(voice: &mut Voice, schema: &str) -> Vec<i64> {
    let names = format!("SET search_path = {schema}, public");
    voice.client.batch_execute(&names).unwrap();
    let dirty = "substr(o.id, 2)::int % 1000";
    let calls = format!(
        r#"SELECT count(*) FROM "Call" o LEFT JOIN from_prisma.call i ON i.old = o.id LEFT JOIN voice.call n ON n.id = i.new
           WHERE o.id NOT LIKE 'now%' AND (
             n.external_id IS DISTINCT FROM o.id OR n.agent_id <> o."agentId" OR n.from_number <> o."fromNumber" OR n.to_number <> o."toNumber"
             OR n.started_at <> o."startedAt" AT TIME ZONE 'UTC' OR n.recording_url IS DISTINCT FROM o."recordingUrl" OR n.meta IS DISTINCT FROM o.meta
             OR ({dirty} NOT IN (7, 8, 9, 10) AND n.ended_at IS DISTINCT FROM o."endedAt" AT TIME ZONE 'UTC')
             OR ({dirty} NOT IN (8, 10, 11) AND n.duration_ms IS DISTINCT FROM o."durationMs") OR n.ended_at < n.started_at OR n.duration_ms < 0
             OR n.status <> CASE {dirty} WHEN 10 THEN 'failed' WHEN 12 THEN 'completed' ELSE o.status::text END)"#
    );
    let turns = r#"WITH was AS (SELECT "callId", string_agg(concat_ws('|', CASE lower(role) WHEN 'agent' THEN 'assistant' WHEN 'tool' THEN 'system' ELSE role END, text,
              "startedAt" AT TIME ZONE 'UTC', greatest("endedAt", "startedAt") AT TIME ZONE 'UTC', "audioUrl"), E'\n' ORDER BY "startedAt", id) AS said FROM "Turn" GROUP BY 1),
         is_now AS (SELECT call_id, string_agg(concat_ws('|', role, text, started_at, ended_at, audio_url), E'\n' ORDER BY started_at, id) AS said FROM voice.turn GROUP BY 1)
         SELECT count(*) FROM from_prisma.call i LEFT JOIN was ON was."callId" = i.old LEFT JOIN is_now ON is_now.call_id = i.new WHERE was.said IS DISTINCT FROM is_now.said"#;
    let tool_calls = r#"WITH was AS (SELECT "callId", string_agg(concat_ws('|', CASE name WHEN '' THEN 'unnamed' ELSE name END, args, result, "errorText",
              CASE WHEN "latencyMs" >= 0 THEN "latencyMs" END, "invokedAt" AT TIME ZONE 'UTC'), E'\n' ORDER BY "invokedAt", id) AS done FROM "ToolCall" GROUP BY 1),
         is_now AS (SELECT call_id, string_agg(concat_ws('|', name, args, result, error_text, latency_ms, invoked_at), E'\n' ORDER BY invoked_at, id) AS done FROM voice.tool_call GROUP BY 1)
         SELECT count(*) FROM from_prisma.call i LEFT JOIN was ON was."callId" = i.old LEFT JOIN is_now ON is_now.call_id = i.new WHERE was.done IS DISTINCT FROM is_now.done"#;
    let scores = r#"SELECT count(*) FROM from_prisma.call i LEFT JOIN "Analytics" o ON o."callId" = i.old LEFT JOIN voice.analytics n ON n.call_id = i.new AND n.model = 'prisma'
         WHERE substr(i.old, 1, 1) = 'c' AND CASE WHEN o."callId" IS NULL OR substr(i.old, 2)::int % 1000 IN (1, 2, 4, 5) THEN n.call_id IS NOT NULL
           ELSE (n.sentiment, n.lead_score, n.intent, n.entities, n.computed_at) IS DISTINCT FROM
                (o.sentiment, o."leadScore"::smallint, o.intent, o.entities, o."computedAt" AT TIME ZONE 'UTC') END"#;
    let agents = r#"SELECT count(*) FROM "Agent" o LEFT JOIN voice.agent n USING (id)
         WHERE (n.name, n.vertical, coalesce(n.prompt_hash, ''), n.voice) IS DISTINCT FROM (o.name, coalesce(nullif(o.vertical, ''), 'general'), o."promptHash", o.voice)"#;
    let counts = [calls.as_str(), turns, tool_calls, scores, agents].map(|sql| voice.count(sql)).to_vec();
    voice.client.batch_execute("RESET search_path").unwrap();
    counts
}

#[test]
fn ten_thousand_dirty_calls_of_a_prisma_schema_come_over_once_and_whole() {
    let hook = StubLlm::start();
    let mut voice = with_old_tables();
    voice.client.batch_execute(CALLS).unwrap();
    let add = format!(
        "SELECT voice_add_webhook('{}', min_lead_score => 0, intents => '{{info,booking,complaint,sales,support,none}}')",
        hook.url()
    );
    voice.client.batch_execute(&add).unwrap();

    let said = ran(&voice, "migrate.sql", &["dry_run=1"]);
    assert!(said.contains("Nothing was moved"), "{said}");
    assert_eq!(voice.count("SELECT count(*) FROM voice.call"), 0);
    let dirt = "SELECT string_agg(x.line, E'\\n' ORDER BY x.line) FROM (SELECT what || ': ' || count(*) AS line FROM from_prisma.dirt GROUP BY what) x";
    let expected = [
        "a call ends before it starts: 10",
        "a call has a negative duration: 10",
        "a call has an end, but is in progress: 10",
        "a call is in progress for more than a day: 10",
        "a call is over, but has no end: 20",
        "a lead score is not from 0 to 100: 10",
        "a sentiment is not from -1 to 1: 10",
        "a tool call has a negative latency: 20",
        "a tool call has no name: 20",
        "a turn ends before it starts: 10",
        "a turn has the role 'agent': 10",
        "a turn has the role 'tool': 10",
        "an agent has no vertical: 1",
        "an intent is 'buy': 10",
        "entities are no object: 10",
    ];
    let mut found: Vec<String> = voice.text(dirt, &[]).unwrap().lines().map(str::to_owned).collect();
    found.sort();
    assert_eq!(found, expected);

    // Stopped half-way.
    voice
        .client
        .batch_execute(
            "CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'the lights went out'; END $$;
             CREATE TRIGGER stop BEFORE INSERT ON voice.call FOR EACH ROW WHEN (NEW.external_id = 'c005000') EXECUTE FUNCTION stop()",
        )
        .unwrap();
    let stopped = script(&voice, "migrate.sql", &[]);
    let said = String::from_utf8_lossy(&stopped.stderr);
    assert!(!stopped.status.success() && said.contains("the lights went out"), "{said}");
    let half = voice.count("SELECT count(*) FROM voice.call");
    assert!((1..10_000).contains(&half), "{half}");
    voice.client.batch_execute("DROP TRIGGER stop ON voice.call").unwrap();
    let said = ran(&voice, "migrate.sql", &[]);
    println!("{said}");
    assert!(said.contains("calls a second"), "{said}");

    assert_eq!(differing(&mut voice, "public"), [0, 0, 0, 0, 0], "calls, turns, tool calls, scores, agents");
    let old = r#"SELECT count(*) FROM "Call" WHERE id NOT LIKE 'now%'"#;
    assert_eq!((voice.count(old), voice.count("SELECT count(*) FROM voice.call")), (10_000, 10_000));
    let turns = voice.count(r#"SELECT count(*) FROM "Turn""#);
    assert!(turns > 60_000 && voice.count("SELECT count(*) FROM voice.turn") == turns, "{turns}");
    assert_eq!(voice.count("SELECT count(*) FROM voice.tool_call"), voice.count(r#"SELECT count(*) FROM "ToolCall""#));
    // 1 in 10 had none, 40 broke a rule, and so did 30 that had no end to be judged at.
    let kept = voice.count("SELECT count(*) FROM voice.analytics");
    assert_eq!(kept, voice.count(r#"SELECT count(*) FROM "Analytics""#) - 40);
    assert_eq!(voice.count("SELECT count(*) FROM voice.job"), 10_000 - kept, "the others wait to be judged");
    assert_eq!(voice.count("SELECT count(*) FROM voice.search_document"), kept);
    assert!(voice.count("SELECT count(*) FROM voice_search('umlaut', max_rows => 50)") > 0);
    assert_eq!(
        voice.count("SELECT count(*) FROM voice.call c WHERE c.tableoid::regclass::text LIKE '%default%'"),
        0,
        "every month has its partition"
    );

    // Again: nothing. Then the calls that were on the phone end, and come too.
    let said = ran(&voice, "migrate.sql", &[]);
    assert!(!said.contains("calls a second"), "{said}");
    assert_eq!(voice.count("SELECT count(*) FROM voice.call"), 10_000);
    assert_eq!(differing(&mut voice, "public"), [0, 0, 0, 0, 0]);
    voice
        .client
        .batch_execute(
            r#"UPDATE "Call" SET status = 'completed', "endedAt" = now() AT TIME ZONE 'UTC' WHERE id LIKE 'now%'"#,
        )
        .unwrap();

    // The old names over the new tables, also for this script.
    voice
        .client
        .batch_execute("CREATE ROLE web LOGIN; SELECT voice_grant('web', 'writer'), voice_grant('web', 'reader')")
        .unwrap();
    ran(&voice, "views.sql", &["app=web"]);
    ran(&voice, "migrate.sql", &[]);
    assert_eq!(voice.count("SELECT count(*) FROM voice.call"), 10_003);
    assert_eq!(differing(&mut voice, "before_voice"), [0, 0, 0, 0, 0]);

    // What is judged now is no news.
    let llm = StubLlm::start();
    llm.keep_requests(false);
    let mut good = Reply::good();
    good["lead_score"] = 99.into();
    llm.answer_always(Reply::content(&good.to_string()));
    voice.client.batch_execute(r#"DELETE FROM voice.call WHERE external_id LIKE 'now%'"#).unwrap();
    voice.cluster.set("voice_analytics.llm_url", &llm.url());
    voice.cluster.set("voice_analytics.analyzer", "openai");
    voice.cluster.set("voice_analytics.enabled", "on");
    voice.drained();
    assert_eq!(voice.count("SELECT count(*) FROM voice.analytics"), 10_000);
    assert_eq!(
        llm.count() as i64,
        voice.count("SELECT count(*) FROM voice.analytics WHERE lead_score = 99 AND model <> 'prisma'")
    );
    assert_eq!(hook.count(), 0, "nobody is told of leads of last year");
}

#[test]
fn the_applications_own_sql_runs_on_the_views() {
    let mut voice = with_old_tables();
    voice
        .client
        .batch_execute(
            r#"INSERT INTO "Agent" VALUES ('iris', 'Iris', 'salon', 'h', 'alloy', '2026-01-01');
               INSERT INTO "Call" VALUES ('c1', 'iris', '+12125550142', '+12125550100', now() AT TIME ZONE 'America/New_York' - interval '3 hours',
                   now() AT TIME ZONE 'America/New_York' - interval '2 hours', 3600000, 'completed', NULL, '{"sid": "CA1"}');
               INSERT INTO "Turn" VALUES ('t1', 'c1', 'user', 'hello', now() AT TIME ZONE 'America/New_York' - interval '3 hours', now() AT TIME ZONE 'America/New_York' - interval '3 hours');
               INSERT INTO "Analytics" VALUES ('c1', 0.5, 90, 'sales', '{}', now());
               CREATE ROLE web LOGIN; SELECT voice_grant('web', 'writer'), voice_grant('web', 'reader')"#,
        )
        .unwrap();
    ran(&voice, "migrate.sql", &["zone=America/New_York"]);
    ran(&voice, "views.sql", &["app=web"]);
    let off = "SELECT round(extract(epoch FROM now() - started_at) / 60)::bigint FROM voice.call";
    assert_eq!(voice.count(off), 180, "times of another zone than UTC");
    let mut web = voice.cluster.connect_as("web", "app");
    // As the application's code and its dashboards have it; ids come from the database.
    let row = web
        .query_one(
            r#"INSERT INTO "Call" ("agentId", "fromNumber", "toNumber", "startedAt", meta) VALUES ('iris', '+12125550143', '+12125550100', now(), '{}') RETURNING id::text, status"#,
            &[],
        )
        .unwrap();
    let (id, status): (String, String) = (row.get(0), row.get(1));
    assert_eq!(status, "in_progress");
    web.execute(r#"INSERT INTO "Turn" ("callId", role, text, "startedAt", "endedAt") VALUES ($1::text::uuid, 'user', 'ten of them', now(), now())"#, &[&id]).unwrap();
    web.execute(
        r#"INSERT INTO "ToolCall" ("callId", name, args, "latencyMs") VALUES ($1::text::uuid, 'book', '{}', 12)"#,
        &[&id],
    )
    .unwrap();
    web.execute(
        r#"UPDATE "Call" SET status = 'completed', "endedAt" = now(), "durationMs" = 0 WHERE id = $1::text::uuid"#,
        &[&id],
    )
    .unwrap();
    assert_eq!(voice.count("SELECT count(*) FROM voice.job"), 1, "the end of the call queues its analysis");
    let dashboards = [
        r#"SELECT count(*) FROM (SELECT c.id, c."fromNumber", a."leadScore", a.intent, a.entities FROM "Call" c JOIN "Analytics" a ON a."callId" = c.id
           WHERE c."endedAt" > now() - interval '24 hours' ORDER BY a."leadScore" DESC LIMIT 20) x"#,
        r#"SELECT count(*) FROM (SELECT c."agentId", date_trunc('day', c."endedAt") d, AVG(a.sentiment) avg_sent FROM "Call" c JOIN "Analytics" a ON a."callId" = c.id
           WHERE c."endedAt" > now() - interval '7 days' GROUP BY 1, 2 ORDER BY 1, 2) x"#,
        r#"SELECT count(*) FROM "Call" LEFT JOIN "Agent" AS j0 ON j0.id = "Call"."agentId" LEFT JOIN "Analytics" AS j1 ON j1."callId" = "Call".id
           WHERE j0.vertical = 'salon' AND "Call"."startedAt" >= now() - interval '7 days' AND j1."leadScore" >= 70"#,
        r#"SELECT count(*) FROM "Call" c WHERE NOT EXISTS (SELECT FROM "Analytics" a WHERE a."callId" = c.id)"#,
    ];
    for sql in dashboards {
        assert_eq!(web.query_one(sql, &[]).unwrap().get::<_, i64>(0), 1, "{sql}");
    }
    // Scores are the worker's, through a view too; another tenant's rows are not there.
    let refused = web.execute(r#"INSERT INTO "Analytics" ("callId", sentiment, "leadScore", intent) VALUES ($1::text::uuid, 0, 0, 'none')"#, &[&id]).unwrap_err();
    assert_eq!(refused.code().unwrap().code(), "42501");
    web.batch_execute("SET voice_analytics.tenant = 'another'").unwrap();
    assert_eq!(web.query_one(r#"SELECT count(*) FROM "Call""#, &[]).unwrap().get::<_, i64>(0), 0);
}
