"""Which points share a chart, and the series to which each belongs."""

from collections.abc import Sequence
from dataclasses import dataclass

from spoonful.compare.points import Point, Study
from spoonful.compare.runs import Setting, shown_setting

MAX_FACETS = 12


@dataclass(frozen=True)
class Facet:
    """The points of one chart, which are equal in all axes that the chart does not show.

    Attributes:
        title: the values that they have in common; empty if there are none.
        points: in the order of the study.
    """

    title: str
    points: list[Point]


def facets(study: Study, shown: Sequence[str]) -> list[Facet]:
    """Sort the points into charts.

    Args:
        study: the sweep.
        shown: the axes that each chart shows itself.
    """
    rest = [axis for axis in study.axes if axis in study.varied_axes and axis not in shown]
    groups: dict[str, list[Point]] = {}
    for point in study.points:
        title = " ".join(
            f"{study.names[a]}={shown_setting(value_of(study, point, a))}" for a in rest
        )
        groups.setdefault(title, []).append(point)
    return [Facet(title, points) for title, points in groups.items()]


def value_of(study: Study, point: Point, axis: str) -> Setting:
    """Return a point's value of an axis."""
    return point.values[study.axes.index(axis)]


def drawn_facets(study: Study, shown: Sequence[str]) -> tuple[list[Facet], str]:
    """Return the facets that are drawn, and a note if there are more; see `facets`."""
    found = facets(study, shown)
    more = f"The first {MAX_FACETS} of {len(found)} charts; points.csv and runs.csv have all."
    return found[:MAX_FACETS], more if len(found) > MAX_FACETS else ""
