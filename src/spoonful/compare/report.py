"""The output of a comparison: tables, charts and the page."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from spoonful.compare.charts.theme import standalone_svg
from spoonful.compare.page import all_charts, report_page
from spoonful.compare.points import Study
from spoonful.compare.significance import Difference, axis_differences, point_differences
from spoonful.compare.tables import write_tables
from spoonful.compare.wording import plain_words
from spoonful.record.files import REPORT_NAME

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
    axes: dict[str, Sequence[Difference]]

    def words(self) -> list[str]:
        """Return the findings in plain sentences."""
        return plain_words(self.study, self.points, self.axes)


def findings(study: Study, level: float) -> Findings:
    """Test which differences exceed the seed noise."""
    varied = study.varied_axes
    axes = {axis: axis_differences(study, axis, level) for axis in varied if len(varied) > 1}
    return Findings(study, level, point_differences(study, level), dict(axes))


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
    page = report_page(study, charts, found.points, found.axes, found.level)
    (folder / REPORT_NAME).write_text(page, encoding="utf-8", newline="\n")
