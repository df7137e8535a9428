"""Score each line of a file with the Python reference: compound, tab, sentence."""

import sys

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

analyzer = SentimentIntensityAnalyzer()
for line in open(sys.argv[1], encoding="utf-8"):
    sentence = line.rstrip("\n")
    # + 0.0: no sentence scores minus nothing.
    print(f"{analyzer.polarity_scores(sentence)['compound'] + 0.0:.4f}\t{sentence}")
