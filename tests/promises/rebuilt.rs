//! Whatever is built, dropped, altered or vacuumed beside them, calls are written: no row without the one that it refers to, no
//! end without its job, and no session that breaks. What sessions remember of the catalogs is what this is about
//! (src/host/foreign_keys, src/host/insert.rs).

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;

use harness::Cluster;
use postgres::error::SqlState;

use crate::voice::Voice;

/// Of each writer but the one who deletes: so most calls are still there at the end.
const TRANSACTIONS: usize = 1500;
const DELETIONS: usize = 500;
/// A whole call, in one of three months, of which a savepoint takes back the end.
const CALL: &str = "DO $$
    DECLARE c uuid; t timestamptz := now() + (random() * 2 - 1)::int * interval '30 days';
    BEGIN
        INSERT INTO voice.call (agent_id, id, started_at) VALUES ('a', voice_uuidv7(t), t) RETURNING id INTO c;
        INSERT INTO voice.turn (call_id, role, text) VALUES (c, 'user', 'hi'), (c, 'assistant', 'ho');
        BEGIN
            UPDATE voice.call SET status = 'completed' WHERE id = c;
            RAISE division_by_zero;
        EXCEPTION WHEN division_by_zero THEN NULL;
        END;
    END $$";
const END: &str = "UPDATE voice.call SET status = 'completed' WHERE id = (SELECT id FROM voice.call WHERE status = 'in_progress' ORDER BY random() LIMIT 1)";
const LATE: &str = "WITH c AS (SELECT id FROM voice.call ORDER BY random() LIMIT 1),
        t AS (INSERT INTO voice.turn (call_id, role, text) SELECT id, 'user', 'more' FROM c)
    INSERT INTO voice.tool_call (call_id, name) SELECT id, 'book' FROM c";
const DELETE: &str = "DELETE FROM voice.call WHERE id = (SELECT id FROM voice.call ORDER BY random() LIMIT 1)";

/// What a DBA does to tables that are in use; `{month}` is this one.
const MAINTENANCE: [&str; 13] = [
    "REINDEX INDEX CONCURRENTLY voice.call_{month}_id_tenant_id_key",
    "REINDEX INDEX CONCURRENTLY voice.job_one_analysis_a_call_idx",
    "CREATE INDEX CONCURRENTLY of_a_dba ON voice.job (call_id, run_at)",
    "CREATE UNIQUE INDEX CONCURRENTLY of_a_dba_too ON voice.call_{month} (id, tenant_id)",
    "VACUUM voice.job",
    "VACUUM voice.call_{month}",
    "ANALYZE voice.turn",
    "ALTER TABLE voice.call ADD COLUMN more int",
    "ALTER TABLE voice.turn ADD COLUMN more int",
    "ALTER TABLE voice.call DROP COLUMN more",
    "ALTER TABLE voice.turn DROP COLUMN more",
    "DROP INDEX CONCURRENTLY IF EXISTS voice.of_a_dba",
    "DROP INDEX CONCURRENTLY IF EXISTS voice.of_a_dba_too",
];

/// Runs a statement that may lose a lock to another, or a row to one that deletes it; nothing else.
fn write(cluster: &Cluster, sql: &str, times: usize) {
    let mut client = cluster.connect("app");
    for _ in 0..times {
        if let Err(error) = client.batch_execute(sql) {
            let lost = [SqlState::T_R_DEADLOCK_DETECTED, SqlState::LOCK_NOT_AVAILABLE, SqlState::FOREIGN_KEY_VIOLATION];
            assert!(error.code().is_some_and(|code| lost.contains(code)), "{sql}: {error:?}");
        }
    }
}

#[test]
fn calls_are_written_while_their_tables_are_rebuilt() {
    let mut voice = Voice::on(Cluster::builder().setting("voice_analytics.enabled", "off"));
    voice.client.batch_execute("INSERT INTO voice.agent (id, vertical) VALUES ('a', 'salon')").unwrap();
    let month = voice.text("SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY_MM')", &[]).unwrap();
    let (cluster, writers) = (&voice.cluster, AtomicUsize::new(4));
    thread::scope(|scope| {
        for (sql, times) in [(CALL, TRANSACTIONS), (END, TRANSACTIONS), (LATE, TRANSACTIONS), (DELETE, DELETIONS)] {
            let writers = &writers;
            scope.spawn(move || {
                // Also when it fails: who maintains ends with the writers.
                let written = std::panic::catch_unwind(|| write(cluster, sql, times));
                writers.fetch_sub(1, SeqCst);
                written.unwrap();
            });
        }
        let mut dba = cluster.connect("app");
        dba.batch_execute("SET lock_timeout = '300ms'").unwrap();
        while writers.load(SeqCst) > 0 {
            for sql in MAINTENANCE {
                // A lock that it does not get, or a column that is there since the round before.
                if let Err(error) = dba.batch_execute(&sql.replace("{month}", &month)) {
                    assert!(!error.is_closed() && error.code().is_some(), "{sql}: {error:?}");
                }
            }
        }
    });
    for (none, sql) in [
        (
            "turns without a call",
            "SELECT count(*) FROM voice.turn t WHERE NOT EXISTS (SELECT FROM voice.call c WHERE c.id = t.call_id)",
        ),
        (
            "tool calls without a call",
            "SELECT count(*) FROM voice.tool_call t WHERE NOT EXISTS (SELECT FROM voice.call c WHERE c.id = t.call_id)",
        ),
        (
            "jobs without a call",
            "SELECT count(*) FROM voice.job j WHERE NOT EXISTS (SELECT FROM voice.call c WHERE c.id = j.call_id)",
        ),
        (
            "ends without a job",
            "SELECT count(*) FROM voice.call c WHERE status <> 'in_progress' AND NOT EXISTS (SELECT FROM voice.job j WHERE j.call_id = c.id)",
        ),
        ("jobs too many", "SELECT count(*) - count(DISTINCT call_id) FROM voice.job"),
    ] {
        assert_eq!(voice.count(sql), 0, "{none}");
    }
    assert!(voice.count("SELECT count(*) FROM voice.job") > 0 && voice.count("SELECT count(*) FROM voice.turn") > 0);
}
