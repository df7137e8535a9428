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

# A line `@claim.sql@` of a spec stands for the worker's own statement: what is tried is what runs, for calls of several
# months (src/db/partition.rs).
if [ "$1" = isolation ]; then
    mkdir -p "$output/specs"
    cp -r "$input/expected" "$output/"
    for file in "$input"/$pattern; do
        awk '/^@.*@$/ { file = "sql/queries/" substr($0, 2, length($0) - 2)
                        while ((got = (getline line < file)) > 0) print line
                        if (got < 0) exit 1
                        close(file); next }
             { print }' "$file" |
            sed -E 's/\{within ([^}]*)\}/\1 BETWEEN $2 AND $3/g; s/\{(call|turn|analytics)\}/voice.\1/g' \
            > "$output/specs/${file##*/}"
    done
    input=$output
fi

cargo build -q -p voice_tests --bin with_cluster
if ! target/debug/with_cluster voice_analytics.enabled=off -- \
    "$runner" --bindir="$PG_BIN" --inputdir="$(realpath "$input")" --outputdir="$output" \
    --dbname="voice_$1" --load-extension=voice_analytics "${names[@]}"; then
    [ ! -e "$output/regression.diffs" ] || cat "$output/regression.diffs"
    exit 1
fi
