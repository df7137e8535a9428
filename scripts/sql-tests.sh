#!/usr/bin/env bash
# sql-tests.sh regress|upgraded|isolation: PostgreSQL's own runners over tests/pg_regress or tests/isolation, on a cluster of
# their own; upgraded: the files of regress in a database that was one of the first release and was updated. The extension is
# installed already (scripts/test.sh does). The worker is preloaded but switched off: what these files expect is what the SQL
# says, whatever a worker would make of it meanwhile.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/postgres.sh
find_postgres || die 'No PostgreSQL found: make setup'

pgxs_tests=$(dirname "$("$PG_CONFIG" --pgxs)")/../test
case "$1" in
    regress) runner=$pgxs_tests/regress/pg_regress input=tests/pg_regress pattern='sql/*.sql' ;;
    upgraded) runner=$pgxs_tests/regress/pg_regress input=tests/pg_regress pattern='sql/*.sql' ;;
    isolation) runner=$pgxs_tests/isolation/pg_isolation_regress input=tests/isolation pattern='specs/*.spec' ;;
    *) die "usage: $0 regress|upgraded|isolation" ;;
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
        # shellcheck disable=SC2016 # of awk, and of the statements
        awk '/^@.*@$/ { file = "sql/queries/" substr($0, 2, length($0) - 2)
                        while ((got = (getline line < file)) > 0) print line
                        if (got < 0) exit 1
                        close(file); next }
             { print }' "$file" |
            sed -E 's/\{within ([^}]*)\}/\1 BETWEEN $2 AND $3/g; s/\{(call|turn|tool_call|analytics)\}/voice.\1/g' \
            > "$output/specs/${file##*/}"
    done
    input=$output
fi

# pg_regress makes the database; the one that is updated is made here, with the settings that pg_regress gives its own.
database=(--load-extension=voice_analytics)
before=(true)
if [ "$1" = upgraded ]; then
    database=(--use-existing)
    before=("$PG_BIN/psql" -X -q -v ON_ERROR_STOP=1 -d postgres
        -c "CREATE DATABASE voice_upgraded TEMPLATE template0"
        -c "ALTER DATABASE voice_upgraded SET lc_messages TO 'C'"
        -c "ALTER DATABASE voice_upgraded SET lc_monetary TO 'C'"
        -c "ALTER DATABASE voice_upgraded SET lc_numeric TO 'C'"
        -c "ALTER DATABASE voice_upgraded SET lc_time TO 'C'"
        -c "ALTER DATABASE voice_upgraded SET bytea_output TO 'hex'"
        -c "ALTER DATABASE voice_upgraded SET timezone_abbreviations TO 'Default'"
        -c '\connect voice_upgraded'
        -c "CREATE EXTENSION voice_analytics VERSION '0.1.0'"
        -c 'ALTER EXTENSION voice_analytics UPDATE')
fi

cargo build -q -p voice_tests --bin with_cluster
result=0
# shellcheck disable=SC2016 # both belong to the inner shell
target/debug/with_cluster voice_analytics.enabled=off -- \
    bash -c 'n=$1; shift; "${@:1:n}" && "${@:n+1}"' bash "${#before[@]}" "${before[@]}" \
    "$runner" --bindir="$PG_BIN" --inputdir="$(realpath "$input")" --outputdir="$output" \
    --dbname="voice_$1" "${database[@]}" "${names[@]}" || result=$?
if [ "$result" != 0 ] && [ -e "$output/regression.diffs" ]; then cat "$output/regression.diffs"; fi
# A file that ends early says why (its second expected file has that line).
for file in "$output"/results/*.out; do
    sed -nE "s/^skipped: (.*)/skipped: $(basename "$file" .out): \1/p" "$file"
done
exit "$result"
