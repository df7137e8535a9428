#!/usr/bin/env bash
# sql-tests.sh regress|isolation: PostgreSQL's own runners over tests/pg_regress or tests/isolation, on a cluster of
# their own. The extension is installed already (scripts/test.sh does). The worker is preloaded but switched off:
# what these files expect is what the SQL says, whatever a worker would make of it meanwhile.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/postgres.sh
find_postgres || die 'No PostgreSQL found: make setup'

pgxs_tests=$(dirname "$("$PG_CONFIG" --pgxs)")/../test
case "$1" in
    regress) runner=$pgxs_tests/regress/pg_regress input=tests/pg_regress pattern='sql/*.sql' ;;
    isolation) runner=$pgxs_tests/isolation/pg_isolation_regress input=tests/isolation pattern='specs/*.spec' ;;
    *) die "usage: $0 regress|isolation" ;;
esac
output=$PWD/target/$1
rm -rf "$output"
mkdir -p "$output"

names=()
for file in "$input"/$pattern; do
    file=${file##*/}
    names+=("${file%.*}")
done

cargo build -q -p voice_tests --bin with_cluster
if ! target/debug/with_cluster voice_analytics.enabled=off -- \
    "$runner" --bindir="$PG_BIN" --inputdir="$PWD/$input" --outputdir="$output" \
    --dbname="voice_$1" --load-extension=voice_analytics "${names[@]}"; then
    [ ! -e "$output/regression.diffs" ] || cat "$output/regression.diffs"
    exit 1
fi
