#!/usr/bin/env bash
# webvtt-py 0.6.0 (PyPI) and webvtt-parser 2.2.0 (npm): a cue of WebVTT in which two people speak.
#
# One would guess: a library that has caption.voice gives each <v> its words; and that text has no markup left, so no &amp; either.
# It is so: with webvtt-py a cue has one voice, the first; the words of the second speaker stand in the same text, without a mark
# between them. `&amp;` and `&lt;` stay as written, in names too. webvtt-parser keeps the voices apart, but writes "Fish &; chips".
# It matters: WebVTT allows both voices in one cue, as for a quick answer to a question. "No, cancel it." becomes the
# agent's, and sentiment and intent of caller and agent are exchanged. Read caption.raw_text and part it at </v>.
#
# Installs the pinned packages into a temporary folder. Fails if this changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python=${PYTHON:-python3}
"$python" -m venv venv
venv/bin/pip install -q webvtt-py==0.6.0
npm init -y > /dev/null
npm install --silent --no-audit --no-fund webvtt-parser@2.2.0 > /dev/null
cat > call.vtt <<'V'
WEBVTT

00:00.000 --> 00:02.500
<v Agent>Shall I keep the order?</v> <v Caller>No, cancel it.</v>

00:02.500 --> 00:04.000
<v Agent>Fish &amp; chips, cancelled.</v>
V
cat > read.py <<'P'
import webvtt

for caption in webvtt.read("call.vtt"):
    print(f"{caption.voice}: {caption.text}")
P
cat > read.js <<'J'
const { WebVTTParser } = require("webvtt-parser");
const { cues } = new WebVTTParser().parse(require("fs").readFileSync("call.vtt", "utf8"), "subtitles");
for (const { tree } of cues) {
  for (const voice of tree.children.filter((node) => node.name === "v")) console.log(`${voice.value}: ${voice.children[0].value}`);
}
J
python_says=$(venv/bin/python read.py)
npm_says=$(node read.js)
printf 'webvtt-py 0.6.0\n%s\nwebvtt-parser 2.2.0\n%s\n' "$python_says" "$npm_says"
[ "$python_says" = 'Agent: Shall I keep the order? No, cancel it.
Agent: Fish &amp; chips, cancelled.' ] || { echo "webvtt-py has changed" >&2; exit 1; }
[ "$npm_says" = 'Agent: Shall I keep the order?
Caller: No, cancel it.
Agent: Fish &; chips, cancelled.' ] || { echo "webvtt-parser has changed" >&2; exit 1; }
