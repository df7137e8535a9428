//! Answers that come when somebody else has the job. (Two workers racing for jobs: tests/isolation.)

use harness::stub::Reply;

use crate::fixture::Fixture;

const CALLS: usize = 5;

#[test]
fn a_late_answer_changes_nothing_once_the_lease_has_passed_on() {
    let mut fixture = Fixture::with(|b| b.setting("voice_analytics.sweep_interval", 0));
    fixture.stub.answer_always(Reply::analysis().held());
    fixture.calls_end(CALLS);
    fixture.asked(CALLS);
    // What another worker does when it takes them.
    fixture.voice.client.batch_execute("UPDATE voice.job SET lease = lease + 1000, attempt = attempt + 1").unwrap();
    fixture.stub.release();
    fixture.voice.until("SELECT count(*) = 5 FROM voice.attempt WHERE outcome = 'discarded'");
    assert_eq!(fixture.voice.count("SELECT count(*) FROM voice.analytics"), 0);
    assert_eq!(fixture.voice.count("SELECT count(*) FROM voice.job WHERE attempt = 2"), CALLS as i64);
    // That worker is no more; a new epoch takes over.
    fixture.stub.answer_always(Reply::analysis());
    let pid = fixture.voice.cluster.worker_pid("app");
    fixture.voice.client.execute("SELECT pg_terminate_backend($1)", &[&pid]).unwrap();
    fixture.voice.drained();
    let tally = fixture.tally(
        "4a",
        "answers after the lease has passed to another",
        "the late answers are recorded as discarded",
    );
    assert_eq!((tally.analytics, tally.requests), (CALLS as i64, 2 * CALLS));
}
