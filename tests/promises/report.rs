//! The page of voice_report(): its figures are those of SQL, its words are text, and it has what its caller may read.

use harness::Cluster;
use serde_json::Value;

use crate::voice::Voice;

const SCRIPT: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";

/// Calls of two tenants, of yesterday, the week before and now; what strangers may write says what it should not.
fn scene() -> Voice {
    let mut voice = Voice::on(
        Cluster::builder().setting("voice_analytics.enabled", "off").setting("voice_analytics.timezone", "UTC"),
    );
    for (tenant, word) in [("red", "crimson"), ("blue", "azure")] {
        let sql = format!(
            "SET voice_analytics.tenant = '{tenant}';
             INSERT INTO voice.agent (id, name, vertical) VALUES ('{tenant}-a', $n${SCRIPT}$n$, 'salon'), ('{tenant}-b', repeat('ש', 10000), 'dental');
             INSERT INTO voice.analysis (name, version, schema) VALUES ('care', 1, '{{}}');
             CREATE TEMP TABLE made AS
             SELECT voice_uuidv7(s.at) AS id, s.at, n, CASE WHEN n % 3 = 0 THEN '{tenant}-b' ELSE '{tenant}-a' END AS agent
             FROM generate_series(1, 40) n CROSS JOIN LATERAL (
                 SELECT CASE WHEN n <= 4 THEN now() ELSE date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' + interval '1 hour' * (n % 20) - interval '1 day' * (1 + n % 10) END AS at) s;
             INSERT INTO voice.call (id, agent_id, started_at, ended_at, duration_ms, status, end_reason, from_number)
             SELECT id, agent, at, at + interval '1 minute' * n, 60000 * n, CASE WHEN n % 8 = 0 THEN 'failed' WHEN n % 7 = 0 THEN 'transferred' ELSE 'completed' END,
                    CASE WHEN n % 2 = 0 THEN 'caller_hung_up' ELSE 'call me on 212 555 0142' END, '+1212555' || (1000 + n) FROM made;
             INSERT INTO voice.turn (call_id, role, text, started_at, ended_at, e2e_latency_ms)
             SELECT id, r.role, '{word} ' || r.said, at + r.second * interval '1 s', at + (r.second + 1) * interval '1 s', r.ms
             FROM made CROSS JOIN LATERAL (VALUES ('assistant', 'hello', 0, 400), ('user', $n${SCRIPT}$n$, 2, NULL), ('assistant', 'bye', 9 + n, 100 * n)) r(role, said, second, ms);
             INSERT INTO voice.tool_call (call_id, name, latency_ms, error_text, invoked_at)
             SELECT id, $n$book{SCRIPT}$n$, 10 * n, CASE WHEN n % 4 = 0 THEN 'no' END, at FROM made;
             INSERT INTO voice.analytics (call_id, started_at, sentiment, lead_score, agent_id, vertical, intent, model, prompt_version, summary, next_action, from_number, contact_number, entities, evidence, unsupported)
             SELECT id, at, (n - 20) / 20.0, n * 2, agent, 'salon', CASE WHEN n % 2 = 0 THEN 'sales' ELSE 'info' END, 'm', 'p', '{word} summary ' || $n${SCRIPT}$n$, 'ring', '+1', '+1212555' || (1000 + n),
                    jsonb_build_object('name', $n${SCRIPT}$n$), jsonb_build_array(jsonb_build_object('claim', 'lead_score', 'turn', 2, 'quote', '{word} ' || $n${SCRIPT}$n$, 'speaker', 'user', 'supported', true)), n % 3 FROM made;
             INSERT INTO voice.result (call_id, started_at, agent_id, vertical, analysis, version, model, prompt_version, success)
             SELECT id, at, agent, 'salon', 'care', 1, 'm', 'p', CASE WHEN n % 5 = 0 THEN 'fail' ELSE 'pass' END FROM made;
             INSERT INTO voice.label (call_id, labeller, sentiment) SELECT id, 'anna', 0.5 FROM made WHERE n > 30;
             DROP TABLE made;
             RESET voice_analytics.tenant"
        );
        voice.client.batch_execute(&sql).unwrap();
    }
    // Some days from roll-ups, the others from their calls.
    let roll_up = "SELECT voice_rollup((now() AT TIME ZONE 'UTC')::date - n) FROM generate_series(3, 20) n";
    voice.client.batch_execute(roll_up).unwrap();
    for access in ["reader", "analyst", "operator"] {
        for tenant in ["red", "blue"] {
            let sql = format!(
                "CREATE ROLE {tenant}_{access} LOGIN; SELECT voice_grant('{tenant}_{access}', '{access}'), voice_pin_tenant('{tenant}_{access}', '{tenant}')"
            );
            voice.client.batch_execute(&sql).unwrap();
        }
    }
    voice
}

fn page(voice: &Voice, role: &str) -> String {
    voice.cluster.connect_as(role, "app").query_one("SELECT voice_report()", &[]).unwrap().get(0)
}

/// The words of a page, a blank between elements, as a browser would show them.
fn words(page: &str) -> String {
    let body = page.split_once("</style>").unwrap().1;
    let text: Vec<&str> = body.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text)).collect();
    let text = text.join(" ").replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn ten_figures_of_a_report_are_those_of_sql() {
    let mut voice = scene();
    let shown = words(&page(&voice, "red_reader"));
    let since = "date_trunc('day', (now() - interval '7 days') AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'";
    let calls = format!(
        "voice.call c JOIN voice.analytics a ON a.call_id = c.id WHERE c.tenant_id = 'red' AND c.started_at >= {since}"
    );
    let figure = |voice: &mut Voice, expression: &str| {
        voice.text(&format!("SELECT ({expression})::text FROM {calls}"), &[]).unwrap()
    };
    for (label, expression) in [
        ("Calls {}", "to_char(count(*), 'FM999,999')"),
        ("Minutes {}", "to_char(round(sum(c.duration_ms) / 60000.0), 'FM999,999')"),
        (
            "Success rate {} %",
            "SELECT round(100.0 * count(*) FILTER (WHERE success = 'pass') / count(*)) FROM voice.result WHERE tenant_id = 'red' AND started_at >= SINCE",
        ),
        ("Sentiment {}", "to_char(round(avg(a.sentiment)::numeric, 2), 'SG0.00')"),
        ("Lead score {}", "round(avg(a.lead_score))"),
        ("Hot leads {}", "count(*) FILTER (WHERE a.lead_score >= 80 AND a.intent = 'sales')"),
        ("transferred {}", "count(*) FILTER (WHERE c.status = 'transferred')"),
        ("caller hung up {}", "count(*) FILTER (WHERE c.end_reason = 'caller_hung_up')"),
        ("other {}", "count(*) FILTER (WHERE c.end_reason <> 'caller_hung_up')"),
        ("sales {}", "count(*) FILTER (WHERE a.intent = 'sales')"),
        ("Longest silences {} s without a word", "max(c.duration_ms) / 60000 + 6"),
    ] {
        let expression = expression.replace("SINCE", since);
        let value = match expression.strip_prefix("SELECT ") {
            Some(_) => voice.text(&format!("SELECT ({expression})::text"), &[]).unwrap(),
            None => figure(&mut voice, &expression),
        };
        let expected = label.replace("{}", &value.replace('-', "−"));
        assert!(shown.contains(&expected), "{expected}\n{shown}");
    }
    let tools = "SELECT count(*)::text || ' ' || count(k.error_text)::text FROM voice.tool_call k JOIN voice.call c ON c.id = k.call_id WHERE c.tenant_id = 'red' AND c.started_at >= ";
    let tools = voice.text(&format!("{tools}{since}"), &[]).unwrap();
    assert!(shown.contains(&format!("onerror=alert(1)> {tools} ")), "{tools}\n{shown}");
}

#[test]
fn whatever_strangers_write_is_text_in_a_report() {
    let voice = scene();
    let page = page(&voice, "red_reader");
    assert!(page.len() <= 300_000, "{} bytes", page.len());
    for markup in ["<script", "<img", "crimson <"] {
        assert!(!page.contains(markup), "{markup}");
    }
    let shown = words(&page);
    for text in
        [format!("crimson {SCRIPT}"), format!("crimson summary {SCRIPT}"), format!("book{SCRIPT}"), SCRIPT.to_owned()]
    {
        assert!(shown.contains(&text), "{text}\n{shown}");
    }
    // A name of ten thousand letters from right to left has sixty, by themselves.
    assert!(page.contains(&format!("<bdi>{}…</bdi>", "ש".repeat(59))));
    assert!(!page.contains(&"ש".repeat(60)));
}

#[test]
fn a_report_has_what_its_caller_may_read() {
    let mut voice = scene();
    let reader = words(&page(&voice, "red_reader"));
    for has in [
        "crimson summary",
        "+12125551040",
        "Transcript",
        "why the lead score",
        "Tools",
        "Against people",
        "Speed",
        "Left out, because this role may not read it: queue.",
    ] {
        assert!(reader.contains(has), "{has}\n{reader}");
    }
    assert!(!reader.contains("Analysis queue"));
    let analyst = words(&page(&voice, "red_analyst"));
    for has in [
        "Success rate",
        "Lead score",
        "Call these people first",
        "Scorecards",
        "Speed",
        "tools, end reasons, transcripts, evidence, agreement, progress, queue.",
    ] {
        assert!(analyst.contains(has), "{has}\n{analyst}");
    }
    let operator = words(&page(&voice, "red_operator"));
    for has in ["Analysis queue", "Calls", "Speed", "Agents"] {
        assert!(operator.contains(has), "{has}\n{operator}");
    }
    for (page, who) in [(&analyst, "analyst"), (&operator, "operator")] {
        for word in [
            "crimson",
            "+1212555",
            "ring",
            "alert(1)\"'><img src=x onerror=alert(1)> 10",
            "caller hung up",
            "Against people",
        ] {
            assert!(!page.contains(word), "{who}: {word}\n{page}");
        }
    }
    let other = words(&page(&voice, "blue_reader"));
    assert!(other.contains("azure summary") && !other.contains("crimson"), "{other}");
    assert!(!reader.contains("azure"));
    // The data is that of the page, and a setting changes nothing for who is bound.
    let mut red = voice.cluster.connect_as("red_reader", "app");
    red.batch_execute("SET voice_analytics.tenant = 'blue'").unwrap();
    let data: String = red.query_one("SELECT voice_report_data()::text", &[]).unwrap().get(0);
    let data: Value = serde_json::from_str(&data).unwrap();
    assert_eq!(data["tenant"], "red");
    assert_eq!(voice.count("SELECT count(*) FROM voice.daily_detail WHERE agent_id = ''") % 2, 0);
}
