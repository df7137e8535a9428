#!/bin/sh
# Measures the builtin analyzer and prints the tables of docs/analyzers.md (the intervals there are voice_agreement()'s).
#
#   bench/analyzers.sh                    against demo/labelled.jsonl
#   bench/analyzers.sh CALLS.jsonl[.gz]   also booking, speed and VADER against a data set whose calls name their intents
#
# VADER is compared where $PYTHON (python3) has vaderSentiment 3.3.2.
set -eu
cd "$(dirname "$0")/.."
calls=${1:-}
python=${PYTHON:-python3}

cargo build --quiet --release --package voice_core --example measure_builtin
measure=${CARGO_TARGET_DIR:-target}/release/examples/measure_builtin
"$measure" labelled demo/labelled.jsonl
[ -n "$calls" ] || exit 0

echo
"$measure" calls "$calls"
echo
if ! "$python" -c 'import vaderSentiment' 2>/dev/null; then
    echo "VADER not compared: $python has no vaderSentiment (pip install vaderSentiment==3.3.2)"
    exit 0
fi
scored=$(mktemp -d)
trap 'rm -rf "$scored"' EXIT
"$measure" turns "$calls" > "$scored/turns.txt"
"$python" core/src/builtin/vader/reference.py "$scored/turns.txt" > "$scored/turns.tsv"
"$measure" vader "$scored/turns.tsv"
