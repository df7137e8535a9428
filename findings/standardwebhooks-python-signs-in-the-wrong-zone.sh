#!/usr/bin/env bash
# standardwebhooks 1.1.0 (PyPI) and 1.1.1 (npm): sign() of one instant, given in another time zone than UTC.
#
# One would guess: sign(id, timestamp, body) takes an instant; two datetimes that are equal are signed alike, as with npm's Date.
# It is so: Python's sign() replaces the zone by UTC instead of converting. 10:00+02:00 is signed as 10:00Z, two hours after the
# `webhook-timestamp` that a sender writes from the same datetime, so every receiver, its own verify() too, refuses it.
# A naive datetime.now() is read as UTC, which Python reads as local time everywhere else. On a machine set to UTC nothing is seen.
# It matters: who feeds calls to the database from Python and signs them so sees "No matching signature found" on a laptop and
# not in the container. Give it datetime.now(timezone.utc). Known: standard-webhooks/standard-webhooks#251, open in September 2026.
#
# No network but for the installation into a temporary folder. Fails if this changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python=${PYTHON:-python3}
"$python" -m venv venv
venv/bin/pip install -q standardwebhooks==1.1.0
npm init -y > /dev/null
npm install --silent --no-audit --no-fund standardwebhooks@1.1.1 > /dev/null
cat > sign.py <<'P'
import os, time
from datetime import datetime, timedelta, timezone
from standardwebhooks import Webhook, WebhookVerificationError

webhook = Webhook("whsec_" + "YW4gZXhhbXBsZSBvbmx5LCBubyBzZWNyZXQ=")
utc = datetime(2026, 7, 29, 8, 0, tzinfo=timezone.utc)
berlin = utc.astimezone(timezone(timedelta(hours=2)))
assert utc == berlin and utc.timestamp() == berlin.timestamp()
print(webhook.sign("msg_1", utc, "{}"))
print(webhook.sign("msg_1", berlin, "{}"))
print(webhook.sign("msg_1", utc + timedelta(hours=2), "{}"))
for zone in (0, 2):
    now = datetime.now(timezone(timedelta(hours=zone)))
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": webhook.sign("msg_1", now, "{}")}
    try:
        webhook.verify("{}", headers)
        print("verified")
    except WebhookVerificationError as error:
        print(error)
os.environ["TZ"] = "America/New_York"
time.tzset()
naive = datetime(2026, 7, 29, 4, 0)
assert naive.timestamp() == utc.timestamp()
print("naive", "signed as another instant" if webhook.sign("msg_1", naive, "{}") != webhook.sign("msg_1", utc, "{}") else "signed alike")
P
cat > sign.mjs <<'J'
import { Webhook } from "standardwebhooks";
const webhook = new Webhook("whsec_" + "YW4gZXhhbXBsZSBvbmx5LCBubyBzZWNyZXQ=");
for (const instant of ["2026-07-29T08:00:00Z", "2026-07-29T10:00:00+02:00"]) console.log(webhook.sign("msg_1", new Date(instant), "{}"));
J
mapfile -t python_says < <(venv/bin/python sign.py)
mapfile -t npm_says < <(node sign.mjs)
printf 'npm     %s\n' "${npm_says[@]}"
printf 'Python  %s\n' "${python_says[@]}"
expected="${npm_says[0]}
${npm_says[0]}
${python_says[2]}
verified
No matching signature found
naive signed as another instant"
seen=$(printf '%s\n' "${npm_says[1]}" "${python_says[0]}" "${python_says[1]}" "${python_says[@]:3}")
if [ "$seen" != "$expected" ] || [ "${python_says[0]}" = "${python_says[1]}" ]; then
    echo "this has changed" >&2
    exit 1
fi
