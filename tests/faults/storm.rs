//! Signals and notifications by the thousand, while requests are in flight: no wake-up is lost, nothing crashes.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::*};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use harness::stub::Reply;
use harness::voice::SOON;
use harness::{processes, wait_until};
use nix::sys::signal::Signal;

use crate::fixture::{Fixture, short_or_long};

const IN_FLIGHT: usize = 64;
/// The storm dies down before the answers come, or its own wake-ups would hide a lost one.
const ANSWERED_AFTER: Duration = Duration::from_millis(400);
const STORM: Duration = Duration::from_millis(300);

#[test]
fn no_wake_up_is_lost_in_a_storm_of_signals() {
    let rounds = short_or_long(10, 100);
    let mut fixture = Fixture::with(|b| {
        b.setting("voice_analytics.sweep_interval", 0).setting("voice_analytics.max_concurrency", IN_FLIGHT)
    });
    // When each transcript's answer was ready, by the clock that computed_at is of.
    let ready = Arc::new(Mutex::new(HashMap::new()));
    let noted = Arc::clone(&ready);
    fixture.stub.answer(move |request| {
        noted.lock().unwrap().insert(request.transcript(), SystemTime::now() + ANSWERED_AFTER);
        Reply::analysis().delay(ANSWERED_AFTER)
    });
    let worker = fixture.voice.cluster.worker_pid("app");
    let blows = Arc::new(AtomicUsize::new(0));
    for round in 1..=rounds {
        fixture.calls_end(IN_FLIGHT);
        fixture.asked(round * IN_FLIGHT);
        storm(&mut fixture, worker, &blows);
        fixture.voice.drained();
    }
    assert_eq!(fixture.voice.cluster.worker_pid("app"), worker, "the worker has not been replaced");
    let sql = "SELECT t.text, a.computed_at FROM voice.analytics a JOIN voice.turn t USING (call_id)";
    let ready = ready.lock().unwrap();
    let mut waits: Vec<Duration> = fixture
        .voice
        .client
        .query(sql, &[])
        .unwrap()
        .into_iter()
        .map(|row| {
            let at = ready[&format!("[1] user: {}", row.get::<_, String>(0))];
            row.get::<_, SystemTime>(1).duration_since(at).unwrap_or_default()
        })
        .collect();
    waits.sort();
    let longest = waits[waits.len() - 1].as_millis();
    let remark = format!(
        "{} signals and notifications; analysed at most {longest} ms after its answer was ready",
        blows.load(Relaxed)
    );
    let did = format!("SIGURG, SIGHUP and NOTIFY in a storm, {IN_FLIGHT} requests in flight, sweep off");
    let tally = fixture.tally("6a", &did, &remark);
    assert_eq!((tally.analytics, tally.requests), ((rounds * IN_FLIGHT) as i64, rounds * IN_FLIGHT));
}

fn storm(fixture: &mut Fixture, worker: i32, blows: &Arc<AtomicUsize>) {
    let over = Arc::new(AtomicBool::new(false));
    let threads: Vec<_> = [Signal::SIGURG, Signal::SIGHUP]
        .into_iter()
        .map(|signal| {
            let (over, blows) = (Arc::clone(&over), Arc::clone(blows));
            thread::spawn(move || {
                while !over.load(Acquire) {
                    processes::send(worker, signal);
                    blows.fetch_add(1, Relaxed);
                    thread::yield_now();
                }
            })
        })
        .collect();
    let start = Instant::now();
    while start.elapsed() < STORM {
        fixture.voice.client.batch_execute("NOTIFY voice_analytics").unwrap();
        blows.fetch_add(1, Relaxed);
    }
    over.store(true, Release);
    threads.into_iter().for_each(|t| t.join().unwrap());
}

#[test]
fn a_worker_terminated_in_a_thousand_handshakes_takes_nobody_down() {
    let handshakes = short_or_long(1000, 1000);
    // Connections are accepted by the kernel, and nobody ever says a word of TLS.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/v1", silent.local_addr().unwrap());
    let accepted = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&accepted);
    thread::spawn(move || {
        for stream in silent.incoming().flatten() {
            kept.lock().unwrap().push(stream);
        }
    });
    let mut fixture = Fixture::with(|b| b.setting("voice_analytics.max_concurrency", 1000));
    fixture.voice.cluster.set("voice_analytics.llm_url", &url);
    fixture.voice.until(&format!("SELECT setting = '{url}' FROM pg_settings WHERE name = 'voice_analytics.llm_url'"));
    fixture.calls_end(handshakes);
    wait_until("the handshakes to begin", SOON, || (accepted.lock().unwrap().len() >= handshakes).then_some(()));
    let postmaster = fixture.voice.cluster.postmaster_pid();
    let worker = fixture.voice.cluster.worker_pid("app");
    fixture.voice.cluster.set("voice_analytics.llm_url", &fixture.stub.url());
    let start = Instant::now();
    fixture.voice.cluster.signal(worker, Signal::SIGTERM);
    wait_until("the worker to leave", SOON, || (!processes::alive(worker)).then_some(()));
    let took = start.elapsed();
    fixture.voice.drained();
    let remark = format!("gone after {} ms", took.as_millis());
    let tally = fixture.tally("6b", "SIGTERM of the worker in 1,000 TLS handshakes", &remark);
    assert_eq!((tally.analytics, tally.dead), (handshakes as i64, 0));
    assert_eq!(fixture.voice.cluster.postmaster_pid(), postmaster);
    let log = fixture.voice.cluster.log();
    assert!(!log.contains("terminated by signal") && !log.contains("PANIC"), "{log}");
}
