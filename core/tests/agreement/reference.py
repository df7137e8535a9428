#!/usr/bin/env python3
"""Writes reference.tsv: data of our own with the figures that scipy, scikit-learn and krippendorff give of them.

    python3 core/tests/agreement/reference.py > core/tests/agreement/reference.tsv
    (needs `pip install numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1 krippendorff==0.9.0`, made with Python 3.11)

A line is: kind, name, data (one or more columns), figures as name=value. Lists are joined by commas; nan: there is no
such figure. Weights are whole numbers where the package knows no weights: each pair is then there so many times.
"""
import random
import warnings

import krippendorff
import numpy as np
from scipy import stats
from sklearn import metrics

warnings.filterwarnings("ignore")
draw = random.Random(18)


def line(kind, name, columns, figures):
    lists = [",".join("" if x is None else f"{x:.17g}" for x in column) for column in columns]
    said = ",".join(f"{key}={float(value):.12g}" for key, value in figures.items())
    print(kind, name, *lists, said, sep="\t")


def numbers(name, label, judged, weight=None):
    weight = weight or [1] * len(label)
    error = np.array(judged) - np.array(label)
    times = lambda side: np.repeat(side, weight)
    line("numbers", name, [label, judged, weight], {
        "mae": metrics.mean_absolute_error(label, judged, sample_weight=weight),
        "bias": np.average(error, weights=weight),
        "rmse": metrics.root_mean_squared_error(label, judged, sample_weight=weight),
        "spearman": stats.spearmanr(times(label), times(judged)).statistic,
    })


def classes(name, count, label, judged, weight=None):
    weight = weight or [1] * len(label)
    places = list(range(count))
    of = dict(sample_weight=weight)
    figures = {"accuracy": metrics.accuracy_score(label, judged, **of)}
    for kappa, weights in [("kappa", None), ("kappa_linear", "linear"), ("kappa_quadratic", "quadratic")]:
        figures[kappa] = metrics.cohen_kappa_score(label, judged, labels=places, weights=weights, **of)
    # Without labels=: the classes that occur on either side.
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(label, judged, average="macro", zero_division=0, **of)
    figures |= {"macro_precision": precision, "macro_recall": recall, "macro_f1": f1}
    each = metrics.precision_recall_fscore_support(label, judged, labels=places, zero_division=np.nan, **of)
    for place in places:
        for figure, values in zip(["precision", "recall", "f1"], each):
            figures[f"{figure}_{place}"] = values[place]
    table = metrics.confusion_matrix(label, judged, labels=places, **of)
    for row in places:
        for column in places:
            figures[f"n_{row}_{column}"] = table[row][column]
    line("classes", name, [[count], label, judged, weight], figures)


def ratings(name, people):
    """people: a list for each, None where they did not rate."""
    data = np.array([[np.nan if x is None else x for x in person] for person in people], dtype=float)
    line("ratings", name, [[len(people)], [x for person in people for x in person]], {
        level: krippendorff.alpha(reliability_data=data, level_of_measurement=level)
        for level in ["nominal", "ordinal", "interval"]
    })


def bootstrapped(name, label, judged):
    """scipy's percentile bootstrap of pairs; two bootstraps differ by chance, so the test allows a hundredth."""
    label, judged = np.array(label), np.array(judged)
    figures = {}
    for figure, of in [
        ("mae", lambda l, j: np.mean(np.abs(j - l))),
        ("bias", lambda l, j: np.mean(j - l)),
        ("rmse", lambda l, j: np.sqrt(np.mean((j - l) ** 2))),
        ("spearman", lambda l, j: stats.spearmanr(l, j).statistic),
    ]:
        found = stats.bootstrap((label, judged), of, paired=True, vectorized=False, n_resamples=20000, method="percentile",
                                rng=np.random.default_rng(18)).confidence_interval
        figures |= {f"{figure}_lower": found.low, f"{figure}_upper": found.high}
    line("bootstrapped", name, [label, judged], figures)


def moved(name, earlier, later, bins):
    cuts = np.unique(np.quantile(earlier, [n / bins for n in range(1, bins)], method="inverted_cdf"))
    cuts = cuts[cuts < max(earlier)]
    count = lambda values: np.bincount(np.searchsorted(cuts, values), minlength=len(cuts) + 1)
    shares = [(count(values) + 0.5) / (len(values) + 0.5 * (len(cuts) + 1)) for values in [earlier, later]]
    line("moved", name, [[bins], earlier, later, cuts], {
        "index": stats.entropy(shares[0], shares[1]) + stats.entropy(shares[1], shares[0])})


def clipped(value, low, high):
    return min(high, max(low, value))


def sentiments(count, noise):
    label = [round(draw.uniform(-1, 1), 1) for _ in range(count)]
    return label, [clipped(round(x + draw.gauss(0.05, noise), 3), -1, 1) for x in label]


numbers("sentiment", *sentiments(200, 0.15))
numbers("sentiment, much noise", *sentiments(60, 0.8))
numbers("three calls", [0.5, -0.5, 0.25], [0.25, -0.75, 0.5])
numbers("two calls", [0.1, 0.2], [0.4, 0.3])
score = [draw.randrange(0, 101, 5) for _ in range(120)]
numbers("lead score", score, [clipped(x + draw.randrange(-20, 21), 0, 100) for x in score])
numbers("many ties", [draw.randrange(3) for _ in range(90)], [draw.randrange(2) for _ in range(90)])
numbers("all tied on one side", [0.5] * 20, [draw.random() for _ in range(20)])
numbers("far from zero", [1e6 + x for x in range(30)], [1e6 + x * x % 31 for x in range(30)])
label, judged = sentiments(50, 0.3)
numbers("weighted", label, judged, [draw.randrange(1, 9) for _ in label])

truth = [draw.choices(range(6), [40, 25, 10, 10, 10, 5])[0] for _ in range(200)]
classes("intent", 6, truth, [x if draw.random() < 0.8 else draw.randrange(6) for x in truth])
classes("intent, at random", 6, [draw.randrange(6) for _ in range(150)], [draw.randrange(6) for _ in range(150)])
bands = [draw.randrange(5) for _ in range(120)]
classes("bands of scores", 5, bands, [clipped(x + draw.choice([-1, 0, 0, 0, 1, 2]), 0, 4) for x in bands])
classes("a class nobody has", 4, [0, 0, 1, 1, 2, 2, 0], [0, 1, 1, 1, 0, 2, 0])
classes("a class never judged", 3, [0, 1, 2, 2, 1, 0], [0, 1, 1, 1, 1, 0])
classes("a class only judged", 3, [0, 1, 1, 0, 1, 0], [0, 1, 2, 2, 1, 0])
classes("pass and fail", 2, [draw.random() < 0.7 for _ in range(80)], [draw.random() < 0.7 for _ in range(80)])
classes("worse than chance", 2, [0, 1, 0, 1, 0, 1, 1], [1, 0, 1, 0, 1, 0, 1])
classes("weighted", 6, truth[:60], [x if draw.random() < 0.7 else draw.randrange(6) for x in truth[:60]],
        [round(draw.uniform(0.5, 40), 2) for _ in range(60)])

missing = lambda values, share: [None if draw.random() < share else x for x in values]
ratings("two people, intent", [truth[:80], [x if draw.random() < 0.85 else draw.randrange(6) for x in truth[:80]]])
ratings("four people, some missing", [
    missing([x if draw.random() < 0.8 else draw.randrange(6) for x in truth[:60]], 0.3) for _ in range(4)])
ratings("three people, sentiment", [
    missing([round(clipped(x + draw.gauss(0, 0.2), -1, 1), 1) for x in label], 0.25) for _ in range(3)])
ratings("scores", [missing([clipped(x + draw.randrange(-10, 11), 0, 100) for x in score[:40]], 0.2) for _ in range(3)])
ratings("full agreement", [[0, 1, 2, 1, 0, 2], [0, 1, 2, 1, 0, 2], [0, 1, None, None, 0, 2]])
ratings("at random", [[draw.randrange(4) for _ in range(50)] for _ in range(2)])

bootstrapped("sentiment", *sentiments(200, 0.15))
bootstrapped("forty calls", *sentiments(40, 0.3))

normal = lambda count, mean, spread: [round(clipped(draw.gauss(mean, spread), -1, 1), 3) for _ in range(count)]
moved("not moved", normal(400, 0.1, 0.4), normal(300, 0.1, 0.4), 10)
moved("moved", normal(400, 0.1, 0.4), normal(300, -0.3, 0.5), 10)
moved("few values", [draw.choice([0, 0, 0, 10, 80]) for _ in range(200)], [draw.choice([0, 10, 80, 90]) for _ in range(50)], 10)
moved("few calls", normal(12, 0, 0.5), normal(7, 0, 0.5), 5)
