#!/usr/bin/env bash
# dateparser 1.5.0, parsedatetime 2.6 (PyPI), chrono-node 2.10.3 (npm): an appointment as a caller says it, on Wednesday 29 July 2026.
#
# One would guess: "Friday" or "Monday at three" in a booking is the next one, or the parser says that it does not know.
# It is so, with their defaults: "Monday" is two days ago for chrono-node (the nearest Monday) and dateparser (the last one), the
# next one for parsedatetime only. "Monday at three" is 29 March for dateparser: "three" is taken for the month, Monday is dropped.
# "next Friday" is 31 July for dateparser and 7 August for the two others. None of the three reads the hour of "at three".
# It matters: a date that a script takes from a summary or an entity by one of them is a plausible timestamp, often in the past. It
# is better to keep the caller's words beside the date, and to ask the model for the date with the day of the call given.
#
# Installs the pinned packages into a temporary folder. Fails if this changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export TZ=UTC
python=${PYTHON:-python3}
"$python" -m venv venv
venv/bin/pip install -q dateparser==1.5.0 parsedatetime==2.6
npm init -y > /dev/null
npm install --silent --no-audit --no-fund chrono-node@2.10.3 > /dev/null
printf '%s\n' 'Friday' 'Monday' 'Monday at three' 'next Friday' 'tomorrow' > said.txt
cat > python.py <<'P'
import datetime, sys
import dateparser, parsedatetime

now = datetime.datetime(2026, 7, 29, 10, 0)
calendar = parsedatetime.Calendar(version=parsedatetime.VERSION_CONTEXT_STYLE)
for said in open("said.txt").read().splitlines():
    if sys.argv[1] == "dateparser":
        when = dateparser.parse(said, languages=["en"], settings={"RELATIVE_BASE": now})
    else:
        when, _ = calendar.parseDT(said, sourceTime=now)
    print(f"{when:%a %d %b %H:%M}")
P
cat > npm.js <<'J'
const chrono = require("chrono-node");
const now = new Date("2026-07-29T10:00:00Z");
for (const said of require("fs").readFileSync("said.txt", "utf8").trim().split("\n")) {
  const [day, month, date, , hour] = chrono.parseDate(said, now).toString().split(" ");
  console.log(day, date, month, hour.slice(0, 5));
}
J
seen=$(paste -d '|' said.txt <(venv/bin/python -W ignore python.py dateparser) <(venv/bin/python python.py parsedatetime) <(node npm.js))
printf 'said|dateparser|parsedatetime|chrono-node\n%s\n' "$seen"
expected='Friday|Fri 24 Jul 00:00|Fri 31 Jul 10:00|Fri 31 Jul 12:00
Monday|Mon 27 Jul 00:00|Mon 03 Aug 10:00|Mon 27 Jul 12:00
Monday at three|Sun 29 Mar 00:00|Mon 03 Aug 10:00|Mon 27 Jul 12:00
next Friday|Fri 31 Jul 00:00|Fri 07 Aug 09:00|Fri 07 Aug 12:00
tomorrow|Thu 30 Jul 10:00|Thu 30 Jul 09:00|Thu 30 Jul 10:00'
[ "$seen" = "$expected" ] || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
