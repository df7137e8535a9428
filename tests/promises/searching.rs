//! The worker puts search documents together from words that it has looked up before: they are those that to_tsvector()
//! would have made of the whole, and beside them the lexemes of numbers. `VOICE_CALLS=FILE.jsonl` takes another file than
//! the project's own.

use std::fs;
use std::path::Path;

use crate::voice::Voice;
use harness::Cluster;

/// What a parser may take for something else, alone and beside other things.
const PARTS: &[&str] = &[
    "I",
    "don't",
    "ALL",
    "café",
    "Straße",
    "ДА",
    "你好",
    "e-mail",
    "state-of-the-art",
    "well--",
    "--",
    "-5",
    "+1",
    "+15550100",
    "555-0100",
    "(555)",
    "0100,",
    "$19.99",
    "19.99.",
    ".5",
    "5.",
    "1e10",
    "1e999",
    "-1.5e-3",
    "3pm",
    "10:30",
    "10:30:15",
    "a@b.co",
    "john.doe+x@mail.example.org,",
    "http://x.org/a?b=c&d=e#f",
    "https://",
    "www.example.com.",
    "foo.bar",
    "U.S.",
    "and/or",
    "/etc/passwd",
    "~/x",
    "a/b/c.txt",
    "C:\\dir",
    "&amp;",
    "&",
    "&#65;",
    "&bogus",
    "a&b",
    "it's",
    "'quoted'",
    "\"quoted\"",
    "'tis",
    "''",
    "\\",
    "it\\'s",
    "...",
    "a...b",
    "a_b",
    "_a",
    "a_b@c_d.com",
    "#tag",
    "@name",
    "%",
    "50%",
    "a=b",
    "x^2",
    "[unclear]",
    "{}",
    "|",
    "…",
    "—",
    "don’t",
    "“hello”",
    "no\u{a0}break",
    "zero\u{200b}width",
    "e\u{301}",
    "I\u{307}",
    "a:",
    "a:b",
    "mailto:a@b.co",
    "the",
    "running",
    "1-800-FLOWERS",
    "v1.2.3",
    "1.2.3.4",
    "::1",
    "a.b.c.d.",
    "x,y",
    "(a)(b)",
    "co-op's",
    "twenty-one",
    "12-34-56",
    "-",
    "+",
    "/",
    "~",
    "*",
    "?!",
    "MiXeD9",
    "9MiXeD",
    "\u{feff}bom",
    "zqxwvu",
];

/// Texts of such parts, by a generator that gives the same ones each time.
fn texts() -> Vec<String> {
    let mut state = 0x2545_f491_4f6c_dd1du64;
    let mut next = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    let mut texts: Vec<String> = PARTS.iter().map(|part| (*part).to_owned()).collect();
    for _ in 0..1500 {
        let mut text = String::new();
        for _ in 0..1 + next(12) {
            text.push_str(PARTS[next(PARTS.len())]);
            text.push_str([" ", " ", " ", "  ", "\n", "\t", "\r\n", "", ", ", ". "][next(10)]);
        }
        texts.push(text);
    }
    texts.push("a <b c> d </b> e <!-- f g --> h".to_owned());
    texts.push("1 < 2 and <script> x y </script> z".to_owned());
    texts.push("again ".repeat(300));
    texts.push((0..17_000).map(|n| format!("w{n} ")).collect());
    texts.push(format!("{} and then", "long".repeat(600)));
    texts
}

#[test]
fn search_documents_are_those_of_to_tsvector() {
    let mut voice = Voice::on(Cluster::builder().setting("voice_analytics.maintenance", "off"));
    voice
        .client
        .batch_execute(
            "CREATE TEXT SEARCH DICTIONARY public.only_known (TEMPLATE = synonym, SYNONYMS = synonym_sample);
             CREATE TEXT SEARCH CONFIGURATION public.only_known (PARSER = default);
             ALTER TEXT SEARCH CONFIGURATION public.only_known ADD MAPPING FOR asciiword, word WITH public.only_known;
             CREATE TEXT SEARCH DICTIONARY public.phrases (TEMPLATE = thesaurus, DICTFILE = thesaurus_sample, DICTIONARY = english_stem);
             CREATE TEXT SEARCH CONFIGURATION public.phrases (COPY = english);
             ALTER TEXT SEARCH CONFIGURATION public.phrases ALTER MAPPING FOR asciiword WITH public.phrases, english_stem;
             INSERT INTO voice.agent (id, vertical) VALUES ('a', 'salon')",
        )
        .unwrap();
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../demo/calls.jsonl");
    let path = std::env::var_os("VOICE_CALLS").map_or(own, Into::into);
    let calls = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let import = voice.client.prepare("SELECT voice_import_call($1::text::jsonb)").unwrap();
    for call in calls.lines() {
        voice.client.execute(&import, &[&call]).unwrap();
    }
    let tricky = "WITH c AS (INSERT INTO voice.call (agent_id) VALUES ('a') RETURNING id), t AS (
            INSERT INTO voice.turn (call_id, role, text) SELECT c.id, 'user', x FROM c, unnest($1::text[]) x)
        SELECT id FROM c";
    for some in texts().chunks(5) {
        voice.client.execute(tricky, &[&some]).unwrap();
    }
    voice.client.batch_execute("INSERT INTO voice.turn (call_id, role, text) SELECT id, 'user', 'super novae star and pgsql postgres indices' FROM voice.call WHERE status = 'in_progress'").unwrap();
    voice
        .client
        .batch_execute("UPDATE voice.call SET status = 'completed', ended_at = now() WHERE status = 'in_progress'")
        .unwrap();
    voice.drained();

    let calls = voice.count("SELECT count(*) FROM voice.call WHERE deleted_at IS NULL");
    for config in ["simple", "english", "public.only_known", "public.phrases"] {
        if config != "simple" {
            voice.cluster.set("voice_analytics.search_config", config);
            let show = "SELECT current_setting('voice_analytics.search_config')";
            voice.client.batch_execute("SELECT count(voice_reanalyze(id)) FROM voice.call").unwrap();
            assert_eq!(voice.client.query_one(show, &[]).unwrap().get::<_, String>(0), config);
            voice.drained();
        }
        let others = format!(
            "SELECT w.words FROM voice.search_document d
             CROSS JOIN LATERAL (SELECT string_agg(t.text, E'\\n' ORDER BY t.started_at, t.id) AS words FROM voice.turn t WHERE t.call_id = d.call_id) w
             WHERE d.document::text <> (to_tsvector('{config}', left(w.words, 400000)) || voice._search_lexemes(left(w.words, 400000))::tsvector)::text LIMIT 3"
        );
        let others: Vec<String> = voice.client.query(&others, &[]).unwrap().iter().map(|row| row.get(0)).collect();
        assert!(others.is_empty(), "{config}: {others:#?}");
        assert_eq!(voice.count("SELECT count(*) FROM voice.search_document"), calls, "{config}");
    }
}
