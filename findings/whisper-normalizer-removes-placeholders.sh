#!/usr/bin/env bash
# whisper-normalizer 0.1.15 (PyPI; the text normaliser of Whisper's word error rates) on redacted transcripts.
#
# One would guess: "[PHONE_1]" becomes "phone 1" or stays: it stands where the caller said something.
# It is so: whatever is in square or angle brackets or parentheses is removed, by the English and by the basic normaliser; that is
# meant for "[laughter]". So are "hmm", "mhm" and "um": a turn that is only that becomes empty; and "oh seven double five" becomes a number.
# It matters: a word error rate over redacted transcripts is blind to exactly what was redacted. A recogniser that hears no number at
# all has the rate 0.0 below. Replace the placeholders by a word before normalising.
#
# Installs the pinned packages into a temporary folder. Fails if this changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python=${PYTHON:-python3}
"$python" -m venv "$work/venv"
"$work/venv/bin/pip" install -q whisper-normalizer==0.1.15 jiwer==4.0.0
"$work/venv/bin/python" - <<'PY'
import jiwer
from whisper_normalizer.basic import BasicTextNormalizer
from whisper_normalizer.english import EnglishTextNormalizer

english, basic = EnglishTextNormalizer(), BasicTextNormalizer()
print("redacted | English | basic")
for text, first, second in [
    ("My number is [PHONE_1], my mail is [EMAIL_1].", "my number is my mail is", "my number is my mail is"),
    ("Call <PHONE_1> (work).", "call", "call"),
    ("Mhm.", "", "mhm"),
    ("oh seven, double five", "0755", "oh seven double five"),
]:
    seen = english(text), basic(text).strip()
    print(text, *map(repr, seen), sep=" | ")
    assert seen == (first, second), f"changed: it was {first!r} | {second!r}"

reference, heard = "My number is [PHONE_1], my mail is [EMAIL_1].", "My number is my mail is."
rate = jiwer.wer(english(reference), english(heard))
words = jiwer.wer(english(reference.replace("[", "").replace("]", "")), english(heard))
print("word error rate, normalised:", rate, "with the brackets taken off first:", round(words, 3))
assert rate == 0.0 and words > 0.2, "changed"
PY
