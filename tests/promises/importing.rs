//! Whole calls, as lines of JSON. `VOICE_CALLS=FILE.jsonl` takes another file than the project's own.

use crate::voice::{SOON, Voice};
use serde_json::Value;
use std::collections::HashSet;
use std::path::Path;

fn lines() -> Vec<String> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../demo/calls.jsonl");
    let path = std::env::var_os("VOICE_CALLS").map_or(own, Into::into);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    text.lines().map(str::to_owned).collect()
}

#[test]
fn eight_clients_that_import_the_same_file_at_once_make_each_call_once() {
    let mut voice = Voice::start();
    let lines = lines();
    let ids: Vec<HashSet<String>> = std::thread::scope(|scope| {
        let cluster = &voice.cluster;
        let client = |n: usize| {
            let lines = &lines;
            scope.spawn(move || {
                let mut client = cluster.connect("app");
                let import = client.prepare("SELECT voice_import_call($1::text::jsonb)::text").unwrap();
                // Each begins elsewhere, so that they meet from all sides.
                let turned = lines.iter().cycle().skip(n * lines.len() / 8).take(lines.len());
                turned.map(|line| client.query_one(&import, &[line]).unwrap().get::<_, String>(0)).collect()
            })
        };
        let clients: Vec<_> = (0..8).map(client).collect();
        clients.into_iter().map(|c| c.join().unwrap()).collect()
    });
    assert!(ids.iter().all(|i| *i == ids[0] && i.len() == lines.len()), "all get the same ids");

    // What came in is what was in the file.
    let transcript = "SELECT voice_transcript(id) FROM voice.call WHERE external_id = $1";
    for line in &lines {
        let call: Value = serde_json::from_str(line).unwrap();
        let said = call["turns"].as_array().unwrap().iter();
        let spoken_over = |turn: &Value| if turn["interrupted"] == true { " (interrupted)" } else { "" };
        let said: Vec<String> = said
            .map(|t| format!("{}{}: {}", t["role"].as_str().unwrap(), spoken_over(t), t["text"].as_str().unwrap()))
            .collect();
        let id = call["id"].as_str().unwrap();
        assert_eq!(voice.text(transcript, &[&id]).unwrap(), said.join("\n"), "{id}");
    }
    let tools: usize = lines
        .iter()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["tool_calls"].as_array().map_or(0, Vec::len))
        .sum();
    assert_eq!(
        voice.count("SELECT coalesce(sum(calls), 0)::bigint FROM voice_tool_stats('-infinity')") as usize,
        tools
    );

    let analysed = "SELECT count(*) FROM voice.analytics";
    harness::wait_until("every call to be analysed", SOON * 4, || {
        (voice.count(analysed) as usize == lines.len()).then_some(())
    });
    voice.drained();
    assert_eq!(voice.count("SELECT count(*) FROM voice.call") as usize, lines.len());
    assert_eq!(voice.count("SELECT count(*) FROM voice.dead_job"), 0);
}

#[test]
fn how_far_an_import_is_is_seen_by_whoever_may_see_what_its_role_is_at() {
    let mut voice = Voice::start();
    voice
        .client
        .batch_execute(
            "CREATE ROLE importer LOGIN; CREATE ROLE reader LOGIN;
             INSERT INTO voice.agent (id, vertical) VALUES ('front desk', 'salon');
             SELECT voice_grant('importer', 'writer'), voice_grant('reader', 'reader')",
        )
        .unwrap();
    let call = |id: &str| {
        format!(
            "{{\"id\": \"{id}\", \"agent\": \"front desk\", \"turns\": [{{\"role\": \"user\", \"text\": \"hello\"}}]}}"
        )
    };
    // Somebody else has a call of the third thousand in hand, so that the import waits behind two of them.
    let mut other = voice.cluster.connect("app");
    let mut held = other.transaction().unwrap();
    held.execute("SELECT voice_import_call($1::text::jsonb)", &[&call("c2100")]).unwrap();
    let calls: Vec<String> = (0..2500).map(|n| call(&format!("c{n}"))).collect();
    let mut reader = voice.cluster.connect_as("reader", "app");
    std::thread::scope(|scope| {
        let Voice { cluster, client } = &mut voice;
        let mut importer = cluster.connect_as("importer", "app");
        let import = scope.spawn(move || {
            let made = importer.query_one("SELECT cardinality(voice_imports('voice', $1::text[]::jsonb[]))", &[&calls]);
            made.unwrap().get::<_, i32>(0)
        });
        let progress = "SELECT format('%s of %s, %s', done, total, per_minute > 0 AND started_at < now() AND estimated_end > started_at)
            FROM voice_progress() WHERE kind = 'import' AND done = 2000";
        let seen = harness::wait_until("two thousand calls to be stored", SOON, || {
            client.query_opt(progress, &[]).unwrap().map(|row| row.get::<_, String>(0))
        });
        assert_eq!(seen, "2000 of 2500, t");
        let of_server = "SELECT count(*) FROM pg_stat_progress_copy WHERE relid = 'voice.call'::regclass AND tuples_processed = 2000";
        assert_eq!(client.query_one(of_server, &[]).unwrap().get::<_, i64>(0), 1);
        assert!(reader.query(progress, &[]).unwrap().is_empty(), "whoever may not see what that role is at");
        held.rollback().unwrap();
        assert_eq!(import.join().unwrap(), 2500);
    });
    assert_eq!(voice.count("SELECT count(*) FROM voice_progress() WHERE kind = 'import'"), 0);
}
