#!/usr/bin/env bash
# cells.sh: what two servers (cells) on this machine take beside what one takes with the same cores: whole calls written in one
# transaction each, by two clients, both on one server or one on each; the builtin analyzer judges meanwhile. ROUNDS rounds (5)
# of EACH seconds (10), in turns, the queue empty before each. Prints calls a second of both, and the median of their ratios.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/postgres.sh
scripts/install.sh
find_postgres || die 'No PostgreSQL found: make setup'
cargo build -q -p voice_tests --bin with_cluster
export ROUNDS=${ROUNDS:-5} EACH=${EACH:-10} PG_BIN
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

drained() { until [ "$(at "$1" query app "SELECT count(*) FROM voice.job")" = 0 ]; do sleep 0.2; done; }

# clients CELL NUMBER: calls a second
clients() {
    at "$1" "$PG_BIN/pgbench" -n -c "$2" -j "$2" -T "$EACH" -f <(echo "BEGIN;"; cat bench/sql/ours/ingest.sql; echo "COMMIT;") app 2> /dev/null |
        awk "/^tps/ { print \$3 }"
}

ratios=()
for ((round = 1; round <= ROUNDS; round++)); do
    drained one; drained other
    together=$(clients one 2)
    drained one; drained other
    clients other 1 > /tmp/voice-cells.$$ & second=$!
    first=$(clients one 1)
    wait "$second"
    apart=$(awk "{ print \$1 + $first }" /tmp/voice-cells.$$)
    ratios+=("$(awk "BEGIN { printf \"%.3f\", $apart / $together }")")
    printf "round %d of %d: two cells %.0f calls/s, one cell %.0f calls/s, ratio %s\n" "$round" "$ROUNDS" "$apart" "$together" "${ratios[-1]}"
done
rm -f /tmp/voice-cells.$$
printf "%s\n" "${ratios[@]}" | sort -n | awk "{ r[NR] = \$1 } END { print \"median of the ratios: \" r[int((NR + 1) / 2)] }"
'
