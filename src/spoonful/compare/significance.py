"""Which differences exceed the seed noise: paired t-tests, corrected for their number."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np

from spoonful.compare.points import Study
from spoonful.compare.runs import Setting, shown_setting

EXCEEDS, ALONE, WITHIN = "exceeds", "alone", "within"
NO_PAIR, ONE_PAIR, IDENTICAL, CONSTANT = "no_pair", "one_pair", "identical", "constant"
BETWEEN_POINTS = "point"

# Metrics are float32 numbers: smaller differences count as equal.
_ROUNDING = 1e-6

Measured = Mapping[Any, float]  # by what a pair has in common: seed, other axes' values


@dataclass(frozen=True)
class Difference:
    """How one point, or one value of an axis, differs from another.

    Attributes:
        axis: the axis whose values are compared; BETWEEN_POINTS for whole points.
        a: what is compared.
        b: what it is compared with.
        num_pairs: pairs that both have.
        verdict: EXCEEDS the noise; ALONE: it would as the only comparison; WITHIN it; or why there
            is no test: NO_PAIR, ONE_PAIR, IDENTICAL in every pair, or CONSTANT, the same difference
            in every pair, so there is no noise to test against.
        mean: of a minus b; None without pairs.
        low: lower end of the confidence interval of the mean; None without a test.
        high: its upper end.
        p_value: p-value of this test alone.
        p_holm: p-value corrected for all tests of the family.
    """

    axis: str
    a: str
    b: str
    num_pairs: int
    verdict: str
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    p_holm: float | None = None


def point_differences(study: Study, level: float) -> list[Difference]:
    """Compare every two points, paired over the seeds that both have.

    All pairs are one family, although the report shows only those with the best point: the best
    point is determined from the same runs.

    Args:
        study: the sweep.
        level: probability of an error, such as 0.05, over the whole family.

    Returns:
        One for each pair of points; b is the better. Those with the best point come first.
    """
    ranked = [study.best, *(p for p in study.ranked if p is not study.best)]
    measured = {point.label: point.by_seed(study.target) for point in ranked}
    return _family(BETWEEN_POINTS, measured, level)


def axis_differences(study: Study, axis: str, level: float) -> list[Difference]:
    """Compare every two values of an axis, paired over all other axes' values and seeds.

    Args:
        study: the sweep.
        axis: one of its axes.
        level: as in `point_differences`; each axis is its own family.

    Returns:
        One for each pair of values; b is the better. Those with the best value come first.
    """
    place = study.axes.index(axis)
    measured: dict[Setting, dict[Hashable, float]] = {v: {} for v in study.values_of(axis)}
    for point in study.points:
        rest = (*point.values[:place], *point.values[place + 1 :])
        for seed, value in point.by_seed(study.target).items():
            measured[point.values[place]][rest, seed] = value
    sign = 1 if study.target.has_smaller_better else -1
    shared = set.intersection(*(set(values) for values in measured.values()))

    def mean(value: Setting) -> float:
        known = measured[value]
        return sign * float(np.mean([known[pair] for pair in shared or known]))

    ranked = sorted(measured, key=mean)
    return _family(axis, {shown_setting(value): measured[value] for value in ranked}, level)


def against_best(differences: Sequence[Difference]) -> list[Difference]:
    """Return the comparisons of a family with its best."""
    return [d for d in differences if d.b == differences[0].b] if differences else []


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct p-values for their number (Holm, 1979), in the same order."""
    order = np.argsort(p_values, kind="stable")
    factors = np.arange(len(p_values), 0, -1)
    stepped = np.maximum.accumulate(np.asarray(p_values, dtype=float)[order] * factors)
    corrected = np.empty(len(p_values))
    corrected[order] = np.minimum(stepped, 1.0)
    return [float(p) for p in corrected]


def smallest_visible(num_pairs: int, num_tests: int, level: float) -> float:
    """Return the smallest significant mean difference in its own standard deviations.

    Args:
        num_pairs: pairs of the comparison.
        num_tests: comparisons of the family; this one has the smallest p-value of them.
        level: probability of an error over the family.
    """
    from scipy.stats import t

    return float(t.isf(level / num_tests / 2, num_pairs - 1) / num_pairs**0.5)


def _family(axis: str, measured: Mapping[str, Measured], level: float) -> list[Difference]:
    """Test every pair of measured items, from the best to the worst."""
    pairs: dict[tuple[str, str], tuple[list[float], list[float]]] = {}
    for b, a in combinations(measured, 2):
        shared = [key for key in measured[a] if key in measured[b]]
        pairs[a, b] = ([measured[a][k] for k in shared], [measured[b][k] for k in shared])
    found = {key: _untested(axis, *key, *values) for key, values in pairs.items()}
    waiting = [key for key in pairs if found[key].verdict == WITHIN]
    for size in {len(pairs[key][0]) for key in waiting}:
        of_size = [key for key in waiting if len(pairs[key][0]) == size]
        found |= _tested(found, {key: pairs[key] for key in of_size}, level)
    corrected = holm([found[key].p_value or 0.0 for key in waiting])
    for key, p_holm in zip(waiting, corrected, strict=True):
        alone = ALONE if (found[key].p_value or 0.0) < level else WITHIN
        verdict = EXCEEDS if p_holm < level else alone
        found[key] = replace(found[key], p_holm=p_holm, verdict=verdict)
    return list(found.values())


def _untested(axis: str, a: str, b: str, x: list[float], y: list[float]) -> Difference:
    """Describe a pair; the verdict says why it cannot be tested, or WITHIN."""
    if not x:
        return Difference(axis, a, b, 0, NO_PAIR)
    each = np.subtract(x, y)
    mean = float(each.mean())
    rounding = _ROUNDING * max(map(abs, (*x, *y)))
    if len(x) == 1:
        verdict = ONE_PAIR
    elif float(np.abs(each).max()) <= rounding:
        verdict = IDENTICAL
    else:
        verdict = CONSTANT if float(np.ptp(each)) <= rounding else WITHIN
    return Difference(axis, a, b, len(x), verdict, mean)


def _tested(
    found: Mapping[tuple[str, str], Difference],
    pairs: Mapping[tuple[str, str], tuple[list[float], list[float]]],
    level: float,
) -> dict[tuple[str, str], Difference]:
    """Run the paired t-tests of pairs of equal length."""
    from scipy.stats import ttest_rel

    x, y = (np.array([values[side] for values in pairs.values()]) for side in (0, 1))
    result = ttest_rel(x, y, axis=1)
    interval = result.confidence_interval(1 - level)
    return {
        key: replace(
            found[key],
            p_value=float(result.pvalue[row]),
            low=float(interval.low[row]),
            high=float(interval.high[row]),
        )
        for row, key in enumerate(pairs)
    }
