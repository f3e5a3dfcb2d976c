"""Readable ticks and labels: plain numbers, and text that does not cover other elements."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

from spoonful.compare.charts.theme import WIDTH

Box = tuple[float, float, float, float]  # left, bottom, right, top in px

# Possible offsets of a label from its point, in px: the one that covers least is used.
_PLACES = ((6, 3), (6, -11), (-6, 3), (-6, -11), (0, 8), (0, -16), (10, 12), (-10, 12))
_LEGEND_ROW, _LEGEND_LINE = 16, 48  # height of a row, and width of a line with its margin
_LETTER_WIDTH, _LETTER_HEIGHT = 5.6, 9.0
_MAX_COVERED = 0.1  # of a label's area; with more the label is left out
_MARKER = 4.0  # from its centre to its edge


def legend_height(titles: Sequence[str]) -> float:
    """Return the height in px of a legend under a chart, whose lines have these titles."""
    return _LEGEND_ROW * (1 + -(-len(titles) // _num_columns(titles)))


def draw_legend(figure: Figure, axis: str, titles: Sequence[str]) -> None:
    """Draw a legend under a chart: the name of an axis, and its values beside their lines."""
    columns = _num_columns(titles)
    figure.legend(loc="outside lower center", title=axis, title_fontsize=9, ncols=columns)


def _num_columns(titles: Sequence[str]) -> int:
    widest = _LEGEND_LINE + _LETTER_WIDTH * max(map(len, titles))
    return max(1, min(len(titles), int(WIDTH // widest)))


def set_power_scale(axis: Axis) -> None:
    """Mark a logarithmic axis with plain numbers: 1, 2, 5, 10."""
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=8))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())


def short_number(value: float) -> str:
    """Write a large number with k or M."""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def place_labels(
    figure: Figure, axes: Axes, points: Sequence[tuple[float, float]], labels: Sequence[str]
) -> None:
    """Write a label beside each point with enough space.

    Args:
        figure: laid out again, so that its pixels are known; labels do not change the layout.
        axes: the axes of the points.
        points: x and y of each, in data coordinates.
        labels: one per point.
    """
    figure.draw_without_rendering()
    spots = [tuple(map(float, axes.transData.transform(point))) for point in points]
    scale = figure.dpi / 72
    taken = [_around(x / scale, y / scale) for x, y in spots]
    for point, (x, y), label in zip(points, spots, labels, strict=True):
        own = _around(x / scale, y / scale)
        candidates = [(place, _box(x / scale, y / scale, place, label)) for place in _PLACES]
        costs = [
            sum(_shared(box, other) for other in taken if other != own) for _, box in candidates
        ]
        place, box = candidates[costs.index(min(costs))]
        if min(costs) > _MAX_COVERED * (box[2] - box[0]) * (box[3] - box[1]):
            continue
        taken.append(box)
        label_text = axes.annotate(
            label,
            point,
            xytext=place,
            textcoords="offset points",
            ha={1: "left", 0: "center", -1: "right"}[(place[0] > 0) - (place[0] < 0)],
            fontsize=9,
        )
        label_text.set_in_layout(False)


def _around(x: float, y: float) -> Box:
    return (x - _MARKER, y - _MARKER, x + _MARKER, y + _MARKER)


def _box(x: float, y: float, place: tuple[int, int], label: str) -> Box:
    width = _LETTER_WIDTH * len(label)
    left = x + place[0] - (0 if place[0] > 0 else width if place[0] < 0 else width / 2)
    bottom = y + place[1]
    return (left, bottom, left + width, bottom + _LETTER_HEIGHT)


def _shared(a: Box, b: Box) -> float:
    """The area that two boxes share, in px²."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return max(0.0, width) * max(0.0, height)
