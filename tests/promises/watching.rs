//! What a monitoring system reads: the queries and the alert rules that docs/monitoring ships, run as it would run them.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use harness::stub::{Reply, StubLlm};
use postgres::types::Type;
use yaml_rust2::{Yaml, YamlLoader};

use crate::voice::Voice;

fn file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn yaml(name: &str) -> Yaml {
    YamlLoader::load_from_str(&file(name)).unwrap_or_else(|e| panic!("{name}: {e}")).remove(0)
}

fn entries(yaml: &Yaml) -> Vec<(String, &Yaml)> {
    yaml.as_hash().expect("a mapping").iter().map(|(key, value)| (key.as_str().unwrap().to_owned(), value)).collect()
}

/// A column as queries.yaml describes it: name, usage.
fn columns(query: &Yaml) -> Vec<(String, String)> {
    let column = |yaml: &Yaml| {
        let (name, fields) = entries(yaml).remove(0);
        assert!(!fields["description"].as_str().unwrap_or_default().is_empty(), "{name} has no description");
        (name, fields["usage"].as_str().expect("usage").to_owned())
    };
    query["metrics"].as_vec().expect("metrics").iter().map(column).collect()
}

/// As the exporter names them.
fn metric_names() -> HashSet<String> {
    let queries = yaml("monitoring/queries.yaml");
    let mut names = HashSet::new();
    for (space, query) in entries(&queries) {
        let measured = columns(query).into_iter().filter(|(_, usage)| usage != "LABEL");
        names.extend(measured.map(|(name, _)| format!("{space}_{name}")));
    }
    names
}

/// A role that may do nothing but what docs/monitoring.md grants.
fn as_the_exporter(voice: &mut Voice) {
    voice
        .client
        .batch_execute("CREATE ROLE exporter LOGIN; GRANT pg_monitor TO exporter; SET SESSION AUTHORIZATION exporter")
        .unwrap();
}

#[test]
fn every_query_for_the_exporter_runs_as_a_monitor_and_gives_the_columns_it_names() {
    let stub = StubLlm::start();
    let mut voice = Voice::with_llm(&stub);
    voice.call(&[("user", "hello")]);
    voice.drained();
    as_the_exporter(&mut voice);
    let queries = yaml("monitoring/queries.yaml");
    for (space, query) in entries(&queries) {
        let sql = query["query"].as_str().unwrap();
        let rows = voice.client.query(sql, &[]).unwrap_or_else(|e| panic!("{space}: {e:?}"));
        assert_eq!(rows.len(), 1, "{space}");
        let described = columns(query);
        let given: Vec<&str> = rows[0].columns().iter().map(|c| c.name()).collect();
        assert_eq!(given, described.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), "{space}");
        for (column, (name, usage)) in rows[0].columns().iter().zip(&described) {
            let number = [Type::INT4, Type::INT8, Type::FLOAT8].contains(column.type_());
            assert_eq!(number, usage != "LABEL", "{space}.{name} is {}", column.type_());
            assert!(["LABEL", "GAUGE", "COUNTER"].contains(&usage.as_str()), "{space}.{name}: {usage}");
        }
    }
    for table in ["call", "turn", "job", "dead_job", "analytics", "_state", "call_default"] {
        let refused = voice.client.query(&format!("SELECT count(*) FROM voice.{table}"), &[]).unwrap_err();
        assert_eq!(refused.code().unwrap().code(), "42501", "a monitor reads voice.{table}");
    }
}

#[test]
fn the_figures_are_those_of_all_tenants_and_tell_live_from_backfill() {
    let stub = StubLlm::start();
    stub.answer_always(Reply::analysis());
    let mut voice = Voice::with_llm(&stub);
    for _ in 0..3 {
        voice.call(&[("user", "hello")]);
    }
    voice.drained();
    voice.client.batch_execute("SELECT voice_pause()").unwrap();
    voice.state("paused");
    voice.call(&[("user", "waits")]);
    voice
        .client
        .batch_execute(
            "SET voice_analytics.tenant = 'acme';
             SELECT voice_import_call('{\"id\": \"x\", \"agent\": \"b\", \"turns\": [{\"role\": \"user\", \"text\": \"hello\"}]}');
             SELECT voice_import_call(jsonb_build_object('id', 'old', 'agent', 'b', 'started_at', now() - interval '4000 days',
                 'turns', '[{\"role\": \"user\", \"text\": \"hello\"}]'::jsonb));
             RESET voice_analytics.tenant;
             UPDATE voice.job SET priority = 10, run_at = now() - interval '100 s' WHERE tenant_id = 'acme';
             INSERT INTO voice.dead_job (id, call_id, attempts, kind) SELECT 1, id, 5, 'analyze' FROM voice.call LIMIT 1",
        )
        .unwrap();
    as_the_exporter(&mut voice);
    let sql = "SELECT worker_up, serving, paused, restored_copy, breaker_open, live_queued, backfill_queued, running, dead,
        backfill_wait_seconds, live_wait_seconds, months_ahead, calls_in_default, analysis_p95_seconds FROM voice.metrics";
    let row = voice.client.query_one(sql, &[]).unwrap();
    let switches: Vec<i32> = (0..5).map(|i| row.get(i)).collect();
    assert_eq!(switches, [1, 0, 1, 0, 0]);
    let counts: Vec<i64> = (5..9).map(|i| row.get(i)).collect();
    assert_eq!(counts, [1, 2, 0, 1], "live, backfill, running, dead");
    let (backfill, live): (f64, f64) = (row.get(9), row.get(10));
    assert!(backfill >= 100.0 && (0.0..100.0).contains(&live), "{backfill} {live}");
    assert_eq!((row.get::<_, i32>(11), row.get::<_, i64>(12)), (3, 1));
    assert!(row.get::<_, Option<f64>>(13).is_some_and(|p95| p95 > 0.0));
    let sql = "SELECT model, analyses, failures, prompt_tokens, completion_tokens FROM voice.metrics_by_model";
    let row = voice.client.query_one(sql, &[]).unwrap();
    let ledger = "SELECT count(*), sum(prompt_tokens), sum(completion_tokens), min(model) FROM voice.attempt WHERE outcome = 'ok'";
    voice.client.batch_execute("RESET SESSION AUTHORIZATION").unwrap();
    let spent = voice.client.query_one(ledger, &[]).unwrap();
    assert_eq!(row.get::<_, String>(0), spent.get::<_, String>(3));
    let counted: Vec<i64> = (1..5).map(|i| row.get(i)).collect();
    assert_eq!(counted, [3, 0, spent.get(1), spent.get(2)]);
    assert!(spent.get::<_, i64>(1) > 0, "the stub says what it cost");
}

#[test]
fn failures_of_a_model_and_what_their_answers_cost_are_counted() {
    let stub = StubLlm::start();
    stub.answer_always(Reply::content("this is no JSON"));
    let mut voice = Voice::on(Voice::asking(&stub).setting("voice_analytics.max_attempts", 1));
    voice.call(&[("user", "hello")]);
    voice.drained();
    let sql =
        "SELECT sum(analyses)::bigint, sum(failures)::bigint, sum(prompt_tokens)::bigint FROM voice.metrics_by_model";
    let row = voice.client.query_one(sql, &[]).unwrap();
    let spent = voice.count("SELECT coalesce(sum(prompt_tokens), 0) FROM voice.attempt");
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1), row.get::<_, i64>(2)), (0, 1, spent));
}

#[test]
fn models_beyond_the_seventh_share_one_name_and_long_names_are_cut() {
    let stub = StubLlm::start();
    let mut voice = Voice::with_llm(&stub);
    for n in 0..10 {
        voice.cluster.set("voice_analytics.llm_model", &format!("{n}{}", "é".repeat(60)));
        let shown = format!("SELECT current_setting('voice_analytics.llm_model') LIKE '{n}%'");
        voice.until(&shown);
        stub.answer(|request| {
            let model = request.json()["model"].as_str().unwrap_or_default().to_owned();
            Reply::json(&serde_json::json!({
                "model": model, "usage": {"prompt_tokens": 10, "completion_tokens": 1},
                "choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": Reply::good().to_string()}}]
            }))
        });
        voice.call(&[("user", "hello")]);
        voice.drained();
    }
    let sql =
        "SELECT string_agg(left(model, 12), ',' ORDER BY model), sum(analyses)::bigint, sum(prompt_tokens)::bigint,
        max(octet_length(model))::bigint FROM voice.metrics_by_model";
    let row = voice.client.query_one(sql, &[]).unwrap();
    assert_eq!((row.get::<_, i64>(1), row.get::<_, i64>(2)), (10, 100), "{:?}", row.get::<_, String>(0));
    assert!(row.get::<_, String>(0).contains("other models") && row.get::<_, i64>(3) <= 63);
    assert_eq!(voice.count("SELECT count(*) FROM voice.metrics_by_model"), 8);
}

#[test]
fn without_a_worker_the_figures_say_so() {
    let mut voice = Voice::on(harness::Cluster::builder().without_preloading());
    voice.call(&[("user", "hello")]);
    as_the_exporter(&mut voice);
    let row = voice.client.query_one("SELECT worker_up, serving, live_queued FROM voice.metrics", &[]).unwrap();
    assert_eq!((row.get::<_, i32>(0), row.get::<_, i32>(1), row.get::<_, i64>(2)), (0, 0, 1));
    assert_eq!(voice.count("SELECT count(*) FROM voice.metrics_by_model"), 0);
}

#[test]
fn every_alert_is_whole_and_asks_for_figures_that_exist() {
    let names = metric_names();
    let alerts = yaml("monitoring/alerts.yaml");
    let mut asked = HashSet::new();
    for group in alerts["groups"].as_vec().expect("groups") {
        for rule in group["rules"].as_vec().expect("rules") {
            let alert = rule["alert"].as_str().expect("alert");
            let expression = rule["expr"].as_str().unwrap_or_else(|| panic!("{alert} has no expr"));
            let words = expression.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
            let of_ours: Vec<&str> = words.filter(|word| word.starts_with("voice_")).collect();
            assert!(!of_ours.is_empty(), "{alert} asks for nothing");
            for name in of_ours {
                assert!(names.contains(name), "{alert}: there is no {name}");
                asked.insert(name.to_owned());
            }
            assert!(
                ["critical", "warning", "info"].contains(&rule["labels"]["severity"].as_str().unwrap_or_default()),
                "{alert}"
            );
            for field in ["summary", "description"] {
                assert!(!rule["annotations"][field].as_str().unwrap_or_default().is_empty(), "{alert} has no {field}");
            }
        }
    }
    // What a DBA is woken for, by issue and design.
    for figure in [
        "worker_up",
        "live_wait_seconds",
        "dead",
        "breaker_open",
        "queue_dead_tuples",
        "months_ahead",
        "calls_in_default",
    ] {
        assert!(asked.contains(&format!("voice_analytics_{figure}")), "no alert for {figure}");
    }
}

#[test]
fn the_page_explains_every_figure_and_every_alert() {
    let page = file("monitoring.md");
    for name in metric_names() {
        assert!(page.contains(&format!("`{name}`")), "docs/monitoring.md does not explain {name}");
    }
    let alerts = file("monitoring/alerts.yaml");
    for alert in alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")) {
        assert!(page.contains(alert), "docs/monitoring.md does not explain {alert}");
    }
}
