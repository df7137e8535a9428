#!/usr/bin/env bash
# matrix.sh [MAJOR…]: compiles for each of these majors (14 15 16 17 18), runs every suite that needs a server on those that
# can be had (scripts/servers.sh), goes from 15 and 16 to 18 where both are asked for (scripts/across.sh), and prints one table.
# MATRIX_SUITES names the suites, or `compile`: none of them. `matrix.sh check MAJOR…` has the compiler look at the code for
# these majors, for which no server has to be there.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/postgres.sh
. scripts/progress.sh

check_only=''
if [ "${1:-}" = check ]; then
    check_only=1
    shift
fi
majors=("$@")
[ $# != 0 ] || read -ra majors <<< "$PG_SUPPORTED"
read -ra suites <<< "${MATRIX_SUITES:-promises faults regress upgraded isolation}"
if [ "${suites[*]}" = compile ]; then suites=(); fi
logs=$PWD/target/matrix
mkdir -p "$logs"
rows=()
failed=0
# The user's own choice is of another server.
unset PG_CONFIG DESTDIR

# row VERSION COMPILES SUITES: a line of the table
row() { rows+=("$(printf '| %-8s | %-8s | %-s |' "$1" "$2" "$3")"); }

# No server here: pgrx has bindings of its own for it.
compile_only() {
    local result=ok
    DOCS_RS=1 RUSTC_WRAPPER=$PWD/scripts/rustc-docsrs.sh cargo_progress "matrix: compiling for PostgreSQL $1" "$logs/$1.log" \
        cargo check --lib -p voice_analytics --no-default-features --features "pg$1" || { result=FAILED failed=1; }
    row "$1" "$result" 'compiled against the bindings that pgrx carries; no server of it was run'
}

# what_failed MAJOR: what its log says of tests that failed, at most 200 lines, for who sees only what this script prints
what_failed() {
    printf '\n-- what failed on PostgreSQL %s (%s)\n' "$1" "${logs#"$PWD/"}/$1.log"
    awk '
        /^failures:$/ { inside = 1 }
        inside || /^not ok |\.\.\. FAILED|^error(\[|:)|^(\+|-)[^+-]/ { print }
        /^test result: / { inside = 0 }
    ' "$logs/$1.log" | head -n 200
}

on_server() {
    local pg_config version compiled=ok passed='' suite counts
    pg_config=$(scripts/servers.sh "$1")
    version=$("$pg_config" --version | cut -d ' ' -f 2)
    printf '\n== PostgreSQL %s\n' "$version"
    if ! PG_CONFIG=$pg_config scripts/install.sh; then
        failed=1
        row "$version" FAILED ''
        return
    fi
    if [ ${#suites[@]} -gt 0 ]; then
        PG_CONFIG=$pg_config TEST_LOGS=$logs/logs-$1 scripts/test.sh "${suites[@]}" > "$logs/$1.log" 2>&1 || { failed=1; what_failed "$1"; }
        for suite in "${suites[@]}"; do
            counts=$(sed -nE "s/^$suite: ([0-9]+) passed, ([0-9]+) failed\$/\1 passed, \2 failed/p" "$logs/$1.log")
            passed+="${passed:+; }$suite ${counts:-did not run}"
        done
    fi
    row "$version" "$compiled" "${passed:-no suite was asked for}"
}

# across OLD NEW
across() {
    local log=$logs/across-$1-$2.log result
    case " ${majors[*]} " in *" $1 "*) ;; *) return 0 ;; esac
    case " ${majors[*]} " in *" $2 "*) ;; *) return 0 ;; esac
    [ ${#suites[@]} -gt 0 ] || return 0
    scripts/across.sh "$(scripts/servers.sh "$1")" "$(scripts/servers.sh "$2")" > "$log" 2>&1 || failed=1
    result=$(sed -nE 's/^across: ([0-9]+ passed, [0-9]+ failed)$/\1/p' "$log")
    row "$1 to $2" '' "pg_upgrade, pg_restore: ${result:-$(tail -n 1 "$log")}"
}

for major in "${majors[@]}"; do
    if [ -n "$check_only" ] || [ "$major" = 14 ]; then compile_only "$major"; else on_server "$major"; fi
done
if [ -z "$check_only" ]; then
    across 15 18
    across 16 18
fi

printf '\n| server   | compiles | suites |\n|---|---|---|\n'
printf '%s\n' "${rows[@]}"
exit "$failed"
