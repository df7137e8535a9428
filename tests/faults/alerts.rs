//! An alert is told once, whatever dies between the moment it is raised and the moment its receiver hears of it.

use harness::stub::{Reply, StubLlm};
use harness::voice::SOON;
use harness::wait_until;
use nix::sys::signal::Signal;

use crate::fixture::Fixture;

/// Thirty calls that were transferred, an alert on such calls, and a receiver; nothing is delivered before a resume.
fn fixture() -> (Fixture, StubLlm) {
    let mut fixture = Fixture::start();
    let hook = StubLlm::start();
    hook.answer_always(Reply::body(b""));
    let add = "SELECT voice_add_webhook($1, events => '{alert.raised,alert.cleared}')";
    fixture.voice.client.query_one(add, &[&hook.url()]).unwrap();
    fixture
        .voice
        .client
        .batch_execute(
            "INSERT INTO voice.call (agent_id, started_at, ended_at, status)
             SELECT 'a', now() - interval '10 minutes', now() - interval '5 minutes', 'transferred' FROM generate_series(1, 30)",
        )
        .unwrap();
    fixture.voice.drained();
    fixture.voice.client.batch_execute("SELECT voice_pause('test')").unwrap();
    (fixture, hook)
}

fn add_alert(fixture: &mut Fixture) {
    let add = "SELECT voice_add_alert('transfers', 'transfer_share', '>', 0.5, '30 minutes'); SELECT pg_reload_conf()";
    fixture.voice.client.batch_execute(add).unwrap();
}

/// Told once, by a row that there is once.
fn told_once(fixture: &mut Fixture, hook: &StubLlm) {
    fixture.voice.client.batch_execute("SELECT voice_resume()").unwrap();
    hook.wait_for(1, SOON);
    fixture.voice.drained();
    // Evaluated once more, it stays raised.
    let again = "UPDATE voice.alert SET evaluated_at = NULL; SELECT pg_reload_conf()";
    fixture.voice.client.batch_execute(again).unwrap();
    fixture.voice.until("SELECT NOT EXISTS (SELECT FROM voice.alert WHERE evaluated_at IS NULL)");
    fixture.voice.drained();
    assert_eq!(hook.count(), 1);
    assert_eq!(hook.requests()[0].json()["type"], "alert.raised");
    assert_eq!(fixture.voice.count("SELECT count(*) FROM voice.alert_event WHERE told_at IS NOT NULL"), 1);
}

#[test]
fn a_worker_killed_between_an_alert_and_its_delivery_tells_of_it_once() {
    let (mut fixture, hook) = fixture();
    add_alert(&mut fixture);
    fixture.voice.until("SELECT count(*) = 1 FROM voice.job WHERE event = 'alert.raised'");
    let pid = fixture.voice.cluster.worker_pid("app");
    fixture.voice.cluster.signal(pid, Signal::SIGKILL);
    fixture.reconnect();
    told_once(&mut fixture, &hook);
    let remark = "the row of the event and its delivery were there; told once";
    let tally = fixture.tally("17a", "`kill -9` of the worker between an alert and its delivery", remark);
    assert_eq!((tally.analytics, tally.dead), (30, 0));
}

#[test]
fn maintenance_killed_while_it_raises_an_alert_raises_it_once() {
    let (mut fixture, hook) = fixture();
    // It writes the row, and does not get as far as its commit.
    let slow = "CREATE TABLE public.slow AS SELECT 1 AS n; GRANT SELECT ON public.slow TO PUBLIC;
        CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM pg_sleep(600) FROM public.slow;
            RETURN NULL;
        END $$;
        CREATE TRIGGER slow AFTER INSERT ON voice.alert_event FOR EACH ROW EXECUTE FUNCTION public.slow()";
    fixture.voice.client.batch_execute(slow).unwrap();
    add_alert(&mut fixture);
    let raising = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'voice_analytics maintenance' AND wait_event = 'PgSleep'";
    let pid: i32 = wait_until("the maintenance process to raise it", SOON, || {
        fixture.voice.client.query_opt(raising, &[]).unwrap().map(|row| row.get(0))
    });
    fixture.voice.client.batch_execute("DELETE FROM public.slow").unwrap();
    fixture.voice.cluster.signal(pid, Signal::SIGKILL);
    fixture.reconnect();
    fixture.voice.until("SELECT count(*) = 1 FROM voice.job WHERE event = 'alert.raised'");
    told_once(&mut fixture, &hook);
    let remark = "nothing of it was there; the next evaluation raises it, told once";
    let tally = fixture.tally("17b", "`kill -9` of the maintenance process while it raises an alert", remark);
    assert_eq!((tally.analytics, tally.dead), (30, 0));
}
