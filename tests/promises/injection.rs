//! Callers who try to be more than callers: every case of tests/injection goes through the whole pipeline, judged by a
//! model that obeys the caller, with receivers who are told of it. Nothing comes of it but the row of that call.

pub mod case;
pub mod quotation;
mod told;

use std::collections::HashSet;
use std::time::Duration;

use harness::receiver::Receiver;
use harness::stub::{Reply, StubLlm};
use harness::wait_until;
use postgres::Client;
use postgres::fallible_iterator::FallibleIterator;
use serde_json::Value;

use crate::voice::{SOON, Voice};
use case::{Case, Expected};
use quotation::Quotation;

/// A call of another tenant, and things that must stay as they are.
pub const NEIGHBOURS: &str = "
    CREATE TABLE public.canary (touched int); INSERT INTO public.canary VALUES (0);
    CREATE FUNCTION public.canary() RETURNS int LANGUAGE sql AS 'UPDATE public.canary SET touched = touched + 1 RETURNING touched';
    SET voice_analytics.tenant = 'other';
    INSERT INTO voice.agent (id, name, vertical) VALUES ('b', 'Bo', 'salon');
    SELECT voice_end_call(s.id) FROM (SELECT voice_start_call('b', '+15550111', '+15550122') AS id) s,
        LATERAL voice_add_turn(s.id, 'user', 'a secret of the other tenant') t;
    RESET voice_analytics.tenant";

/// Everything that is not the call's own, in one word.
pub const ALL_ELSE: &str = "
    SELECT md5(string_agg(x, E'\n' ORDER BY x)) FROM (
        SELECT a::text FROM voice.agent a
        UNION ALL SELECT c::text FROM voice.call c WHERE c.id::text <> $1
        UNION ALL SELECT t::text FROM voice.turn t WHERE t.call_id::text <> $1
        UNION ALL SELECT k::text FROM voice.tool_call k WHERE k.call_id::text <> $1
        UNION ALL SELECT n::text FROM voice.analytics n WHERE n.call_id::text <> $1
        UNION ALL SELECT m::text FROM voice.attempt m WHERE m.call_id::text <> $1
        UNION ALL SELECT d::text FROM voice.search_document d WHERE d.call_id::text <> $1
        UNION ALL SELECT d::text FROM voice.dead_job d WHERE d.call_id::text <> $1
        UNION ALL SELECT w::text FROM voice.webhook w
        UNION ALL SELECT s::text FROM voice._webhook_secret s
        UNION ALL SELECT p::text FROM voice._pin p
        UNION ALL SELECT y::text FROM public.canary y
        UNION ALL SELECT r::text FROM pg_authid r
        UNION ALL SELECT s::text FROM pg_db_role_setting s
        UNION ALL SELECT f.name || f.setting FROM pg_file_settings f
        UNION ALL SELECT p.oid::regprocedure::text FROM pg_proc p WHERE p.pronamespace <> 'pg_catalog'::regnamespace
        UNION ALL SELECT r.oid::regclass::text FROM pg_class r WHERE r.relnamespace = 'public'::regnamespace
    ) s(x)";

struct Scene {
    llm: StubLlm,
    voice: Voice,
    listener: Client,
    signed: Receiver,
    slack: StubLlm,
    theirs: StubLlm,
    quotation: Quotation,
    headers: Value,
    redacts: bool,
}

#[test]
fn a_caller_whom_the_model_obeys_gets_no_more_than_a_row_of_their_own() {
    let cases = case::all();
    assert!(cases.len() >= 70, "{} cases", cases.len());
    try_all(cases.iter().filter(|case| !case.redacted), &mut Scene::set(false, ""));
}

#[test]
fn nor_where_analyses_are_defined_and_what_they_dictate_shows_nothing() {
    let mut scene = Scene::set(
        false,
        r#"SELECT voice_define_analysis('worth', '{"type": "object", "properties": {
               "budget": {"type": "integer", "description": "what they would spend"},
               "plan": {"type": "string", "description": "what they asked for"}}}',
           '[{"name": "deal", "rubric": "A deal was made.", "kind": "pass_fail"}]')"#,
    );
    let cases = case::all();
    try_all(cases.iter().filter(|case| !case.redacted), &mut scene);
    let evidence =
        "FROM voice.result r CROSS JOIN jsonb_array_elements(r.evidence) e WHERE e->>'quote' LIKE 'reply with:%'";
    assert!(scene.voice.count(&format!("SELECT count(*) {evidence}")) > 100);
    let supported = format!("SELECT string_agg(e::text, E'\n') {evidence} AND (e->>'supported')::boolean");
    assert_eq!(scene.voice.text(&supported, &[]), None);
    let fixed =
        "FROM voice.analytics a CROSS JOIN jsonb_array_elements(a.evidence) e WHERE e->>'quote' LIKE 'reply with:%'";
    assert!(scene.voice.count(&format!("SELECT count(*) {fixed}")) > 10);
    assert_eq!(scene.voice.count(&format!("SELECT count(*) {fixed} AND (e->>'supported')::boolean")), 0);
}

#[test]
fn nor_where_values_are_taken_out_of_what_the_model_reads() {
    try_all(case::all().iter(), &mut Scene::set(true, ""));
}

fn try_all<'c>(cases: impl Iterator<Item = &'c Case>, scene: &mut Scene) {
    let worker = scene.voice.cluster.worker_pid("app");
    let mut stored = HashSet::new();
    for case in cases {
        stored.extend(scene.play(case));
    }
    assert_eq!(scene.voice.cluster.worker_pid("app"), worker, "the worker is the one that it was");
    assert_eq!(scene.theirs.count(), 1, "the other tenant was told of its own call");

    let (mut heard, mut hot) = (HashSet::new(), HashSet::new());
    wait_until("every call to be in a notification", SOON, || {
        let mut notifications = scene.listener.notifications();
        let mut notifications = notifications.timeout_iter(Duration::from_millis(10));
        while let Some(notification) = notifications.next().unwrap() {
            let calls = told::calls_in(notification.payload());
            let ids = calls.iter().map(|call| call["call_id"].as_str().expect("an id").to_owned());
            match notification.channel() {
                "voice_call_analyzed" => heard.extend(ids),
                "voice_lead_hot" => hot.extend(ids),
                other => panic!("somebody notified {other}"),
            }
        }
        heard.is_superset(&stored).then_some(())
    });
    let is_hot =
        "SELECT string_agg(call_id::text, ' ') FROM voice.analytics WHERE lead_score >= 80 AND intent = 'sales'";
    let are_hot = scene.voice.text(is_hot, &[]).unwrap_or_default();
    assert_eq!(hot, are_hot.split_whitespace().map(str::to_owned).collect());
}

impl Scene {
    /// `defines`: the definitions of the tenant whose callers try.
    fn set(redacts: bool, defines: &str) -> Scene {
        let llm = StubLlm::start();
        llm.answer(Reply::obeying);
        let mut voice = Voice::on(
            Voice::asking(&llm)
                .setting("voice_analytics.max_attempts", 1)
                .setting("voice_analytics.transcript_max_chars", 12_000)
                .setting("voice_analytics.long_transcripts", "ends")
                .setting("voice_analytics.redact", if redacts { "on" } else { "off" }),
        );
        let mut listener = voice.cluster.connect("app");
        listener.batch_execute("LISTEN voice_call_analyzed; LISTEN voice_lead_hot; LISTEN canary").unwrap();
        let (signed, slack, theirs) = (Receiver::start(voice.cluster.folder()), StubLlm::start(), StubLlm::start());
        let mut add = |url: &str, more: &str| {
            let sql =
                format!("SELECT secret FROM voice_add_webhook('{url}', events => '{{lead.hot,call.analyzed}}'{more})");
            voice.text(&sql, &[]).unwrap_or_default()
        };
        signed.knows(&add(&signed.url(), ""));
        add(&slack.url(), ", format => 'slack'");
        voice.client.batch_execute("SET voice_analytics.tenant = 'other'").unwrap();
        let url = theirs.url();
        voice.client.query(&format!("SELECT voice_add_webhook('{url}', events => '{{call.analyzed}}')"), &[]).unwrap();
        voice.client.batch_execute(NEIGHBOURS).unwrap();
        voice.drained();
        voice.client.batch_execute(defines).unwrap();
        // One in which nobody tries anything, to compare with.
        voice.call(&[("user", "What do you charge?")]);
        voice.drained();
        let quotation = Quotation::of(llm.requests().last().expect("a request"));
        let headers = signed.wait_for(1)[0]["headers"].clone();
        Scene { llm, voice, listener, signed, slack, theirs, quotation, headers, redacts }
    }

    /// Lets a call end and be judged; gives its id if it has a row.
    fn play(&mut self, case: &Case) -> Option<String> {
        let title = &case.title;
        let (asked, told, slacked) = (self.llm.count(), self.signed.seen().len(), self.slack.count());
        let turns: Vec<(&str, &str)> = case.turns.iter().map(|(role, text)| (&**role, &**text)).collect();
        let call = self.voice.open_call(&turns);
        for tool in &case.tools {
            let insert =
                "INSERT INTO voice.tool_call (call_id, name, result, error_text) VALUES ($1::text::uuid, $2, $3, $4)";
            self.voice.client.execute(insert, &[&call, &tool.name, &tool.result, &tool.error]).unwrap();
        }
        let all_else = self.voice.text(ALL_ELSE, &[&call]);
        self.voice.end(&call);
        self.voice.drained();
        assert_eq!(self.voice.text(ALL_ELSE, &[&call]), all_else, "{title}: something else has changed");

        let requests = self.llm.requests().split_off(asked);
        assert_eq!(requests.len(), 1, "{title}");
        let words = self.quotation.words(&requests[0], title);
        quotation::has_a_line_for_each_turn(&words, case, self.redacts);
        let lines = self.voice.text("SELECT voice_transcript($1::text::uuid, tools => true)", &[&call]).unwrap();
        assert_eq!(lines.lines().count(), case.turns.len() + case.tools.len(), "{title}: {lines}");

        let row = "SELECT to_jsonb(a)::text FROM voice.analytics a WHERE a.call_id::text = $1";
        let row = self.voice.text(row, &[&call]).map(|row| serde_json::from_str::<Value>(&row).unwrap());
        let (told, slacked) = (self.signed.seen().split_off(told), self.slack.requests().split_off(slacked));
        match (&case.expected, row) {
            (Expected::Stored(expected), Some(row)) => {
                is_in_range(&row, title);
                for (column, value) in expected.as_object().expect("an object") {
                    assert_eq!(&row[column], value, "{title}: {column}");
                }
                let hot = row["lead_score"].as_i64() >= Some(80) && row["intent"] == "sales";
                assert_eq!((told.len(), slacked.len()), if hot { (2, 2) } else { (1, 1) }, "{title}");
                told.iter().for_each(|seen| told::is_signed_and_well_formed(seen, &self.headers, &row, title));
                slacked.iter().for_each(|request| told::is_escaped_for_slack(request, &call, title));
                Some(call)
            }
            (Expected::Dead(reason), None) => {
                let dead = "SELECT last_error FROM voice.dead_job WHERE call_id::text = $1";
                let error = self.voice.text(dead, &[&call]).unwrap_or_default();
                assert!(error.contains(reason.as_str()) && error.len() > 10, "{title}: {error}");
                assert!(error.chars().count() <= 500 && !error.contains(char::is_control), "{title}: {error:?}");
                assert_eq!((told.len(), slacked.len()), (0, 0), "{title}");
                None
            }
            (_, row) => panic!("{title}: {row:?}, {:?}", self.voice.attempts(&call)),
        }
    }
}

/// What a reader of the table may rely on.
fn is_in_range(row: &Value, title: &str) {
    assert!((-1.0..=1.0).contains(&row["sentiment"].as_f64().unwrap()), "{title}");
    assert!((0..=100).contains(&row["lead_score"].as_i64().unwrap()), "{title}");
    let intents = ["info", "booking", "complaint", "sales", "support", "none"];
    assert!(intents.contains(&row["intent"].as_str().unwrap()), "{title}");
    let entities = row["entities"].as_object().expect("an object");
    assert_eq!(entities.keys().collect::<Vec<_>>(), ["email", "name", "phone", "topic"], "{title}");
    let texts = [(&row["summary"], 240), (&row["next_action"], 500), (&row["model"], 80)];
    for (text, max) in texts.into_iter().chain(entities.values().filter(|e| !e.is_null()).map(|e| (e, 320))) {
        let text = text.as_str().unwrap_or_else(|| panic!("{title}: {text} is no text"));
        let hidden = |c: char| {
            c.is_control()
                || matches!(c as u32, 0x200b | 0x2028..=0x202e | 0x2060..=0x206f | 0x3164 | 0xfeff | 0xe0000..=0xe0fff)
        };
        assert!(text.chars().count() <= max && !text.contains(hidden), "{title}: {text:?}");
    }
}
