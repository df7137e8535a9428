#!/usr/bin/env bash
# One would guess: VADER (Hutto and Gilbert 2014) is a published lexicon and a set of rules, so its three usual packages,
# vaderSentiment (the authors'), nltk and vader-sentiment on npm, give a sentence the same compound score.
#
# So it is: on plain sentences they agree. Around negation they do not: nltk 3.9.1 and the npm package 1.1.3 differ from
# the authors' 3.3.2, and from each other, by up to 0.9, and the sign changes. On 36,267 turns of real callers
# (not in this repository) nltk differed in 8 % of them by more than 0.0001 and turned the sign of 1 %; the npm package in 9 % and 2 %.
# nltk is run with the authors' lexicon file, so it is the code that differs.
#
# Why it matters here: callers end calls with "No, thank you" and "Nothing else, thanks". A dashboard whose sentiment came from
# one package cannot be compared with one from another, nor a built-in analyzer checked against the wrong one.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q vaderSentiment==3.3.2 nltk==3.9.1
npm init -y > /dev/null
npm install --silent vader-sentiment@1.1.3 > /dev/null

cat > sentences.txt <<'S'
I love this place.
That was terrible service.
No thank you, that is everything.
Nope, you have been great.
Nothing. Thank you.
S

cat > python.py <<'P'
import os, sys
import nltk.sentiment.vader as of_nltk
import vaderSentiment.vaderSentiment as reference

lexicon = os.path.join(os.path.dirname(reference.__file__), "vader_lexicon.txt")
# Its constructor looks for a download of nltk's; this is what it does with it.
theirs = of_nltk.SentimentIntensityAnalyzer.__new__(of_nltk.SentimentIntensityAnalyzer)
theirs.lexicon_file = open(lexicon, encoding="utf-8").read()
theirs.lexicon = theirs.make_lex_dict()
theirs.constants = of_nltk.VaderConstants()
which = reference.SentimentIntensityAnalyzer() if sys.argv[1] == "reference" else theirs
for line in open("sentences.txt"):
    print(which.polarity_scores(line.rstrip("\n"))["compound"])
P
cat > npm.js <<'J'
const { SentimentIntensityAnalyzer } = require("vader-sentiment");
const lines = require("fs").readFileSync("sentences.txt", "utf8").split("\n").filter((line) => line);
for (const line of lines) console.log(SentimentIntensityAnalyzer.polarity_scores(line).compound);
J

seen=$(paste -d '|' sentences.txt <(venv/bin/python python.py reference) <(venv/bin/python python.py nltk) <(node npm.js))
printf 'sentence|vaderSentiment 3.3.2|nltk 3.9.1|npm vader-sentiment 1.1.3\n%s\n' "$seen"
expected='I love this place.|0.6369|0.6369|0.6369
That was terrible service.|-0.4767|-0.4767|-0.4767
No thank you, that is everything.|-0.2755|0.0772|0.0772
Nope, you have been great.|0.6249|0.6249|0.6249
Nothing. Thank you.|-0.2755|-0.2755|0.3612'
[ "$seen" = "$expected" ] || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
