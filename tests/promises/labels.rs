//! Labels: what people say of calls, who gets which, and how far judgements are from it.

use std::collections::BTreeMap;
use std::process::Command;

use harness::stub::{Reply, Request, StubLlm};
use harness::{Cluster, wait_until};
use serde_json::{Value, json};

use crate::voice::{SOON, Voice};

/// Data and figures of scipy, scikit-learn and krippendorff (core/tests/agreement/reference.py).
const REFERENCE: &str = include_str!("../../core/tests/agreement/reference.tsv");
const INTENTS: [&str; 6] = ["info", "booking", "complaint", "sales", "support", "none"];

/// Judged calls of agent `a`, one an item of `judged` (sentiment, lead score, intent), by `builtin/2`; the worker is off.
fn judged(voice: &mut Voice, judged: &[(f64, i32, &str)]) -> Vec<String> {
    let list = serde_json::to_string(judged).unwrap();
    let sql = "
        WITH judged AS (
            SELECT o.place, (o.value->>0)::double precision AS sentiment, (o.value->>1)::int AS lead_score, o.value->>2 AS intent,
                   voice_import_call(jsonb_build_object('id', 'c-' || o.place, 'agent', 'a', 'vertical', 'salon', 'duration_ms', 1000,
                       'started_at', now() - interval '1 hour' - o.place * interval '1 second',
                       'turns', jsonb_build_array(jsonb_build_object('role', 'user', 'text', 'call ' || o.place)))) AS id
            FROM jsonb_array_elements($1::text::jsonb) WITH ORDINALITY o(value, place)
        )
        SELECT id::text, sentiment, lead_score, intent FROM judged ORDER BY place";
    let rows = voice.client.query(sql, &[&list]).unwrap();
    let ids: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    let sql = "
        INSERT INTO voice.analytics (call_id, started_at, sentiment, lead_score, agent_id, vertical, intent, model, prompt_version, summary, next_action)
        SELECT c.id, c.started_at, $2, $3, c.agent_id, 'salon', $4, 'builtin/2', '1', 's', 'n' FROM voice.call c WHERE c.id = $1::text::uuid";
    let insert = voice.client.prepare(sql).unwrap();
    for (id, (sentiment, lead_score, intent)) in ids.iter().zip(judged) {
        let lead_score = i16::try_from(*lead_score).unwrap();
        voice.client.execute(&insert, &[id, sentiment, &lead_score, intent]).unwrap();
    }
    ids
}

fn without_worker() -> Voice {
    Voice::on(Cluster::builder().setting("voice_analytics.enabled", "off"))
}

/// A row of voice_agreement().
fn agreement(voice: &mut Voice, arguments: &str, property: &str) -> Value {
    let sql = format!("SELECT to_jsonb(a)::text FROM voice_agreement({arguments}) a WHERE a.property = '{property}'");
    serde_json::from_str(&voice.text(&sql, &[]).expect("a row")).unwrap()
}

/// Columns and figures of a line of the reference.
fn reference(kind: &str, name: &str) -> (Vec<Vec<f64>>, BTreeMap<String, f64>) {
    let line = REFERENCE.lines().find(|line| line.starts_with(&format!("{kind}\t{name}\t"))).unwrap();
    let fields: Vec<&str> = line.split('\t').skip(2).collect();
    let (figures, columns) = fields.split_last().unwrap();
    let list = |text: &&str| text.split(',').map(|value| value.parse().unwrap()).collect();
    let figure =
        |text: &str| text.split_once('=').map(|(name, value)| (name.to_owned(), value.parse().unwrap())).unwrap();
    (columns.iter().map(list).collect(), figures.split(',').map(figure).collect())
}

#[test]
fn figures_in_sql_are_those_of_scipy_and_scikit_learn_to_six_digits() {
    let mut voice = without_worker();
    let (numbers, of_numbers) = reference("numbers", "sentiment");
    let (classes, of_classes) = reference("classes", "intent");
    let calls = numbers[0].len().min(classes[1].len());
    assert_eq!((calls, numbers[0].len(), classes[1].len()), (200, 200, 200));
    let judgements: Vec<(f64, i32, &str)> =
        (0..calls).map(|at| (numbers[1][at], 10, INTENTS[classes[2][at] as usize])).collect();
    let ids = judged(&mut voice, &judgements);
    let insert = voice
        .client
        .prepare(
            "INSERT INTO voice.label (call_id, labeller, sentiment, intent) VALUES ($1::text::uuid, 'anna', $2, $3)",
        )
        .unwrap();
    for (at, id) in ids.iter().enumerate() {
        voice.client.execute(&insert, &[id, &numbers[0][at], &INTENTS[classes[1][at] as usize]]).unwrap();
    }
    let require = |found: &Value, figure: &str, expected: f64| {
        let value = found["value"].as_f64().unwrap_or(f64::NAN);
        assert!((value - expected).abs() < 5e-7, "{figure} is {expected}, not {value}");
        assert!(found["lower"].as_f64() <= Some(value) && found["upper"].as_f64() >= Some(value), "{figure}: {found}");
    };
    let sentiment = agreement(&mut voice, "", "sentiment");
    for figure in ["mae", "bias", "spearman"] {
        require(&sentiment["figures"][figure], figure, of_numbers[figure]);
    }
    let rmse = sentiment["figures"]["rmse"]["value"].as_f64().unwrap();
    assert!((rmse - of_numbers["rmse"]).abs() < 5e-7, "{rmse}");
    let intent = agreement(&mut voice, "", "intent");
    for figure in ["accuracy", "kappa"] {
        require(&intent["figures"][figure], figure, of_classes[figure]);
    }
    for (class, word) in INTENTS.into_iter().enumerate() {
        for figure in ["precision", "recall", "f1"] {
            let found = intent["figures"]["classes"][word][figure]["value"].as_f64().unwrap();
            let expected = of_classes[&format!("{figure}_{class}")];
            assert!((found - expected).abs() < 5e-7, "{figure} of {word} is {expected}, not {found}");
        }
    }
    let right: f64 = INTENTS.iter().filter_map(|word| intent["confusion"][word][word].as_f64()).sum();
    assert_eq!(right, (of_classes["accuracy"] * 200.0).round());
    // The same seed, the same interval; another one, another.
    let again = |voice: &mut Voice, seed: i32| {
        agreement(voice, &format!("seed => {seed}"), "sentiment")["figures"]["mae"].clone()
    };
    assert_eq!(again(&mut voice, 0), sentiment["figures"]["mae"]);
    assert_ne!(again(&mut voice, 1), sentiment["figures"]["mae"]);
    assert_eq!(sentiment["sentence"], "sentiment: MAE 0.12 [0.11, 0.14] on 200 calls: target 0.15 met");
}

#[test]
fn the_table_of_the_builtin_analyzer_is_what_agreement_says_of_the_labels_that_ship() {
    let mut voice = Voice::start();
    let import = voice.client.prepare("SELECT voice_import_call($1::text::jsonb - 'label')::text").unwrap();
    let label = "SELECT voice_label($1::text::uuid, ($2::text::jsonb->>'sentiment')::float8, ($2::text::jsonb->>'lead_score')::int, $2::text::jsonb->>'intent')";
    let label = voice.client.prepare(label).unwrap();
    for line in include_str!("../../demo/labelled.jsonl").lines() {
        let call: Value = serde_json::from_str(line).unwrap();
        let id: String = voice.client.query_one(&import, &[&line]).unwrap().get(0);
        voice.client.query_one(&label, &[&id, &call["label"].to_string()]).unwrap();
    }
    voice.drained();
    let page = include_str!("../../docs/analyzers.md");
    for (title, property, figure) in [
        ("sentiment, mean absolute error", "sentiment", "mae"),
        ("sentiment, rank correlation", "sentiment", "spearman"),
        ("lead score, rank correlation", "lead_score", "spearman"),
        ("lead score, mean absolute error", "lead_score", "mae"),
        ("intent, share right", "intent", "accuracy"),
        ("intent, Cohen's kappa", "intent", "kappa"),
    ] {
        let found = agreement(&mut voice, "", property);
        let of = |side: &str| found["figures"][figure][side].as_f64().unwrap();
        let start = format!("| {title} | {:.3} [", of("value"));
        let row = page.lines().find(|line| line.starts_with(&start));
        let row = row.unwrap_or_else(|| panic!("no row {start}{:.3}, {:.3}]", of("lower"), of("upper")));
        let bounds: Vec<f64> =
            row[start.len()..].split([',', ']']).take(2).map(|bound| bound.trim().parse().unwrap()).collect();
        // Calls are resampled in the order of their ids, which are others each time.
        let chance = (bounds[1] - bounds[0]) / 10.0;
        for (bound, side) in bounds.into_iter().zip(["lower", "upper"]) {
            assert!((bound - of(side)).abs() < chance, "{title}: {side} is {}, and the page says {bound}", of(side));
        }
    }
}

#[test]
fn a_stratified_sample_speaks_of_all_calls() {
    let mut voice = without_worker();
    // One call in ten is a hot lead that is overrated by 20; the others are rated as people do: 2 over all calls.
    let all: Vec<(f64, i32, &str)> =
        (0..200).map(|at| if at % 10 == 0 { (0.0, 90, "sales") } else { (0.0, 10, "info") }).collect();
    judged(&mut voice, &all);
    let sample = voice.count("SELECT voice_label_sample(20, by => 'stratified')");
    voice
        .client
        .batch_execute(
            "INSERT INTO voice.label (call_id, labeller, lead_score)
             SELECT t.call_id, 'anna', CASE WHEN a.intent = 'sales' THEN 70 ELSE 10 END
             FROM voice.label_task t JOIN voice.analytics a ON a.call_id = t.call_id",
        )
        .unwrap();
    let weighted = agreement(&mut voice, &format!("sample => {sample}"), "lead_score");
    let mae = weighted["figures"]["mae"]["value"].as_f64().unwrap();
    assert!((mae - 2.0).abs() < 1e-9, "{weighted}");
    assert_eq!((&weighted["calls"], weighted["stands_for"].as_f64()), (&json!(20), Some(200.0)));
    // As they were drawn, hot leads are more than their share.
    let unweighted = agreement(&mut voice, "", "lead_score");
    assert!(unweighted["figures"]["mae"]["value"].as_f64().unwrap() > 3.0, "{unweighted}");
    assert_eq!(unweighted["stands_for"], Value::Null);
}

#[test]
fn one_call_is_given_to_one_person_at_a_time() {
    let mut voice = without_worker();
    judged(&mut voice, &[(0.0, 10, "info"); 40]);
    let sample = voice.count("SELECT voice_label_sample(40)");
    // Two sessions at once, neither of which has committed.
    let mut other = voice.cluster.connect("app");
    let next = "SELECT call_id::text FROM voice_next_to_label($1, $2)";
    let mut first = voice.client.transaction().unwrap();
    let mut second = other.transaction().unwrap();
    let anna: String = first.query_one(next, &[&sample, &"anna"]).unwrap().get(0);
    let ben: String = second.query_one(next, &[&sample, &"ben"]).unwrap().get(0);
    assert_ne!(anna, ben);
    first.commit().unwrap();
    second.commit().unwrap();
    assert_eq!(voice.client.query_one(next, &[&sample, &"anna"]).unwrap().get::<_, String>(0), anna);
    // Four people until nothing is left: each call once.
    std::thread::scope(|scope| {
        for person in ["anna", "ben", "cleo", "dora"] {
            let mut client = voice.cluster.connect("app");
            scope.spawn(move || {
                while let Some(row) = client.query_opt(next, &[&sample, &person]).unwrap() {
                    let call: String = row.get(0);
                    let label = "SELECT voice_label($1::text::uuid, sentiment => 0.5, labeller => $2)";
                    assert_eq!(client.query_one(label, &[&call, &person]).unwrap().get::<_, i64>(0), 1);
                }
            });
        }
    });
    assert_eq!(voice.count("SELECT count(*) FROM voice.label"), 40);
    assert_eq!(voice.count("SELECT count(*) FROM voice.label_task WHERE labels = 1 AND leased_by IS NULL"), 40);
}

#[test]
fn labels_of_another_tenant_are_neither_seen_nor_counted() {
    let mut voice = without_worker();
    for tenant in ["red", "blue"] {
        voice.client.batch_execute(&format!("CREATE ROLE {tenant} LOGIN; SELECT voice_grant('{tenant}', 'admin'), voice_pin_tenant('{tenant}', '{tenant}')")).unwrap();
    }
    for (tenant, sentiment) in [("red", 0.5), ("blue", -0.5)] {
        voice.client.batch_execute(&format!("SET voice_analytics.tenant = '{tenant}'")).unwrap();
        let sql = format!(
            "SELECT voice_import_call(jsonb_build_object('id', 'x-' || n, 'agent', '{tenant}-a', 'turns', '[{{\"role\": \"user\", \"text\": \"hi\"}}]'::jsonb)) FROM generate_series(1, 5) n;
             INSERT INTO voice.analytics (call_id, started_at, sentiment, lead_score, agent_id, vertical, intent, model, prompt_version, summary, next_action)
             SELECT c.id, c.started_at, {sentiment}, 10, c.agent_id, 'x', 'info', 'm', '1', 's', 'n' FROM voice.call c WHERE c.tenant_id = '{tenant}'"
        );
        voice.client.batch_execute(&sql).unwrap();
    }
    voice.client.batch_execute("RESET voice_analytics.tenant").unwrap();
    let mut red = voice.cluster.connect_as("red", "app");
    let mut blue = voice.cluster.connect_as("blue", "app");
    for client in [&mut red, &mut blue] {
        client.batch_execute("SELECT voice_label_sample(5); SELECT voice_label(id, sentiment => 0.25, labeller => 'anna') FROM voice.call").unwrap();
    }
    let mae = "SELECT calls, (figures->'mae'->>'value')::double precision FROM voice_agreement() WHERE property = 'sentiment'";
    for (client, expected) in [(&mut red, 0.25), (&mut blue, 0.75)] {
        let row = client.query_one(mae, &[]).unwrap();
        assert_eq!((row.get::<_, i32>(0), row.get::<_, f64>(1)), (5, expected));
        // A sample of the other one is none, and so are its calls.
        for table in ["label", "label_sample", "label_task"] {
            let seen = client.query_one(&format!("SELECT count(DISTINCT tenant_id) FROM voice.{table}"), &[]).unwrap();
            assert_eq!(seen.get::<_, i64>(0), 1, "{table}");
        }
    }
    let theirs: String = blue.query_one("SELECT min(call_id::text) FROM voice.label", &[]).unwrap().get(0);
    let refused = red.execute("SELECT voice_label($1::text::uuid, sentiment => 1)", &[&theirs]).unwrap_err();
    assert_eq!(refused.code().unwrap().code(), "23503");
    let insert =
        "INSERT INTO voice.label (call_id, tenant_id, labeller, sentiment) VALUES ($1::text::uuid, 'blue', 'eve', 1)";
    assert_eq!(red.execute(insert, &[&theirs]).unwrap_err().code().unwrap().code(), "42501");
    let sample: i64 = blue.query_one("SELECT max(id) FROM voice.label_sample", &[]).unwrap().get(0);
    assert!(red.query_opt("SELECT FROM voice_next_to_label($1)", &[&sample]).unwrap().is_none());
    let refused = red.query("SELECT * FROM voice_agreement(sample => $1)", &[&sample]).unwrap_err();
    assert_eq!(refused.code().unwrap().code(), "P0002");
}

#[test]
fn labels_leave_with_their_month_and_with_their_erased_call() {
    let mut voice = without_worker();
    voice.client.batch_execute("SELECT voice_create_partitions(1, now() - interval '4 months')").unwrap();
    let sql = "
        SELECT voice_import_call(jsonb_build_object('id', 'm-' || n, 'agent', 'a', 'started_at', now() - n * interval '90 days' - interval '1 minute',
               'turns', '[{\"role\": \"user\", \"text\": \"hi\"}]'::jsonb)) FROM generate_series(0, 1) n;
        INSERT INTO voice.analytics (call_id, started_at, sentiment, lead_score, agent_id, vertical, intent, model, prompt_version, summary, next_action)
        SELECT c.id, c.started_at, 0, 10, c.agent_id, 'x', 'info', 'm', '1', 's', 'n' FROM voice.call c;
        SELECT voice_label_sample(2, '-infinity');
        SELECT voice_label(id, sentiment => 0.25) FROM voice.call";
    voice.client.batch_execute(sql).unwrap();
    let left = "SELECT (SELECT count(*) FROM voice.label) * 10 + (SELECT count(*) FROM voice.label_task)";
    assert_eq!(voice.count(left), 22);
    assert!(voice.count("SELECT count(*) FROM voice_drop_partitions('45 days')") > 0);
    assert_eq!(voice.count(left), 11);
    let erased = "SELECT sum(count)::bigint FROM voice.call c CROSS JOIN LATERAL voice_erase_call(c.id) e WHERE what LIKE 'label%'";
    assert_eq!(voice.count(erased), 2);
    assert_eq!(voice.count(left), 0);
    assert_eq!(voice.count("SELECT count(*) FROM voice.label_sample"), 1, "what was drawn stays known");
}

#[test]
fn a_trial_of_another_model_is_measured_on_the_calls_that_people_labelled() {
    let stub = StubLlm::start();
    stub.answer(|request: &Request| {
        let mut answer = Reply::good();
        answer["sentiment"] = if request.json()["model"] == "other" { json!(-0.5) } else { json!(0.5) };
        Reply::content(&answer.to_string())
    });
    let mut voice = Voice::with_llm(&stub);
    let calls: Vec<String> =
        (0..6).map(|n| voice.call(&[("assistant", "Hello?"), ("user", &format!("Two seats, please, {n}."))])).collect();
    voice.drained();
    for call in &calls[..3] {
        voice
            .client
            .execute("SELECT voice_label($1::text::uuid, sentiment => -0.25, labeller => 'anna')", &[call])
            .unwrap();
    }
    let trial = voice.count("SELECT voice_trial(10, now() - interval '1 day', model => 'other', labelled => true)");
    voice.drained();
    wait_until("the trial", SOON, || (voice.count("SELECT count(*) FROM voice.trial_result") == 3).then_some(()));
    let mae = |found: &Value| (found["calls"].as_i64().unwrap(), found["figures"]["mae"]["value"].as_f64().unwrap());
    assert_eq!(mae(&agreement(&mut voice, "", "sentiment")), (3, 0.75));
    assert_eq!(mae(&agreement(&mut voice, &format!("trial => {trial}"), "sentiment")), (3, 0.25));
    // What no model of that name judged is unpaired.
    let none = agreement(&mut voice, "model => 'nobody'", "sentiment");
    assert_eq!((&none["calls"], &none["unpaired"]), (&json!(0), &json!(3)), "{none}");
    assert!(
        !stub.requests().iter().any(|request| request.json().to_string().contains("anna")),
        "no label is sent to a model"
    );
}

#[test]
fn drift_tells_other_calls_from_another_judge() {
    let mut voice = without_worker();
    let sql = "
        INSERT INTO voice.agent (id, vertical) VALUES ('a', 'salon');
        INSERT INTO voice.call (id, agent_id, started_at, status, ended_at)
        SELECT voice_uuidv7(t), 'a', t, 'completed', t FROM (SELECT now() - n * interval '6 hours' - interval '1 minute' AS t FROM generate_series(0, 139) n) s;
        INSERT INTO voice.analytics (call_id, started_at, sentiment, lead_score, agent_id, vertical, intent, model, prompt_version, summary, next_action)
        SELECT c.id, c.started_at, 0.1, CASE WHEN c.started_at >= now() - interval '7 days' OR extract(hour FROM c.started_at) < 6 THEN 90 ELSE 20 END,
               'a', 'salon', 'info', 'small', 'v2', 's', 'n' FROM voice.call c";
    voice.client.batch_execute(sql).unwrap();
    let moved = |voice: &mut Voice, property: &str| {
        let sql = format!(
            "SELECT sentence FROM voice_drift() WHERE property = '{property}' AND week IS NULL AND model IS NULL"
        );
        voice.text(&sql, &[]).unwrap()
    };
    assert!(moved(&mut voice, "lead_score").ends_with("moved, judged as before: the calls have changed"));
    assert!(moved(&mut voice, "sentiment").ends_with("not shown to have moved"));
    voice
        .client
        .batch_execute("UPDATE voice.analytics SET prompt_version = 'v3' WHERE started_at >= now() - interval '7 days'")
        .unwrap();
    assert!(moved(&mut voice, "lead_score").ends_with("compare one model and version with itself"));
    let parts = "SELECT count(*) FROM voice_drift() WHERE property = 'intent' AND model = 'small' AND psi IS NULL AND version IN ('v2', 'v3')";
    assert_eq!(voice.count(parts), 2, "each judged one of the two times only");
    let weeks = "SELECT count(*) FROM voice_drift() WHERE property = 'lead_score' AND week IS NOT NULL AND calls_before = 112 AND mean = 90";
    assert!((1..=2).contains(&voice.count(weeks)));
}

#[test]
fn a_dump_keeps_labels_and_samples_and_an_upgrade_gives_them_to_who_had_access() {
    let mut voice = without_worker();
    judged(&mut voice, &[(0.5, 10, "info"), (-0.5, 90, "sales")]);
    voice.client.batch_execute("SELECT voice_label_sample(2, labels_per_call => 2); SELECT voice_label(id, sentiment => 0.25, comment => 'so') FROM voice.call").unwrap();
    let before = agreement(&mut voice, "", "sentiment");
    let dump = voice.cluster.data().join("labels.dump");
    let run = |command: &mut Command| {
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    run(voice.cluster.client("pg_dump").args(["-Fc", "-f"]).arg(&dump).arg("app"));
    voice.cluster.create_database("restored");
    run(voice.cluster.client("pg_restore").args(["--exit-on-error", "-d", "restored"]).arg(&dump));
    let mut restored = voice.cluster.connect("restored");
    let same = "SELECT to_jsonb(a)::text FROM voice_agreement() a WHERE a.property = 'sentiment'";
    let found: String = restored.query_one(same, &[]).unwrap().get(0);
    assert_eq!(serde_json::from_str::<Value>(&found).unwrap(), before);
    // The sequence is the table's, and went with it.
    assert_eq!(restored.query_one("SELECT voice_label_sample(1)", &[]).unwrap().get::<_, i64>(0), 2);

    // A database of the first release, with its roles.
    voice.cluster.create_database("old");
    let mut old = voice.cluster.connect("old");
    old.batch_execute("CREATE EXTENSION voice_analytics VERSION '0.1.0'").unwrap();
    for access in ["reader", "analyst", "writer", "operator", "admin"] {
        old.batch_execute(&format!("CREATE ROLE old_{access}; SELECT voice_grant('old_{access}', '{access}')"))
            .unwrap();
    }
    old.batch_execute("ALTER EXTENSION voice_analytics UPDATE").unwrap();
    let access = "SELECT string_agg(role || ' ' || array_to_string(access, ','), ' ' ORDER BY role) FROM voice_access() WHERE role LIKE 'old\\_%'";
    assert_eq!(
        old.query_one(access, &[]).unwrap().get::<_, String>(0),
        "old_admin admin old_analyst analyst old_operator operator old_reader reader old_writer writer"
    );
    let may = "SELECT has_function_privilege('old_admin', 'voice_label_sample(int, timestamptz, text, timestamptz, int, bigint)', 'EXECUTE')";
    assert!(old.query_one(may, &[]).unwrap().get::<_, bool>(0));
}
