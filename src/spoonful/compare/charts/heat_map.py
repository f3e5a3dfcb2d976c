"""Heat maps: the metric of interest over two axes."""

import math
from itertools import product
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from spoonful.compare.charts.facets import Facet, drawn_facets, value_of
from spoonful.compare.charts.theme import (
    HEAT,
    LINE,
    MUTED,
    TEXT,
    WIDTH,
    Chart,
    finished_chart,
    house_style,
    new_figure,
)
from spoonful.compare.points import Spread, Study
from spoonful.compare.quantities import Quantity
from spoonful.compare.runs import shown_setting

_CELL = (48, 36)  # width and height in px
_AROUND = (72, 60)
_FILLED = (0.94, 0.92)  # share of its space that a cell fills
_LEAST = 1e-5  # a smaller error rate or loss counts as this
_FAINT, _STRONG = 0.05, 0.55  # with more, text on it would be unreadable


def heat_maps(study: Study) -> list[Chart]:
    """Draw the metric of interest over the two axes with the most values; empty without two."""
    if len(study.varied_axes) < 2:
        return []
    spreads = [s for p in study.points if (s := p.spread(study.target)) is not None]
    worths = [_worth(study.target, s.mean) for s in spreads]
    all_facets, more = drawn_facets(study, study.varied_axes[:2])
    return [
        _heat_map(study, facet, f"heat-{number}", (min(worths), max(worths)), more)
        for number, facet in enumerate(all_facets)
    ]


@house_style()
def _heat_map(
    study: Study, facet: Facet, name: str, worths: tuple[float, float], more: str
) -> Chart:
    across, down = study.varied_axes[:2]
    columns, rows = study.values_of(across), study.values_of(down)
    width = max(WIDTH, _AROUND[0] + _CELL[0] * len(columns))
    figure = new_figure(_AROUND[1] + _CELL[1] * len(rows), width)
    axes = figure.add_subplot()
    points = {(value_of(study, p, across), value_of(study, p, down)): p for p in facet.points}
    for (y, row), (x, column) in product(enumerate(rows), enumerate(columns)):
        point = points.get((column, row))
        spread = None if point is None else point.spread(study.target)
        _cell(axes, (x, y), spread, study.target, worths)
        if point is study.best:
            frame = Rectangle(_corner(x, y), *_FILLED, fill=False, edgecolor=TEXT, linewidth=1.6)
            axes.add_patch(frame)
    axes.set_xticks(range(len(columns)), [shown_setting(value) for value in columns])
    axes.set_yticks(range(len(rows)), [shown_setting(value) for value in rows])
    axes.set(xlim=(-0.5, len(columns) - 0.5), ylim=(len(rows) - 0.5, -0.5))
    axes.set_xlabel(study.names[across])
    axes.set_ylabel(study.names[down], rotation_mode="anchor")
    axes.grid(visible=False)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_title(facet.title, fontsize=9, color=MUTED)
    title = study.target.title + (f", {facet.title}" if facet.title else "")
    badness = "loss" if study.target.has_smaller_better else "error rate"
    note = (
        "Mean over the seeds ± one standard deviation; the best point is framed. The colour "
        f"follows the logarithm of the {badness}."
    )
    return finished_chart(figure, name, title, f"{note} {more}".strip())


def _worth(quantity: Quantity, value: float) -> float:
    """Return minus the logarithm of the loss or error rate, which differ by orders of magnitude."""
    badness = value if quantity.has_smaller_better else 1 - value
    return -math.log(max(badness, _LEAST))


def _cell(
    axes: Axes,
    place: tuple[int, int],
    spread: Spread | None,
    quantity: Quantity,
    worths: tuple[float, float],
) -> None:
    """Draw one cell; `worths` are those of the worst and of the best mean of all."""
    x, y = place
    centred: dict[str, Any] = {"ha": "center", "va": "center"}
    if spread is None:
        empty = Rectangle(_corner(x, y), *_FILLED, fill=False, edgecolor=LINE, linestyle="--")
        axes.add_patch(empty)
        axes.text(x, y, "missing", fontsize=8, color=MUTED, **centred)
        return
    low, high = worths
    share = (_worth(quantity, spread.mean) - low) / (high - low) if high > low else 0.0
    strength = _FAINT + share * (_STRONG - _FAINT)
    cell = Rectangle(_corner(x, y), *_FILLED, facecolor=HEAT, alpha=strength, linewidth=0)
    axes.add_patch(cell)
    offset = 0.0 if spread.sd is None else 0.17
    axes.text(x, y - offset, quantity.shown(spread.mean), fontsize=9, **centred)
    if spread.sd is not None:
        axes.text(x, y + offset, f"± {quantity.shown(spread.sd)}", fontsize=8, **centred)


def _corner(x: int, y: int) -> tuple[float, float]:
    return (x - _FILLED[0] / 2, y - _FILLED[1] / 2)
