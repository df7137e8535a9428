#!/usr/bin/env bash
# word2number 1.1 and text2num 3.1.0 (PyPI): numbers as callers say them.
#
# One would guess: word2number either reads "five five five, one two one two" or raises the ValueError that it has for other words.
# It is so: it returns a wrong integer for common ways to say a number, without an error: a phone number is its first digit, "three zero
# five" is 5, "nineteen eighty four" 1524, "twenty twenty six" 406, "seven seven double zero nine" 58.
# text2num keeps the digits apart, but joins a zero to the digit after it ("zero nine" is 09, "nine zero" 9 0): its blanks are no
# groups, and "double" and "oh" stay words.
# It matters: spoken years, prices, rooms and phone numbers are in every call; whoever fills a column with word2number gets a
# plausible number, and whoever groups text2num's output by blanks gets other groups than were said.
#
# Installs the pinned packages into a temporary folder. Fails if this changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python=${PYTHON:-python3}
"$python" -m venv "$work/venv"
"$work/venv/bin/pip" install -q word2number==1.1 text2num==3.1.0
"$work/venv/bin/python" - <<'PY'
from text_to_num import alpha2digit
from word2number import w2n

print("said | word2number 1.1 | text2num 3.1.0")
for said, first, second in [
    ("five five five one two one two", 5, "5 5 5 1 2 1 2"),
    ("three zero five", 5, "3 05"),
    ("nineteen eighty four", 1524, "19 84"),
    ("twenty twenty six", 406, "20 26"),
    ("two thousand twenty six", 2026, "2026"),
    ("seven seven double zero nine", 58, "7 7 double 09"),
    ("one hundred and five", 105, "105"),
]:
    seen = w2n.word_to_num(said), alpha2digit(said, "en")
    print(said, *seen, sep=" | ")
    assert seen == (first, second), f"changed: it was {first} | {second}"
try:
    raise SystemExit(f"changed: {w2n.word_to_num('oh double')}")
except ValueError:
    print("oh double | ValueError: that is how it says that it cannot read something")
PY
