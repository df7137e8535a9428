//! A DBA at work while calls come in: a report that holds its locks, a year of months, a stranded month swapped in, an
//! old one dropped. Nobody's call fails, nothing is lost, and nobody waits long.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use harness::Cluster;
use harness::voice::Voice;

use crate::fixture::{row, short_or_long};

/// Whole calls of four statements each, one transaction a statement, until told to stop. Gives the calls made and the
/// longest statement.
fn ingest(cluster: &Cluster, stop: &Arc<AtomicBool>) -> thread::JoinHandle<(i64, Duration)> {
    let mut client = cluster.connect("app");
    let stop = Arc::clone(stop);
    thread::spawn(move || {
        let (mut calls, mut longest) = (0, Duration::ZERO);
        while !stop.load(Ordering::Acquire) {
            let mut timed = |sql: &str, id: &str| -> Option<String> {
                let start = Instant::now();
                let row = client.query_opt(&sql.replace("{}", id), &[]).unwrap_or_else(|e| panic!("{sql}: {e:?}"));
                longest = longest.max(start.elapsed());
                row.map(|row| row.get(0))
            };
            let id = timed("SELECT voice_start_call('a', '+15550100', '+15550199')::text", "").unwrap();
            timed("SELECT voice_add_turn('{}', 'user', 'hello')::text", &id).unwrap();
            timed("SELECT voice_add_turn('{}', 'assistant', 'goodbye')::text", &id).unwrap();
            timed("SELECT voice_end_call('{}')::text", &id).unwrap();
            calls += 1;
        }
        (calls, longest)
    })
}

const STRANDED: &str = "
    INSERT INTO voice.call (id, agent_id, started_at, status, ended_at)
    SELECT voice_uuidv7(t), 'a', t, 'completed', t + interval '1 minute'
    FROM (SELECT timestamptz '2021-03-01 00:00+00' + n * interval '20 seconds' AS t FROM generate_series(1, {calls}) n) x;
    INSERT INTO voice.turn (call_id, role, text, started_at)
    SELECT c.id, 'user', 'these are the words of turn ' || n, c.started_at + n * interval '1 second'
    FROM voice.call c, generate_series(1, 12) n WHERE c.started_at < '2022-01-01';
    DELETE FROM voice.job";

#[test]
fn maintenance_does_not_hold_up_calls() {
    let (calls, report_seconds) = short_or_long((10_000, 3), (100_000, 30));
    let mut voice = Voice::on(Cluster::builder().setting("voice_analytics.maintenance", "off"));
    voice.client.batch_execute("INSERT INTO voice.agent (id) VALUES ('a')").unwrap();
    voice.client.batch_execute("SELECT voice_pause()").unwrap();
    voice.client.batch_execute("SELECT voice._create_months('{2019-05-01}')").unwrap();
    voice.client.batch_execute(&STRANDED.replace("{calls}", &calls.to_string())).unwrap();
    let large = "SELECT voice._default_is_large()::int::bigint";
    assert_eq!(voice.count(large), 1, "a process proves it");
    let turns = voice.count("SELECT count(*) FROM voice.turn");
    voice.client.batch_execute("SELECT voice_resume()").unwrap();

    // Undisturbed, for comparison.
    let stop = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..4).map(|_| ingest(&voice.cluster, &stop)).collect();
    thread::sleep(Duration::from_secs(2));
    stop.store(true, Ordering::Release);
    let quiet: Vec<_> = clients.into_iter().map(|client| client.join().expect("no error")).collect();

    let stop = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..4).map(|_| ingest(&voice.cluster, &stop)).collect();
    let mut report = voice.cluster.connect("app");
    report
        .batch_execute("SET application_name = 'report'; BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM voice.call, voice.turn WHERE false")
        .unwrap();
    let (mut dba, notices) = voice.cluster.connect_with_notices("app");
    let began = Instant::now();
    let ends = thread::spawn(move || {
        thread::sleep(Duration::from_secs(report_seconds));
        report.batch_execute("COMMIT").unwrap();
    });
    let names = |client: &mut postgres::Client, sql: &str| -> Vec<String> {
        client.query(sql, &[]).unwrap_or_else(|e| panic!("{sql}: {e:?}")).iter().map(|row| row.get(0)).collect()
    };
    // The stranded month and a year ahead; it waits for the report.
    let made = names(&mut dba, "SELECT voice_create_partitions(12, '2021-03-01')");
    let waited = began.elapsed();
    let dropped = names(&mut dba, "SELECT voice_drop_partitions(interval '6 years')");
    ends.join().unwrap();
    stop.store(true, Ordering::Release);
    let busy: Vec<_> = clients.into_iter().map(|client| client.join().expect("no error")).collect();

    let said = notices.lock().unwrap().iter().map(|n| n.message().to_owned()).collect::<Vec<_>>().join("\n");
    assert!(said.contains("a process of its own"), "{said}");
    assert!(waited >= Duration::from_secs(report_seconds), "it came before the report had ended: {waited:?}");
    assert!(made.iter().any(|name| name == "call_2021_03" || name.starts_with("call_2021_03_to_")), "{made:?}");
    assert_eq!(dropped.len(), 8, "{dropped:?}");
    let new_calls: i64 = quiet.iter().chain(&busy).map(|(calls, _)| calls).sum();
    assert_eq!(voice.count("SELECT count(*) FROM voice.call"), calls + new_calls);
    assert_eq!(voice.count("SELECT count(*) FROM voice.turn"), turns + 2 * new_calls);
    assert_eq!(voice.count("SELECT count(*) FROM voice.call_default"), 0);
    assert_eq!(voice.count("SELECT count(*) FROM pg_constraint WHERE conname = 'while_a_month_is_made'"), 0);
    // Calls that came in are analysed, or their turn will come.
    let unaccounted = "SELECT count(*) FROM voice.call c WHERE c.started_at > '2022-01-01' AND c.status <> 'in_progress'
        AND NOT EXISTS (SELECT FROM voice.analytics a WHERE a.call_id = c.id) AND NOT EXISTS (SELECT FROM voice.job j WHERE j.call_id = c.id)";
    assert_eq!(voice.count(unaccounted), 0);
    let longest = |of: &[(i64, Duration)]| of.iter().map(|(_, t)| t.as_secs_f64() * 1e3).fold(0.0, f64::max);
    let did = format!(
        "a report holds its locks for {report_seconds} s; a year of months, a month of {calls} calls in DEFAULT partitions swapped in, a month dropped; 4 clients"
    );
    let remark = format!(
        "no error, no row lost; longest statement {:.0} ms, {:.0} ms undisturbed; {new_calls} calls came in",
        longest(&busy),
        longest(&quiet)
    );
    row("14", &did, None, &remark);
}
