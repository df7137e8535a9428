use crate::voice::{SOON, Voice};
use harness::Cluster;
use harness::processes::processor_ticks;
use harness::stub::StubLlm;

const HELLO: &[(&str, &str)] = &[("user", "Hello, what are your opening hours?")];

/// With the sweep off nothing but the wake under test can bring the analysis about.
fn without_sweep() -> Voice {
    Voice::on(Cluster::builder().setting("voice_analytics.sweep_interval", 0))
}

#[test]
fn a_commit_wakes_the_worker() {
    let mut voice = without_sweep();
    for _ in 0..20 {
        voice.call(HELLO);
        voice.drained();
    }
    assert_eq!(voice.count("SELECT count(*) FROM voice.analytics"), 20);
}

#[test]
fn notify_from_any_client_wakes_the_worker() {
    let mut voice = without_sweep();
    let call = voice.call(HELLO);
    voice.drained();
    // A job that no trigger wrote rings nobody.
    voice.client.batch_execute("DELETE FROM voice.analytics").unwrap();
    let insert = "INSERT INTO voice.job (kind, call_id) VALUES ('analyze', $1::text::uuid)";
    voice.client.execute(insert, &[&call]).unwrap();
    assert_eq!(voice.count("SELECT count(*) FROM voice.job"), 1);
    voice.client.batch_execute("NOTIFY voice_analytics").unwrap();
    voice.drained();
    assert_eq!(voice.count("SELECT count(*) FROM voice.analytics"), 1);
}

#[test]
fn the_sweep_finds_what_rang_nobody() {
    let mut voice = Voice::on(Cluster::builder().setting("voice_analytics.sweep_interval", "100ms"));
    let call = voice.call(HELLO);
    voice.drained();
    voice.client.batch_execute("DELETE FROM voice.analytics").unwrap();
    let insert = "INSERT INTO voice.job (kind, call_id) VALUES ('analyze', $1::text::uuid)";
    voice.client.execute(insert, &[&call]).unwrap();
    voice.drained();
    assert_eq!(voice.count("SELECT count(*) FROM voice.analytics"), 1);
}

#[test]
fn a_rolled_back_call_leaves_no_job_and_an_ended_one_is_seen_with_its_job() {
    let stub = StubLlm::start();
    stub.answer_always(harness::stub::Reply::hang());
    let mut voice = Voice::with_llm(&stub);
    let call = voice.open_call(HELLO);
    let end = "UPDATE voice.call SET status = 'completed', ended_at = clock_timestamp() WHERE id = $1::text::uuid";
    let mut transaction = voice.client.transaction().unwrap();
    transaction.execute(end, &[&call]).unwrap();
    transaction.rollback().unwrap();
    assert_eq!(voice.count("SELECT count(*) FROM voice.job"), 0);
    voice.client.execute(end, &[&call]).unwrap();
    voice.client.execute(end, &[&call]).unwrap();
    let both = "SELECT count(*) FROM voice.call c JOIN voice.job j ON j.call_id = c.id WHERE c.status = 'completed'";
    assert_eq!(voice.count(both), 1);
    stub.wait_for(1, SOON);
}

#[test]
fn many_databases_have_a_worker_each() {
    let mut voice = Voice::start();
    let mut other = voice.cluster.create_voice_database("other");
    other
        .batch_execute(
            "INSERT INTO voice.agent (id, name, vertical) VALUES ('b', 'Bo', 'salon');
             SELECT voice_import_call('{\"id\": \"x\", \"agent\": \"b\", \"turns\": [{\"role\": \"user\", \"text\": \"hello\"}]}')",
        )
        .unwrap();
    voice.call(HELLO);
    voice.drained();
    harness::wait_until("the other database's analysis", SOON, || {
        (other.query_one("SELECT count(*) FROM voice.analytics", &[]).unwrap().get::<_, i64>(0) == 1).then_some(())
    });
    assert_ne!(voice.cluster.worker_pid("app"), voice.cluster.worker_pid("other"));
}

#[test]
fn a_call_that_somebody_locks_holds_up_no_other() {
    let stub = StubLlm::start();
    // Time enough to take the lock before the answer is there.
    stub.answer_always(harness::stub::Reply::analysis().delay(std::time::Duration::from_millis(500)));
    let mut voice = Voice::with_llm(&stub);
    let locked = voice.open_call(HELLO);
    voice.end(&locked);
    let mut other = voice.cluster.connect("app");
    let mut transaction = other.transaction().unwrap();
    transaction.execute("UPDATE voice.call SET meta = '{}' WHERE id = $1::text::uuid", &[&locked]).unwrap();
    let reanalyzed = "SELECT count(*) FROM voice.analytics WHERE call_id <> $1::text::uuid";
    for _ in 0..5 {
        voice.call(HELLO);
    }
    harness::wait_until("the other calls", SOON, || {
        (voice.client.query_one(reanalyzed, &[&locked]).unwrap().get::<_, i64>(0) == 5).then_some(())
    });
    transaction.commit().unwrap();
    voice.drained();
    assert_eq!(voice.count("SELECT count(*) FROM voice.analytics"), 6);
    assert_eq!(stub.count(), 6, "an answer that had to wait is not asked for again");
}

#[test]
fn the_worker_keeps_months_ahead() {
    let mut voice = Voice::on(Cluster::builder().setting("voice_analytics.partition_months_ahead", 6));
    // Last month, this one, and six more; the installation made three of them.
    voice.until("SELECT count(*) = 8 FROM voice._partitions('call') WHERE lower IS NOT NULL");
    assert_eq!(voice.count("SELECT count(*) FROM voice._partitions('search_document') WHERE lower IS NOT NULL"), 8);
    voice.call(HELLO);
    voice.drained();
}

#[test]
fn everything_that_is_installed_says_what_it_is() {
    let mut voice = Voice::start();
    let silent = "SELECT string_agg(what, ', ') FROM (
        SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_depend d ON d.objid = p.oid AND d.deptype = 'e'
        WHERE p.proname ~ '^(voice)?_' AND obj_description(p.oid, 'pg_proc') IS NULL
        UNION ALL
        SELECT c.oid::regclass::text FROM pg_class c WHERE c.relnamespace = 'voice'::regnamespace
        AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND obj_description(c.oid, 'pg_class') IS NULL) s(what)";
    assert_eq!(voice.text(silent, &[]), None);
}

#[test]
fn a_worker_with_nothing_to_do_sleeps() {
    let mut voice = without_sweep();
    voice.call(HELLO);
    voice.drained();
    let pid = voice.cluster.worker_pid("app");
    assert_sleeps(&mut voice, pid, "idle");
    for (setting, value, state) in [("maintenance", "off", "idle"), ("enabled", "off", "disabled")] {
        voice.cluster.set(&format!("voice_analytics.{setting}"), value);
        voice.call(HELLO);
        voice.state(state);
        assert_sleeps(&mut voice, pid, &format!("{setting} = {value}"));
    }
    voice.cluster.set("voice_analytics.enabled", "on");
    voice.client.batch_execute("UPDATE voice._state SET instance = gen_random_uuid(); NOTIFY voice_analytics").unwrap();
    voice.state("restored copy");
    assert_sleeps(&mut voice, pid, "a restored copy");
}

/// Beside a backend that works, so that a busy machine slows both.
fn assert_sleeps(voice: &mut Voice, worker: i32, when: &str) {
    let backend = voice.client.query_one("SELECT pg_backend_pid()", &[]).unwrap().get(0);
    let (began, backend_began) = (processor_ticks(worker), processor_ticks(backend));
    let mut worked = 0;
    while worked < 30 {
        voice.count("SELECT count(*) FROM generate_series(1, 100000)");
        worked = processor_ticks(backend) - backend_began;
    }
    let burnt = processor_ticks(worker) - began;
    assert!(burnt * 5 < worked, "{when}: {burnt} ticks of a sleeping worker beside {worked} of a busy backend");
}

#[test]
fn a_long_queue_is_read_from_its_front_also_where_a_vacuum_took_it_for_empty() {
    let mut voice = Voice::on(Cluster::builder().setting("autovacuum", "off"));
    voice.client.batch_execute("SELECT voice_pause()").unwrap();
    voice.state("paused");
    // What a vacuum says of a queue that somebody is just filling: so many pages, and nothing in them.
    let long = "INSERT INTO voice.job (call_id, kind, priority) SELECT gen_random_uuid(), 'analyze', 1000 FROM generate_series(1, 20000);
         ANALYZE voice.job;
         UPDATE pg_class SET reltuples = 0 WHERE oid = 'voice.job'::regclass";
    voice.client.batch_execute(long).unwrap();
    voice.client.batch_execute("SELECT voice_resume()").unwrap();
    voice.until("SELECT n_tup_del = 20000 FROM pg_stat_all_tables WHERE relid = 'voice.job'::regclass");
    let read = "SELECT sum(idx_tup_read)::bigint FROM pg_stat_all_indexes WHERE relid = 'voice.job'::regclass";
    let read = voice.count(read);
    // Each job is polled, claimed and settled. All of them at each poll would be millions.
    assert!(read < 10 * 20_000, "{read} entries read");
}
