"""One bar chart a case: medians, with lowest and highest as whiskers."""

from collections.abc import Sequence
from pathlib import Path

from cases import CASES, OURS, Case
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from tables import Row, read_rows, shown

_OURS_COLOUR = "#d1495b"
_PEER_COLOUR = "#8d99ae"
_LOGARITHMIC_FROM = 30  # a bar of a thirtieth can no longer be compared by eye


def write_figures(results: Path) -> None:
    """Draw each case that has been measured and compares several."""
    rows = read_rows(results)
    for case in CASES:
        own = [row for row in rows if row.case == case.name]
        if len(own) > 1:
            figure = _bars(case, own)
            FigureCanvasAgg(figure)
            figure.savefig(results / f"{case.name}.png", dpi=100, metadata={"Software": None})


def _bars(case: Case, rows: Sequence[Row]) -> Figure:
    figure = Figure(figsize=(8, 1.1 + 0.36 * len(rows)), layout="constrained")
    axes = figure.add_subplot()
    medians = [row.median for row in rows]
    whiskers = [
        [row.median - row.lowest for row in rows],
        [row.highest - row.median for row in rows],
    ]
    colours = [_OURS_COLOUR if _is_ours(case, row) else _PEER_COLOUR for row in rows]
    places = range(len(rows))
    axes.barh(places, medians, xerr=whiskers, color=colours, ecolor="#444444", capsize=2)
    for place, row in zip(places, rows, strict=True):
        axes.annotate(
            shown(row.median),
            (row.highest, place),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
        )
    axes.set_yticks(places, [row.contender for row in rows])
    axes.invert_yaxis()
    axes.set_title(case.title, fontsize=10)
    logarithmic = max(medians) > _LOGARITHMIC_FROM * min(medians)
    if logarithmic:
        axes.set_xscale("log")
    else:
        axes.set_xlim(0, 1.15 * max(row.highest for row in rows))
    axes.margins(x=0.15)
    axes.set_xlabel(f"{case.unit}, logarithmic scale" if logarithmic else case.unit)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _is_ours(case: Case, row: Row) -> bool:
    return row.contender.startswith(OURS) or case.contenders[0].name == row.contender
