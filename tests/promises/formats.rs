//! Calls as their providers write them: `voice_import` and `voice_export`. What core makes of each sample
//! (core/tests/import/expected) is what stands in the rows.

use crate::voice::Voice;
use postgres::Client;
use serde_json::{Value, json};

const RETELL: &str = include_str!("../../core/tests/import/samples/retell.json");

fn import(client: &mut Client, format: &str, payload: &str, options: &str) -> Result<String, postgres::Error> {
    let sql = "SELECT voice_import($1, $2::text::jsonb, $3::text::jsonb)::text";
    client.query_one(sql, &[&format, &payload, &options]).map(|row| row.get(0))
}

/// The rows of a call, its moments as milliseconds from its start.
fn rows(client: &mut Client, id: &str) -> Value {
    let sql = "
        SELECT jsonb_strip_nulls(jsonb_build_object(
            'external_id', c.external_id, 'direction', c.direction, 'status', c.status, 'from', c.from_number, 'to', c.to_number,
            'end_reason', c.end_reason, 'recording_url', c.recording_url, 'language', c.language, 'meta', c.meta,
            'cost', c.cost, 'currency', c.cost_currency, 'duration_ms', c.duration_ms,
            'agent', jsonb_build_object('id', a.id, 'vertical', a.vertical, 'prompt_hash', a.prompt_hash, 'voice', a.voice),
            'turns', (SELECT coalesce(jsonb_agg(jsonb_build_object(
                'role', t.role, 'speaker', t.speaker, 'text', t.text, 'interrupted', t.interrupted,
                'start_ms', (extract(epoch FROM t.started_at - c.started_at) * 1000)::float8,
                'end_ms', (extract(epoch FROM t.ended_at - c.started_at) * 1000)::float8,
                'transcription_ms', t.transcription_ms, 'llm_ttft_ms', t.llm_ttft_ms, 'tts_ttfb_ms', t.tts_ttfb_ms,
                'e2e_latency_ms', t.e2e_latency_ms) ORDER BY t.started_at, t.id), '[]') FROM voice.turn t WHERE t.call_id = c.id),
            'tool_calls', (SELECT coalesce(jsonb_agg(jsonb_build_object(
                'name', k.name, 'args', k.args, 'result', k.result, 'error_text', k.error_text, 'latency_ms', k.latency_ms,
                'offset_ms', (extract(epoch FROM k.invoked_at - c.started_at) * 1000)::float8,
                'turn', (SELECT count(*) FROM voice.turn b, voice.turn mine
                         WHERE mine.call_id = c.id AND mine.id = k.turn_id AND b.call_id = c.id
                           AND (b.started_at, b.id) < (mine.started_at, mine.id)
                         HAVING k.turn_id IS NOT NULL)) ORDER BY k.invoked_at, k.id), '[]') FROM voice.tool_call k WHERE k.call_id = c.id)))
        FROM voice.call c JOIN voice.agent a ON a.id = c.agent_id WHERE c.id = $1::text::uuid";
    client.query_one(sql, &[&id]).unwrap().get(0)
}

/// What the rows must be, of the form `voice`. Turns and tool calls without a time stand at the start of the call.
fn as_rows(voice: &str) -> Value {
    let mut call: Value = serde_json::from_str(voice).unwrap();
    let fields = call.as_object_mut().unwrap();
    for key in ["started_at", "ended_at"] {
        fields.remove(key);
    }
    fields["agent"].as_object_mut().unwrap().remove("name");
    for (list, start) in [("turns", "start_ms"), ("tool_calls", "offset_ms")] {
        let list = fields.entry(list).or_insert_with(|| json!([])).as_array_mut().unwrap();
        for row in list.iter_mut() {
            let row = row.as_object_mut().unwrap();
            row.entry(start).or_insert_with(|| json!(0));
            if start == "start_ms" {
                row.entry("interrupted").or_insert(json!(false));
            } else {
                row.entry("args").or_insert_with(|| json!({}));
            }
        }
        list.sort_by_key(|row| (row[start].as_f64().unwrap() * 1000.0) as i64);
    }
    call
}

/// Numbers by value, rounded to a microsecond of milliseconds; nulls are left out as in the rows.
fn plain(value: Value) -> Value {
    match value {
        Value::Number(number) => json!((number.as_f64().unwrap() * 1000.0).round() / 1000.0),
        Value::Array(list) => list.into_iter().map(plain).collect(),
        Value::Object(fields) => {
            fields.into_iter().filter(|(_, v)| !v.is_null()).map(|(key, value)| (key, plain(value))).collect()
        }
        other => other,
    }
}

#[track_caller]
fn assert_stored(client: &mut Client, id: &str, voice: &str) {
    let (is, must) = (plain(rows(client, id)), plain(as_rows(voice)));
    for (key, must) in must.as_object().unwrap() {
        if key == "agent" {
            for (key, must) in must.as_object().unwrap() {
                assert_eq!(&is["agent"][key], must, "agent.{key}");
            }
        } else {
            assert_eq!(&is[key], must, "{key} of {is:#}");
        }
    }
}

macro_rules! formats {
    ($($test:ident: $name:literal, $format:literal, $options:expr;)*) => {$(
        #[test]
        fn $test() {
            let mut voice = Voice::start();
            let sample = include_str!(concat!("../../core/tests/import/samples/", $name, ".json"));
            let expected = include_str!(concat!("../../core/tests/import/expected/", $name, ".json"));
            let id = import(&mut voice.client, $format, sample, $options).unwrap();
            assert_stored(&mut voice.client, &id, expected);
            let before = rows(&mut voice.client, &id);
            voice.drained();
            let external: Option<String> = voice.text("SELECT external_id FROM voice.call", &[]);
            if external.is_some() {
                assert_eq!(import(&mut voice.client, "auto", sample, $options).unwrap(), id, "the same is the same call");
                assert_eq!(rows(&mut voice.client, &id), before, "and changes nothing");
                assert_eq!(voice.count("SELECT count(*) FROM voice.job"), 0, "nor is it judged again");
            }
            assert_eq!(voice.count("SELECT count(*) FROM voice.analytics"), 1);
        }
    )*};
}

formats! {
    a_call_of_our_own_form_is_one_sql_call: "voice", "voice", "{}";
    a_retell_call_is_one_sql_call: "retell", "retell", "{}";
    a_vapi_report_is_one_sql_call: "vapi", "vapi", "{}";
    an_elevenlabs_conversation_is_one_sql_call: "elevenlabs", "elevenlabs", "{}";
    a_livekit_report_is_one_sql_call: "livekit", "livekit", "{}";
    a_pipecat_conversation_is_one_sql_call: "pipecat", "pipecat", r#"{"agent": {"name": "Rosa"}, "vertical": "automotive"}"#;
    a_realtime_session_is_one_sql_call: "openai_realtime", "openai_realtime", "{}";
    a_bland_call_is_one_sql_call: "bland", "bland", "{}";
    a_twilio_relay_is_one_sql_call: "twilio_relay", "twilio", "{}";
    a_twilio_transcript_is_one_sql_call: "twilio_intelligence", "twilio", "{}";
    a_twilio_conversation_is_one_sql_call: "twilio_communications", "twilio", "{}";
    a_deepgram_transcript_is_one_sql_call: "deepgram", "deepgram",
        r#"{"speakers": {"0": "user", "1": "assistant"}, "started_at": "2026-07-29T08:00:00Z", "direction": "outbound"}"#;
    an_assemblyai_transcript_is_one_sql_call: "assemblyai", "assemblyai",
        r#"{"speakers": {"A": "human_agent", "B": "user"}, "started_at": "2026-07-29T10:00:00+02:00", "from": "+12125550122"}"#;
    a_vcon_is_one_sql_call: "vcon", "vcon", "{}";
}

/// The sample as the webhook that comes first: half of the words, and nothing that is known later only.
fn early() -> String {
    let mut early: Value = serde_json::from_str(RETELL).unwrap();
    early["event"] = json!("call_ended");
    let call = early["call"].as_object_mut().unwrap();
    for key in ["recording_url", "call_cost", "call_analysis", "disconnection_reason"] {
        call.remove(key);
    }
    let said = call["transcript_with_tool_calls"].as_array_mut().unwrap();
    said.truncate(2);
    said[1]["content"] = json!("Is my car");
    early.to_string()
}

#[test]
fn a_fuller_report_completes_the_call_and_an_emptier_one_takes_nothing_away() {
    let mut voice = Voice::start();
    let (mut client, notices) = voice.cluster.connect_with_notices("app");
    let id = import(&mut client, "retell", &early(), "{}").unwrap();
    voice.drained();
    // Long ago, also by the clock of its analysis.
    let old = "UPDATE voice.analytics SET computed_at = now() - interval '1 day'";
    voice.client.batch_execute(old).unwrap();
    assert_eq!(import(&mut client, "retell", RETELL, "{}").unwrap(), id);
    let notice = notices.lock().unwrap().iter().map(|n| n.message().to_owned()).collect::<Vec<_>>().join("\n");
    for part in ["1 turns extended", "turns added", "recording_url", "cost", "meta"] {
        assert!(notice.contains(part), "{part}: {notice}");
    }
    assert_stored(&mut voice.client, &id, include_str!("../../core/tests/import/expected/retell.json"));
    voice.drained();
    voice.until("SELECT computed_at > now() - interval '1 hour' FROM voice.analytics");
    let full = rows(&mut voice.client, &id);
    assert_eq!(import(&mut client, "retell", &early(), "{}").unwrap(), id);
    let after = rows(&mut voice.client, &id);
    for column in ["turns", "tool_calls", "recording_url", "cost", "end_reason"] {
        assert_eq!(after[column], full[column], "{column}");
    }
    assert_eq!(voice.count("SELECT count(*) FROM voice.job"), 0);
}

#[test]
fn latencies_that_come_later_are_filled_in_and_known_ones_stay() {
    let mut voice = Voice::start();
    let report = |latencies: &str| {
        format!(
            r#"{{"id": "v1", "vertical": "salon", "turns": [{{"role": "user", "text": "A cut?", "start_ms": 0}},
                {{"role": "assistant", "text": "At ten.", "start_ms": 900{latencies}}}]}}"#
        )
    };
    let (mut client, notices) = voice.cluster.connect_with_notices("app");
    let id = import(&mut client, "voice", &report(r#", "llm_ttft_ms": 300"#), "{}").unwrap();
    voice.drained();
    let later = report(r#", "llm_ttft_ms": 999, "e2e_latency_ms": 700"#);
    assert_eq!(import(&mut client, "voice", &later, "{}").unwrap(), id);
    assert_eq!(import(&mut client, "voice", &later, "{}").unwrap(), id);
    let told = notices.lock().unwrap().iter().filter(|n| n.message().contains("1 turns measured")).count();
    assert_eq!(told, 1, "the second time there is nothing to fill in");
    let stored = "SELECT concat_ws(' ', llm_ttft_ms, e2e_latency_ms) FROM voice.turn WHERE role = 'assistant'";
    assert_eq!(voice.text(stored, &[]).as_deref(), Some("300 700"));
    voice.drained();
    assert_eq!(voice.count("SELECT count(*) FROM voice.attempt WHERE outcome = 'ok'"), 1, "no word has changed");
}

#[test]
fn two_clients_that_send_two_reports_of_one_call_make_one_call_with_all_of_it() {
    let mut voice = Voice::start();
    for round in 0..8 {
        let options = json!({ "external_id": round.to_string() }).to_string();
        let reports = [early(), RETELL.to_owned()];
        let ids: Vec<String> = std::thread::scope(|scope| {
            let threads = reports.each_ref().map(|report| {
                let (cluster, options) = (&voice.cluster, &options);
                scope.spawn(move || import(&mut cluster.connect("app"), "retell", report, options).unwrap())
            });
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(ids[0], ids[1]);
        let turns: Value = serde_json::from_str(include_str!("../../core/tests/import/expected/retell.json")).unwrap();
        assert_eq!(
            plain(rows(&mut voice.client, &ids[0])["turns"].clone()),
            plain(as_rows(&turns.to_string())["turns"].clone())
        );
    }
    assert_eq!(voice.count("SELECT count(*) FROM voice.call"), 8);
}

#[test]
fn a_writer_who_may_not_read_words_completes_calls_of_its_own_tenant_only() {
    let mut voice = Voice::start();
    voice
        .client
        .batch_execute(
            "CREATE ROLE acme LOGIN; CREATE ROLE globex LOGIN;
             SELECT voice_grant('acme', 'writer'), voice_grant('globex', 'writer');
             SELECT voice_pin_tenant('acme', 'acme'), voice_pin_tenant('globex', 'globex')",
        )
        .unwrap();
    let agent = |name: &str| json!({ "agent": name }).to_string();
    let mut acme = voice.cluster.connect_as("acme", "app");
    let mut globex = voice.cluster.connect_as("globex", "app");
    let first = import(&mut acme, "retell", &early(), &agent("a")).unwrap();
    let other = import(&mut globex, "retell", &early(), &agent("g")).unwrap();
    assert_ne!(first, other, "one external id, two tenants, two calls");
    acme.batch_execute("SET voice_analytics.tenant = 'globex'").unwrap();
    assert_eq!(import(&mut acme, "retell", RETELL, &agent("a")).unwrap(), first, "a pin is over the setting");
    let count =
        |voice: &mut Voice, id: &str| voice.count(&format!("SELECT count(*) FROM voice.turn WHERE call_id = '{id}'"));
    assert!(count(&mut voice, &first) > 2);
    assert_eq!(count(&mut voice, &other), 2);
    let refused = acme.query("SELECT text FROM voice.turn", &[]).unwrap_err();
    assert_eq!(refused.code().unwrap().code(), "42501");
    let refused = acme.query("SELECT voice_export($1::text::uuid)", &[&first]).unwrap_err();
    assert_eq!(refused.code().unwrap().code(), "42501");
}

#[test]
fn who_may_only_read_completes_nothing() {
    let mut voice = Voice::start();
    let id = import(&mut voice.client, "retell", &early(), "{}").unwrap();
    voice.client.batch_execute("CREATE ROLE eve LOGIN; SELECT voice_grant('eve', 'reader')").unwrap();
    let before = rows(&mut voice.client, &id);
    let refused = import(&mut voice.cluster.connect_as("eve", "app"), "retell", RETELL, "{}").unwrap_err();
    assert_eq!(refused.code().unwrap().code(), "42501");
    assert_eq!(rows(&mut voice.client, &id), before);
}

#[test]
fn a_deleted_call_takes_in_nothing_more() {
    let mut voice = Voice::start();
    let id = import(&mut voice.client, "retell", &early(), "{}").unwrap();
    voice.drained();
    let before = rows(&mut voice.client, &id);
    voice.client.execute("SELECT voice_delete_call($1::text::uuid)", &[&id]).unwrap();
    assert_eq!(import(&mut voice.client, "retell", RETELL, "{}").unwrap(), id);
    assert_eq!(rows(&mut voice.client, &id), before);
    assert_eq!(voice.count("SELECT count(*) FROM voice.job"), 0);
}

#[test]
fn bad_input_is_refused_by_its_place_and_leaves_nothing() {
    let mut voice = Voice::start();
    let mut seconds: Value = serde_json::from_str(RETELL).unwrap();
    seconds["call"]["start_timestamp"] = json!(1_785_312_000);
    let mut going_on: Value = serde_json::from_str(RETELL).unwrap();
    going_on["event"] = json!("call_started");
    let mut typed: Value = serde_json::from_str(RETELL).unwrap();
    typed["call"]["transcript_with_tool_calls"][1]["content"] = json!(7);
    let bad = [
        ("retell", seconds.to_string(), "{}", "start_timestamp"),
        ("retell", going_on.to_string(), "{}", "event"),
        ("retell", typed.to_string(), "{}", "content"),
        ("vapi", RETELL.to_owned(), "{}", "retell"),
        ("retel", RETELL.to_owned(), "{}", "format"),
        ("auto", "{}".to_owned(), "{}", "payload"),
        ("retell", RETELL.to_owned(), r#"{"spekers": {}}"#, "spekers"),
    ];
    for (format, payload, options, part) in bad {
        let refused = import(&mut voice.client, format, &payload, options).unwrap_err();
        let refused = refused.as_db_error().unwrap();
        assert_eq!(refused.code().code(), "22023", "{refused:?}");
        assert!(refused.message().contains(part), "{part}: {}", refused.message());
        assert!(refused.hint().unwrap().contains("docs/integrations.md"));
    }
    for table in ["call", "turn", "tool_call", "job", "agent"] {
        assert_eq!(voice.count(&format!("SELECT count(*) FROM voice.{table}")), 0, "{table}");
    }
}

#[test]
fn a_call_that_went_out_comes_in_as_the_same_call() {
    let mut voice = Voice::start();
    let samples = [
        ("retell", RETELL),
        ("elevenlabs", include_str!("../../core/tests/import/samples/elevenlabs.json")),
        ("twilio", include_str!("../../core/tests/import/samples/twilio_communications.json")),
        ("livekit", include_str!("../../core/tests/import/samples/livekit.json")),
    ];
    for (format, sample) in samples {
        let id = import(&mut voice.client, format, sample, "{}").unwrap();
        let first = rows(&mut voice.client, &id);
        for out in ["voice", "vcon"] {
            let gone: Value =
                voice.client.query_one("SELECT voice_export($1::text::uuid, $2)", &[&id, &out]).unwrap().get(0);
            assert_eq!(import(&mut voice.client, out, &gone.to_string(), "{}").unwrap(), id, "{format} by {out}");
            assert_eq!(rows(&mut voice.client, &id), first, "{format} by {out}");
            let options = json!({ "external_id": format!("{format} {out}") }).to_string();
            let again = import(&mut voice.client, out, &gone.to_string(), &options).unwrap();
            let mut second = rows(&mut voice.client, &again);
            second["external_id"] = first["external_id"].clone();
            assert_eq!(second, first, "{format} by {out}");
        }
    }
    assert_eq!(voice.text("SELECT voice_export(gen_random_uuid())::text", &[]), None);
    voice.drained();
    let report = "SELECT count(*) FROM voice.call c, jsonb_array_elements(voice_export(c.id)->'analysis') a WHERE a->>'vendor' = 'voice_analytics'";
    assert_eq!(voice.count(report), 2 * voice.count("SELECT count(*) FROM voice.call"));
}

#[test]
fn nobody_hears_a_person_s_words_as_the_agent_s() {
    let mut voice = Voice::start();
    let sample = include_str!("../../core/tests/import/samples/twilio_communications.json");
    let id = import(&mut voice.client, "twilio", sample, "{}").unwrap();
    let people = "SELECT text FROM voice.turn WHERE speaker = 'human_agent' ORDER BY id LIMIT 1";
    let words = voice.text(people, &[]).unwrap();
    let transcript = voice.text("SELECT voice_transcript($1::text::uuid)", &[&id]).unwrap();
    assert!(transcript.contains(&format!("human_agent: {words}")), "{transcript}");
    voice.drained();
    let first = words.split_whitespace().next().unwrap().trim_matches(|c: char| !c.is_alphanumeric()).to_owned();
    let found = voice.client.query("SELECT role FROM voice_search($1)", &[&first]).unwrap();
    assert!(found.iter().any(|row| row.get::<_, String>(0) == "human_agent"), "{first}");
}

#[test]
fn many_calls_at_once_are_the_same_rows_as_one_by_one() {
    let mut voice = Voice::start();
    let mut payloads = Vec::new();
    for n in 0..30 {
        let mut call: Value = serde_json::from_str(RETELL).unwrap();
        call["call"]["call_id"] = json!(format!("c{n}"));
        call["call"]["start_timestamp"] = json!(1_785_312_000_000_i64 - n % 3 * 2_678_400_000);
        call["call"]["end_timestamp"] = json!(1_785_312_041_500_i64 - n % 3 * 2_678_400_000);
        let text = call.to_string();
        payloads.push(text.replace("17853120", &(17_853_120 - n % 3 * 26_784).to_string()));
    }
    let tenants = ["one", "many"];
    let mut all = Vec::new();
    for tenant in tenants {
        voice.client.batch_execute(&format!("SET voice_analytics.tenant = '{tenant}'")).unwrap();
        let options = json!({ "agent": format!("agent of {tenant}") }).to_string();
        let ids: Vec<String> = match tenant {
            "one" => payloads.iter().map(|p| import(&mut voice.client, "retell", p, &options).unwrap()).collect(),
            _ => {
                let sql = "SELECT voice_imports('retell', $1::text[]::jsonb[], $2::text::jsonb)::text[]";
                let first: Vec<String> = voice.client.query_one(sql, &[&payloads, &options]).unwrap().get(0);
                let again: Vec<String> = voice.client.query_one(sql, &[&payloads, &options]).unwrap().get(0);
                assert_eq!(first, again, "the same calls again are the same calls");
                first
            }
        };
        let mut of_tenant: Vec<Value> = ids.iter().map(|id| rows(&mut voice.client, id)).collect();
        for call in &mut of_tenant {
            call["agent"]["id"] = json!("agent");
        }
        all.push(of_tenant);
    }
    assert_eq!(all[0], all[1]);
    assert!(all[0][0]["turns"].as_array().unwrap().len() > 3);
    voice.drained();
    for tenant in tenants {
        let judged = format!("SELECT count(*) FROM voice.analytics WHERE tenant_id = '{tenant}'");
        assert_eq!(voice.count(&judged), 30, "{tenant}");
    }
}

#[test]
fn one_bad_call_of_many_is_named_and_none_is_stored() {
    let mut voice = Voice::start();
    let payloads = [RETELL.to_owned(), early(), "{}".to_owned()];
    let sql = "SELECT voice_imports('retell', $1::text[]::jsonb[])";
    let refused = voice.client.query_one(sql, &[&payloads.as_slice()]).unwrap_err();
    let refused = refused.as_db_error().unwrap().message().to_owned();
    assert!(refused.contains("payloads[3]") && refused.contains("call_id"), "{refused}");
    assert_eq!(voice.count("SELECT count(*) FROM voice.call"), 0);
    // Twice in one request: the second report completes the first.
    let payloads = [early(), RETELL.to_owned()];
    let ids: Vec<String> = {
        let sql = "SELECT voice_imports('retell', $1::text[]::jsonb[])::text[]";
        voice.client.query_one(sql, &[&payloads.as_slice()]).unwrap().get(0)
    };
    assert_eq!(ids[0], ids[1]);
    assert_stored(&mut voice.client, &ids[0], include_str!("../../core/tests/import/expected/retell.json"));
}

/// Signed as Retell signs, by another implementation than the product's: HMAC of RFC 2104 over Postgres' sha256().
fn retell_signature(client: &mut Client, key: &str, body: &str, age: &str) -> String {
    let sql = format!(
        "WITH k AS (SELECT decode(rpad(encode(convert_to($1, 'UTF8'), 'hex'), 128, '0'), 'hex') AS key,
                           ((extract(epoch FROM clock_timestamp() - interval '{age}') * 1000)::bigint)::text AS at),
              p AS (SELECT at, (SELECT string_agg(set_byte('\\x00', 0, get_byte(key, n) # 54), '' ORDER BY n) FROM generate_series(0, 63) n) AS inner_key,
                           (SELECT string_agg(set_byte('\\x00', 0, get_byte(key, n) # 92), '' ORDER BY n) FROM generate_series(0, 63) n) AS outer_key FROM k)
         SELECT 'v=' || at || ',d=' || encode(sha256(outer_key || sha256(inner_key || convert_to($2 || at, 'UTF8'))), 'hex') FROM p"
    );
    client.query_one(&sql, &[&key, &body]).unwrap().get(0)
}

#[test]
fn a_webhook_is_taken_from_whom_it_says_it_is_of_and_a_replay_is_the_same_call() {
    let mut voice = Voice::start();
    voice
        .client
        .batch_execute(
            "CREATE ROLE door LOGIN; SELECT voice_grant('door', 'writer'); SELECT voice_receive_secret('retell', 'the key')",
        )
        .unwrap();
    let mut door = voice.cluster.connect_as("door", "app");
    let mut receive = |format: &str, headers: Value, body: &str| {
        let sql = "SELECT voice_receive($1, $2::text::jsonb, $3)::text";
        door.query_one(sql, &[&format, &headers.to_string(), &body]).map(|row| row.get::<_, String>(0))
    };
    let signed = |client: &mut Client, key: &str, age: &str| json!({ "X-Retell-Signature": retell_signature(client, key, RETELL, age), "Host": "x" });
    let good = signed(&mut voice.client, "the key", "1 minute");
    let id = receive("retell", good.clone(), RETELL).unwrap();
    assert_eq!(receive("retell", good.clone(), RETELL).unwrap(), id, "a replay");
    assert_stored(&mut voice.client, &id, include_str!("../../core/tests/import/expected/retell.json"));

    let forged = signed(&mut voice.client, "a key", "1 minute");
    let old = signed(&mut voice.client, "the key", "6 minutes");
    let changed = RETELL.replace("Is my car ready?", "Is my cat ready?");
    let refused = [
        ("retell", forged, RETELL, "byte for byte"),
        ("retell", old, RETELL, "clocks"),
        ("retell", json!({}), RETELL, "all headers"),
        ("retell", good.clone(), changed.as_str(), "byte for byte"),
        ("vapi", good.clone(), RETELL, "voice_receive_secret('vapi'"),
    ];
    for (format, headers, body, hint) in refused {
        let refused = receive(format, headers, body).unwrap_err();
        let refused = refused.as_db_error().unwrap();
        assert_eq!(refused.code().code(), "28000", "{refused:?}");
        assert!(refused.hint().unwrap().contains(hint), "{hint}: {refused:?}");
    }
    assert_eq!(voice.count("SELECT count(*) FROM voice.call"), 1);
    for sql in ["SELECT secret FROM voice._receive_secret", "SELECT voice_receive_secret('retell', 'mine')"] {
        assert_eq!(door.query(sql, &[]).unwrap_err().code().unwrap().code(), "42501", "{sql}");
    }
    // Another tenant has secrets of its own.
    voice.client.batch_execute("SET voice_analytics.tenant = 'acme'").unwrap();
    let sql = "SELECT voice_receive('retell', $1::text::jsonb, $2)";
    let refused = voice.client.query(sql, &[&good.to_string(), &RETELL]).unwrap_err();
    assert_eq!(refused.code().unwrap().code(), "28000");
}

#[test]
fn while_one_secret_replaces_another_both_are_taken() {
    let mut voice = Voice::start();
    let send = |voice: &mut Voice, key: &str| {
        let signature = retell_signature(&mut voice.client, key, RETELL, "1 second");
        let headers = json!({ "x-retell-signature": signature }).to_string();
        let sql = "SELECT voice_receive('retell', $1::text::jsonb, $2)";
        voice.client.query_one(sql, &[&headers, &RETELL]).map(drop).map_err(|e| e.code().unwrap().code().to_owned())
    };
    let refused = Err("28000".to_owned());
    voice.client.batch_execute("SELECT voice_receive_secret('retell', 'old')").unwrap();
    assert_eq!((send(&mut voice, "old"), send(&mut voice, "new")), (Ok(()), refused.clone()));
    voice.client.batch_execute("SELECT voice_receive_secret('retell', 'new', overlap => '1 hour')").unwrap();
    assert_eq!((send(&mut voice, "old"), send(&mut voice, "new")), (Ok(()), Ok(())));
    assert_eq!(send(&mut voice, "neither"), refused);
    voice.client.batch_execute("UPDATE voice._receive_secret SET previous_until = now()").unwrap();
    assert_eq!((send(&mut voice, "old"), send(&mut voice, "new")), (refused.clone(), Ok(())), "the time is over");
    voice.client.batch_execute("SELECT voice_receive_secret('retell', 'newest')").unwrap();
    assert_eq!((send(&mut voice, "new"), send(&mut voice, "newest")), (refused.clone(), Ok(())), "at once");
    assert_eq!(voice.count("SELECT count(*) FROM voice._receive_secret WHERE previous_secret IS NOT NULL"), 0);
    voice.client.batch_execute("SELECT voice_receive_secret('retell', NULL)").unwrap();
    assert_eq!(send(&mut voice, "newest"), refused);
}
