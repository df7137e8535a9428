#!/usr/bin/env bash
# Every test, or the suites named: test.sh [core net promises faults regress upgraded isolation pg_test page]
# A suite that fails does not keep the others from running; one that ran no test has failed. What a test cannot try on this
# server it says in a line that begins with `skipped: `; such lines are listed at the end.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/postgres.sh

logs=${TEST_LOGS:-target/test-logs}
wanted=" $* "
summary=()
total_passed=0
total_failed=0
skipped=()
mkdir -p "$logs"

# Adds up what cargo test ("test result: …"), pg_regress up to 15 ("x ... ok 12 ms") and after it ("ok 1 - x") say.
count() {
    awk '
        /^test result: / { for (i = 2; i <= NF; i++) if ($i == "passed;") passed += $(i - 1); else if ($i == "failed;") failed += $(i - 1) }
        /\.\.\. ok +[0-9]+ ms/ || /^ok [0-9]+ / { passed++ }
        /\.\.\. FAILED +[0-9]+ ms/ || /^not ok [0-9]+ / { failed++ }
        END { print passed + 0, failed + 0 }
    ' "$1"
}

suite() {
    local name=$1 result=0 start=$SECONDS passed failed remark=''
    shift
    [[ $wanted =~ ^\ *$ || $wanted == *" $name "* ]] || return 0
    printf '\n== %s: %s\n' "$name" "$*"
    "$@" 2>&1 | tee "$logs/$name.log" || result=$?
    read -r passed failed < <(count "$logs/$name.log")
    if [ "$result" != 0 ] && [ "$failed" = 0 ]; then
        failed=1 remark=' (it did not get as far as its tests)'
    elif [ "$passed" = 0 ] && [ "$failed" = 0 ] && ! grep -q '^skipped: all: ' "$logs/$name.log"; then
        failed=1 remark=' (it ran no test)'
    fi
    total_passed=$((total_passed + passed))
    total_failed=$((total_failed + failed))
    mapfile -t -O ${#skipped[@]} skipped < <(sed -nE "s/^(# )?skipped: /$name: /p" "$logs/$name.log")
    summary+=("$(printf '%s: %d passed, %d failed' "$name" "$passed" "$failed")")
    printf -- '-- %s took %d s%s\n' "$name" $((SECONDS - start)) "$remark"
}

scripts/install.sh
scripts/receiver.sh
scripts/grafana.sh
find_postgres
export RUST_BACKTRACE=${RUST_BACKTRACE:-0}

suite core cargo test -p voice_core --no-fail-fast
suite net cargo test -p voice_net --no-fail-fast
suite promises cargo test -p voice_tests --no-fail-fast --lib --test promises --test docs
suite faults scripts/faults.sh
suite regress scripts/sql-tests.sh regress
suite upgraded scripts/sql-tests.sh upgraded
suite isolation scripts/sql-tests.sh isolation
suite pg_test scripts/pg-tests.sh
suite page scripts/report-browser.sh

printf '\n'
printf '%s\n' "${summary[@]}" ''
for one in "${skipped[@]}"; do say "skipped: $one"; done
say "$total_passed passed, $total_failed failed, ${#skipped[@]} skipped"
[ "$total_failed" = 0 ]
