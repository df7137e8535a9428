use crate::voice::Voice;
use harness::stub::StubLlm;

/// SQLSTATE, DETAIL and HINT of what a bad setting says.
fn refused(voice: &mut Voice, sql: &str) -> (String, String, String) {
    let error = voice.client.batch_execute(sql).expect_err(sql);
    let error = error.as_db_error().expect("an error of the server's");
    let or_none = |text: Option<&str>| text.unwrap_or_default().to_owned();
    (error.code().code().to_owned(), or_none(error.detail()), or_none(error.hint()))
}

#[test]
fn a_bad_setting_is_refused_with_the_way_out() {
    let mut voice = Voice::start();
    for (setting, value) in [
        ("llm_url", "api.example.com/v1"),
        ("llm_url", "ftp://example.com"),
        ("llm_url", "https://"),
        ("llm_url", "https://me:secret@example.com/v1"),
        ("llm_url", "https://example.com/a b"),
        ("llm_url", "http://h:99999/v1"),
        ("llm_model", ""),
        ("timezone", "Mars/Phobos"),
        ("llm_api_key_file", "key.txt"),
    ] {
        let sql = format!("ALTER SYSTEM SET voice_analytics.{setting} = '{value}'");
        let (code, detail, hint) = refused(&mut voice, &sql);
        assert_eq!(code, "22023", "{sql}");
        assert!(!detail.is_empty() && !hint.is_empty(), "{sql}: {detail:?} {hint:?}");
    }
    for sql in [
        "ALTER SYSTEM SET voice_analytics.max_concurrency = 0",
        "ALTER SYSTEM SET voice_analytics.max_concurrency = 1025",
        "ALTER SYSTEM SET voice_analytics.analyzer = 'oracle'",
        "ALTER SYSTEM SET voice_analytics.llm_timeout = '-1s'",
    ] {
        assert_eq!(refused(&mut voice, sql).0, "22023", "{sql}");
    }
    let (code, ..) = refused(&mut voice, "SET voice_analytics.analyser = 'builtin'");
    assert_eq!(code, "42602", "the prefix is reserved: a misspelled name is an error");
}

#[test]
fn only_superusers_set_what_concerns_everyone() {
    let mut voice = Voice::start();
    voice.client.batch_execute("CREATE ROLE app LOGIN; SET ROLE app").unwrap();
    for setting in ["analyzer = 'openai'", "llm_url = 'http://localhost/v1'", "max_attempts = 1", "enabled = off"] {
        assert_eq!(refused(&mut voice, &format!("SET voice_analytics.{setting}")).0, "42501", "{setting}");
    }
    voice.client.batch_execute("SET voice_analytics.tenant = 'acme'").unwrap();
}

#[test]
fn every_setting_says_what_it_is_for() {
    let mut voice = Voice::start();
    let sql = "SELECT count(*) FROM pg_settings WHERE name LIKE 'voice\\_analytics.%' AND (short_desc = '' OR short_desc !~ '\\.$')";
    assert_eq!(voice.count(sql), 0);
    assert!(voice.count("SELECT count(*) FROM pg_settings WHERE name LIKE 'voice\\_analytics.%'") >= 18);
}

#[test]
fn a_setting_of_the_database_reaches_its_worker_within_a_sweep() {
    let stub = StubLlm::start();
    let mut voice = Voice::on(harness::Cluster::builder().setting("voice_analytics.sweep_interval", "100ms"));
    voice
        .client
        .batch_execute(&format!(
            "ALTER DATABASE app SET voice_analytics.llm_url = '{}'; ALTER DATABASE app SET voice_analytics.analyzer = 'openai'",
            stub.url()
        ))
        .unwrap();
    harness::wait_until("a request to the server named by ALTER DATABASE", crate::voice::SOON, || {
        let call = voice.call(&[("user", "hello")]);
        voice.drained();
        let sql = "SELECT model FROM voice.analytics WHERE call_id::text = $1";
        (!voice.text(sql, &[&call]).unwrap().starts_with("builtin")).then_some(())
    });
    // Taken away again, the server's own setting counts.
    voice.client.batch_execute("ALTER DATABASE app RESET voice_analytics.analyzer").unwrap();
    harness::wait_until("the builtin analyzer again", crate::voice::SOON, || {
        let call = voice.call(&[("user", "hello")]);
        voice.drained();
        let sql = "SELECT model FROM voice.analytics WHERE call_id::text = $1";
        voice.text(sql, &[&call]).unwrap().starts_with("builtin").then_some(())
    });
}

#[test]
fn a_worker_that_is_switched_off_leaves_the_queue_alone() {
    let mut voice = Voice::start();
    voice.cluster.set("voice_analytics.enabled", "off");
    voice.state("disabled");
    voice.call(&[("user", "hello")]);
    assert_eq!(voice.count("SELECT count(*) FROM voice.job"), 1);
    voice.cluster.set("voice_analytics.enabled", "on");
    voice.drained();
    assert_eq!(voice.count("SELECT count(*) FROM voice.analytics"), 1);
}

/// As a person writes it: whole days, hours, minutes or seconds where it is any of them.
fn shown(value: &str, unit: Option<&str>) -> String {
    let millis = match (unit, value.parse::<i64>()) {
        (Some("ms"), Ok(millis)) if millis > 0 => millis,
        (Some("s"), Ok(seconds)) if seconds > 0 => seconds * 1000,
        (None, _) if value.is_empty() => return "empty".to_owned(),
        _ => return value.to_owned(),
    };
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1000, "s"), (1, "ms")];
    let (size, name) = units.into_iter().find(|(size, _)| millis % size == 0).expect("a unit");
    format!("{} {name}", millis / size)
}

#[test]
fn the_page_of_operations_lists_every_setting_as_the_server_has_it() {
    let mut voice = Voice::start();
    let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/operations.md");
    let page = std::fs::read_to_string(page).unwrap();
    let sql = "SELECT split_part(name, '.', 2), boot_val, unit, vartype, min_val, max_val, array_to_string(enumvals, ', '), context
        FROM pg_settings WHERE name LIKE 'voice_analytics.%' ORDER BY 1";
    let mut missing = Vec::new();
    for row in voice.client.query(sql, &[]).unwrap() {
        let (name, default, unit): (String, Option<String>, Option<String>) = (row.get(0), row.get(1), row.get(2));
        let bound = |column| shown(&row.get::<_, String>(column), unit.as_deref());
        let range = match row.get::<_, String>(3).as_str() {
            "bool" => "on, off".to_owned(),
            "enum" => row.get(6),
            "integer" | "real" => format!("{} to {}", bound(4), bound(5)),
            _ => "text".to_owned(),
        };
        let effect = match row.get::<_, String>(7).as_str() {
            "sighup" => "reload, configuration file only",
            "user" => "session",
            "postmaster" => "restart",
            _ => "reload",
        };
        let line =
            format!("| `{name}` | {} | {range} | {effect} |", shown(&default.unwrap_or_default(), unit.as_deref()));
        if !page.contains(&line) {
            missing.push(line);
        }
    }
    assert!(missing.is_empty(), "docs/operations.md lacks these lines:\n{}", missing.join("\n"));
}
