"""Bars: a quantity of each point with its deviation over the seeds."""

from matplotlib.ticker import FuncFormatter, MaxNLocator

from spoonful.compare.charts.labels import short_number
from spoonful.compare.charts.theme import (
    BAR,
    MUTED,
    TEXT,
    Chart,
    finished_chart,
    house_style,
    new_figure,
)
from spoonful.compare.points import Study
from spoonful.compare.quantities import Quantity

_BAR, _AROUND = 19, 62  # height of a bar and of everything else, in px


@house_style()
def bar_chart(study: Study, quantity: Quantity) -> Chart | None:
    """Draw a bar for each point; None if no point has the quantity."""
    known = [(point, point.spread(quantity)) for point in study.points]
    spreads = [(point.short_label, spread) for point, spread in known if spread is not None]
    if not spreads:
        return None
    figure = new_figure(_AROUND + _BAR * len(spreads))
    axes = figure.add_subplot()
    scale = quantity.scale
    for place, (_, spread) in enumerate(spreads):
        mean = spread.mean * scale
        axes.barh(place, mean, height=0.72, color=BAR, alpha=0.6)
        end = mean
        if spread.sd is not None:
            deviation = spread.sd * scale
            axes.errorbar(mean, place, xerr=deviation, color=TEXT, linewidth=1, capsize=2)
            end += deviation
        axes.annotate(
            quantity.shown(spread.mean),
            (end, place),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
        )
    axes.set_yticks(range(len(spreads)), [label for label, _ in spreads])
    axes.set_ylim(len(spreads) - 0.4, -0.6)
    axes.margins(x=0.2)
    axes.set_xlim(left=0)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(quantity.title)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short_number(value)))
    names = " · ".join(study.names[axis] for axis in study.axes)
    axes.set_title(names, fontsize=9, color=MUTED)
    note = "Bars are means over the seeds, whiskers one standard deviation."
    return finished_chart(figure, quantity.name, quantity.title, note)
