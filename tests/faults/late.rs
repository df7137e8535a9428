//! Answers that come when somebody else has the job. (Two workers racing for jobs: tests/isolation.)

use harness::stub::Reply;

use crate::scene::Scene;

const CALLS: usize = 5;

#[test]
fn a_late_answer_changes_nothing_once_the_lease_has_passed_on() {
    let mut scene = Scene::with(|b| b.setting("voice_analytics.sweep_interval", 0));
    scene.stub.answer_always(Reply::analysis().held());
    scene.calls_end(CALLS);
    scene.asked(CALLS);
    // What another worker does when it takes them.
    scene.voice.client.batch_execute("UPDATE voice.job SET lease = lease + 1000, attempt = attempt + 1").unwrap();
    scene.stub.release();
    scene.voice.until("SELECT count(*) = 5 FROM voice.attempt WHERE outcome = 'discarded'");
    assert_eq!(scene.voice.count("SELECT count(*) FROM voice.analytics"), 0);
    assert_eq!(scene.voice.count("SELECT count(*) FROM voice.job WHERE attempt = 2"), CALLS as i64);
    // That worker is no more; a new epoch takes over.
    scene.stub.answer_always(Reply::analysis());
    let pid = scene.voice.cluster.worker_pid("app");
    scene.voice.client.execute("SELECT pg_terminate_backend($1)", &[&pid]).unwrap();
    scene.voice.drained();
    let tally = scene.tally(
        "4a",
        "answers after the lease has passed to another",
        "the late answers are recorded as discarded",
    );
    assert_eq!((tally.analytics, tally.requests), (CALLS as i64, 2 * CALLS));
}
