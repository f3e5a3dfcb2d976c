"""The report: one page that opens from disk, without network or scripts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spoonful.compare.charts.bars import bar_chart
from spoonful.compare.charts.curves import loss_curves
from spoonful.compare.charts.heat_map import heat_maps
from spoonful.compare.charts.theme import Chart
from spoonful.compare.charts.time_chart import time_charts
from spoonful.compare.points import Missing, Study
from spoonful.compare.runs import SEED, shown_setting
from spoonful.compare.significance import Difference, against_best
from spoonful.compare.wording import (
    AXIS_ASSUMPTION,
    NOTHING,
    counted_noun,
    plain_words,
    point_assumption,
    shown_interval,
    shown_p,
    shown_spread,
    verdict_words,
)
from spoonful.pages import page
from spoonful.record.metrics import IMAGES_PER_S, PEAK_RSS_MB

Charts = Mapping[str, Sequence[Chart]]
AxisDifferences = Mapping[str, Sequence[Difference]]


def all_charts(study: Study) -> dict[str, list[Chart]]:
    """Draw every chart that has something to show, by its heading."""
    bars = [bar_chart(study, q) for q in study.quantities if q.name in (IMAGES_PER_S, PEAK_RSS_MB)]
    groups = {
        study.metric: [*time_charts(study), *heat_maps(study)],
        **{group.heading: group.charts for group in loss_curves(study)},
        "Speed and memory": [chart for chart in bars if chart is not None],
    }
    return {heading: charts for heading, charts in groups.items() if charts}


def report_page(
    study: Study,
    charts: Charts,
    points: Sequence[Difference],
    axes: AxisDifferences,
    level: float,
) -> str:
    """Return the page.

    Args:
        study: the sweep.
        charts: result of `all_charts`.
        points: how the points differ.
        axes: how the values of each axis differ.
        level: the probability of an error of the tests.
    """
    return page(
        "sweep.html",
        title=f"Sweep {study.sweep.name}",
        study=study,
        sweep=study.sweep,
        results=_results(study),
        words=plain_words(study, points, axes),
        missing=_missing(study),
        charts=charts,
        points=_family(study, points, level) if points else None,
        axes={axis: _family(study, found, level) for axis, found in axes.items()},
        assumption=point_assumption(study, points, level) if points else "",
        axis_assumption=AXIS_ASSUMPTION,
        level=level,
        axis_names=[study.names[axis] for axis in study.axes],
        seed=SEED,
        counted={run.run_id for point in study.points for run in point.runs.values()},
        nothing=NOTHING,
        **{words.__name__: words for words in _WORDS},
    )


_WORDS = (shown_interval, shown_p, shown_setting, shown_spread, verdict_words)


@dataclass(frozen=True)
class _Family:
    """Differences that are tested together.

    Attributes:
        header: header of their table.
        found: results against the best.
    """

    header: list[str]
    found: Sequence[Difference]


def _family(study: Study, family: Sequence[Difference], level: float) -> _Family:
    found = against_best(family)
    unit = study.target.unit_of_difference.strip()
    header = [
        f"against {found[0].b}",
        f"difference{f', {unit}' if unit else ''}",
        "verdict",
        f"{1 - level:.0%} interval",
        "pairs",
        "p",
        "p, corrected",
    ]
    return _Family(header, found)


def _results(study: Study) -> str:
    """Return how many trainings count, and how many were repeated."""
    counted = sum(len(point.runs) for point in study.points)
    *fewer, most = sorted({len(point.runs) for point in study.points})
    num = study.num_repeats
    again = f" ({num} {'was' if num == 1 else 'were'} done again: the newest counts)" if num else ""
    seeds = f"{' or '.join(map(str, fewer))}{' or ' if fewer else ''}{counted_noun(most, 'seed')}"
    return (
        f"{counted} of {study.sweep.num_points or len(study.sweep.runs)} trainings{again}, in "
        f"{counted_noun(len(study.points), 'point')} of {seeds}"
    )


@dataclass(frozen=True)
class _Group:
    """Points without a result.

    Attributes:
        title: the reason.
        found: the known points.
        num_unknown: number of further points.
    """

    title: str
    found: list[Missing]
    num_unknown: int = 0

    @property
    def count(self) -> int:
        return len(self.found) + self.num_unknown


def _missing(study: Study) -> list[_Group]:
    lost = [missing for missing in study.missing if not missing.is_pruned]
    pruned = [missing for missing in study.missing if missing.is_pruned]
    groups = (
        _Group("Without a result", lost, study.num_unknown),
        _Group("Pruned by the sweep", pruned),
    )
    return [group for group in groups if group.count]
