//! The API key is nowhere but in the file (or the environment) and in the request.

use std::time::Duration;

use harness::stub::{Reply, StubLlm};
use harness::voice::Voice;

use crate::scene::Scene;

const IN_FILE: &str = "sk-canary-file-5f1c9a7d";
const IN_ENVIRONMENT: &str = "sk-canary-env-83b20e46";

#[track_caller]
fn nowhere_in(place: &str, text: &str) {
    for canary in [IN_FILE, IN_ENVIRONMENT] {
        assert!(!text.contains(canary), "the key is in {place}");
    }
}

/// Every row of a query, as text.
fn rows(voice: &mut Voice, sql: &str) -> String {
    let rows = voice.client.query(sql, &[]).unwrap();
    rows.into_iter().map(|row| row.get::<_, Option<String>>(0).unwrap_or_default() + "\n").collect()
}

/// Servers that say the key again, in every way they can.
fn talkative(stub: &StubLlm, key: &'static str) -> Vec<Reply> {
    vec![
        Reply::error(500, &format!("your key {key} is fine, we are not")),
        Reply::error(302, "").header("Location", &format!("{}/?key={key}", stub.url())),
        Reply::content(&format!("I was called with {key}")),
        Reply::content(&{
            let mut good = Reply::good();
            good["summary"] = format!("The caller knows {key}.").into();
            good["entities"]["topic"] = key.into();
            good.to_string()
        }),
        Reply::refusal(&format!("not with {key}")),
        Reply::raw(format!("HTTP/1.1 2x0 {key}\r\n\r\n").as_bytes()),
        Reply::error(401, &format!("Incorrect API key provided: {key}.")),
    ]
}

#[test]
fn the_api_key_is_found_nowhere() {
    let mut scene = Scene::with(|b| {
        b.setting("shared_preload_libraries", "pg_stat_statements,voice_analytics")
            .setting("log_min_messages", "debug2")
            .setting("log_statement", "all")
            .setting("track_activity_query_size", "65536")
            .setting("voice_analytics.max_attempts", 1)
            .environment("VOICE_TEST_KEY", IN_ENVIRONMENT)
    });
    scene.voice.client.batch_execute("CREATE EXTENSION pg_stat_statements; SELECT voice_pause()").unwrap();
    let file = scene.voice.cluster.write_file("key", IN_FILE, 0o600);
    for (name, value, key) in [
        ("voice_analytics.llm_api_key_file", file.to_str().unwrap(), IN_FILE),
        ("voice_analytics.llm_api_key_env", "VOICE_TEST_KEY", IN_ENVIRONMENT),
    ] {
        scene.voice.cluster.set("voice_analytics.llm_api_key_file", "");
        scene.voice.cluster.set(name, value);
        for reply in talkative(&scene.stub, key) {
            let asked = scene.requests();
            scene.stub.answer_always(reply.delay(Duration::from_millis(50)));
            scene.voice.client.batch_execute("SELECT voice_resume()").unwrap();
            scene.calls_end(1);
            scene.asked(asked + 1);
            assert_eq!(scene.stub.requests()[asked].header("authorization"), Some(format!("Bearer {key}").as_str()));
            let activity = "SELECT a::text FROM pg_stat_activity a";
            nowhere_in("pg_stat_activity", &rows(&mut scene.voice, activity));
            // Until the answer has left its trace.
            scene.voice.until("SELECT in_flight = 0 AND running = 0 FROM voice_status()");
            nowhere_in("voice_status()", &rows(&mut scene.voice, "SELECT s::text FROM voice_status() s"));
            scene.voice.client.batch_execute("SELECT voice_pause()").unwrap();
        }
        scene.stub.answer_always(Reply::analysis());
        // What the 401 held up goes on when the setting changes.
        scene.voice.cluster.set("voice_analytics.llm_timeout", if key == IN_FILE { "61s" } else { "62s" });
        scene.voice.client.batch_execute("SELECT voice_resume(), voice_requeue_dead()").unwrap();
        scene.voice.drained();
    }
    search_everywhere(&mut scene);
    let tally = scene.tally(
        "12",
        "a canary as API key, servers that repeat it in errors, replies and redirects",
        "found nowhere",
    );
    assert_eq!((tally.analytics, tally.dead), (14, 0));
}

fn search_everywhere(scene: &mut Scene) {
    let voice = &mut scene.voice;
    nowhere_in("pg_settings", &rows(voice, "SELECT s::text FROM pg_settings s"));
    nowhere_in("pg_file_settings", &rows(voice, "SELECT s::text FROM pg_file_settings s"));
    let statements = rows(voice, "SELECT query FROM pg_stat_statements");
    assert!(statements.contains("voice.job"), "the worker's statements are there");
    nowhere_in("pg_stat_statements", &statements);

    // As superuser: what he does not find, no ordinary role can.
    let tables =
        "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                  WHERE c.relkind = 'r' AND n.nspname <> 'pg_toast' OR c.oid = 'pg_prepared_statements'::regclass";
    let tables = rows(voice, tables);
    for table in tables.lines() {
        nowhere_in(table, &rows(voice, &format!("SELECT t::text FROM {table} t")));
    }
    assert!(tables.lines().count() > 100 && tables.contains("voice.attempt_"), "{tables}");
    let attempts = rows(voice, "SELECT error FROM voice.attempt");
    assert!(attempts.contains("***"), "the errors say what was left out: {attempts}");

    for arguments in [&["app"][..], &["-Fp", "--inserts", "app"][..]] {
        let dump = voice.cluster.client("pg_dump").args(arguments).output().unwrap();
        assert!(dump.status.success());
        nowhere_in("a dump", &String::from_utf8_lossy(&dump.stdout));
    }
    nowhere_in("the log", &voice.cluster.log());
}
