//! The API key is nowhere but in the file (or the environment) and in the request; a webhook's secret nowhere but in its
//! own table, which nobody reads and no dump holds.

use std::time::Duration;

use harness::stub::{Reply, StubLlm};
use harness::voice::Voice;

use crate::fixture::Fixture;

const IN_FILE: &str = "sk-canary-file-5f1c9a7d";
const IN_ENVIRONMENT: &str = "sk-canary-env-83b20e46";

/// What is to be found nowhere.
struct Canaries(Vec<String>);

impl Canaries {
    fn keys() -> Canaries {
        Canaries([IN_FILE, IN_ENVIRONMENT].map(str::to_owned).to_vec())
    }

    #[track_caller]
    fn nowhere_in(&self, place: &str, text: &str) {
        for canary in &self.0 {
            assert!(!text.contains(canary), "a secret is in {place}");
        }
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
    let mut fixture = Fixture::with(|b| {
        b.setting(
            "shared_preload_libraries",
            if has_statements() { "pg_stat_statements,voice_analytics" } else { "voice_analytics" },
        )
        .setting("log_min_messages", "debug2")
        .setting("log_statement", "all")
        .setting("track_activity_query_size", "65536")
        .setting("voice_analytics.max_attempts", 1)
        .environment("VOICE_TEST_KEY", IN_ENVIRONMENT)
    });
    track_statements(&mut fixture);
    fixture.voice.client.batch_execute("SELECT voice_pause()").unwrap();
    let file = fixture.voice.cluster.write_file("key", IN_FILE, 0o600);
    for (name, value, key) in [
        ("voice_analytics.llm_api_key_file", file.to_str().unwrap(), IN_FILE),
        ("voice_analytics.llm_api_key_env", "VOICE_TEST_KEY", IN_ENVIRONMENT),
    ] {
        fixture.voice.cluster.set("voice_analytics.llm_api_key_file", "");
        fixture.voice.cluster.set(name, value);
        // Whoever is told of the one is told of the other: the worker has both before it goes on.
        fixture.voice.until(&format!("SELECT current_setting('{name}') = '{value}'"));
        let keys = Canaries::keys();
        // A worker that has read the other setting, too, is a cycle further.
        fixture.voice.client.batch_execute("SELECT voice_resume()").unwrap();
        fixture.voice.until("SELECT state <> 'paused' FROM voice_status()");
        fixture.voice.client.batch_execute("SELECT voice_pause()").unwrap();
        fixture.voice.state("paused");
        for reply in talkative(&fixture.stub, key) {
            let asked = fixture.requests();
            fixture.stub.answer_always(reply.delay(Duration::from_millis(50)));
            fixture.voice.client.batch_execute("SELECT voice_resume()").unwrap();
            fixture.calls_end(1);
            fixture.asked(asked + 1);
            assert_eq!(fixture.stub.requests()[asked].header("authorization"), Some(format!("Bearer {key}").as_str()));
            let activity = "SELECT a::text FROM pg_stat_activity a";
            keys.nowhere_in("pg_stat_activity", &rows(&mut fixture.voice, activity));
            // Until the answer has left its trace.
            fixture.voice.until("SELECT in_flight = 0 AND running = 0 FROM voice_status()");
            keys.nowhere_in("voice_status()", &rows(&mut fixture.voice, "SELECT s::text FROM voice_status() s"));
            fixture.voice.client.batch_execute("SELECT voice_pause()").unwrap();
        }
        fixture.stub.answer_always(Reply::analysis());
        // What the 401 held up goes on when the setting changes.
        fixture.voice.cluster.set("voice_analytics.llm_timeout", if key == IN_FILE { "61s" } else { "62s" });
        fixture.voice.client.batch_execute("SELECT voice_resume(), voice_requeue_dead()").unwrap();
        fixture.voice.drained();
    }
    search_everywhere(&mut fixture, &Canaries::keys());
    let attempts = rows(&mut fixture.voice, "SELECT error FROM voice.attempt");
    assert!(attempts.contains("***"), "the errors say what was left out: {attempts}");
    let tally = fixture.tally(
        "12",
        "a canary as API key, servers that repeat it in errors, replies and redirects",
        "found nowhere",
    );
    assert_eq!((tally.analytics, tally.dead), (14, 0));
}

/// Servers that come by other ways than packages may have no contrib.
fn has_statements() -> bool {
    harness::has_library("pg_stat_statements")
}

fn track_statements(fixture: &mut Fixture) {
    if has_statements() {
        fixture.voice.client.batch_execute("CREATE EXTENSION pg_stat_statements").unwrap();
    } else {
        harness::skipped("what pg_stat_statements shows: this PostgreSQL has none");
    }
}

fn search_everywhere(fixture: &mut Fixture, canaries: &Canaries) {
    let voice = &mut fixture.voice;
    canaries.nowhere_in("pg_settings", &rows(voice, "SELECT s::text FROM pg_settings s"));
    canaries.nowhere_in("pg_file_settings", &rows(voice, "SELECT s::text FROM pg_file_settings s"));
    if has_statements() {
        let statements = rows(voice, "SELECT query FROM pg_stat_statements");
        assert!(statements.contains("voice.job"), "the worker's statements are there");
        canaries.nowhere_in("pg_stat_statements", &statements);
    }

    // As superuser: what he does not find, no ordinary role can.
    let tables =
        "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                  WHERE c.relkind = 'r' AND n.nspname <> 'pg_toast' OR c.oid = 'pg_prepared_statements'::regclass";
    let tables = rows(voice, tables);
    // Where webhooks' secrets are: no role but the worker's reads it.
    let tables = tables.replace("voice._webhook_secret\n", "");
    assert_eq!(
        rows(voice, "SELECT relacl::text FROM pg_class WHERE oid = 'voice._webhook_secret'::regclass"),
        // MAINTAIN came with 17.
        format!("{{voice_worker=arwdDxt{}/voice_worker}}\n", if harness::server_major() >= 17 { "m" } else { "" })
    );
    for table in tables.lines() {
        canaries.nowhere_in(table, &rows(voice, &format!("SELECT t::text FROM {table} t")));
    }
    assert!(tables.lines().count() > 100 && tables.contains("voice.attempt_"), "{tables}");

    for arguments in [&["app"][..], &["-Fp", "--inserts", "app"][..]] {
        let dump = voice.cluster.client("pg_dump").args(arguments).output().unwrap();
        assert!(dump.status.success());
        canaries.nowhere_in("a dump", &String::from_utf8_lossy(&dump.stdout));
    }
    canaries.nowhere_in("the log", &voice.cluster.log());
}

#[test]
fn the_secrets_of_webhooks_are_found_nowhere() {
    let mut fixture = Fixture::with(|b| {
        b.setting(
            "shared_preload_libraries",
            if has_statements() { "pg_stat_statements,voice_analytics" } else { "voice_analytics" },
        )
        .setting("log_min_messages", "debug2")
        .setting("log_statement", "all")
        .setting("track_activity_query_size", "65536")
    });
    let mut good = Reply::good();
    good["intent"] = "sales".into();
    fixture.stub.answer_always(Reply::content(&good.to_string()));
    track_statements(&mut fixture);
    let (hook, slack) = (StubLlm::start(), StubLlm::start());

    // One is made here and shown; what the server logs of our own statements is not ours.
    let sql = "SELECT secret FROM voice_add_webhook($1)";
    let secret: String = fixture.voice.client.query_one(sql, &[&hook.url()]).unwrap().get(0);
    fixture.voice.client.batch_execute("SET log_statement = 'none'").unwrap();
    let path = "/services/T0/B0/canary-9c41f7e2";
    let url = format!("http://127.0.0.1:{}{path}", slack.address().port());
    fixture.voice.client.query_one("SELECT voice_add_webhook($1, format => 'slack')", &[&url]).unwrap();
    let given = "whsec_Y2FuYXJ5LWNhbmFyeS1jYW5hcnktY2FuYXJ5LWNhbmFyeQ==";
    let id = "SELECT id FROM voice_add_webhook($1, $2)";
    let id: String = fixture
        .voice
        .client
        .query_one(&id.replace("SELECT id", "SELECT id::text"), &[&hook.url(), &given])
        .unwrap()
        .get(0);
    // What is wrong beside a secret is said without it.
    for sql in [
        "SELECT voice_add_webhook($1, $2, min_lead_score => 101)",
        "SELECT voice_add_webhook($1, $2 || '!')",
        "INSERT INTO voice.webhook (url, secret, min_lead_score) VALUES ($1, $2, 101)",
        "INSERT INTO voice.webhook (url, secret, format) VALUES ($1, $2, 'carrier pigeon')",
    ] {
        let error = fixture.voice.client.query(sql, &[&hook.url(), &given]).expect_err(sql);
        let said = error.as_db_error().map(|e| format!("{e:?}")).unwrap_or_default();
        assert!(!said.is_empty() && !said.contains("Y2FuYXJ5"), "{said}");
    }
    fixture.voice.client.batch_execute("RESET log_statement").unwrap();
    let encoded = |secret: &str| secret.trim_start_matches("whsec_").to_owned();
    let canaries = Canaries(vec![encoded(&secret), encoded(given), path.to_owned()]);

    // Receivers that say again what they know, in every way they can. The one has two webhooks.
    let ways: [fn(&str) -> Reply; 5] = [
        |said| Reply::body(format!("I was called with {said}").as_bytes()).status(500),
        |said| Reply::body(said.replace(' ', "").as_bytes()).status(404),
        |said| Reply::body(b"").status(302).header("Location", &format!("https://elsewhere.test/{said}")),
        |said| Reply::raw(format!("HTTP/1.1 2x0 {said}\r\n\r\n").as_bytes()),
        |said| Reply::body(said.as_bytes()).status(410),
    ];
    for (n, way) in ways.into_iter().enumerate() {
        hook.answer_always(way(&format!("{secret} {given}")).delay(Duration::from_millis(50)));
        slack.answer_always(way(path));
        fixture.calls_end(1);
        fixture.asked(n + 1);
        canaries.nowhere_in("pg_stat_activity", &rows(&mut fixture.voice, "SELECT a::text FROM pg_stat_activity a"));
        let told = 3 * (n + 1);
        fixture.voice.until(&format!("SELECT count(*) = {told} FROM voice.attempt WHERE kind = 'deliver'"));
        canaries.nowhere_in("voice_status()", &rows(&mut fixture.voice, "SELECT s::text FROM voice_status() s"));
        // Whoever failed is left alone for a moment; not by us.
        fixture.voice.client.batch_execute("DELETE FROM voice.job WHERE kind = 'deliver'").unwrap();
    }
    fixture.voice.until("SELECT count(*) = 3 FROM voice.webhook WHERE NOT enabled");
    search_everywhere(&mut fixture, &canaries);
    let attempts = rows(&mut fixture.voice, "SELECT error FROM voice.attempt WHERE kind = 'deliver'");
    assert!(attempts.contains("***") && attempts.contains("HTTP 410"), "{attempts}");
    let still: String = fixture
        .voice
        .client
        .query_one("SELECT secret FROM voice._webhook_secret WHERE webhook_id = $1::text::uuid", &[&id])
        .unwrap()
        .get(0);
    assert_eq!(still, given, "it is where it belongs");
    let tally = fixture.tally(
        "12b",
        "canaries as secrets of webhooks, receivers that repeat them",
        "found nowhere but in their table",
    );
    // What was answered by 410; a 404 is tried again.
    assert_eq!((tally.analytics, tally.dead), (5, 1));
}
