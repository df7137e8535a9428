#!/usr/bin/env bash
# cells.sh: what two servers (cells) on this machine do beside what one does with the same cores: two clients write CALLS (8,000)
# whole calls, one transaction each, both on one server or one on each. First with the workers switched off: what they take. Then
# the builtin analyzer judges them meanwhile, and the time goes until all are judged. ROUNDS rounds (5), in turns. Prints calls a
# second of both, and the medians of their ratios.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/postgres.sh
scripts/install.sh
find_postgres || die 'No PostgreSQL found: make setup'
cargo build -q -p voice_tests --bin with_cluster
export ROUNDS=${ROUNDS:-5} CALLS=${CALLS:-8000} PG_BIN
settings=(fsync=off shared_buffers=512MB max_wal_size=8GB)
# shellcheck disable=SC2016 # the inner shells'
target/debug/with_cluster "${settings[@]}" -- bash -c 'OTHER_HOST=$PGHOST OTHER_PORT=$PGPORT exec "$@"' bash \
    target/debug/with_cluster "${settings[@]}" -- bash -euo pipefail -c '
at() { if [ "$1" = other ]; then PGHOST=$OTHER_HOST PGPORT=$OTHER_PORT "${@:2}"; else "${@:2}"; fi; }
query() { "$PG_BIN/psql" -X -q -A -t -v ON_ERROR_STOP=1 -d "$1" -c "$2"; }

for cell in one other; do
    at "$cell" query postgres "CREATE DATABASE app"
    at "$cell" query app "CREATE EXTENSION voice_analytics;
        INSERT INTO voice.agent (id, vertical) SELECT \$\$agent-\$\$ || n, \$\$salon\$\$ FROM generate_series(1, 200) n;
        CREATE TABLE bench_agents AS SELECT array_agg(id ORDER BY id) AS ids FROM voice.agent"
done

drained() { until [ "$(at "$1" query app "SELECT count(*) FROM voice.job")" = 0 ]; do sleep 0.05; done; }

# clients CELL NUMBER: write half of the calls each
clients() {
    at "$1" "$PG_BIN/pgbench" -n -M prepared -c "$2" -j "$2" -t $((CALLS / 2)) -f <(echo "BEGIN;"; cat bench/sql/ours/ingest.sql; echo "COMMIT;") app > /dev/null 2>&1
}

# rate COMMAND…: calls a second
rate() {
    local began ended
    began=$(date +%s%N)
    "$@"
    ended=$(date +%s%N)
    echo $((CALLS * 1000000000 / (ended - began)))
}
write_one() { clients one 2; }
write_both() {
    clients other 1 & local second=$!
    clients one 1
    wait "$second"
}
judge_one() { write_one; drained one; }
judge_both() { write_both; drained one; drained other; }

# workers on|off, in both cells; what they have left is judged before.
workers() {
    for cell in one other; do
        at "$cell" query app "ALTER SYSTEM SET voice_analytics.enabled = $1"
        at "$cell" query app "SELECT pg_reload_conf()" > /dev/null
    done
}
settled() { workers on; drained one; drained other; }

# rounds WHAT ONE BOTH: the medians of ROUNDS rounds in turns
rounds() {
    local ratios=() together apart
    for ((round = 1; round <= ROUNDS; round++)); do
        "$4"; together=$(rate "$2")
        "$4"; apart=$(rate "$3")
        ratios+=("$(awk "BEGIN { printf \"%.3f\", $apart / $together }")")
        printf "%s, round %d of %d: two cells %d calls/s, one cell %d calls/s, ratio %s\n" "$1" "$round" "$ROUNDS" "$apart" "$together" "${ratios[-1]}"
    done
    printf "%s\n" "${ratios[@]}" | sort -n | awk "{ r[NR] = \$1 } END { print \"$1: median of the ratios \" r[int((NR + 1) / 2)] }"
}
unwatched() { settled; workers off; }
rounds written write_one write_both unwatched
rounds "written and judged" judge_one judge_both settled
'
