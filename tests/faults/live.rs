//! What happens to a call, or to its worker, while the call is looked at.

use harness::stub::{Reply, Request};
use harness::voice::SOON;
use harness::wait_until;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::fixture::Fixture;

fn is_look(request: &Request) -> bool {
    request.json()["response_format"]["json_schema"]["schema"]["properties"].get("notes").is_some()
}

fn look() -> Reply {
    let answer: Value =
        json!({"notes": "a secret of the caller's", "sentiment": 0.1, "intent": "info", "lead_score": 10});
    Reply::content(&answer.to_string())
}

/// Looks are due when the test says so; their answers are held.
fn fixture() -> Fixture {
    let fixture = Fixture::with(|b| b.setting("voice_analytics.live_interval", "10min"));
    fixture.stub.answer(|request| if is_look(request) { look().held() } else { Reply::analysis() });
    fixture
}

fn begin(fixture: &mut Fixture, calls: usize) -> Vec<String> {
    let sql = format!(
        "INSERT INTO voice.call (agent_id) SELECT 'a' FROM generate_series(1, {calls});
         INSERT INTO voice.turn (call_id, role, text) SELECT id, 'user', 'a secret of the caller''s' FROM voice.call"
    );
    fixture.voice.client.batch_execute(&sql).unwrap();
    let ids = fixture.voice.client.query("SELECT id::text FROM voice.call ORDER BY id", &[]).unwrap();
    ids.into_iter().map(|row| row.get(0)).collect()
}

fn due(fixture: &mut Fixture) {
    let sql = "UPDATE voice.job SET run_at = now() WHERE kind = 'live' AND lease IS NULL; SELECT voice._wake()";
    fixture.voice.client.batch_execute(sql).unwrap();
}

fn looks(fixture: &Fixture) -> usize {
    fixture.stub.requests().iter().filter(|request| is_look(request)).count()
}

#[track_caller]
fn until_looks(fixture: &Fixture, count: usize) {
    wait_until(&format!("{count} looks"), SOON, || (looks(fixture) >= count).then_some(()));
}

fn kill(fixture: &mut Fixture) {
    let pid = fixture.voice.cluster.worker_pid("app");
    fixture.voice.cluster.signal(pid, Signal::SIGKILL);
    fixture.reconnect();
}

#[test]
fn a_worker_killed_during_looks_asks_each_once_more_and_between_looks_none() {
    let mut fixture = fixture();
    begin(&mut fixture, 5);
    due(&mut fixture);
    until_looks(&fixture, 5);
    kill(&mut fixture);
    until_looks(&fixture, 10);
    fixture.stub.answer(|request| if is_look(request) { look() } else { Reply::analysis() });
    fixture.stub.release();
    fixture.voice.until("SELECT count(*) = 5 FROM voice.live WHERE looks = 1");
    // Between two looks: the next ones are where they were.
    let due_at = "SELECT string_agg(format('%s %s', call_id, run_at), ' ' ORDER BY call_id) FROM voice.job WHERE kind = 'live' AND lease IS NULL AND attempt <= 1";
    let before = fixture.voice.text(due_at, &[]);
    kill(&mut fixture);
    fixture.calls_end(1);
    fixture.voice.until("SELECT count(*) >= 1 FROM voice.analytics");
    fixture.voice.until("SELECT NOT EXISTS (SELECT FROM voice.live)");
    assert!(before.is_some_and(|jobs| jobs.split_whitespace().count() > 5));
    fixture.voice.drained();
    assert_eq!(looks(&fixture), 10, "nothing was asked again");
    let tally = fixture.tally(
        "16a",
        "`kill -9` of the worker during looks at calls in progress, and between looks",
        "each look that was on its way is asked once more; none between looks",
    );
    assert_eq!((tally.analytics, tally.dead), (6, 0));
}

#[test]
fn a_call_that_ends_during_a_look_is_judged_at_once_and_the_look_is_dropped() {
    let mut fixture = fixture();
    let calls = begin(&mut fixture, 1);
    due(&mut fixture);
    until_looks(&fixture, 1);
    fixture.voice.end(&calls[0]);
    // The look still hangs.
    fixture.voice.until("SELECT count(*) = 1 FROM voice.analytics");
    assert_eq!(fixture.voice.count("SELECT count(*) FROM voice.live"), 0);
    fixture.stub.release();
    fixture.voice.until("SELECT count(*) = 1 FROM voice.attempt WHERE kind = 'live' AND outcome = 'discarded'");
    assert_eq!(fixture.voice.count("SELECT count(*) FROM voice.live"), 0);
    fixture.voice.drained();
    let tally = fixture.tally(
        "16b",
        "the call ends during a look at it",
        "judged before the look is answered; the look is recorded as discarded",
    );
    assert_eq!((tally.analytics, tally.requests), (1, 2));
}

/// Rows of any table with the words of the caller, or with the id of the call.
fn traces(fixture: &mut Fixture, call: &str) -> i64 {
    let tables = fixture
        .voice
        .client
        .query(
            "SELECT c.oid::regclass::text FROM pg_class c WHERE c.relnamespace = 'voice'::regnamespace AND c.relkind = 'r'",
            &[],
        )
        .unwrap();
    let tables: Vec<String> = tables.into_iter().map(|row| row.get(0)).collect();
    tables
        .iter()
        .map(|table| {
            fixture.voice.count(&format!(
                "SELECT count(*) FROM {table} t WHERE t::text LIKE '%secret of the caller%' OR t::text LIKE '%{call}%'"
            ))
        })
        .sum()
}

#[test]
fn a_call_that_is_erased_during_a_look_leaves_nothing() {
    let mut fixture = fixture();
    let calls = begin(&mut fixture, 1);
    due(&mut fixture);
    until_looks(&fixture, 1);
    assert!(traces(&mut fixture, &calls[0]) > 0);
    fixture.voice.client.query("SELECT voice_erase_call($1::text::uuid)", &[&calls[0]]).unwrap();
    fixture.stub.release();
    // What is judged after it was answered after it.
    fixture.calls_end(1);
    fixture.voice.drained();
    fixture.voice.until("SELECT in_flight = 0 FROM voice_status()");
    assert_eq!(traces(&mut fixture, &calls[0]), 0);
    let tally = fixture.tally("16c", "a call is erased during a look at it", "no row has its id or its words");
    assert_eq!((tally.analytics, tally.requests), (1, 2));
}
