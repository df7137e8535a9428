#!/usr/bin/env bash
# faults.sh [TEST…]: the fault suite, then its table. The short form; with VOICE_FAULTS=long (make faults) the same
# cases with larger numbers. What a case measures it prints; what it promises holds on a slow machine too.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/postgres.sh

scripts/install.sh
find_postgres
# Rows of cases that are no more would stay for ever.
[ $# != 0 ] || rm -rf target/faults

result=0
# Two at a time: each case has a server of its own, and some look at how fast it is.
cargo test -q -p voice_tests --test faults -- --test-threads 2 "$@" || result=$?
printf '\n'
cargo run -q -p voice_tests --bin fault_table || result=$?
exit "$result"
