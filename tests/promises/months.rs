//! Months, roll-ups, backfill and schedules, with the worker and with pg_cron.

use std::time::Duration;

use crate::voice::Voice;
use harness::stub::StubLlm;
use harness::{Cluster, wait_until};

/// A call of yesterday, analysed or to be.
const YESTERDAY: &str = "
    INSERT INTO voice.agent (id, vertical) VALUES ('a', 'salon') ON CONFLICT DO NOTHING;
    INSERT INTO voice.call (id, agent_id, started_at, status, ended_at)
    SELECT voice_uuidv7(t), 'a', t, 'completed', t + interval '90 seconds' FROM (SELECT now() - interval '24 hours' AS t) x;
    INSERT INTO voice.turn (call_id, role, text) SELECT id, 'user', 'I want to buy it now' FROM voice.call";

const ROLLED: &str =
    "SELECT count(*) = 1 AND bool_and(calls = 1 AND completed = 1 AND minutes = 1.5 AND analyzed = 1) FROM voice.daily";

#[test]
fn the_worker_rolls_up_yesterday_and_again_when_analytics_come_late() {
    let mut voice = Voice::start();
    voice.client.batch_execute("SELECT voice_pause()").unwrap();
    voice.client.batch_execute(YESTERDAY).unwrap();
    voice.cluster.set("voice_analytics.partition_months_ahead", "4");
    voice.until("SELECT count(*) = 1 AND bool_and(calls = 1 AND analyzed = 0) FROM voice.daily");
    voice.until("SELECT count(*) > 0 FROM pg_class WHERE relname = 'call_' || to_char((now() AT TIME ZONE 'UTC') + interval '4 months', 'YYYY_MM')");
    voice.client.batch_execute("SELECT voice_resume()").unwrap();
    voice.drained();
    wait_until("the day to be rolled up anew", crate::voice::SOON, || {
        voice.client.batch_execute("SELECT pg_reload_conf()").unwrap();
        voice.client.query_one(ROLLED, &[]).unwrap().get::<_, bool>(0).then_some(())
    });
    // Deleted, it is gone from the day too.
    voice.client.batch_execute("UPDATE voice.call SET deleted_at = now()").unwrap();
    wait_until("the day without it", crate::voice::SOON, || {
        voice.client.batch_execute("SELECT pg_reload_conf()").unwrap();
        (voice.count("SELECT count(*) FROM voice.daily") == 0).then_some(())
    });
}

#[test]
fn the_worker_drops_what_has_been_kept_long_enough_and_the_roll_up_stays() {
    let mut voice = Voice::start();
    voice
        .client
        .batch_execute(
            "SELECT voice._create_months('{2020-01-01,2020-02-01}');
             SELECT voice_import_call('{\"id\": \"old\", \"vertical\": \"salon\", \"started_at\": \"2020-01-15T10:00:00Z\", \"duration_ms\": 60000, \"turns\": []}')",
        )
        .unwrap();
    voice.drained();
    voice.cluster.set("voice_analytics.retention", "3 years");
    voice.until("SELECT count(*) = 0 FROM pg_class WHERE relname LIKE '%\\_2020\\__'");
    voice.until("SELECT count(*) = 0 FROM voice.call");
    assert_eq!(voice.count("SELECT calls FROM voice.daily WHERE day = '2020-01-15'"), 1);
    voice.cluster.wait_for_log("retention: dropped call_2020_01", crate::voice::SOON);
}

const MISSING_OF_A_YEAR: &str =
    "SELECT cardinality(voice._missing_months(voice._months(3, now() - interval '12 months')))::bigint";

/// How many tables a session made that asks for a year and a quarter.
fn ask_for_a_year(client: &mut postgres::Client) -> i64 {
    client
        .query_one("SELECT count(*) FROM voice_create_partitions(3, now() - interval '12 months')", &[])
        .unwrap()
        .get(0)
}

#[test]
fn many_months_are_made_elsewhere_unless_the_transaction_must_make_them_itself() {
    let mut voice = Voice::on(Cluster::builder().setting("voice_analytics.maintenance", "off"));
    let leaves = "SELECT count(*) FROM voice._partitions('call')";
    let before = voice.count(leaves);
    let missing = voice.count(MISSING_OF_A_YEAR);
    assert!(missing > 6, "{missing}");
    let (mut dba, notices) = voice.cluster.connect_with_notices("app");
    // What has used the tables, or sees what was there at its beginning, makes them in its own transaction, and takes
    // them back with it.
    for first in [
        "BEGIN; SELECT count(*) FROM voice.call",
        "BEGIN; INSERT INTO voice.agent (id) VALUES ('new')",
        "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1",
    ] {
        dba.batch_execute(first).unwrap();
        assert_eq!(ask_for_a_year(&mut dba), missing * 8, "{first}");
        dba.batch_execute("ROLLBACK").unwrap();
        assert_eq!(voice.count(leaves), before, "{first}");
    }
    let said = || notices.lock().unwrap().iter().map(|n| n.message().to_owned()).collect::<Vec<_>>().join("\n");
    assert_eq!(said(), "");

    assert_eq!(ask_for_a_year(&mut dba), missing * 8);
    assert_eq!(
        said(),
        format!("{missing} months are missing: a process of its own creates months, in transactions of its own")
    );
    assert_eq!(voice.count(leaves), before + missing);
    assert_eq!(ask_for_a_year(&mut dba), 0, "the second time nothing is missing");
}

#[test]
fn many_months_are_made_here_where_no_process_is_free() {
    // The launcher, that of logical replication, and the worker.
    let mut voice =
        Voice::on(Cluster::builder().setting("voice_analytics.maintenance", "off").setting("max_worker_processes", 3));
    voice.call(&[("user", "hello")]);
    voice.drained();
    let missing = voice.count(MISSING_OF_A_YEAR);
    let (mut dba, notices) = voice.cluster.connect_with_notices("app");
    assert_eq!(ask_for_a_year(&mut dba), missing * 8);
    let said = notices.lock().unwrap().iter().map(|n| n.message().to_owned()).collect::<Vec<_>>().join("\n");
    assert!(said.contains(&format!("there is no free background worker: {missing} months are made here")), "{said}");
}

#[test]
fn jobs_go_on_while_maintenance_waits_for_a_report() {
    let mut voice = Voice::start();
    voice.client.batch_execute("INSERT INTO voice.agent (id, vertical) VALUES ('a', 'healthcare')").unwrap();
    let mut report = voice.cluster.connect("app");
    report.batch_execute("BEGIN; SELECT count(*) FROM voice.turn").unwrap();
    voice.cluster.set("voice_analytics.partition_months_ahead", "5");
    voice.until("SELECT count(*) > 0 FROM pg_stat_activity WHERE backend_type = 'voice_analytics maintenance' AND query LIKE '%waits for the tables%'");
    voice.call(&[("user", "hello")]);
    voice.drained();
    let made = "SELECT count(*) FROM pg_class WHERE relname = 'call_' || to_char((now() AT TIME ZONE 'UTC') + interval '5 months', 'YYYY_MM')";
    assert_eq!(voice.count(made), 0, "the report keeps the month from being made");
    report.batch_execute("COMMIT").unwrap();
    // On a slow machine it may have stopped waiting: another value of the setting has it look again.
    voice.cluster.set("voice_analytics.partition_months_ahead", "6");
    voice.until(&made.replace("count(*)", "count(*) > 0"));
}

/// A maintenance that was killed leaves what it was proving behind. It is forgotten as soon as nobody is in the way, and
/// until then nobody waits behind the one who waits for that.
#[test]
fn what_a_crash_has_left_is_forgotten_and_holds_nobody_up() {
    let mut voice = Voice::start();
    let said = "SELECT count(*) FROM pg_constraint WHERE conname = 'while_a_month_is_made'";
    voice
        .client
        .batch_execute(
            "SELECT voice._add_bound_checks(ARRAY[lower], ARRAY[upper], true) FROM voice._ids_of('2001-05-01');
             SET statement_timeout = '30s'",
        )
        .unwrap();
    let mut report = voice.cluster.connect("app");
    report.batch_execute("BEGIN; SELECT count(*) FROM voice.turn").unwrap();
    voice.cluster.set("voice_analytics.partition_months_ahead", "5");
    voice.until("SELECT count(*) > 0 FROM pg_stat_activity WHERE backend_type = 'voice_analytics maintenance' AND query LIKE '%a crash has left%'");
    assert_eq!(voice.count("SELECT count(*) FROM voice.turn"), 0);
    assert_eq!(voice.count(said), 8);
    report.batch_execute("COMMIT").unwrap();
    voice.until("SELECT count(*) = 0 FROM pg_constraint WHERE conname = 'while_a_month_is_made'");
}

#[test]
fn maintenance_does_not_block_drop_database() {
    let mut voice = Voice::start();
    let mut report = voice.cluster.connect("app");
    report.batch_execute("BEGIN; SELECT count(*) FROM voice.turn").unwrap();
    voice.cluster.set("voice_analytics.partition_months_ahead", "5");
    voice.until("SELECT count(*) > 0 FROM pg_stat_activity WHERE backend_type = 'voice_analytics maintenance' AND query LIKE '%waits for the tables%'");
    drop(report);
    let Voice { cluster, client } = voice;
    drop(client);
    cluster.execute("postgres", "DROP DATABASE app WITH (FORCE)");
}

#[test]
fn a_call_that_ends_is_analysed_before_the_backfill() {
    let stub = StubLlm::start();
    let mut voice = Voice::on(Voice::asking(&stub).setting("voice_analytics.max_concurrency", 1));
    voice.client.batch_execute("SELECT voice_pause()").unwrap();
    for _ in 0..20 {
        voice.call(&[("user", "hello")]);
    }
    voice.client.batch_execute("DELETE FROM voice.job").unwrap();
    assert_eq!(voice.count("SELECT voice_backfill(dry_run => true)"), 20);
    assert_eq!(voice.count("SELECT count(*) FROM voice.job"), 0);
    assert_eq!(voice.count("SELECT voice_backfill(max_calls => 15)"), 15);
    assert_eq!(voice.count("SELECT voice_backfill()"), 5);
    assert_eq!(voice.count("SELECT backfill_queued FROM voice_status()"), 20);
    let live = voice.call(&[("user", "I am live")]);
    voice.client.batch_execute("SELECT voice_resume()").unwrap();
    voice.drained();
    let first = "SELECT call_id::text FROM voice.analytics ORDER BY computed_at LIMIT 1";
    assert_eq!(voice.text(first, &[]).unwrap(), live);
    assert_eq!(voice.count("SELECT voice_backfill(stale => true)"), 0, "all is as it would be judged now");
    voice.client.batch_execute("UPDATE voice.analytics SET prompt_version = '0' WHERE call_id = (SELECT max(call_id::text)::uuid FROM voice.analytics)").unwrap();
    assert_eq!(voice.count("SELECT voice_backfill(stale => true)"), 1);
}

/// Where pg_cron is not installed for the PostgreSQL under test, the test says so.
fn with_cron(home: &str) -> Option<Cluster> {
    if !harness::has_library("pg_cron") {
        // Debian's 15 has it in CI (scripts/setup.sh); servers that come otherwise have none.
        assert!(std::env::var_os("CI").is_none() || harness::server_major() != 15, "CI has pg_cron");
        harness::skipped("there is no pg_cron for this PostgreSQL");
        return None;
    }
    Some(
        Cluster::builder()
            .setting("shared_preload_libraries", "voice_analytics,pg_cron")
            .setting("cron.database_name", home)
            .setting("cron.use_background_workers", "on")
            .setting("max_worker_processes", 20)
            .setting("voice_analytics.maintenance", "off")
            .start(),
    )
}

#[test]
fn pg_cron_runs_the_roll_up() {
    for home in ["app", "postgres"] {
        let Some(cluster) = with_cron(home) else { return };
        let client = cluster.create_voice_database("app");
        let mut voice = Voice { cluster, client };
        voice.cluster.execute(home, "CREATE EXTENSION pg_cron");
        voice.client.batch_execute(YESTERDAY).unwrap();
        voice.drained();
        let made = voice.client.query("SELECT voice_schedule()", &[]).unwrap_or_else(|e| panic!("{e:?}"));
        assert_eq!(made.len(), 4);
        voice.client.batch_execute("SELECT voice_schedule()").unwrap();
        let mut cron = voice.cluster.connect(home);
        let jobs: i64 = cron.query_one("SELECT count(*) FROM cron.job WHERE database = 'app'", &[]).unwrap().get(0);
        assert_eq!(jobs, 4, "again is the same jobs");
        cron.batch_execute("UPDATE cron.job SET schedule = '* * * * *' WHERE jobname LIKE '%roll-up%'").unwrap();
        wait_until("pg_cron to roll up", Duration::from_secs(150), || {
            voice.client.query_one(ROLLED, &[]).unwrap().get::<_, bool>(0).then_some(())
        });
        voice.client.batch_execute("SELECT voice_unschedule()").unwrap();
        let jobs: i64 = cron.query_one("SELECT count(*) FROM cron.job", &[]).unwrap().get(0);
        assert_eq!(jobs, 0);
    }
}

#[test]
fn two_maintenance_requests_at_once_each_get_their_own_answer() {
    // One always succeeds: nothing is missing. The other always fails: there is no pg_cron in that database.
    let voice = Voice::on(
        Cluster::builder().setting("voice_analytics.maintenance", "off").setting("cron.database_name", "postgres"),
    );
    let ask = |sql: &'static str, rounds: usize| {
        let mut client = voice.cluster.connect("app");
        std::thread::spawn(move || -> Vec<String> {
            (0..rounds).map(|_| client.query_one(sql, &[]).unwrap_or_else(|e| panic!("{sql}: {e:?}")).get(0)).collect()
        })
    };

    // While the first waits for its turn, the second gets its answer, and the first still gets its own.
    let mut holder = voice.cluster.connect("app");
    let lock = "pg_catalog.hashtextextended('voice_analytics maintenance', 0)";
    holder.batch_execute(&format!("SELECT pg_advisory_lock({lock})")).unwrap();
    let good = ask("SELECT voice._run_in_background('months', 0, now(), NULL)", 1);
    wait_until("the first to wait for its turn", crate::voice::SOON, || {
        let waits = "SELECT count(*) > 0 FROM pg_stat_activity WHERE backend_type = 'voice_analytics maintenance'
            AND query LIKE '%waiting for another maintenance%'";
        holder.query_one(waits, &[]).unwrap().get::<_, bool>(0).then_some(())
    });
    let bad = ask("SELECT voice._run_in_background('schedule', NULL, NULL, 'public')", 1).join().unwrap();
    assert!(bad[0].contains("pg_cron"), "{bad:?}");
    holder.batch_execute(&format!("SELECT pg_advisory_unlock({lock})")).unwrap();
    assert_eq!(good.join().unwrap(), [""]);

    // And in any order.
    let good = ask("SELECT voice._run_in_background('months', 0, now(), NULL)", 20);
    let bad = ask("SELECT voice._run_in_background('schedule', NULL, NULL, 'public')", 20);
    let (good, bad) = (good.join().unwrap(), bad.join().unwrap());
    assert!(good.iter().all(String::is_empty), "{good:?}");
    assert!(bad.iter().all(|said| said.contains("pg_cron")), "{bad:?}");
}
