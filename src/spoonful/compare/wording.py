"""The results of the tests in plain words."""

from collections.abc import Mapping, Sequence

from spoonful.compare.points import Point, Spread, Study
from spoonful.compare.quantities import Quantity
from spoonful.compare.significance import (
    ALONE,
    BETWEEN_POINTS,
    CONSTANT,
    EXCEEDS,
    IDENTICAL,
    NO_PAIR,
    ONE_PAIR,
    WITHIN,
    Difference,
    against_best,
    smallest_visible,
)

_VERDICTS = {
    EXCEEDS: "exceeds {noise}",
    ALONE: "would exceed {noise} as the only comparison",
    WITHIN: "within {noise}",
    NO_PAIR: "no test: no pair in common",
    ONE_PAIR: "no test: one pair alone",
    IDENTICAL: "no test: equal in every pair",
    CONSTANT: "no test: the same difference in every pair, so no noise to compare with",
}
# The noise for a difference: between points that of the seeds alone, between values of an axis also
# how much the effect depends on the other settings.
_SEED_NOISE, _SPREAD = "the seed noise", "the spread of the pairs"
NOTHING = "\N{EN DASH}"
_MAX_NAMED = 6


def verdict_words(difference: Difference) -> str:
    """Return whether a difference holds, or why there is no test."""
    return _VERDICTS[difference.verdict].format(noise=_noise(difference))


def _noise(difference: Difference) -> str:
    return _SEED_NOISE if difference.axis == BETWEEN_POINTS else _SPREAD


def shown_spread(quantity: Quantity, spread: Spread | None) -> str:
    """Write a mean with its deviation, "98.91 ± 0.12"; a dash if there is none."""
    if spread is None:
        return NOTHING
    mean = quantity.shown(spread.mean)
    return mean if spread.sd is None else f"{mean} ± {quantity.shown(spread.sd)}"


def shown_p(value: float | None) -> str:
    """Write a p-value; empty if there was no test."""
    if value is None:
        return ""
    return "< 0.0001" if value < 0.0001 else f"{value:.{4 if value < 0.01 else 3}f}"


def shown_interval(quantity: Quantity, difference: Difference) -> str:
    """Write the confidence interval of a difference; empty if there was no test."""
    if difference.low is None or difference.high is None:
        return ""
    low, high = (quantity.shown(v, signed=True) for v in (difference.low, difference.high))
    return f"{low} to {high}"


def plain_words(
    study: Study, points: Sequence[Difference], axes: Mapping[str, Sequence[Difference]]
) -> list[str]:
    """Return which point is best and which differences hold.

    Args:
        study: the sweep.
        points: result of `point_differences`.
        axes: results of `axis_differences`, by axis.

    Returns:
        Sentences.
    """
    sentences = [_best(study), *_fewer_seeds(study)]
    if not study.axes:
        return [*sentences, "The seed alone was swept: there is nothing to compare."]
    if not points:
        return [*sentences, "There is no other point to compare it with."]
    sentences += _against(study, points, "point")
    for axis, found in axes.items():
        first = f"{study.names[axis]}, over all else: {found[0].b} is best."
        sentences.append(" ".join([first, *_against(study, found, "value")]))
    return sentences


def _best(study: Study) -> str:
    best, target = study.best, study.target
    value = shown_spread(target, best.spread(target))
    return f"Best: {best.label} with {target.name} {value}{target.unit} ({_seeds(best)})."


def _fewer_seeds(study: Study) -> list[str]:
    first = study.ranked[0]
    if first is study.best:
        return []
    value = shown_spread(study.target, first.spread(study.target))
    return [f"{first.label} has {value}{study.target.unit}, but of {_seeds(first)} alone."]


def _seeds(point: Point) -> str:
    return counted_noun(len(point.runs), "seed")


def counted_noun(number: int, noun: str) -> str:
    """Write "1 seed" or "3 seeds"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _against(study: Study, family: Sequence[Difference], noun: str) -> list[str]:
    """Describe how the others compare with the best of a family."""
    found = against_best(family)
    groups = {v: [d for d in found if d.verdict == v] for v in _VERDICTS}

    def named(verdict: str) -> str:
        return _named([_with_mean(study, d) for d in groups[verdict]])

    names = f": {named(EXCEEDS)}" if groups[EXCEEDS] else ""
    who = _how_many(len(groups[EXCEEDS]), len(found), noun)
    sentences = []
    if any(difference.p_value is not None for difference in found):
        sentences.append(f"{who} worse by more than {_noise(found[0])}{names}.")
    if groups[ALONE]:
        it = "it" if len(groups[ALONE]) == 1 else "each"
        start = f"{len(groups[ALONE])} would be if {it} were the only comparison"
        sentences.append(f"{start}: {named(ALONE)}.")
    if groups[WITHIN]:
        sentences.append(f"{len(groups[WITHIN])} cannot be told from the best: {named(WITHIN)}.")
    for verdict in (NO_PAIR, ONE_PAIR, IDENTICAL, CONSTANT):
        if groups[verdict]:
            reason = _VERDICTS[verdict].removeprefix("no test: ")
            start = f"{len(groups[verdict])} could not be tested ({reason})"
            sentences.append(f"{start}: {named(verdict)}.")
    return sentences


def _how_many(count: int, total: int, noun: str) -> str:
    if total == 1:
        return f"The other {noun} is{'' if count else ' not'}"
    if count == total:
        return f"{'Both' if total == 2 else f'All {total}'} other {noun}s are"
    return f"{count or 'None'} of the {total} other {noun}s {'are' if count > 1 else 'is'}"


def _with_mean(study: Study, difference: Difference) -> str:
    if difference.mean is None:
        return difference.a
    mean = study.target.shown(difference.mean, signed=True)
    return f"{difference.a} ({mean}{study.target.unit_of_difference})"


def _named(labels: Sequence[str]) -> str:
    more = len(labels) - _MAX_NAMED
    return ", ".join(labels[:_MAX_NAMED]) + (f" and {more} more" if more > 0 else "")


def point_assumption(study: Study, points: Sequence[Difference], level: float) -> str:
    """State the assumption of the test between points, and the smallest effect it can detect."""
    numbers = sorted({len(point.runs) for point in study.points})
    seeds = " or ".join(map(str, numbers)) + (" seed" if numbers == [1] else " seeds")
    words = (
        "Paired t-test: two points are compared over the seeds that both have, as a seed fixes "
        "weights and order alike in both. Assumption: the differences are independent from seed "
        f"to seed and about normally distributed; {seeds} a point cannot show whether they are. "
        f"The p-values are corrected (Holm) for all {counted_noun(len(points), 'pair')} of "
        "points, as the best one is picked from the same runs; the interval is that of the one "
        "comparison."
    )
    tested = [d for d in points if d.p_value is not None]
    if not tested:
        return words
    most = max(d.num_pairs for d in tested)
    needed = smallest_visible(most, len(tested), level)
    return (
        f"{words} With {most} seeds and {counted_noun(len(tested), 'test')} the first difference "
        f"to pass must be {needed:.2g} times its own standard deviation over the seeds; more seeds "
        "see smaller ones."
    )


AXIS_ASSUMPTION = (
    "Paired t-test: two values are compared over all pairs of runs that are alike in all else, the "
    "seed among it. The difference is the mean effect over the sweep's other values, and the pairs "
    "spread by the seed noise and by how much the effect depends on those values. Assumption: the "
    "differences are independent from pair to pair (those of one seed are not quite) and about "
    "normally distributed. The p-values are corrected (Holm) for all pairs of values of the "
    "axis; the interval is that of the one comparison."
)
