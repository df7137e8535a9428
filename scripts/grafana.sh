#!/usr/bin/env bash
# What makes Grafana's dashboards: Python and the foundation SDK of docs/monitoring/grafana/requirements.txt, in target/grafana.
# Asks for them first, so it costs nothing when they are there. The SDK needs Python 3.11: with an older one nothing is
# installed, and the test that needs it says so.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/postgres.sh

wanted=docs/monitoring/grafana/requirements.txt
python=${PYTHON:-python3}
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null; then
    say 'grafana: no Python 3.11 here, so the dashboards are not made anew'
    exit 0
fi
cmp -s "$wanted" target/grafana/requirements.txt && exit 0

rm -rf target/grafana
"$python" -m venv target/grafana
target/grafana/bin/pip install --disable-pip-version-check -q -r "$wanted"
cp "$wanted" target/grafana/requirements.txt
say "grafana: $(sed '/^#/d' "$wanted" | paste -sd ' ')"
