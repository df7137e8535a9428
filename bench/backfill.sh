#!/usr/bin/env bash
# voice_backfill() over CALLS finished calls (1,000,000) of which a tenth lacks analytics, a year of months, on a server
# of its own with fsync off: how long until they are queued.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/postgres.sh
scripts/install.sh
find_postgres
cargo build -q -p voice_tests --bin with_cluster
export CALLS=${CALLS:-1000000}
script=$(mktemp)
trap 'rm -f "$script"' EXIT
cat > "$script" << 'SQL'
\set ON_ERROR_STOP 1
\set calls `echo $CALLS`
\pset tuples_only on
CREATE EXTENSION voice_analytics;
SELECT count(*) || ' leaves' FROM voice_create_partitions(3, now() - interval '1 year');
INSERT INTO voice.agent (id, vertical) SELECT 'a' || n, 'salon' FROM generate_series(1, 200) n;
SET session_replication_role = replica;
INSERT INTO voice.call (id, agent_id, started_at, status, ended_at, duration_ms)
SELECT voice_uuidv7(t), 'a' || 1 + n % 200, t, 'completed', t + interval '3 minutes', 180000
FROM (SELECT n, now() - n * (interval '1 year' / :calls) AS t FROM generate_series(1, :calls) n) x;
INSERT INTO voice.analytics (call_id, started_at, sentiment, lead_score, agent_id, vertical, intent, model, prompt_version, summary, next_action)
SELECT id, started_at, 0, 50, agent_id, 'salon', 'info', 'm', '1', 'a summary of the usual length, more or less', 'none'
FROM voice.call WHERE uuid_hash(id) % 10 <> 0;
RESET session_replication_role;
VACUUM ANALYZE;
SELECT count(*) || ' calls, ' || (SELECT count(*) FROM voice.analytics) || ' analytics' FROM voice.call;
\timing on
SELECT voice_backfill(dry_run => true) || ' would be queued';
SELECT voice_backfill() || ' queued';
SELECT voice_backfill() || ' queued the second time';
SELECT voice_rollup((now() - interval '40 days')::date) || ' rows of a day';
\timing off
SELECT backfill_queued || ' wait' FROM voice_status();
SQL
target/debug/with_cluster voice_analytics.enabled=off max_wal_size=8GB -- "$PG_BIN/psql" -X -q -d postgres -f "$script"
