//! What is erased is nowhere: not in a table, not in a dump, not in the files.

use std::fs;
use std::path::Path;

use crate::voice::{SOON, Voice};
use harness::stub::{Reply, StubLlm};

const PHRASE: &str = "zyzzyvaquux";
const NUMBER: &str = "+15557654321";
const DIGITS: &str = "5557654321";

/// Tables, of every schema, whose rows as text hold one of the words.
fn tables_with(voice: &mut Voice) -> Vec<String> {
    let sql = "SELECT c.oid::regclass::text FROM pg_class c WHERE c.relkind IN ('r', 'm', 't') AND c.relpersistence <> 't' ORDER BY 1";
    let names: Vec<String> = voice.client.query(sql, &[]).unwrap().into_iter().map(|row| row.get(0)).collect();
    assert!(names.len() > 80, "{names:?}");
    let holds = |voice: &mut Voice, name: &str| {
        // A toast table's pieces are bytes.
        let row = if name.starts_with("pg_toast") { "encode(t.chunk_data, 'escape')" } else { "t::text" };
        voice.count(&format!("SELECT count(*) FROM {name} t WHERE {row} ~ '{PHRASE}|{DIGITS}'")) > 0
    };
    names.into_iter().filter(|name| holds(voice, name)).collect()
}

fn is_in(bytes: &[u8]) -> bool {
    [PHRASE, DIGITS].iter().any(|word| bytes.windows(word.len()).any(|window| window == word.as_bytes()))
}

fn dump(voice: &Voice) -> Vec<u8> {
    let output = voice.cluster.client("pg_dump").arg("app").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Files of tables and indexes that hold one of the words. The WAL is another matter: it is recycled, or archived.
fn files_with(voice: &mut Voice) -> Vec<String> {
    voice.client.batch_execute("CHECKPOINT").unwrap();
    let mut found = Vec::new();
    let mut folders = vec![voice.cluster.data().join("base"), voice.cluster.data().join("global")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap().flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else if fs::read(entry.path()).is_ok_and(|bytes| is_in(&bytes)) {
                found.push(relation_of(voice, &entry.path()));
            }
        }
    }
    found
}

fn relation_of(voice: &mut Voice, path: &Path) -> String {
    let file = path.file_name().unwrap().to_string_lossy().into_owned();
    let sql = format!("SELECT relname::text FROM pg_class WHERE pg_relation_filenode(oid)::text = '{file}'");
    voice.text(&sql, &[]).unwrap_or(file)
}

#[test]
fn an_erased_call_is_nowhere() {
    let mut voice = Voice::on(harness::Cluster::builder().setting("autovacuum", "off"));
    let words = format!("my secret is {PHRASE} and my number is {NUMBER}");
    for n in 0..20 {
        // Among calls that stay, page by page.
        voice.call(&[("user", &format!("an ordinary question {n}"))]);
        if n % 5 == 0 {
            let call = voice.open_call(&[("user", &words), ("assistant", &format!("so {PHRASE} it is"))]);
            let fill = format!(
                "UPDATE voice.call SET from_number = '{NUMBER}', meta = '{{\"note\": \"{PHRASE}\"}}', recording_url = 'https://r/{PHRASE}',
                    end_reason = '{PHRASE}', external_id = '{PHRASE}-{n}' WHERE id = '{call}';
                 SELECT voice_add_tool_call('{call}', 'book', '{{\"who\": \"{PHRASE}\"}}', '{{\"to\": \"{NUMBER}\"}}', error_text => '{PHRASE}');
                 SELECT voice_add_chunk('{call}', voice_add_turn('{call}', 'user', ''), 1, '{PHRASE} in pieces', true)"
            );
            voice.client.batch_execute(&fill).unwrap();
            voice.end(&call);
        }
    }
    voice.drained();
    voice
        .client
        .batch_execute(&format!(
            "INSERT INTO voice.dead_job (id, call_id, attempts, kind, last_error)
             SELECT nextval('voice.job_id_seq'), id, 5, 'analyze', '{PHRASE}' FROM voice.call WHERE from_number = '{NUMBER}';
             INSERT INTO voice.result (call_id, started_at, agent_id, vertical, analysis, version, model, prompt_version, \"values\", criteria, evidence)
             SELECT id, started_at, agent_id, 'v', 'a', 1, 'm', 'p', '{{\"who\": \"{PHRASE}\"}}', '{{\"c\": \"{NUMBER}\"}}', '[{{\"quote\": \"{PHRASE}\"}}]'
             FROM voice.call WHERE from_number = '{NUMBER}';
             INSERT INTO voice.trial_result (trial_id, call_id, before, after, error)
             SELECT 1, id, '{{\"summary\": \"{PHRASE}\"}}', '{{\"summary\": \"{NUMBER}\"}}', '{PHRASE}' FROM voice.call WHERE from_number = '{NUMBER}';
             INSERT INTO voice.label (call_id, labeller, \"values\", criteria, comment)
             SELECT id, 'anna', '{{\"a\": {{\"who\": \"{PHRASE}\"}}}}', '{{\"a\": {{\"c\": \"{NUMBER}\"}}}}', '{PHRASE}' FROM voice.call WHERE from_number = '{NUMBER}';
             INSERT INTO voice.live (call_id, summary, criteria)
             SELECT id, '{PHRASE}', '{{\"c\": \"{NUMBER}\"}}' FROM voice.call WHERE from_number = '{NUMBER}';
             UPDATE voice.analytics SET evidence = '[{{\"quote\": \"{PHRASE}\"}}]' WHERE call_id IN (SELECT id FROM voice.call WHERE from_number = '{NUMBER}');
             UPDATE voice.attempt SET error = '{PHRASE}' WHERE call_id IN (SELECT id FROM voice.call WHERE from_number = '{NUMBER}');
             ANALYZE"
        ))
        .unwrap();
    let before = tables_with(&mut voice);
    for family in [
        "call",
        "turn",
        "transcript_chunk",
        "tool_call",
        "analytics",
        "attempt",
        "search_document",
        "dead_job",
        "result",
        "trial_result",
        "label",
        "live",
    ] {
        assert!(
            before.iter().any(|name| name.starts_with(&format!("voice.{family}"))),
            "{family} is not in {before:?}"
        );
    }
    assert!(is_in(&dump(&voice)) && !files_with(&mut voice).is_empty());

    let calls = voice.count(&format!("SELECT count FROM voice_erase_caller('{NUMBER}') WHERE what = 'call'"));
    assert_eq!(calls, 4);
    voice.client.batch_execute("VACUUM (ANALYZE)").unwrap();
    assert_eq!(tables_with(&mut voice), Vec::<String>::new());
    assert!(!is_in(&dump(&voice)), "in the dump");
    assert_eq!(voice.count("SELECT count(*) FROM voice_search('zyzzyvaquux')"), 0);
    assert_eq!(voice.count("SELECT count(*) FROM voice.erasure"), 1);
    assert_eq!(voice.count("SELECT count(*) FROM voice.call"), 20, "the others stay");
    assert_eq!(voice.count("SELECT count(*) FROM voice.analytics"), 20);
    // Bytes between the rows of a page are nobody's until the page is written anew (docs: SECURITY.md).
    eprintln!("after VACUUM, bytes in free space: {:?}", files_with(&mut voice));
    voice.client.batch_execute("VACUUM (FULL)").unwrap();
    assert_eq!(files_with(&mut voice), Vec::<String>::new());
}

#[test]
fn an_answer_under_way_for_an_erased_call_is_thrown_away() {
    let stub = StubLlm::start();
    stub.answer_always(Reply::analysis().held());
    let mut voice = Voice::with_llm(&stub);
    let call = voice.call(&[("user", PHRASE)]);
    stub.wait_for(1, SOON);
    voice.client.execute("SELECT voice_erase_call($1::text::uuid)", &[&call]).unwrap();
    stub.answer_always(Reply::analysis());
    stub.release();
    // The worker goes on with the next.
    let next = voice.call(&[("user", "hello")]);
    voice.drained();
    assert_eq!(voice.text("SELECT string_agg(call_id::text, ',') FROM voice.analytics", &[]).unwrap(), next);
    assert_eq!(voice.count("SELECT count(*) FROM voice.attempt WHERE outcome <> 'ok'"), 0);
    assert_eq!(tables_with(&mut voice), Vec::<String>::new());
}
