//! The LLM's server fails, or asks for patience: nothing is lost, nothing is counted against a call, and nobody knocks
//! more often than is needed to see that it is back.

use crate::voice::{SOON, Voice};
use harness::stub::{Reply, StubLlm};
use harness::{Cluster, wait_until};
use nix::sys::signal::Signal;
use std::time::{Duration, Instant};

const HELLO: &[(&str, &str)] = &[("user", "hello")];

fn outcomes(voice: &mut Voice, call: &str) -> Vec<String> {
    voice.attempts(call).into_iter().map(|a| a.0).collect()
}

#[test]
fn an_outage_costs_no_attempt_and_few_requests_and_the_queue_drains_when_it_is_over() {
    let stub = StubLlm::start();
    let port = stub.address().port();
    let builder = Voice::asking(&stub).setting("voice_analytics.max_concurrency", 64);
    drop(stub);
    let mut voice = Voice::on(builder.setting("voice_analytics.max_attempts", 1));
    for _ in 0..200 {
        voice.call(HELLO);
    }
    let reason = voice.state("waiting for provider");
    assert!(reason.contains("refuses connections"), "{reason}");
    voice.until("SELECT coalesce(provider_failures >= 7 AND next_request_at > now() AND running = 0, false) FROM voice_status()");
    assert_eq!(voice.text("SELECT breaker FROM voice_status()", &[]).unwrap(), "open");
    voice.until("SELECT query LIKE '%waiting for the LLM server%' FROM pg_stat_activity WHERE backend_type = 'voice_analytics worker'");
    assert_eq!(voice.count("SELECT max(attempt)::bigint FROM voice.job"), 0);
    let requests = voice.count("SELECT count(*) FROM voice.attempt");
    assert!((7..=80).contains(&requests), "{requests} requests");
    assert_eq!(voice.count("SELECT count(*) FROM voice.attempt WHERE outcome <> 'snoozed' OR attempt <> 1"), 0);

    let _back = StubLlm::on_port(port);
    voice.drained();
    assert_eq!(voice.count("SELECT count(*) FROM voice.analytics"), 200);
    assert_eq!(voice.count("SELECT count(*) FROM voice.dead_job"), 0);
    voice.until(
        "SELECT state = 'idle' AND coalesce(breaker = 'closed' AND provider_failures = 0, false) FROM voice_status()",
    );
    let log = voice.cluster.log();
    assert_eq!(log.matches("requests to the LLM server stop").count(), 1, "{log}");
    assert_eq!(log.matches("the LLM server works again").count(), 1, "{log}");
}

#[test]
fn failures_of_the_providers_use_up_no_attempt_whatever_they_are() {
    let stub = StubLlm::start();
    let builder = Voice::asking(&stub).setting("voice_analytics.max_attempts", 1);
    let mut voice = Voice::on(builder.setting("voice_analytics.llm_timeout", "300ms"));
    for reply in [Reply::error(429, "slow down"), Reply::error(503, "oops"), Reply::close(), Reply::hang()] {
        stub.answer_always(reply);
        let call = voice.call(HELLO);
        let snoozed = "SELECT count(*) > 0 FROM voice.attempt WHERE outcome = 'snoozed' AND call_id::text = $1";
        wait_until("a snooze", SOON, || {
            voice.client.query_one(snoozed, &[&call]).unwrap().get::<_, bool>(0).then_some(())
        });
        stub.answer_always(Reply::analysis());
        voice.drained();
        let outcomes = outcomes(&mut voice, &call);
        assert_eq!(outcomes.last().unwrap(), "ok", "{outcomes:?}");
        assert!(outcomes[..outcomes.len() - 1].iter().all(|o| o == "snoozed"), "{outcomes:?}");
    }
    assert!(!voice.cluster.log().contains("oops"), "a server's own words are not the log's");
}

#[test]
fn a_server_that_says_when_to_come_back_is_left_alone_until_then() {
    let stub = StubLlm::start();
    stub.answer_always(Reply::error(429, "slow down").header("Retry-After", "3"));
    let mut voice = Voice::with_llm(&stub);
    let calls: Vec<String> = (0..3).map(|_| voice.call(HELLO)).collect();
    let first = stub.wait_for(1, SOON)[0].arrived;
    voice.until("SELECT coalesce(breaker = 'open', false) FROM voice_status()");
    let before = stub.count();
    stub.answer_always(Reply::analysis());
    voice.drained();
    let next = stub.requests()[before].arrived;
    assert!((next - first).as_millis() >= 2900, "{:?}", next - first);
    for call in calls {
        assert_eq!(outcomes(&mut voice, &call).last().unwrap(), "ok");
    }
}

#[test]
fn a_server_that_asks_for_thirty_years_gets_an_hour_and_a_reload_tries_at_once() {
    let stub = StubLlm::start();
    stub.answer_always(Reply::error(503, "maintenance").header("Retry-After", "1000000000"));
    let mut voice = Voice::with_llm(&stub);
    voice.call(HELLO);
    voice.until(
        "SELECT coalesce(next_request_at BETWEEN now() + interval '59 min' AND now() + interval '61 min', false) FROM voice_status()",
    );
    stub.answer_always(Reply::analysis());
    voice.client.batch_execute("SELECT pg_reload_conf()").unwrap();
    voice.drained();
    assert_eq!(voice.count("SELECT count(*) FROM voice.analytics"), 1);
}

#[test]
fn a_server_that_works_every_other_second_only_costs_no_call() {
    let stub = StubLlm::start();
    let began = Instant::now();
    stub.answer(move |_| match began.elapsed().as_secs() % 2 {
        0 => Reply::analysis().delay(Duration::from_millis(50)),
        _ => Reply::error(500, "oops"),
    });
    let mut voice = Voice::on(Voice::asking(&stub).setting("voice_analytics.max_attempts", 1));
    (0..250).for_each(|_| _ = voice.call(HELLO));
    // Half of the probes meet a second in which it fails, ten in a row among them now and then: minutes, then.
    wait_until("250 analyses", 10 * SOON, || {
        (voice.count("SELECT count(*) FROM voice.analytics") == 250).then_some(())
    });
    let failures = voice.count("SELECT count(*) FROM voice.attempt WHERE outcome = 'snoozed'");
    eprintln!(
        "250 calls, a server that works every other second: {failures} requests failed, in {:?}",
        began.elapsed()
    );
}

#[test]
fn a_worker_that_may_open_few_files_asks_fewer_at_once_says_so_and_loses_no_call() {
    let stub = StubLlm::start();
    stub.keep_requests(false);
    stub.answer_always(Reply::analysis().delay(Duration::from_millis(300)));
    let mut voice = Voice::on(Voice::asking(&stub).setting("voice_analytics.max_attempts", 1));
    let worker = voice.cluster.worker_pid("app");
    voice.cluster.limit_files(worker, 400);
    voice.cluster.set("voice_analytics.max_concurrency", "1000");
    voice.cluster.wait_for_log("144 requests at once, not the 1000 of voice_analytics.max_concurrency", SOON);
    (0..500).for_each(|_| _ = voice.call(HELLO));
    voice.drained();
    let analysed = voice.count("SELECT count(*) FROM voice.analytics");
    assert_eq!((analysed, stub.count(), voice.cluster.worker_pid("app")), (500, 500, worker));
}

#[test]
fn another_server_is_asked_at_once_whatever_the_old_one_did() {
    let (down, up) = (StubLlm::start(), StubLlm::start());
    down.answer_always(Reply::error(503, "maintenance").header("Retry-After", "3600"));
    let mut voice = Voice::with_llm(&down);
    voice.call(HELLO);
    voice.state("waiting for provider");
    voice.cluster.set("voice_analytics.llm_url", &up.url());
    voice.drained();
    assert_eq!(up.count(), 1);
}

#[test]
fn no_more_requests_a_minute_leave_than_are_allowed_and_they_are_spread() {
    let stub = StubLlm::start();
    let mut voice = Voice::on(Voice::asking(&stub).setting("voice_analytics.requests_per_minute", 60));
    for _ in 0..4 {
        voice.call(HELLO);
    }
    voice.drained();
    let arrived: Vec<Instant> = stub.requests().iter().map(|r| r.arrived).collect();
    assert_eq!(arrived.len(), 4);
    for pair in arrived.windows(2) {
        let gap = (pair[1] - pair[0]).as_millis();
        assert!((900..2500).contains(&gap), "{gap} ms between two requests at 60 a minute");
    }
    // A new limit counts at once.
    voice.cluster.set("voice_analytics.requests_per_minute", "0");
    (0..20).for_each(|_| _ = voice.call(HELLO));
    voice.drained();
    let first = stub.requests()[4].arrived;
    assert!((stub.requests()[23].arrived - first).as_secs() < 10);
}

#[test]
fn the_lease_of_a_long_request_is_renewed() {
    let stub = StubLlm::start();
    stub.answer_always(Reply::hang());
    let mut voice = Voice::with_llm(&stub);
    voice.call(HELLO);
    stub.wait_for(1, SOON);
    let lease = "SELECT leased_until::text FROM voice.job";
    let first = voice.text(lease, &[]).unwrap();
    wait_until("a renewed lease", SOON, || (voice.text(lease, &[]).unwrap() != first).then_some(()));
    assert_eq!(voice.count("SELECT attempt::bigint FROM voice.job WHERE leased_until > now() + interval '10 s'"), 1);
    assert_eq!(stub.count(), 1);
}

#[test]
fn a_worker_asked_to_leave_waits_for_no_request_and_is_followed_by_another() {
    let stub = StubLlm::start();
    stub.answer_always(Reply::hang());
    let mut voice = Voice::with_llm(&stub);
    (0..16).for_each(|_| _ = voice.call(HELLO));
    stub.wait_for(16, SOON);
    let pid = voice.cluster.worker_pid("app");
    let asked = Instant::now();
    voice.cluster.signal(pid, Signal::SIGTERM);
    wait_until("its end", SOON, || (!std::path::Path::new(&format!("/proc/{pid}")).exists()).then_some(()));
    let took = asked.elapsed();
    eprintln!("a worker with 16 requests in flight leaves {took:?} after SIGTERM");
    assert!(took.as_millis() < 500, "{took:?}");
    stub.wait_for(32, SOON);
}

#[test]
fn a_killed_worker_is_followed_by_another_in_a_moment() {
    let stub = StubLlm::start();
    stub.answer_always(Reply::hang());
    let mut voice = Voice::with_llm(&stub);
    voice.call(HELLO);
    stub.wait_for(1, SOON);
    let pid = voice.cluster.worker_pid("app");
    let killed = Instant::now();
    voice.cluster.signal(pid, Signal::SIGKILL);
    let next = stub.wait_for(2, SOON)[1].arrived;
    eprintln!("from kill -9 of the worker to the first request of its successor: {:?}", next - killed);
    assert!((next - killed).as_secs() < 5);
}

#[test]
fn a_new_launcher_looks_after_the_workers_of_the_old_one() {
    let mut voice = Voice::start();
    let worker = voice.cluster.worker_pid("app");
    let launcher = "SELECT pid::bigint FROM pg_stat_activity WHERE backend_type = 'voice_analytics launcher'";
    let old = voice.count(launcher);
    voice.cluster.signal(old as i32, Signal::SIGTERM);
    let new = format!("SELECT EXISTS ({launcher} AND pid <> {old})");
    voice.until(&new);
    voice.cluster.signal(worker, Signal::SIGTERM);
    wait_until("another worker", SOON, || (voice.cluster.worker_pid("app") != worker).then_some(()));
    voice.call(HELLO);
    voice.drained();
}

#[test]
fn a_library_of_another_version_idles_and_says_so() {
    let mut voice = Voice::on(Cluster::builder().setting("voice_analytics.sweep_interval", "100ms"));
    voice
        .client
        .batch_execute("UPDATE pg_extension SET extversion = '99.1' WHERE extname = 'voice_analytics'")
        .unwrap();
    let reason = voice.state("unfit");
    assert!(reason.contains("99.1") && reason.contains("ALTER EXTENSION voice_analytics UPDATE"), "{reason}");
    voice.call(HELLO);
    assert_eq!(voice.count("SELECT queued FROM voice_status()"), 1);
    assert_eq!(voice.cluster.log().matches("nothing is analysed in this database").count(), 1);
    let back = format!(
        "UPDATE pg_extension SET extversion = '{}' WHERE extname = 'voice_analytics'",
        env!("CARGO_PKG_VERSION")
    );
    voice.client.batch_execute(&back).unwrap();
    voice.drained();
    assert_eq!(voice.count("SELECT count(*) FROM voice.analytics"), 1);
}

#[test]
fn a_server_without_room_for_the_worker_says_so_and_the_queue_waits() {
    // One is Postgres' own logical replication launcher, one is ours.
    let mut voice = Voice::on(Cluster::builder().setting("max_worker_processes", 2));
    voice.call(HELLO);
    voice.cluster.wait_for_log("no free background worker for database \"app\"", SOON);
    let reason = voice.text("SELECT reason FROM voice_status()", &[]).unwrap();
    assert!(reason.contains("max_worker_processes"), "{reason}");
    assert_eq!(voice.count("SELECT queued FROM voice_status()"), 1);
}
