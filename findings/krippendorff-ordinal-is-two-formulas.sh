#!/usr/bin/env bash
# krippendorff 0.8.1 and irrCAC 0.4.4 (PyPI): Krippendorff's alpha of the same ratings.
#
# One would guess: alpha is one figure once the level of measurement is named; both packages take missing ratings.
# It is so: nominal and interval agree to five digits, with missing ratings too. Ordinal does not: 0.80486 and 0.83310 below.
# krippendorff takes the distance of two categories from how often those between them were used, as Krippendorff defines it (2011,
# "Computing Krippendorff's Alpha-Reliability"); irrCAC puts Gwet's ordinal weights into alpha, which depend on the number of
# categories only. Where all agree on one category, krippendorff raises ValueError and irrCAC ZeroDivisionError.
# It matters: lead scores in bands and 1-5 ratings are ordinal; a threshold such as 0.80 can be passed by one package and missed by
# the other (a last decimal is not what differs), and a figure is only repeatable with the formula named beside it.
#
# Installs the pinned packages into a temporary folder. Fails if this changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python=${PYTHON:-python3}
"$python" -m venv "$work/venv"
"$work/venv/bin/pip" install -q krippendorff==0.8.1 irrCAC==0.4.4
"$work/venv/bin/python" -W ignore - <<'PY'
import krippendorff, numpy, pandas
from irrCAC.raw import CAC

nobody = numpy.nan
ratings = numpy.array([[1, 2, 3, 3, 2, 1, 4, 1, 2, nobody], [1, 2, 3, 3, 2, 2, 4, 1, 2, 5], [nobody, 3, 3, 3, 2, 3, 4, 2, 2, 5]])


def alphas(of, level, weights):
    first = krippendorff.alpha(reliability_data=of, level_of_measurement=level)
    second = CAC(pandas.DataFrame(of.T), weights=weights).krippendorff()["est"]["coefficient_value"]
    return round(float(first), 5), round(float(second), 5)


print("level | krippendorff | irrCAC")
for level, weights, expected in [("nominal", "identity", (0.67526, 0.67526)), ("interval", "quadratic", (0.86210, 0.86210)),
                                 ("ordinal", "ordinal", (0.80486, 0.83310))]:
    seen = alphas(ratings, level, weights)
    print(level, *seen, sep=" | ")
    assert seen == expected, f"changed: it was {expected}"

# By hand, from the definition: squared sum of the uses from one category to the other, less half of both ends.
units = [[int(r) for r in unit if r == r] for unit in ratings.T]
uses = {c: sum(unit.count(c) for unit in units if len(unit) > 1) for c in range(1, 6)}
distance = lambda a, b: (sum(uses[c] for c in range(min(a, b), max(a, b) + 1)) - (uses[a] + uses[b]) / 2) ** 2
n = sum(uses.values())
observed = sum(distance(a, b) / (len(u) - 1) for u in units if len(u) > 1 for i, a in enumerate(u) for j, b in enumerate(u) if i != j)
chance = sum(uses[a] * uses[b] * distance(a, b) for a in uses for b in uses) / (n - 1)
print("by hand:", round(1 - observed / chance, 5))
assert round(1 - observed / chance, 5) == 0.80486

for name, ask in [("krippendorff", lambda one: krippendorff.alpha(one, level_of_measurement="nominal")),
                  ("irrCAC", lambda one: CAC(pandas.DataFrame(one.T)).krippendorff())]:
    try:
        raise SystemExit(f"changed: {name} answers {ask(numpy.array([[1, 1, 1], [1, 1, 1]]))}")
    except (ValueError, ZeroDivisionError) as error:
        print("all the same,", name + ":", repr(error))
PY
