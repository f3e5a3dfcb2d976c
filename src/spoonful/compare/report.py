"""The output of a comparison: tables, charts, and one page that loads nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spoonful.compare.charts.bars import bar_chart
from spoonful.compare.charts.curves import loss_curves
from spoonful.compare.charts.heat_map import heat_maps
from spoonful.compare.charts.theme import Chart, standalone_svg
from spoonful.compare.charts.time_chart import time_charts
from spoonful.compare.points import Study
from spoonful.compare.runs import SEED, shown_setting
from spoonful.compare.significance import (
    Difference,
    against_best,
    axis_differences,
    point_differences,
)
from spoonful.compare.tables import write_tables
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
from spoonful.record.files import REPORT_NAME
from spoonful.record.metrics import IMAGES_PER_S, PEAK_RSS_MB

CHARTS_DIR_NAME = "charts"


@dataclass(frozen=True)
class Findings:
    """The results of the tests.

    Attributes:
        study: the sweep.
        level: the requested probability of an error.
        points: how the points differ.
        axes: how the values of each axis differ; empty without two axes.
    """

    study: Study
    level: float
    points: Sequence[Difference]
    axes: Mapping[str, Sequence[Difference]]

    def words(self) -> list[str]:
        """Return the findings in plain sentences."""
        return plain_words(self.study, self.points, self.axes)


def findings(study: Study, level: float) -> Findings:
    """Test which differences exceed the seed noise."""
    varied = study.varied_axes
    axes = {axis: axis_differences(study, axis, level) for axis in varied if len(varied) > 1}
    return Findings(study, level, point_differences(study, level), axes)


def all_charts(study: Study) -> dict[str, list[Chart]]:
    """Draw every chart that has something to show, by its heading."""
    bars = [bar_chart(study, q) for q in study.quantities if q.name in (IMAGES_PER_S, PEAK_RSS_MB)]
    groups = {
        study.metric: [*time_charts(study), *heat_maps(study)],
        **loss_curves(study),
        "Speed and memory": [chart for chart in bars if chart is not None],
    }
    return {heading: charts for heading, charts in groups.items() if charts}


def write_report(folder: Path, found: Findings) -> None:
    """Write the tables, the charts and the page.

    Args:
        folder: exists and is empty.
        found: results of the tests.
    """
    study = found.study
    of_axes = [difference for family in found.axes.values() for difference in family]
    write_tables(folder, study, [*found.points, *of_axes])
    charts = all_charts(study)
    (folder / CHARTS_DIR_NAME).mkdir()
    for group in charts.values():
        for chart in group:
            path = folder / CHARTS_DIR_NAME / f"{chart.name}.svg"
            path.write_text(standalone_svg(chart), encoding="utf-8", newline="\n")
    (folder / REPORT_NAME).write_text(_page(found, charts), encoding="utf-8", newline="\n")


def _page(found: Findings, charts: Mapping[str, Sequence[Chart]]) -> str:
    study, points, level = found.study, found.points, found.level
    lost = [missing for missing in study.missing if not missing.is_pruned]
    pruned = [missing for missing in study.missing if missing.is_pruned]
    words = (shown_interval, shown_p, shown_setting, shown_spread, verdict_words)
    return page(
        "sweep.html",
        title=f"Sweep {study.sweep.name}",
        study=study,
        sweep=study.sweep,
        results=_results(study),
        words=found.words(),
        missing=[("Without a result", lost, study.num_unknown), ("Pruned by the sweep", pruned, 0)],
        charts=charts,
        points=_family(study, points, level) if points else None,
        axes={axis: _family(study, family, level) for axis, family in found.axes.items()},
        assumption=point_assumption(study, points, level) if points else "",
        axis_assumption=AXIS_ASSUMPTION,
        level=level,
        axis_names=[study.names[axis] for axis in study.axes],
        seed=SEED,
        counted=study.counted,
        nothing=NOTHING,
        **{function.__name__: function for function in words},
    )


def _family(study: Study, family: Sequence[Difference], level: float) -> dict[str, Any]:
    """Return the table of the differences from the best of a family."""
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
    return {"header": header, "found": found}


def _results(study: Study) -> str:
    """Return how many trainings count, and how many were repeated."""
    *fewer, most = sorted({len(point.runs) for point in study.points})
    num = study.num_repeats
    again = f" ({num} {'was' if num == 1 else 'were'} done again: the newest counts)" if num else ""
    seeds = f"{' or '.join(map(str, fewer))}{' or ' if fewer else ''}{counted_noun(most, 'seed')}"
    trainings = (
        f"{len(study.counted)} of {study.sweep.num_points or len(study.sweep.runs)} trainings"
    )
    return f"{trainings}{again}, in {counted_noun(len(study.points), 'point')} of {seeds}"
