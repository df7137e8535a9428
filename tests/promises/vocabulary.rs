//! What SQL and Rust both say, they say alike: `core/src/vocabulary.rs` against CHECKs, defaults and functions.

use crate::voice::Voice;
use voice_core::definition::DEFINITIONS_MAX;
use voice_core::vocabulary::{
    CONCURRENCY_LIMIT, DIRECTIONS, ENDED_STATUSES, HOT_LEAD_INTENT, HOT_LEAD_SCORE, IN_PROGRESS, Intent, LATE_WORDS,
    REQUESTS_PER_MINUTE_LIMIT, ROLES, is_hot_lead,
};
use voice_core::webhook::Event;

/// The words in quotes, or in an array's braces, of a constraint's definition.
fn words_of(voice: &mut Voice, constraint: &str) -> Vec<String> {
    let definition: String = voice
        .client
        .query_one(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = $1 AND conparentid = 0 AND conislocal",
            &[&constraint],
        )
        .unwrap()
        .get(0);
    let mut words: Vec<String> = definition
        .split('\'')
        .skip(1)
        .step_by(2)
        .flat_map(|quoted| quoted.trim_matches(['{', '}']).split(','))
        .map(str::to_owned)
        .collect();
    words.sort();
    words
}

fn sorted(words: impl IntoIterator<Item = &'static str>) -> Vec<String> {
    let mut words: Vec<String> = words.into_iter().map(str::to_owned).collect();
    words.sort();
    words
}

#[test]
fn intents_and_events_are_the_same_in_checks_and_in_rust() {
    let mut voice = Voice::start();
    let intents = sorted(Intent::ALL.map(Intent::as_str));
    assert_eq!(words_of(&mut voice, "analytics_intent_known"), intents);
    assert_eq!(words_of(&mut voice, "webhook_intents_known"), intents);
    assert_eq!(words_of(&mut voice, "live_intent_known"), intents);
    assert_eq!(words_of(&mut voice, "webhook_events_known"), sorted(Event::ALL.map(Event::as_str)));
}

#[test]
fn a_hot_lead_is_one_everywhere() {
    let mut voice = Voice::start();
    for intent in Intent::ALL {
        for score in [0, HOT_LEAD_SCORE - 1, HOT_LEAD_SCORE, 100] {
            let sql: bool = voice
                .client
                .query_one("SELECT voice._is_hot_lead($1, $2)", &[&score, &intent.as_str()])
                .unwrap()
                .get(0);
            assert_eq!(sql, is_hot_lead(score, intent), "{score} {intent:?}");
        }
    }
    // What a webhook asks for unless it is told otherwise.
    voice.client.batch_execute("SELECT * FROM voice_add_webhook('https://example.com/hook')").unwrap();
    let row = voice.client.query_one("SELECT min_lead_score::int, intents FROM voice.webhook", &[]).unwrap();
    assert_eq!(row.get::<_, i32>(0), HOT_LEAD_SCORE);
    assert_eq!(row.get::<_, Vec<String>>(1), [HOT_LEAD_INTENT.as_str()]);
}

#[test]
fn a_day_counts_the_hot_leads_that_notifications_tell() {
    let mut voice = Voice::start();
    voice
        .client
        .batch_execute(
            "SELECT voice_pause(); INSERT INTO voice.agent (id, vertical) VALUES ('a', 'salon');
             INSERT INTO voice.call (id, agent_id, started_at, status, ended_at)
             SELECT voice_uuidv7(t), 'a', t, 'completed', t + interval '1 minute'
             FROM (SELECT now() - interval '24 hours' AS t) x, generate_series(1, 4);
             INSERT INTO voice.analytics (call_id, started_at, agent_id, vertical, sentiment, lead_score, intent, model, prompt_version, summary, next_action)
             SELECT c.id, c.started_at, 'a', 'salon', 0, s.score, s.intent, 'm', '1', '', ''
             FROM (SELECT id, started_at, row_number() OVER () AS n FROM voice.call) c
             JOIN (VALUES (1, 95, 'sales'), (2, 80, 'sales'), (3, 79, 'sales'), (4, 99, 'booking')) s(n, score, intent) USING (n);
             SELECT voice_rollup()",
        )
        .unwrap();
    assert_eq!(voice.count("SELECT sum(hot_leads)::bigint FROM voice.daily"), 2);
}

#[test]
fn statuses_directions_and_roles_are_those_that_rows_may_have() {
    let mut voice = Voice::start();
    voice.client.batch_execute("INSERT INTO voice.agent (id, vertical) VALUES ('a', 'salon')").unwrap();
    let statuses: Vec<&str> = ENDED_STATUSES.into_iter().chain([IN_PROGRESS]).collect();
    for status in &statuses {
        voice.client.execute("INSERT INTO voice.call (agent_id, status) VALUES ('a', $1)", &[status]).unwrap();
    }
    for direction in DIRECTIONS {
        voice.client.execute("INSERT INTO voice.call (agent_id, direction) VALUES ('a', $1)", &[&direction]).unwrap();
    }
    for role in ROLES {
        voice
            .client
            .execute(
                "INSERT INTO voice.turn (call_id, role, text) SELECT id, $1, 'x' FROM voice.call LIMIT 1",
                &[&role],
            )
            .unwrap();
    }
    for (sql, hint) in [
        ("INSERT INTO voice.call (agent_id, status) VALUES ('a', 'over')", statuses.clone()),
        ("INSERT INTO voice.call (agent_id, direction) VALUES ('a', 'sideways')", DIRECTIONS.to_vec()),
        ("INSERT INTO voice.turn (call_id, role, text) SELECT id, 'bot', 'x' FROM voice.call LIMIT 1", ROLES.to_vec()),
    ] {
        let error = voice.client.batch_execute(sql).unwrap_err();
        let error = error.as_db_error().unwrap();
        let said = format!("{} {}", error.detail().unwrap_or_default(), error.hint().unwrap_or_default());
        for word in hint {
            assert!(said.contains(word), "{sql}: {said}");
        }
    }
}

#[test]
fn limits_and_the_time_for_late_words_are_the_same_in_sql_and_in_rust() {
    let mut voice = Voice::start();
    let mut bounds = |setting: &str| -> String {
        voice.client.query_one("SELECT max_val FROM pg_settings WHERE name = $1", &[&setting]).unwrap().get(0)
    };
    assert_eq!(bounds("voice_analytics.max_concurrency"), CONCURRENCY_LIMIT.to_string());
    assert_eq!(bounds("voice_analytics.tenant_max_concurrency"), CONCURRENCY_LIMIT.to_string());
    assert_eq!(bounds("voice_analytics.requests_per_minute"), REQUESTS_PER_MINUTE_LIMIT.to_string());
    assert_eq!(bounds("voice_analytics.tenant_requests_per_minute"), REQUESTS_PER_MINUTE_LIMIT.to_string());
    for (column, most) in [("max_concurrency", CONCURRENCY_LIMIT), ("requests_per_minute", REQUESTS_PER_MINUTE_LIMIT)] {
        voice.client.batch_execute(&format!("SELECT voice_limit_tenant('t', {column} => {most})")).unwrap();
        assert!(
            voice.client.batch_execute(&format!("SELECT voice_limit_tenant('t', {column} => {})", most + 1)).is_err()
        );
        let row = |n: i32| format!("UPDATE voice.tenant_limit SET {column} = {n}");
        voice.client.batch_execute(&row(most)).unwrap();
        assert!(voice.client.batch_execute(&row(most + 1)).is_err());
    }
    let late = include_str!("../../sql/queries/late_recent.sql");
    assert!(late.contains(&format!("interval '{} minutes'", LATE_WORDS.as_secs() / 60)), "{late}");
}

#[test]
fn partitioned_tables_are_the_same_in_sql_and_in_rust() {
    let mut voice = Voice::start();
    let listed: Vec<String> = voice.client.query_one("SELECT voice._partitioned_tables()", &[]).unwrap().get(0);
    let found: Vec<String> = voice
        .client
        .query_one(
            "SELECT array_agg(relname::text ORDER BY relname) FROM pg_class
             WHERE relkind = 'p' AND relnamespace = 'voice'::regnamespace",
            &[],
        )
        .unwrap()
        .get(0);
    let mut sorted = listed.clone();
    sorted.sort();
    assert_eq!(sorted, found);
    // The worker locks those that it reads calls from as maintenance does: last created, first locked.
    let locks = include_str!("../../sql/queries/lock_tables.sql").rsplit_once("LOCK TABLE").unwrap().1;
    let named: Vec<usize> = listed.iter().filter_map(|table| locks.find(&format!("voice.{table}"))).collect();
    assert_eq!(named.len(), 3, "{locks}");
    assert!(named.is_sorted_by(|a, b| a > b), "{locks}");
}

#[test]
fn a_tenant_has_as_many_analyses_as_a_call_is_asked_and_is_told_so_at_the_next() {
    let mut voice = Voice::start();
    let define = |n: u32| {
        format!(
            r#"SELECT voice_define_analysis('a{n}', '{{"type": "object", "properties": {{"a": {{"type": "string", "description": "a"}}}}}}')"#
        )
    };
    let most = DEFINITIONS_MAX as u32;
    (1..=most).for_each(|n| _ = voice.client.query_one(&define(n), &[]).unwrap());
    let refused = voice.client.query_one(&define(most + 1), &[]).unwrap_err();
    assert_eq!(refused.as_db_error().unwrap().message(), "there are too many analyses");
    assert_eq!(voice.client.query_one(&define(most), &[]).unwrap().get::<_, i32>(0), 1, "one that is there stays");
    voice.client.batch_execute("SELECT voice_retire_analysis('a1')").unwrap();
    voice.client.query_one(&define(most + 1), &[]).unwrap();
    voice.client.query_one(&define(1), &[]).unwrap_err();
}
