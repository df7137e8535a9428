#!/usr/bin/env bash
# voice_imports() beside voice_import_call(): CALLS calls (100,000) of ten turns and two tool calls each over a year, by two
# clients in transactions of 1,000, each into a database of its own on one server with fsync off; ROUNDS rounds (3), in
# turns. Prints calls a second of both and their ratio, the most private memory that a backend had meanwhile (RssAnon of
# Linux, looked at ten times a second), and compares a checksum of all rows.
# BEFORE=/path/to/pg_config: voice_import_call() is that of the library installed there, an older build, on a server of its own.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/postgres.sh
scripts/install.sh
find_postgres
cargo build -q -p voice_tests --bin with_cluster
export CALLS=${CALLS:-100000} ROUNDS=${ROUNDS:-3} PG_BIN BEFORE=${BEFORE:-}
settings=(voice_analytics.enabled=off max_wal_size=8GB shared_buffers=512MB max_locks_per_transaction=512)
before=()
if [ -n "$BEFORE" ]; then
    # shellcheck disable=SC2016 # the inner shell's
    before=(env "PG_CONFIG=$BEFORE" target/debug/with_cluster "${settings[@]}" -- bash -c 'ONE_HOST=$PGHOST ONE_PORT=$PGPORT exec "$@"' bash)
fi
# shellcheck disable=SC2016 # the inner shell's
"${before[@]}" env "PG_CONFIG=$PG_CONFIG" target/debug/with_cluster "${settings[@]}" -- bash -euo pipefail -c '
query() { "$PG_BIN/psql" -X -q -A -t -v ON_ERROR_STOP=1 "$@"; }

# at DATABASE COMMAND…: on the server that the database is on
at() {
    if [ "$1" = one ] && [ -n "$BEFORE" ]; then PGHOST=$ONE_HOST PGPORT=$ONE_PORT "${@:2}"; else "${@:2}"; fi
}

# One database a form, with the payloads in it.
prepare() {
    query -d postgres -c "DROP DATABASE IF EXISTS $1" -c "CREATE DATABASE $1"
    query -d "$1" -v calls="$CALLS" << SQL
CREATE EXTENSION voice_analytics;
SELECT count(*) FROM voice_create_partitions(1, now() - interval \$\$1 year\$\$) \g /dev/null
CREATE TABLE payload (n int PRIMARY KEY, call jsonb NOT NULL);
INSERT INTO payload
SELECT n, jsonb_build_object(\$\$id\$\$, \$\$call-\$\$ || n, \$\$agent\$\$, \$\$agent-\$\$ || n % 20, \$\$duration_ms\$\$, 180000,
    \$\$started_at\$\$, to_char(timestamptz \$\$2026-11-01 00:00+00\$\$ - n * (interval \$\$11 months\$\$ / :calls), \$\$YYYY-MM-DD"T"HH24:MI:SS"Z"\$\$),
    \$\$from\$\$, \$\$+1212555\$\$ || lpad((n % 10000)::text, 4, \$\$0\$\$),
    \$\$turns\$\$, (SELECT jsonb_agg(jsonb_build_object(\$\$role\$\$, CASE t % 2 WHEN 0 THEN \$\$user\$\$ ELSE \$\$assistant\$\$ END,
        \$\$text\$\$, \$\$This is turn \$\$ || t || \$\$ of call \$\$ || n || \$\$, as long as turns are when people talk.\$\$,
        \$\$start_ms\$\$, t * 10000, \$\$end_ms\$\$, t * 10000 + 8000)) FROM generate_series(1, 10) t),
    \$\$tool_calls\$\$, (SELECT jsonb_agg(jsonb_build_object(\$\$name\$\$, \$\$book\$\$, \$\$args\$\$, jsonb_build_object(\$\$at\$\$, t), \$\$result\$\$,
        jsonb_build_object(\$\$ok\$\$, true), \$\$offset_ms\$\$, t * 20000, \$\$turn\$\$, t)) FROM generate_series(1, 2) t))
FROM generate_series(1, :calls) n;
SET session_replication_role = replica;
INSERT INTO voice.agent (id, vertical) SELECT \$\$agent-\$\$ || n, \$\$general\$\$ FROM generate_series(0, 19) n;
VACUUM ANALYZE;
CHECKPOINT;
SQL
}

# client DATABASE STATEMENT PARITY: every other thousand
client() {
    for ((from = 1 + 1000 * $3; from <= CALLS; from += 2000)); do
        printf "%s BETWEEN %d AND %d;\n" "$2" "$from" $((from + 999))
    done | PGAPPNAME=importing query -d "$1" > /dev/null 2> /tmp/voice-imports.$$.$3
}

# The most that any of the importing backends had, in MB, until the file is gone.
watch_memory() {
    local pid pids="" kb most=0
    while [ -e "$1" ]; do
        [ "$(wc -w <<< "$pids")" = 2 ] ||
            pids=$(query -d postgres -c "SELECT pid FROM pg_stat_activity WHERE application_name = \$\$importing\$\$")
        for pid in $pids; do
            kb=$(awk "/^RssAnon:/ { print \$2 }" "/proc/$pid/status" 2> /dev/null || true)
            [ "${kb:-0}" -le "$most" ] || most=$kb
        done
        echo $((most / 1024)) > /tmp/voice-imports.$$.memory
        sleep 0.1
    done
}

# both DATABASE STATEMENT: prints calls a second and MB
both() {
    local began ended
    : > /tmp/voice-imports.$$.running
    watch_memory /tmp/voice-imports.$$.running & watcher=$!
    began=$(date +%s%N)
    client "$1" "$2" 0 & one=$!
    client "$1" "$2" 1 & other=$!
    wait "$one"; wait "$other"
    ended=$(date +%s%N)
    rm /tmp/voice-imports.$$.running
    wait "$watcher"
    echo $((CALLS * 1000000000 / (ended - began))) "$(cat /tmp/voice-imports.$$.memory)"
}

# An older build may not know of which turn a tool call is.
if [ -n "$BEFORE" ]; then turn=NULL; else turn=t.text; fi
rows="SELECT md5(string_agg(r, \$\$\$\$ ORDER BY r)) FROM (
    SELECT concat_ws(\$\$|\$\$, c.external_id, c.agent_id, c.status, c.started_at, c.ended_at, c.duration_ms, c.from_number, t.role, t.text,
                     t.started_at, t.ended_at) FROM voice.call c JOIN voice.turn t ON t.call_id = c.id
    UNION ALL
    SELECT concat_ws(\$\$|\$\$, c.external_id, k.name, k.args, k.result, k.invoked_at, $turn, j.kind)
    FROM voice.call c JOIN voice.tool_call k ON k.call_id = c.id LEFT JOIN voice.turn t ON t.call_id = c.id AND t.id = k.turn_id
    JOIN voice.job j ON j.call_id = c.id) x(r)"
for ((round = 1; round <= ROUNDS; round++)); do
    at one prepare one; prepare many
    read -r one one_mb < <(at one both one "SELECT count(voice_import_call(call)) FROM payload WHERE n")
    read -r many many_mb < <(both many "SELECT cardinality(voice_imports(\$\$voice\$\$, array_agg(call))) FROM payload WHERE n")
    sums=("$(at one query -d one -c "$rows")" "$(query -d many -c "$rows")")
    [ "${sums[0]}" = "${sums[1]}" ] || { echo "the rows differ: ${sums[*]}" >&2; exit 1; }
    echo "round $round of $ROUNDS: voice_imports $many calls/s, voice_import_call $one calls/s, ratio $(awk "BEGIN { printf \"%.2f\", $many / $one }"), memory of a backend at most $many_mb MB and $one_mb MB, same rows (${sums[0]})"
done
rm -f /tmp/voice-imports.$$.0 /tmp/voice-imports.$$.1 /tmp/voice-imports.$$.memory
'
