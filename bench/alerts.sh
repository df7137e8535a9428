#!/usr/bin/env bash
# alerts.sh: what a minute of alerts costs. CALLS (40,000) calls of one tenant, 31 seconds apart as those of a million a year, are
# imported and judged by the builtin analyzer; 100 alerts of five metrics and windows of an hour to seven days look at them.
# Prints milliseconds of an ordinary minute and of one in which an hour is summed up, three times each.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/postgres.sh
scripts/install.sh
find_postgres || die 'No PostgreSQL found: make setup'
cargo build -q -p voice_tests --bin with_cluster
export CALLS=${CALLS:-40000} PG_BIN
# shellcheck disable=SC2016 # the inner shell's
target/debug/with_cluster fsync=off shared_buffers=512MB -- bash -euo pipefail -c '
query() { "$PG_BIN/psql" -X -q -A -t -v ON_ERROR_STOP=1 -d app "$@"; }
"$PG_BIN/psql" -X -q -d postgres -c "CREATE DATABASE app"
query > /dev/null 2>&1 << SQL
CREATE EXTENSION voice_analytics;
SELECT voice_create_partitions(1, now() - interval \$\$2 months\$\$);
INSERT INTO voice.agent (id, vertical) SELECT \$\$agent-\$\$ || n, \$\$general\$\$ FROM generate_series(0, 19) n;
CREATE TABLE payload AS SELECT n, jsonb_build_object(\$\$id\$\$, \$\$c\$\$ || n, \$\$agent\$\$, \$\$agent-\$\$ || n % 20, \$\$duration_ms\$\$, 180000,
    \$\$cost\$\$, 0.1, \$\$currency\$\$, \$\$USD\$\$, \$\$started_at\$\$, now() - n * interval \$\$31 seconds\$\$,
    \$\$turns\$\$, (SELECT jsonb_agg(jsonb_build_object(\$\$role\$\$, CASE t % 2 WHEN 0 THEN \$\$user\$\$ ELSE \$\$assistant\$\$ END,
        \$\$text\$\$, \$\$This is turn \$\$ || t || \$\$ of call \$\$ || n || \$\$, I would like to book a table.\$\$,
        \$\$start_ms\$\$, t * 10000, \$\$end_ms\$\$, t * 10000 + 8000, \$\$e2e_latency_ms\$\$, 800 + n % 900)) FROM generate_series(1, 10) t),
    \$\$tool_calls\$\$, (SELECT jsonb_agg(jsonb_build_object(\$\$name\$\$, \$\$book\$\$, \$\$offset_ms\$\$, t * 20000, \$\$latency_ms\$\$, 90)) FROM generate_series(1, 2) t)) AS call
FROM generate_series(1, $CALLS) n;
SQL
for ((from = 1; from <= CALLS; from += 10000)); do
    query -c "SELECT cardinality(voice_imports(\$\$voice\$\$, array_agg(call))) FROM payload WHERE n BETWEEN $from AND $from + 9999" > /dev/null 2>&1
done
until [ "$(query -c "SELECT count(*) FROM voice.job")" = 0 ]; do sleep 0.5; done
query -c "VACUUM ANALYZE" -c "SELECT count(voice_add_alert(\$\$a\$\$ || n,
    (\$\${negative_share,tool_failure_rate,e2e_p95_ms,transfer_share,cost}\$\$::text[])[1 + n % 5], \$\$>\$\$, 0.5,
    (\$\${1 hour,6 hours,1 day,7 days}\$\$::interval[])[1 + n % 4],
    CASE WHEN n % 2 = 0 THEN jsonb_build_object(\$\$agent_id\$\$, \$\$agent-\$\$ || n % 20) ELSE jsonb_build_object() END)) FROM generate_series(1, 100) n" > /dev/null
# What maintenance does each minute; at first it sums up all hours of the windows.
minute="SELECT voice._sum_up_alert_hours(now(), \$\$60 s\$\$), voice._measure_alert_drift(now()), voice._evaluate_alerts()"
query -c "$minute" > /dev/null
timed() { query "$@" -c "\timing on" -c "$minute" | sed -n "s/^Time: //p"; }
for round in 1 2 3; do echo "round $round of 3, an ordinary minute: $(timed)"; done
for round in 1 2 3; do
    echo "round $round of 3, a minute in which an hour is summed up: $(timed \
        -c "DELETE FROM voice._alert_hour_done WHERE hour = (SELECT max(hour) FROM voice._alert_hour_done)" -c "DELETE FROM voice._alert_window")"
done
'
