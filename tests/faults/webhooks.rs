//! A receiver is told at least once, whatever dies in between, and can tell that it was told before.

use harness::stub::{Reply, StubLlm};
use harness::voice::SOON;
use nix::sys::signal::Signal;

use crate::fixture::Fixture;

const CALLS: usize = 10;

fn hot() -> Reply {
    let mut good = Reply::good();
    good["lead_score"] = 92.into();
    good["intent"] = "sales".into();
    Reply::content(&good.to_string())
}

/// How many of the calls the receiver has been told of, each by one id.
fn told(hook: &StubLlm) -> usize {
    let mut ids: Vec<_> = hook
        .requests()
        .iter()
        .map(|r| (r.json()["data"]["call_id"].to_string(), r.header("webhook-id").unwrap_or_default().to_owned()))
        .collect();
    ids.sort();
    ids.dedup();
    let pairs = ids.len();
    ids.dedup_by(|a, b| a.0 == b.0);
    assert_eq!(pairs, ids.len(), "one id a call, however often it is told");
    pairs
}

fn add_webhook(fixture: &mut Fixture, hook: &StubLlm) {
    fixture.voice.client.query_one("SELECT voice_add_webhook($1)", &[&hook.url()]).unwrap();
}

#[test]
fn a_worker_killed_between_request_and_settle_tells_again_by_the_same_id() {
    let mut fixture = Fixture::start();
    fixture.stub.answer_always(hot());
    let hook = StubLlm::start();
    hook.answer_always(Reply::body(b"").held());
    add_webhook(&mut fixture, &hook);
    fixture.calls_end(CALLS);
    hook.wait_for(4, SOON);
    let pid = fixture.voice.cluster.worker_pid("app");
    fixture.voice.cluster.signal(pid, Signal::SIGKILL);
    hook.answer_always(Reply::body(b""));
    fixture.reconnect();
    fixture.voice.drained();
    assert_eq!(told(&hook), CALLS);
    let remark = format!("each delivered once or twice, by one id: {} requests at the receiver", hook.count());
    assert_eq!(hook.count(), CALLS + 4);
    let tally = fixture.tally("13a", "`kill -9` of the worker while a webhook's receiver has the requests", &remark);
    assert_eq!((tally.analytics, tally.dead), (CALLS as i64, 0));
}

#[test]
fn a_server_that_dies_while_analyses_are_stored_tells_of_each_of_them() {
    let mut fixture = Fixture::start();
    fixture.stub.answer_always(hot());
    let hook = StubLlm::start();
    hook.answer_always(Reply::body(b""));
    add_webhook(&mut fixture, &hook);
    for _ in 0..3 {
        fixture.calls_end(50);
        fixture.voice.until("SELECT count(*) > 0 FROM voice.analytics");
        fixture.voice.cluster.kill_postmaster();
        fixture.voice.cluster.start();
        fixture.reconnect();
    }
    fixture.voice.drained();
    assert_eq!(told(&hook), 150);
    assert_eq!(
        fixture.voice.count("SELECT count(*) FROM voice.attempt WHERE kind = 'deliver' AND outcome = 'ok'"),
        150
    );
    let remark = format!("each delivered, by one id: {} requests at the receiver", hook.count());
    let tally = fixture.tally("13b", "`kill -9` of the postmaster, three times, while webhooks are delivered", &remark);
    assert_eq!((tally.analytics, tally.dead), (150, 0));
}
