#!/usr/bin/env bash
# grafana-foundation-sdk on the Python package index: asked for Grafana 11.6 or later, pip installs the types of Grafana 10.1.
#
# One would guess: 'grafana-foundation-sdk>=11.6' gives types of Grafana 11.6 or later, '==11.6.0' those of 11.6, and no
# condition at all the newest.
# It is so: a version is UNIX-TIME!GRAFANA, as 1769699379!11.6.0. What stands before the "!" is an epoch and decides first
# (PEP 440), and each release builds the oldest Grafana last. So the newest version is 1769699998!10.1.0, which is also
# ">=11.6"; "==11.6.0" means epoch 0 and is found nowhere. Nothing warns: what 10.1 did not have is an AttributeError, what it
# had otherwise is other JSON.
# It matters: whoever builds dashboards as code pins the whole version, epoch and all, as docs/monitoring/grafana does.
#
# Installs pinned packages into a temporary folder; no account, no network but the package index. Fails if this changed. The
# upper bound keeps releases after the one that was looked at out.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# The SDK needs Python 3.11.
python=${PYTHON:-python3}
"$python" -m venv "$work/venv"
pip=("$work/venv/bin/pip" install -q --disable-pip-version-check)
says() {
    "$work/venv/bin/python" - <<'PY'
import importlib.metadata
from grafana_foundation_sdk.builders.dashboard import QueryVariable
print(importlib.metadata.version("grafana-foundation-sdk"), "has allow_custom_value:", hasattr(QueryVariable, "allow_custom_value"))
PY
}
"${pip[@]}" 'grafana-foundation-sdk>=11.6,<=1769699998!10.1.0'
asked=$(says)
echo ">=11.6:             $asked"
if "${pip[@]}" 'grafana-foundation-sdk==11.6.0' 2> "$work/error"; then
    echo 'changed: 11.6.0 is found'
    exit 1
fi
echo "==11.6.0:           $(grep -m 1 -o 'No matching distribution.*' "$work/error")"
"${pip[@]}" 'grafana-foundation-sdk==1769699379!11.6.0'
pinned=$(says)
echo "1769699379!11.6.0:  $pinned"
[ "$asked" = '1769699998!10.1.0 has allow_custom_value: False' ]
[ "$pinned" = '1769699379!11.6.0 has allow_custom_value: True' ]
