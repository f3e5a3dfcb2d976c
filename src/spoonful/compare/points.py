"""The points of a sweep: runs that differ only in their seed, and what they have in common."""

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

from spoonful.compare.quantities import Quantity, quantities
from spoonful.compare.runs import SEED, PointRun, Setting, SweepRuns, shown_setting

Values = tuple[Setting, ...]
ALL_SEEDS = "all seeds"


@dataclass(frozen=True)
class Spread:
    """Values over seeds: their mean, and their sample standard deviation (None: one value)."""

    mean: float
    sd: float | None
    num: int
    low: float
    high: float


def spread(values: Iterable[float]) -> Spread | None:
    """Summarise finite values; None if there are none."""
    known = [value for value in values if math.isfinite(value)]
    if not known:
        return None
    sd = statistics.stdev(known) if len(known) > 1 else None
    return Spread(statistics.fmean(known), sd, len(known), min(known), max(known))


@dataclass(frozen=True)
class Point:
    """Runs that differ only in their seed.

    Attributes:
        values: values of the axes without the seed.
        label: the values with their axes' names.
        runs: the run that counts, by seed.
    """

    values: Values
    label: str
    runs: dict[Setting, PointRun]

    @property
    def short_label(self) -> str:
        """The values without their axes' names."""
        return " · ".join(map(shown_setting, self.values)) or ALL_SEEDS

    def by_seed(self, quantity: Quantity) -> dict[Setting, float]:
        """Return a quantity for each seed that has it."""
        read = {seed: quantity.of(run) for seed, run in self.runs.items()}
        return {seed: value for seed, value in read.items() if value is not None}

    def spread(self, quantity: Quantity) -> Spread | None:
        """Return mean and deviation of a quantity over the seeds; None if no run has it."""
        return spread(self.by_seed(quantity).values())


@dataclass(frozen=True)
class Missing:
    """A point and seed without a result.

    Attributes:
        label: the point.
        seed: the seed.
        reason: the reason, such as "FAILED" or "never began".
        run: the newest run of it, if any began.
    """

    label: str
    seed: Setting
    reason: str
    run: PointRun | None = None

    @property
    def is_pruned(self) -> bool:
        """Whether the sweep itself ended it; this is not a failure."""
        return self.run is not None and self.run.pruned_after is not None

    @property
    def words(self) -> str:
        """The point and seed, and the reason."""
        point = " ".join(filter(None, (self.label, f"{SEED}={shown_setting(self.seed)}")))
        return f"{point}: {self.reason}"


@dataclass(frozen=True)
class Study:
    """A sweep's runs, by point.

    Attributes:
        sweep: as it was recorded.
        axes: the swept keys without the seed.
        points: those with a result, by their values.
        missing: points and seeds without one.
        num_unknown: trainings without a result whose values are unknown.
        num_repeats: finished trainings replaced by a newer one of the same point and seed; not
            counted.
    """

    sweep: SweepRuns
    axes: tuple[str, ...]
    points: tuple[Point, ...]
    missing: tuple[Missing, ...]
    num_unknown: int
    num_repeats: int

    @property
    def metric(self) -> str:
        """The name of the metric of interest."""
        return self.sweep.score.metric

    @cached_property
    def quantities(self) -> tuple[Quantity, ...]:
        """Quantities that at least one run recorded; the metric of interest is first."""
        known = quantities(self.sweep.score)
        return tuple(q for q in known if any(point.by_seed(q) for point in self.points))

    @property
    def target(self) -> Quantity:
        """The metric of interest."""
        return quantities(self.sweep.score)[0]

    @cached_property
    def ranked(self) -> list[Point]:
        """The points from the best to the worst mean of the metric of interest."""
        sign = 1 if self.target.has_smaller_better else -1
        means = {p.label: statistics.fmean(p.by_seed(self.target).values()) for p in self.points}
        return sorted(self.points, key=lambda point: sign * means[point.label])

    @cached_property
    def best(self) -> Point:
        """The point with the best mean among those with the most seeds."""
        most = max(len(point.runs) for point in self.points)
        return next(point for point in self.ranked if len(point.runs) == most)

    @cached_property
    def counted(self) -> set[str]:
        """The ids of the runs that count."""
        return {run.run_id for point in self.points for run in point.runs.values()}

    @cached_property
    def names(self) -> dict[str, str]:
        """A short name of each axis."""
        return short_names(self.axes)

    def values_of(self, axis: str) -> list[Setting]:
        """Return the values of an axis, in order."""
        place = self.axes.index(axis)
        return sorted({point.values[place] for point in self.points}, key=_rank)

    @cached_property
    def varied_axes(self) -> list[str]:
        """The axes with several values, those with the most values first."""
        varied = [axis for axis in self.axes if len(self.values_of(axis)) > 1]
        return sorted(varied, key=lambda axis: -len(self.values_of(axis)))


def group_by_point(sweep: SweepRuns) -> Study:
    """Sort a sweep's runs into points; the newest finished run of a point and seed counts."""
    axes = tuple(axis for axis in sweep.axes if axis != SEED)
    names = short_names(axes)
    target = quantities(sweep.score)[0]
    counted: dict[Values, dict[Setting, PointRun]] = {}
    missing = []
    tried: dict[tuple[Values, Setting], list[PointRun]] = {}
    for run in sorted(sweep.runs, key=lambda run: run.started):
        tried.setdefault((_values(run, axes), run.setting(SEED)), []).append(run)
    for values, seed in sorted(tried, key=lambda key: _ranks((*key[0], key[1]))):
        runs = tried[values, seed]
        newest = next((run for run in reversed(runs) if run.is_finished), runs[-1])
        reason = _why_missing(newest, target)
        if reason is None:
            counted.setdefault(values, {})[seed] = newest
        else:
            missing.append(Missing(_label(names, values), seed, reason, newest))
    # A random search may choose a point twice.
    num_ended = sum(max(1, sum(run.is_finished for run in runs)) for runs in tried.values())
    num_left = max(0, (sweep.num_points or 0) - num_ended)
    never = _never_began(tried, num_left)
    missing += [Missing(_label(names, values), seed, "never began") for values, seed in never]
    return Study(
        sweep=sweep,
        axes=axes,
        points=tuple(
            Point(values, _label(names, values) or ALL_SEEDS, runs)
            for values, runs in counted.items()
        ),
        missing=tuple(missing),
        num_unknown=num_left - len(never),
        num_repeats=num_ended - len(tried),
    )


def short_names(axes: Sequence[str]) -> dict[str, str]:
    """Return the last part of each key, or the whole key if two would be the same."""
    last = {axis: axis.replace("/", ".").rpartition(".")[2] for axis in axes}
    names = list(last.values())
    return {axis: name if names.count(name) == 1 else axis for axis, name in last.items()}


def _label(names: dict[str, str], values: Values) -> str:
    """Write a point as "batch_size=16 shuffle=full"."""
    pairs = zip(names.values(), values, strict=True)
    return " ".join(f"{name}={shown_setting(value)}" for name, value in pairs)


def _values(run: PointRun, axes: tuple[str, ...]) -> Values:
    return tuple(run.setting(axis) for axis in axes)


def _why_missing(run: PointRun, target: Quantity) -> str | None:
    if run.pruned_after is not None:
        return f"pruned after epoch {run.pruned_after}"
    if not run.is_finished:
        return run.status
    if target.of(run) is None:
        is_there = target.read(run) is not None
        return f"{target.name} is {'not finite' if is_there else 'not recorded'}"
    return None


def _never_began(
    tried: Iterable[tuple[Values, Setting]], num_left: int
) -> list[tuple[Values, Setting]]:
    """Return the points of the grid without a known run, if the sweep has trainings left.

    The values that were seen may be incomplete, and the points of a random search are not a grid:
    only points that the sweep certainly had are named.
    """
    seen = {(*values, seed) for values, seed in tried}
    columns = [sorted(set(column), key=_rank) for column in zip(*seen, strict=True)]
    if not seen or math.prod(map(len, columns)) - len(seen) > num_left:
        return []
    grid = sorted(set(product(*columns)) - seen, key=_ranks)
    return [(point[:-1], point[-1]) for point in grid]


def _ranks(values: Values) -> list[tuple[int, float, str]]:
    return [_rank(value) for value in values]


def _rank(value: Setting) -> tuple[int, float, str]:
    """Order numbers by size, then words alphabetically."""
    if isinstance(value, (int, float)):
        return (0, float(value), "")
    return (1, 0.0, shown_setting(value))
