//! The dashboards, alert rules and role that docs/monitoring/grafana ships: each query is run as Grafana would run it.

mod dashboard;

use std::collections::{BTreeMap, HashMap};
use std::process::Command;

use harness::stub::{Reply, StubLlm};
use postgres::types::Type;
use postgres::{Client, SimpleQueryMessage};
use yaml_rust2::{Yaml, YamlLoader};

use self::dashboard::{BOARDS, Chosen, Panel, Shown, board, folder, panels, query, read};
use crate::voice::Voice;

/// Names that need care in SQL.
const AGENT: &str = "o'hara";
const VERTICAL: &str = "kid's";

/// Yesterday and the day before in Tokyo, where nobody's midnight is UTC's: two calls of each agent a day. Agent o'hara's
/// callers are content (0.5), the other's are not (-0.5); half the results pass.
const PAST: &str = r#"
    INSERT INTO voice.agent (id, name, vertical) VALUES ('o''hara', 'Scarlett', 'kid''s'), ('b', '', 'salon');
    SELECT voice_define_analysis('booked', '{"type": "object", "properties": {"day": {"type": "string", "description": "day"}}}',
        '[{"name": "greeting", "rubric": "The agent greets.", "kind": "pass_fail"}]', vertical => 'nobody''s');
    CREATE TEMP TABLE past AS
        SELECT voice_uuidv7(d.noon) AS id, d.noon AS started_at, d.place, a.id AS agent_id, a.vertical
        FROM (SELECT (date_trunc('day', now(), 'Asia/Tokyo') - n.day * interval '1 day') + n.place * interval '1 hour' AS noon, n.place
              FROM (VALUES (1, 1), (1, 23), (2, 1), (2, 23)) n(day, place)) d
        CROSS JOIN voice.agent a;
    INSERT INTO voice.call (id, agent_id, started_at, ended_at, status)
        SELECT id, agent_id, started_at, started_at + interval '3 minutes', CASE place WHEN 1 THEN 'completed' ELSE 'transferred' END FROM past;
    INSERT INTO voice.turn (call_id, role, text, e2e_latency_ms) SELECT id, 'user', 'hello', 800 FROM past;
    INSERT INTO voice.tool_call (call_id, name, latency_ms, invoked_at, error_text) SELECT id, 'book', 300, started_at, CASE place WHEN 1 THEN 'full' END FROM past;
    INSERT INTO voice.analytics (call_id, started_at, agent_id, vertical, sentiment, lead_score, intent, model, prompt_version, summary, next_action)
        SELECT id, started_at, agent_id, vertical, CASE agent_id WHEN 'b' THEN -0.5 ELSE 0.5 END, 90, 'sales', 'm', '1', 'of Maria', '' FROM past;
    INSERT INTO voice.result (call_id, started_at, version, score, agent_id, vertical, analysis, success, model, prompt_version, criteria)
        SELECT id, started_at, 1, 100, agent_id, vertical, 'booked', r.success, 'm', '1',
               jsonb_build_object('greeting', jsonb_build_object('verdict', r.success, 'weight', 1))
        FROM past CROSS JOIN LATERAL (SELECT CASE place WHEN 1 THEN 'pass' ELSE 'fail' END AS success) r;
    DELETE FROM voice.job;
    SELECT voice_rollup(d.day) FROM (SELECT DISTINCT (started_at AT TIME ZONE 'Asia/Tokyo')::date AS day FROM past) d"#;

/// What went wrong since: an answer of 500, a delivery, and a job that gave up.
const WRONG: &str = "
    INSERT INTO voice.attempt (call_id, job_id, attempt, kind, outcome, http_status, model)
        SELECT id, 1, 1, 'analyze', 'failed', 500, 'gpt' FROM voice.call ORDER BY id DESC LIMIT 1;
    INSERT INTO voice.attempt (call_id, job_id, attempt, kind, outcome, http_status)
        SELECT id, 2, 1, 'deliver', 'ok', 200 FROM voice.call ORDER BY id DESC LIMIT 1;
    INSERT INTO voice.dead_job (id, call_id, attempts, kind) SELECT 1, id, 5, 'analyze' FROM voice.call ORDER BY id DESC LIMIT 1";

/// A database with days past, two live calls that a model has judged, and a session of Grafana's role.
struct Watched {
    voice: Voice,
    grafana: Client,
    /// Answers as long as the worker asks.
    _stub: StubLlm,
}

impl Watched {
    fn start() -> Watched {
        let stub = StubLlm::start();
        stub.answer_always(Reply::analysis());
        let mut voice = Voice::on(Voice::asking(&stub).setting("voice_analytics.timezone", "Asia/Tokyo"));
        voice.client.batch_execute("SELECT voice_pause()").unwrap();
        voice.state("paused");
        voice.client.batch_execute("SELECT voice_create_partitions(3, now() - interval '4 days')").unwrap();
        voice.client.batch_execute(PAST).unwrap();
        voice.client.batch_execute("SELECT voice_resume()").unwrap();
        for _ in 0..2 {
            let start = "INSERT INTO voice.call (agent_id, started_at) VALUES ('o''hara', now() - interval '1 minute') RETURNING id::text";
            let id: String = voice.client.query_one(start, &[]).unwrap().get(0);
            voice.turn(&id, "user", "I want to book");
            voice.end(&id);
        }
        voice.drained();
        voice.until("SELECT analysis_p95_seconds IS NOT NULL FROM voice.metrics");
        voice.until("SELECT sum(analyses) = 2 FROM voice.metrics_by_model");
        voice.client.batch_execute(WRONG).unwrap();
        voice.client.batch_execute("CREATE ROLE grafana LOGIN").unwrap();
        voice.client.batch_execute(&read("role.sql")).unwrap();
        let grafana = voice.cluster.connect_as("grafana", "app");
        Watched { voice, grafana, _stub: stub }
    }

    fn shown(&mut self, panel: &Panel) -> Shown {
        let stretch = panel.stretch.replace('h', " hours").replace('d', " days");
        let mut at = |time: &str| {
            let sql = format!("SELECT to_char({time} AT TIME ZONE 'UTC', '''YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"''')");
            self.voice.text(&sql, &[]).unwrap()
        };
        Shown { from: at(&format!("(now() - interval '{stretch}')")), to: at("now()") }
    }

    fn sql(&mut self, panel: &Panel, chosen: Chosen) -> String {
        let shown = self.shown(panel);
        query(&panel.sql, &board(panel.board), chosen, &shown)
    }

    /// The rows of a panel, each by column.
    fn rows(&mut self, board: &'static str, title: &str, kind: &str, chosen: Chosen) -> Vec<HashMap<String, String>> {
        let panel =
            panels(board).into_iter().find(|p| p.title == title && p.kind == kind).unwrap_or_else(|| panic!("{title}"));
        let sql = self.sql(&panel, chosen);
        rows(&mut self.grafana, &sql)
    }

    fn figure(&mut self, board: &'static str, title: &str, column: &str, chosen: Chosen) -> f64 {
        let rows = self.rows(board, title, "stat", chosen);
        assert_eq!(rows.len(), 1, "{title}");
        rows[0][column].parse().unwrap_or_else(|_| panic!("{title}: {column} is {}", rows[0][column]))
    }
}

/// Rows as text; NULL is left out.
#[track_caller]
fn rows(client: &mut Client, sql: &str) -> Vec<HashMap<String, String>> {
    let row = |message: SimpleQueryMessage| match message {
        SimpleQueryMessage::Row(row) => {
            let columns = row.columns().iter().enumerate();
            Some(columns.filter_map(|(i, c)| Some((c.name().to_owned(), row.get(i)?.to_owned()))).collect())
        }
        _ => None,
    };
    client.simple_query(sql).unwrap_or_else(|e| panic!("{e:?}\n{sql}")).into_iter().filter_map(row).collect()
}

fn is_number(kind: &Type) -> bool {
    [Type::INT2, Type::INT4, Type::INT8, Type::FLOAT8, Type::NUMERIC].contains(kind)
}

const ALL: Chosen = &[("vertical", &[]), ("agent", &[AGENT])];

#[test]
fn the_dashboards_and_rules_are_what_their_script_writes_and_the_sdk_reads() {
    let python = folder().join("../../../target/grafana/bin/python");
    if !python.exists() {
        harness::skipped("Grafana's SDK needs Python 3.11 (scripts/grafana.sh)");
        return;
    }
    let mut script = Command::new(python);
    let output =
        script.arg(folder().join("build.py")).arg("--check").env("PYTHONDONTWRITEBYTECODE", "1").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn every_panel_is_answered_in_the_form_that_it_shows() {
    let mut watched = Watched::start();
    for panel in BOARDS.into_iter().flat_map(panels) {
        let name = format!("{}: {}", panel.board, panel.title);
        let sql = watched.sql(&panel, ALL);
        let statement = watched.grafana.prepare(&sql).unwrap_or_else(|e| panic!("{name}: {e:?}\n{sql}"));
        let columns: Vec<(&str, &Type)> = statement.columns().iter().map(|c| (c.name(), c.type_())).collect();
        let answer = rows(&mut watched.grafana, &sql);
        assert!(!answer.is_empty(), "{name} shows nothing\n{sql}");
        match (panel.kind.as_str(), panel.format.as_str()) {
            ("timeseries", "time_series") => {
                let (first, kind) = columns[0];
                assert!(first == "time" && (is_number(kind) || *kind == Type::TIMESTAMPTZ), "{name}: {first} {kind}");
                let others = &columns[1..];
                assert!(others.iter().any(|(_, kind)| is_number(kind)), "{name} has no value");
                assert!(
                    others.iter().all(|(c, kind)| is_number(kind) || (*c == "metric" && **kind == Type::TEXT)),
                    "{name}: {columns:?}"
                );
                let times: Vec<&String> = answer.iter().map(|row| &row["time"]).collect();
                assert!(times.is_sorted(), "{name} is not in order: {times:?}");
            }
            ("stat", "table") => {
                assert_eq!(answer.len(), 1, "{name}");
                let text = columns == [("state", &Type::TEXT)];
                assert!(text || columns.iter().all(|(_, kind)| is_number(kind)), "{name}: {columns:?}");
                assert_eq!(answer[0].len(), columns.len(), "{name} has no value: {answer:?}");
            }
            ("table", "table") => {
                let shown = |kind: &Type| is_number(kind) || [Type::TEXT, Type::TIMESTAMPTZ].contains(kind);
                assert!(columns.iter().all(|(_, kind)| shown(kind)), "{name}: {columns:?}");
            }
            other => panic!("{name} is {other:?}"),
        }
        for field in &panel.fields {
            let is_there = columns.iter().any(|(c, _)| c == field);
            assert!(is_there, "{name} has no field {field}: {columns:?}");
        }
    }
}

#[test]
fn the_operator_sees_what_waits_what_failed_and_what_it_took() {
    let mut watched = Watched::start();
    let state = |watched: &mut Watched| watched.rows("operations", "Worker", "stat", &[])[0]["state"].clone();
    assert_eq!(state(&mut watched), "serving");
    assert_eq!(watched.figure("operations", "Trouble", "Dead jobs", &[]), 1.0);
    let calls = watched.rows("operations", "Calls ended, and analysed by now", "timeseries", &[]);
    let sum = |rows: &[HashMap<String, String>], column: &str| -> f64 {
        rows.iter().filter_map(|row| row.get(column)).map(|value| value.parse::<f64>().unwrap()).sum()
    };
    // Those of yesterday evening in Tokyo may lie within the hours shown.
    let recent = "SELECT count(*) FROM voice.call WHERE ended_at BETWEEN now() - interval '6 hours' AND now()";
    let recent = watched.voice.count(recent);
    assert!(recent >= 2);
    assert_eq!(sum(&calls, "ended") as i64, recent);
    assert_eq!(sum(&calls, "analysed") as i64, recent);
    let attempts = watched.rows("operations", "Attempts to analyse", "timeseries", &[]);
    let of = |outcome: &str| {
        attempts.iter().filter(|r| r["metric"] == outcome).map(|r| r["attempts"].parse::<i64>().unwrap()).sum::<i64>()
    };
    assert_eq!((of("ok"), of("failed")), (2, 1), "{attempts:?}");
    let tokens = watched.rows("operations", "Tokens", "timeseries", &[]);
    let spent = watched.voice.count("SELECT sum(prompt_tokens)::bigint FROM voice.attempt");
    assert!(spent > 0);
    assert_eq!(sum(&tokens, "prompt") as i64, spent);
    let failed = watched.rows("operations", "What failed", "table", &[]);
    assert_eq!((failed.len(), failed[0]["HTTP"].as_str(), failed[0]["Attempts"].as_str()), (1, "500", "1"));

    watched.voice.client.batch_execute("SELECT voice_pause()").unwrap();
    watched.voice.state("paused");
    let call = "INSERT INTO voice.call (agent_id, started_at, ended_at, status) VALUES ('b', now() - interval '3 minutes', now() - interval '2 minutes', 'completed')";
    watched.voice.client.batch_execute(call).unwrap();
    watched.voice.client.batch_execute("UPDATE voice.job SET run_at = now() - interval '100 s'").unwrap();
    assert_eq!(state(&mut watched), "paused");
    assert_eq!(watched.figure("operations", "Waiting", "Calls", &[]), 1.0);
    assert!(watched.figure("operations", "Waiting", "Oldest call", &[]) >= 100.0);
    let calls = watched.rows("operations", "Calls ended, and analysed by now", "timeseries", &[]);
    assert_eq!(sum(&calls, "ended") - sum(&calls, "analysed"), 1.0);
}

#[test]
fn a_quality_lead_sees_days_past_of_the_verticals_chosen() {
    let mut watched = Watched::start();
    for (verticals, calls, sentiment) in
        [(&[][..], 8.0, 0.0), (&[VERTICAL], 4.0, 0.5), (&["salon"], 4.0, -0.5), (&["salon", VERTICAL], 8.0, 0.0)]
    {
        let chosen: Chosen = &[("vertical", verticals)];
        assert_eq!(watched.figure("quality", "Calls", "Calls", chosen), calls, "{verticals:?}");
        assert_eq!(watched.figure("quality", "Calls", "Minutes", chosen), calls * 3.0);
        assert_eq!(watched.figure("quality", "Calls", "Transferred", chosen), 0.5);
        assert_eq!(watched.figure("quality", "Callers", "Sentiment", chosen), sentiment);
        assert_eq!(watched.figure("quality", "Callers", "Hot leads", chosen), calls);
        assert_eq!(watched.figure("quality", "Success", "Success", chosen), 0.5);
    }
    // Two days, each at its midnight in Tokyo.
    let days = watched.rows("quality", "Calls", "timeseries", ALL);
    let midnights = "SELECT string_agg((date_trunc('day', now(), 'Asia/Tokyo') - n * interval '1 day')::text, ' and ' ORDER BY n DESC)
        FROM (VALUES (1), (2)) v(n)";
    let midnights = watched.voice.text(midnights, &[]).unwrap();
    assert_eq!(format!("{} and {}", days[0]["time"], days[1]["time"]), midnights);
    assert!(
        days.len() == 2 && days.iter().all(|day| (&*day["completed"], &*day["transferred"]) == ("2", "2")),
        "{days:?}"
    );
    let scorecards = watched.rows("quality", "Scorecards", "table", ALL);
    let of: BTreeMap<&str, (&str, &str)> =
        scorecards.iter().map(|r| (&*r["Agent"], (&*r["Calls"], &*r["Success"]))).collect();
    assert_eq!(of, BTreeMap::from([("b", ("4", "0.5")), (AGENT, ("4", "0.5"))]));
    let criteria = watched.rows("quality", "Criteria", "table", ALL);
    assert_eq!(
        (criteria.len(), &*criteria[0]["Criterion"], &*criteria[0]["Judged"], &*criteria[0]["Met"]),
        (1, "greeting", "8", "0.5")
    );
    let agents = watched.rows("quality", "Agents", "table", ALL);
    assert_eq!(
        agents.iter().map(|r| &*r["Agent"]).collect::<Vec<_>>(),
        ["b", AGENT],
        "the least content callers first"
    );
    let leads = watched.rows("quality", "Top leads", "table", &[("vertical", &["salon"])]);
    assert!(
        leads.len() == 4 && leads.iter().all(|lead| lead["Agent"] == "b" && lead["Lead score"] == "90"),
        "{leads:?}"
    );
}

#[test]
fn an_agents_owner_sees_that_agent_and_no_other() {
    let mut watched = Watched::start();
    let named = board("agents");
    let variable = named["templating"]["list"].as_array().unwrap().iter().find(|v| v["name"] == "agent").unwrap();
    let offered = rows(&mut watched.grafana, variable["query"].as_str().unwrap());
    let offered: BTreeMap<&str, &str> = offered.iter().map(|r| (&*r["__value"], &*r["__text"])).collect();
    assert_eq!(offered, BTreeMap::from([("b", "b"), (AGENT, "Scarlett")]));
    for (agent, sentiment, today) in [(AGENT, 0.5, 2.0), ("b", -0.5, 0.0)] {
        let chosen: Chosen = &[("agent", &[agent])];
        assert_eq!(watched.figure("agents", "Days shown", "Calls", chosen), 4.0);
        assert_eq!(watched.figure("agents", "Days shown", "Sentiment", chosen), sentiment);
        assert_eq!(watched.figure("agents", "Days shown", "Success", chosen), 0.5);
        assert_eq!(watched.figure("agents", "Newest day", "Answer p95", chosen), 800.0);
        assert_eq!(watched.figure("agents", "Newest day", "Tools p95", chosen), 300.0);
        // The live calls began a minute ago: yesterday, if it has just been midnight in Tokyo.
        let began = "SELECT count(*) FROM voice.call WHERE started_at >= date_trunc('day', now(), 'Asia/Tokyo') AND agent_id = $1";
        let began: i64 = watched.voice.client.query_one(began, &[&agent]).unwrap().get(0);
        assert!(began as f64 <= today);
        assert_eq!(watched.figure("agents", "Today", "Calls", chosen), began as f64);
        let both = watched.rows("agents", "Sentiment", "timeseries", chosen);
        let mine = |day: &HashMap<String, String>| {
            (day["this agent"].parse::<f64>().unwrap(), day["all agents"].parse::<f64>().unwrap())
        };
        assert!(both.iter().map(mine).all(|day| day == (sentiment, 0.0)), "{both:?}");
        let newest = watched.rows("agents", "Newest calls", "table", chosen);
        assert_eq!(newest.len() as f64, 4.0 + today);
        let tools = watched.rows("agents", "Tools", "timeseries", chosen);
        assert!(tools.len() == 2 && tools.iter().all(|day| day["failed"] == "0.5"), "{tools:?}");
    }
}

#[test]
fn a_tenants_own_data_source_shows_that_tenant() {
    let mut watched = Watched::start();
    let acme = "CREATE ROLE grafana_acme LOGIN; SELECT voice_pin_tenant('grafana_acme', 'acme');
        SET voice_analytics.tenant = 'acme'; INSERT INTO voice.agent (id, vertical) VALUES ('c', 'salon');
        INSERT INTO voice.call (agent_id, started_at, ended_at, status) VALUES ('c', now() - interval '2 minutes', now() - interval '1 minute', 'completed');
        RESET voice_analytics.tenant";
    watched.voice.client.batch_execute(acme).unwrap();
    watched.voice.client.batch_execute(&read("role.sql").replace("grafana", "grafana_acme")).unwrap();
    watched.grafana = watched.voice.cluster.connect_as("grafana_acme", "app");
    let calls = watched.rows("operations", "Calls ended, and analysed by now", "timeseries", &[]);
    assert!(calls.len() == 1 && calls[0]["ended"] == "1", "{calls:?}");
    assert!(watched.rows("quality", "Agents", "table", ALL).is_empty());
    assert!(watched.rows("agents", "Newest calls", "table", ALL).is_empty());
    assert_eq!(watched.rows("agents", "Newest calls", "table", &[("agent", &["c"])]).len(), 1);
    assert_eq!(watched.figure("operations", "Trouble", "Dead jobs", &[]), 1.0, "of all tenants");
}

fn yaml(text: &str) -> Yaml {
    YamlLoader::load_from_str(text).unwrap().remove(0)
}

fn provisioned_rules() -> HashMap<String, Yaml> {
    let file = yaml(&read("provisioning/alerting/voice.yaml"));
    let rules = file["groups"].as_vec().unwrap().iter().flat_map(|group| group["rules"].as_vec().unwrap().clone());
    rules.map(|rule| (rule["title"].as_str().unwrap().to_owned(), rule)).collect()
}

/// The rules that would fire, if their time were over.
fn firing(watched: &mut Watched) -> Vec<String> {
    let mut firing = Vec::new();
    for (name, rule) in provisioned_rules() {
        let (asks, condition) = (&rule["data"][0]["model"], &rule["data"][1]["model"]["conditions"][0]["evaluator"]);
        let sql = asks["rawSql"].as_str().unwrap();
        assert!(!sql.contains('$'), "{name}: Grafana would put its environment there");
        for row in rows(&mut watched.grafana, sql) {
            assert_eq!(row["datname"], "app", "{name}");
            let value: f64 = row["value"].parse().unwrap();
            let bound = condition["params"][0].as_f64().or(condition["params"][0].as_i64().map(|n| n as f64)).unwrap();
            let fires = match condition["type"].as_str().unwrap() {
                "gt" => value > bound,
                "lt" => value < bound,
                other => panic!("{other}"),
            };
            firing.extend(fires.then(|| name.clone()));
        }
    }
    firing.sort();
    firing
}

#[test]
fn every_alert_of_prometheus_is_one_of_grafana_and_fires_for_the_same() {
    let rules = provisioned_rules();
    let prometheus = yaml(&read("../alerts.yaml"));
    let alerts: Vec<Yaml> =
        prometheus["groups"].as_vec().unwrap().iter().flat_map(|g| g["rules"].as_vec().unwrap().clone()).collect();
    assert_eq!(rules.len(), alerts.len());
    for alert in alerts {
        let name = alert["alert"].as_str().unwrap();
        let rule = rules.get(name).unwrap_or_else(|| panic!("{name}"));
        assert_eq!(rule["for"].as_str(), Some(alert["for"].as_str().unwrap_or("0s")), "{name}");
        assert_eq!(rule["labels"], alert["labels"], "{name}");
        for field in ["summary", "description"] {
            let text = rule["annotations"][field].as_str().unwrap_or_else(|| panic!("{name} has no {field}"));
            assert!(
                !text.contains("$value ") && !text.contains("$value}"),
                "{name}: Grafana's $value is a sentence: {text}"
            );
        }
    }
    let mut watched = Watched::start();
    assert_eq!(firing(&mut watched), ["VoiceDeadJobs"]);
    let ten = "INSERT INTO voice.attempt (call_id, job_id, attempt, kind, outcome, http_status, model)
        SELECT (SELECT id FROM voice.call ORDER BY id DESC LIMIT 1), n, 1, 'analyze', 'failed', 500, 'gpt' FROM generate_series(1, 9) n;
        DELETE FROM voice.dead_job; SELECT voice_pause()";
    watched.voice.client.batch_execute(ten).unwrap();
    watched.voice.state("paused");
    watched.voice.call(&[("user", "waits")]);
    watched.voice.client.batch_execute("UPDATE voice.job SET run_at = now() - interval '301 s'").unwrap();
    assert_eq!(firing(&mut watched), ["VoiceModelFails", "VoicePaused", "VoiceQueueOld"]);
}

#[test]
fn whoever_sends_sql_through_grafana_reads_no_word_and_changes_nothing() {
    let mut watched = Watched::start();
    for sql in [
        "SELECT text FROM voice.turn",
        "SELECT from_number FROM voice.call",
        "SELECT meta FROM voice.call",
        "SELECT error FROM voice.attempt",
        "SELECT summary FROM voice.analytics",
        "SELECT args FROM voice.tool_call",
        "SELECT * FROM voice.dead_job",
        "SELECT * FROM voice_transcript((SELECT max(id::text) FROM voice.call)::uuid)",
        "SELECT voice_pause()",
        "SELECT voice_rollup()",
        "DELETE FROM voice.call",
        "UPDATE voice.call SET status = 'failed'",
    ] {
        let refused = watched.grafana.simple_query(sql).expect_err(sql);
        assert_eq!(refused.code().unwrap().code(), "42501", "{sql}");
    }
    let others =
        "SELECT count(*) FROM pg_stat_activity WHERE usename = 'postgres' AND query <> '<insufficient privilege>'";
    let row = watched.grafana.query_one(others, &[]).unwrap();
    assert_eq!(row.get::<_, i64>(0), 0, "what others ask, words and all");
}

#[test]
fn what_is_provisioned_is_what_the_dashboards_and_rules_ask_for() {
    let sources = yaml(&read("provisioning/datasources/voice.yaml"));
    let source = &sources["datasources"][0];
    for name in BOARDS {
        let board = board(name);
        let variable = &board["templating"]["list"][0];
        assert!(variable["name"] == "datasource" && variable["type"] == "datasource", "{name}");
        assert_eq!(variable["query"].as_str(), source["type"].as_str(), "{name}");
        assert_eq!(variable["current"]["value"].as_str(), source["uid"].as_str(), "{name}");
        assert_eq!(board["uid"].as_str().unwrap(), format!("voice-{name}"));
    }
    for (name, rule) in provisioned_rules() {
        assert_eq!(rule["data"][0]["datasourceUid"], source["uid"], "{name}");
        assert_eq!(rule["data"][0]["model"]["datasource"]["type"], source["type"], "{name}");
    }
    let providers = yaml(&read("provisioning/dashboards/voice.yaml"));
    let path = providers["providers"][0]["options"]["path"].as_str().unwrap();
    assert!(read("README.md").contains(&format!("cp dashboards/*.json {path}/")), "the files are not put into {path}");
    let user = source["user"].as_str().unwrap();
    assert!(read("role.sql").contains(&format!("voice_grant('{user}', 'analyst')")));
}
