"""Publish a comparison in an experiment's folder: tables and charts in results/, and its README.

The README says where, by the sweep's name (`spoonful.files.tables`).
"""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from spoonful.compare.charts.facets import facets, value_of
from spoonful.compare.points import Point, Study
from spoonful.compare.quantities import Quantity
from spoonful.compare.report import CHARTS_DIR_NAME, Findings
from spoonful.compare.runs import shown_setting
from spoonful.compare.tables import DIFFERENCES_NAME, POINTS_NAME
from spoonful.compare.wording import shown_spread
from spoonful.files.tables import check_place, markdown, put_between
from spoonful.record.metrics import IMAGES_PER_S

README_NAME = "README.md"
RESULTS_DIR_NAME = "results"
_MOST = 4  # charts of one kind


def publish(experiment: Path, comparison: Path, found: Findings) -> None:
    """Write the part of an experiment's folder that belongs to a sweep.

    Args:
        experiment: the folder; has README.md.
        comparison: the folder that `write_report` filled.
        found: the findings that it was filled from.

    Raises:
        SpoonfulError: README.md has no place for the sweep.
    """
    name = found.study.sweep.name
    readme = experiment / README_NAME
    check_place(readme, name)
    results = experiment / RESULTS_DIR_NAME / name
    results.mkdir(parents=True, exist_ok=True)
    for old in results.iterdir():
        old.unlink()
    for table in (POINTS_NAME, DIFFERENCES_NAME):
        shutil.copyfile(comparison / table, results / table)
    charts = _charts(comparison / CHARTS_DIR_NAME)
    for chart in charts:
        shutil.copyfile(chart, results / chart.name)
    shown = [f"{RESULTS_DIR_NAME}/{name}/{chart.name}" for chart in charts]
    put_between(readme, name, _content(found, shown))


def _charts(folder: Path) -> list[Path]:
    """Return the charts to keep in git: only a few of those with one per combination of axes."""
    families: dict[str, list[Path]] = {}
    for chart in sorted(folder.glob("*.svg")):
        families.setdefault(chart.stem.rpartition("-")[0] or chart.stem, []).append(chart)
    return [chart for family in families.values() if len(family) <= _MOST for chart in family]


def _content(found: Findings, charts: Sequence[str]) -> str:
    """Return the tables, their conclusions, and the charts of the metric, as Markdown."""
    study = found.study
    names = (study.target.name, IMAGES_PER_S)
    shown = [quantity for quantity in study.quantities if quantity.name in names]
    parts = [table for quantity in shown for table in _tables(study, quantity)]
    parts.append("\n".join(f"- {sentence}" for sentence in found.words()))
    for title, kind in (("heat map", "heat-"), ("against training time", "time-")):
        own = [chart for chart in charts if chart.rpartition("/")[2].startswith(kind)]
        parts += [f"![{study.metric}, {title}]({chart})" for chart in own]
    return "\n\n".join(parts)


def _tables(study: Study, quantity: Quantity) -> Iterator[str]:
    """Yield a table of a quantity, or if two axes vary, one for each value of the others."""
    if len(study.varied_axes) < 2:
        rows = [[point.label, _cell(point, quantity)] for point in study.ranked]
        yield f"{quantity.title}:\n\n{markdown(('point', 'mean over the seeds'), rows)}"
        return
    across, down = study.varied_axes[:2]
    for facet in facets(study, (across, down)):
        points = {(value_of(study, p, across), value_of(study, p, down)): p for p in facet.points}
        columns, lines = study.values_of(across), study.values_of(down)
        header = [f"{study.names[down]} \\ {study.names[across]}", *map(shown_setting, columns)]
        rows = [
            [shown_setting(line), *(_cell(points.get((c, line)), quantity) for c in columns)]
            for line in lines
        ]
        title = ", ".join(filter(None, (quantity.title, facet.title)))
        yield f"{title}:\n\n{markdown(header, rows)}"


def _cell(point: Point | None, quantity: Quantity) -> str:
    return "" if point is None else shown_spread(quantity, point.spread(quantity))
