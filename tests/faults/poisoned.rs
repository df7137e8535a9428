//! One prompt that the server refuses whenever it is asked, among a thousand calls of ten tenants.

use std::thread;
use std::time::Duration;

use harness::stub::Reply;
use harness::voice::SOON;
use harness::wait_until;

use crate::fixture::{Fixture, short_or_long};

const TENANTS: usize = 10;
const CALLS_OF_EACH: usize = 100;

/// A call of each tenant, which ends at once.
fn calls_end(fixture: &mut Fixture) {
    let sql = format!(
        "INSERT INTO voice.call (tenant_id, agent_id, from_number, to_number)
         SELECT 'tenant ' || n, 'of ' || n, '+15550100', '+15550199' FROM generate_series(1, {TENANTS}) n;
         INSERT INTO voice.turn (call_id, tenant_id, role, text)
         SELECT id, tenant_id, 'user', 'hello, this is ' || id FROM voice.call WHERE status = 'in_progress';
         UPDATE voice.call SET status = 'completed', ended_at = clock_timestamp() WHERE status = 'in_progress'"
    );
    fixture.voice.client.batch_execute(&sql).unwrap();
}

/// A thousand calls, at an even pace. Gives the median from hang-up to analytics, in ms, of all but the refused one.
fn median_of_a_run(fixture: &mut Fixture, refused: bool) -> f64 {
    let pause = Duration::from_millis(short_or_long(50, 150));
    for n in 0..CALLS_OF_EACH {
        if refused && n == 1 {
            fixture
                .voice
                .client
                .batch_execute(
                    "INSERT INTO voice.call (tenant_id, agent_id, from_number, to_number, external_id)
                     VALUES ('tenant 1', 'of 1', '+15550100', '+15550199', 'refused');
                     INSERT INTO voice.turn (call_id, tenant_id, role, text)
                     SELECT id, tenant_id, 'user', 'marigold' FROM voice.call WHERE external_id = 'refused';
                     UPDATE voice.call SET status = 'completed', ended_at = clock_timestamp() WHERE external_id = 'refused'",
                )
                .unwrap();
        }
        calls_end(fixture);
        // The pace of the calls is the case itself.
        thread::sleep(pause);
    }
    let others = "SELECT count(*) FROM voice.job j JOIN voice.call c ON c.id = j.call_id WHERE c.external_id IS NULL";
    wait_until("the others", SOON, || (fixture.voice.count(others) == 0).then_some(()));
    let sql = "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM a.computed_at - c.ended_at) * 1000)::float8
        FROM voice.analytics a JOIN voice.call c ON c.id = a.call_id WHERE c.external_id IS NULL";
    fixture.voice.client.query_one(sql, &[]).unwrap().get(0)
}

#[test]
fn a_prompt_that_is_always_refused_dies_and_delays_nobody() {
    let mut fixture = Fixture::with(|b| b.setting("voice_analytics.max_attempts", 2));
    let agents = format!(
        "INSERT INTO voice.agent (id, tenant_id, name, vertical)
         SELECT 'of ' || n, 'tenant ' || n, 'Ava', 'salon' FROM generate_series(1, {TENANTS}) n"
    );
    fixture.voice.client.batch_execute(&agents).unwrap();
    let answer = |request: &harness::stub::Request| match request.transcript().contains("marigold") {
        true => Reply::error(403, "Input was flagged by moderation"),
        false => Reply::analysis().delay(Duration::from_millis(20)),
    };
    let mut medians = [Vec::new(), Vec::new()];
    for refused in short_or_long(vec![false, true], vec![false, true, true, false, false, true]) {
        fixture.clear();
        fixture.stub.answer(answer);
        let median = median_of_a_run(&mut fixture, refused);
        medians[usize::from(refused)].push(median);
    }
    // The last run had it. It dies of what other calls show: they go on.
    let dead = "SELECT last_error FROM voice.dead_job";
    let error = wait_until("its death", 4 * SOON, || {
        calls_end(&mut fixture);
        fixture.voice.text(dead, &[])
    });
    assert!(error.contains("Input was flagged by moderation"), "{error}");
    fixture.voice.drained();
    let middle = |runs: &mut Vec<f64>| {
        runs.sort_by(f64::total_cmp);
        runs[runs.len() / 2]
    };
    let [without, with] = &mut medians;
    let (without, with) = (middle(without), middle(with));
    let remark = format!(
        "hang-up to analytics of the others {with:.0} ms at the median, {without:.0} without it ({:.2} times)",
        with / without
    );
    let did = "one prompt is answered 403 each time, among 1,000 calls of ten tenants";
    let tally = fixture.tally("15", did, &remark);
    assert_eq!((tally.dead, tally.analytics), (1, tally.calls - 1));
}
