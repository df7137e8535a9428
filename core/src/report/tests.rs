use super::{MAX_BYTES, render};
use serde_json::{Value, json};

/// A day of ten calls, another one before it, and one of everything else.
fn data() -> Value {
    let figures = |calls: u64| {
        json!({"calls": calls, "completed": calls - 2, "failed": 1, "transferred": 1, "minutes": 3 * calls, "analyzed": calls,
               "sentiment": 0.25, "lead_score": 41.5, "hot_leads": 2, "passed": 6, "not_passed": 2})
    };
    let day = |day: &str, label: &str, now: Value, before: Value| {
        let mut row = now;
        row["day"] = json!(day);
        row["label"] = json!(label);
        row["before"] = before;
        row
    };
    let mut agent = figures(1230);
    agent["agent_id"] = json!("a");
    agent["name"] = json!("Ada");
    agent["vertical"] = json!("real_estate");
    json!({
        "tenant": "acme", "zone": "Europe/Berlin", "period": "28 Nov 2026 to 29 Nov 2026", "as_of": "Sun 29 Nov 2026, 21:57", "today": "2026-11-29",
        "shift_days": 7,
        "days": [day("2026-11-28", "Sat 28 Nov", figures(1220), figures(610)), day("2026-11-29", "Sun 29 Nov", figures(10), Value::Null)],
        "agents": [agent],
        "latencies": [{"day": "2026-11-28", "before": false, "stage": "end_to_end", "turns": 90, "p50": 752.1, "p95": 1950.9},
                      {"day": null, "before": false, "stage": "end_to_end", "turns": 100, "p50": 760.0, "p95": 2010.0},
                      {"day": null, "before": true, "stage": "end_to_end", "turns": 80, "p50": 800.0, "p95": 2500.0}],
        "intents": [{"intent": "sales", "calls": 3, "before": 1}, {"intent": "info", "calls": 1, "before": 3}],
        "hours": [[1, 9, 4], [5, 11, 1]],
        "tools": [{"name": "find_slots", "calls": 40, "errors": 10, "p50_ms": 467.0, "p95_ms": 8149.2}],
        "end_reasons": [{"reason": "caller_hung_up", "calls": 7}],
        "calls_to_look_at": [
            {"why": "lead", "value": 97, "call_id": "01a21d33-1a10-7cf6-b338-f9f74d06e3be", "started": "Fri 27 Nov, 13:30", "agent_id": "a", "agent_name": "Ada",
             "vertical": "real_estate", "sentiment": 0.2, "lead_score": 97, "intent": "sales", "entities": {"name": "Theo Brandt"}, "contact_number": "+13035550142",
             "summary": "Wants the house on Alder Street.", "next_action": "Call today.",
             "evidence": [{"claim": "lead_score", "quote": "Cash.", "speaker": "user", "supported": true},
                          {"claim": "intent", "quote": "Cash.", "speaker": "user", "supported": true},
                          {"claim": "intent", "quote": "never said", "speaker": "user", "supported": false}]},
            {"why": "silence", "value": 12000, "call_id": "01a21d33-1a10-7cf6-b338-f9f74d06e3bf", "started": "Fri 27 Nov, 14:00", "agent_id": "a",
             "sentiment": -0.5, "lead_score": 1, "intent": "info", "summary": "Waited.", "transcript": "assistant: Hello?\nuser (interrupted): Yes: I am here."}],
        "scorecards": [{"analysis": "care", "version": 2, "group_key": "a", "calls": 8, "passed": 6, "failed": 2, "avg_score": 71.2,
                        "criteria": {"greeting": {"pass_rate": 0.9}}}],
        "agreement": [{"sentence": "sentiment: MAE 0.05 [0.05, 0.06] on 80 calls"}],
        "cost": {"unpriced_requests": 1200, "currencies": [
            {"currency": "USD", "calls_with_cost": 1230, "call_cost": 1234.5, "call_cost_per_minute": 0.0683, "requests": 2000, "analysis_cost": 0.56,
             "analysis_cost_per_minute": 0.000_779, "days": [{"day": "2026-11-28", "call_cost": 1200.0, "analysis_cost": 0.5}, {"day": "2026-11-29", "call_cost": 34.5}]},
            {"currency": null, "calls_with_cost": 1, "call_cost": 2, "days": []}]},
        "progress": [{"kind": "backfill", "name": "care", "done": 250, "total": 1000, "per_minute": 60.4, "ends": "Sun 29 Nov, 22:10"}],
        "queue": {"state": "idle", "queued": 3, "running": 1, "dead": 2, "oldest_wait_ms": 1500},
        "left_out": []
    })
}

fn page(data: &Value) -> String {
    render(&data.to_string()).unwrap()
}

/// The words of a page, a blank between elements.
fn text(page: &str) -> String {
    let body = page.split_once("</style>").unwrap().1;
    let mut words = String::new();
    for part in body.split('<') {
        words.push_str(part.split_once('>').map_or(part, |(_, text)| text));
        words.push(' ');
    }
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn every_figure_is_where_people_look_for_it() {
    let words = text(&page(&data()));
    for shown in [
        "Voice agents · acme 28 Nov 2026 to 29 Nov 2026 1,230 calls by 1 agent",
        "As of Sun 29 Nov 2026, 21:57 (Europe/Berlin)",
        // The day that is not over is in the number, and not in the comparison.
        "Calls 1,230 ▲ 100 % against the week before",
        "Minutes 3,690 ▲ 100 % against",
        "Success rate 75 % about the same as the week before",
        "Sentiment +0.25 about the same",
        "Lead score 42 about the same",
        "Hot leads 4 about the same",
        "97 of 100 Theo Brandt · +13035550142 sales · Ada · Fri 27 Nov, 13:30 Call today. Wants the house on Alder Street. Cash. said by the caller: why the lead score",
        "Longest silences 12 s without a word a · Fri 27 Nov, 14:00 Waited. Transcript agent Hello? caller (interrupted) Yes: I am here.",
        "Ada real estate 1,230 3,690 75 %",
        "care version 2 Ada 8 75 % 71 greeting 90 %",
        "End to end 760 ms 95 % within 2.01 s; before: 800 ms and 2.50 s",
        "find_slots 40 10 25 % 467 ms 8.15 s",
        "sales 3 75 % before 25 % info 1 25 % before 75 %",
        "Mon 09:00: 4 calls",
        "completed 1,226 100 % transferred 2 0.2 % failed 2 0.2 %",
        "caller hung up 7 100 %",
        "The worker is idle . waiting 3 being analysed 1 given up 2 longest wait 1.50 s",
        "sentiment: MAE 0.05 [0.05, 0.06] on 80 calls",
        "What it cost 1,200 requests have no price and are in no sum.",
        "Calls 1,234.50 USD 0.0683 USD a minute",
        "Sat 28 Nov: 1,200.00 USD",
        "of 1,230 calls with a cost",
        "Analyses 0.5600 USD 0.000779 USD a minute",
        "Sun 29 Nov: –",
        "of 2,000 requests, on the day of the answer",
        "Calls 2.00 no minutes to share it",
        "Going on now What Done Of Share A minute Ends backfill care 250 1,000 25 % 60 Sun 29 Nov, 22:10",
    ] {
        assert!(words.contains(shown), "{shown}\n{words}");
    }
    // What does not stand in the call shows nothing.
    assert!(!words.contains("never said"));
}

#[test]
fn a_page_of_several_servers_has_a_row_for_each_and_speaks_of_tenants() {
    let mut data = data();
    data["by"] = json!("tenant");
    data["tenant"] = json!("");
    data["agents"][0]["agent_id"] = json!("acme");
    data["agents"][0]["name"] = Value::Null;
    data["agents"][0]["vertical"] = json!("eu-1");
    data["cells"] = json!([
        {"name": "eu-1", "tenants": 1, "calls": 1230, "worker_up": true, "queued": 3, "running": 1, "dead": 2, "wait_ms": 1500, "p95_ms": 850.4},
        {"name": "us-1", "tenants": 0, "calls": 0, "worker_up": false},
        {"name": "us-2"}
    ]);
    let text = text(&page(&data));
    for said in [
        "1,230 calls by 1 tenant on 3 cells",
        "Tenants Tenant Calls",
        "acme eu 1 1,230",
        "eu-1 1 1,230 up 3 1 2 1.50 s 850 ms",
        "us-1 0 0 down – – – – –",
        "us-2 0 0 – – – – – –",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
}

#[test]
fn what_a_caller_may_not_read_is_not_missed_but_named() {
    let mut data = data();
    for part in ["tools", "end_reasons", "agreement", "queue", "scorecards", "latencies", "cost", "progress"] {
        data.as_object_mut().unwrap().remove(part);
    }
    for call in data["calls_to_look_at"].as_array_mut().unwrap() {
        for words in ["summary", "transcript", "evidence", "entities", "contact_number", "next_action"] {
            call.as_object_mut().unwrap().remove(words);
        }
    }
    data["left_out"] = json!(["tools", "end_reasons"]);
    let words = text(&page(&data));
    assert!(words.contains("Left out, because this role may not read it: tools, end reasons."), "{words}");
    assert!(words.contains("Names, numbers and reasons are for roles with the access reader."), "{words}");
    assert!(words.contains("97 of 100 sales sales · Ada"), "{words}");
    for gone in [
        "Tools",
        "Against people",
        "Analysis queue",
        "Scorecards",
        "Speed",
        "Theo",
        "Transcript",
        "What it cost",
        "Going on now",
    ] {
        assert!(!words.contains(gone), "{gone}\n{words}");
    }
    let nothing = text(&page(&json!({"period": "29 Nov 2026"})));
    assert!(nothing.contains("Nothing to show yet"), "{nothing}");
}

/// Every text of the data, the keys that mean something to the page aside.
fn with_every_text(value: &mut Value, text: &str) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                match key.as_str() {
                    "day" | "today" | "why" | "stage" => {}
                    _ => with_every_text(value, text),
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|value| with_every_text(value, text)),
        Value::String(old) => *old = text.to_owned(),
        _ => {}
    }
}

#[test]
fn strangers_write_text_and_no_markup() {
    let plain = page(&data());
    let tags = |page: &str| page.split_once("</style>").unwrap().1.matches('<').count();
    for hostile in [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "' onmouseover='alert(1)",
        "</title></style></svg><svg onload=alert(1)>",
        "\u{202e}txt.exe <!-- ]]>",
        "&lt;b&gt; {{7*7}} javascript:alert(1)",
    ] {
        let mut data = data();
        with_every_text(&mut data, hostile);
        let page = page(&data);
        // Transcripts have a line less, and the two quotations are one in both.
        assert!(tags(&page) <= tags(&plain), "{hostile}: {} of {}", tags(&page), tags(&plain));
        for markup in ["<script", "<img", "onerror=alert(1)>", "<svg onload", "<!--", "\u{202e}", " onmouseover='"] {
            let escaped = page.contains(markup);
            assert!(!escaped || markup == " onmouseover='", "{markup} of {hostile}");
        }
        // No attribute is a stranger's.
        for tag in page.split('<').skip(1).filter_map(|part| part.split_once('>').map(|(tag, _)| tag)) {
            assert!(!tag.contains("alert"), "{tag}");
        }
    }
}

#[test]
fn nothing_is_asked_of_anybody() {
    let page = page(&data());
    let without_namespace = page.replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
    for asking in ["http:", "https:", "url(", "@import", "src=", "<script", "<iframe", "<form"] {
        assert!(!without_namespace.contains(asking), "{asking}");
    }
    assert_eq!(page.matches("href=").count(), 1);
    assert!(page.contains("href=\"data:,\""));
}

#[test]
fn a_page_has_its_size_whatever_the_data() {
    let mut data = data();
    with_every_text(&mut data, &"&".repeat(10_000));
    for (part, most) in [
        ("agents", 50),
        ("tools", 20),
        ("scorecards", 60),
        ("end_reasons", 12),
        ("agreement", 20),
        ("latencies", 1600),
        ("progress", 100),
    ] {
        let row = data[part][0].clone();
        data[part] = json!(vec![row; most]);
    }
    let criteria: serde_json::Map<String, Value> =
        (0..100).map(|n| (format!("{n}{}", "&".repeat(99)), json!({"pass_rate": 0.5}))).collect();
    for card in data["scorecards"].as_array_mut().unwrap() {
        card["criteria"] = json!(criteria);
    }
    let call = data["calls_to_look_at"][1].clone();
    data["calls_to_look_at"] = json!(vec![data["calls_to_look_at"][0].clone(); 10]);
    for why in ["sentiment", "doubt", "silence"] {
        for _ in 0..3 {
            let mut call = call.clone();
            call["why"] = json!(why);
            call["transcript"] = json!("&\n".repeat(5000));
            data["calls_to_look_at"].as_array_mut().unwrap().push(call);
        }
    }
    data["hours"] = json!((1..=7).flat_map(|day| (0..24).map(move |hour| (day, hour, 9_999_999))).collect::<Vec<_>>());
    let day = data["days"][0].clone();
    data["days"] = json!(vec![day; 401]);
    let page = page(&data);
    assert!(page.len() <= MAX_BYTES, "{} bytes", page.len());
    assert!(page.ends_with("</html>"));
    // Days are put together where they would be lines.
    assert!(page.matches("class=\"now\"").count() < 6 * 45 + 300);
}

#[test]
fn numbers_that_are_none_break_nothing() {
    let mut data = data();
    data["days"][0]["sentiment"] = Value::Null;
    data["days"][0]["analyzed"] = json!(0);
    data["hours"] = json!([[9, 99, 1], [1, 0, 0]]);
    data["latencies"][0]["p95"] = Value::Null;
    data["cost"]["currencies"][0]["call_cost"] = json!(1e300);
    data["progress"][0]["total"] = json!(0);
    data["calls_to_look_at"][1]["value"] = json!(1e300);
    assert!(text(&page(&data)).contains("Sentiment +0.25"));
    assert!(render("{\"days\": 1}").unwrap_err().contains("expected a sequence"));
    assert!(render("").is_err());
}
