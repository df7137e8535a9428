#!/usr/bin/env bash
# statsmodels 0.15.0: aggregate_raters() and fleiss_kappa() on calls that not everybody has labelled.
#
# One would guess: a rating that is NaN is left out, or the call is, or an error is raised.
# It is so: NaN becomes a category of its own, beside 0 and 1. Two people who both left a call out agree on it: with four of eight
# calls unlabelled kappa is 0.60, where krippendorff 0.8.1 says 0.125. Where each call was left out by one of them, that counts as
# disagreement: kappa is 0.23, although they agree on every call that both have labelled, and alpha is 1.
# It matters: labels of a sample are never complete; the figure for "people against each other", the ceiling of any model,
# can be far too high or too low, and nothing warns.
#
# Installs the pinned packages into a temporary folder. Fails if this changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python=${PYTHON:-python3}
"$python" -m venv "$work/venv"
"$work/venv/bin/pip" install -q statsmodels==0.15.0 krippendorff==0.8.1
"$work/venv/bin/python" - <<'PY'
import krippendorff, numpy
from statsmodels.stats.inter_rater import aggregate_raters, fleiss_kappa

nobody = numpy.nan
for what, labels, expected in [
    ("complete", [[1, 1], [0, 0], [1, 1], [0, 0], [0, 1], [1, 0]], ([0, 1], 0.333, 0.389)),
    ("four calls left out by both", [[1, 1], [0, 0], [0, 1], [1, 0]] + [[nobody, nobody]] * 4, ([0, 1, nobody], 0.6, 0.125)),
    ("four calls left out by one", [[1, 1], [0, 0], [0, 0], [1, 1], [1, nobody], [nobody, 0], [1, nobody], [nobody, 1]],
     ([0, 1, nobody], 0.229, 1.0)),
]:
    labels = numpy.array(labels, dtype=float)  # a row a call, a column a person
    table, categories = aggregate_raters(labels)
    kappa = round(float(fleiss_kappa(table)), 3)
    alpha = round(float(krippendorff.alpha(labels.T, level_of_measurement="nominal")), 3)
    print(f"{what}: categories {categories.tolist()}, Fleiss' kappa {kappa}, Krippendorff's alpha {alpha}")
    assert numpy.array_equal(categories, expected[0], equal_nan=True), "changed"
    assert (kappa, alpha) == expected[1:], f"changed: it was {expected[1:]}"
PY
