"""The metric of interest against training time."""

from collections.abc import Iterator
from dataclasses import dataclass

from matplotlib.axes import Axes

from spoonful.compare.charts.facets import drawn_facets, value_of
from spoonful.compare.charts.labels import draw_legend, legend_height, place_labels, set_power_scale
from spoonful.compare.charts.theme import (
    MUTED,
    Chart,
    finished_chart,
    house_style,
    new_figure,
    series_style,
)
from spoonful.compare.points import Point, Spread, Study
from spoonful.compare.quantities import Quantity
from spoonful.compare.runs import shown_setting
from spoonful.record.metrics import TRAIN_TIME_S

_HEIGHT = 290
_FEWEST, _ROOM = 3, 4  # points of a better half, and the ratio of ranges
_WIDE_RANGE = 8  # ratio of largest to smallest for a logarithmic scale


@dataclass(frozen=True)
class _Mark:
    """A point of the sweep in the chart: time and metric in display units."""

    label: str
    time: Spread
    metric: Spread
    runs: list[tuple[float, float]]


def time_charts(study: Study) -> list[Chart]:
    """Draw each point's metric against its training time; empty if no time was recorded.

    The axis with the most values gives the labels along a line, the next one the lines, and each
    value of the others its own chart. If a few bad points compress the others, a second chart shows
    only the better half.
    """
    time = next((q for q in study.quantities if q.name == TRAIN_TIME_S), None)
    if time is None:
        return []
    charts = []
    all_facets, more = drawn_facets(study, study.varied_axes[:2])
    for number, facet in enumerate(all_facets):
        views = [("", facet.points), ("the better half", _better_half(study, facet.points))]
        for part, points in views:
            name = f"time-{number}{'-better' if part else ''}"
            titles = (f"{study.metric} against training time", facet.title, part)
            chart = _time_chart(study, time, points, name, ", ".join(filter(None, titles)), more)
            charts += [] if chart is None else [chart]
    return charts


def _better_half(study: Study, points: list[Point]) -> list[Point]:
    """Return the better half of the points if all need a much larger range; else nothing."""
    better = [point for point in study.ranked if point in points][: (len(points) + 1) // 2]
    means = [s.mean for p in points if (s := p.spread(study.target)) is not None]
    close = [s.mean for p in better if (s := p.spread(study.target)) is not None]
    if len(better) < _FEWEST or max(means) - min(means) <= _ROOM * (max(close) - min(close)):
        return []
    return [point for point in points if point in better]


@house_style()
def _time_chart(
    study: Study, time: Quantity, points: list[Point], name: str, title: str, more: str
) -> Chart | None:
    series = [
        (words, number, marks)
        for words, number, members in _series(study, points)
        if (marks := list(_marks(study, time, members)))
    ]
    if not series:
        return None
    has_legend = len(study.varied_axes) > 1
    titles = [words for words, _, _ in series]
    figure = new_figure(_HEIGHT + (legend_height(titles) if has_legend else 0))
    axes = figure.add_subplot()
    for words, number, marks in series:
        _draw(axes, marks, words, number)
    all_marks = [mark for _, _, marks in series for mark in marks]
    _set_time_axis(axes, [mark.time.mean for mark in all_marks])
    axes.set_xlabel(time.title)
    axes.set_title(study.target.title, fontsize=9, color=MUTED)
    axes.margins(0.1)
    if has_legend:
        draw_legend(figure, study.names[study.varied_axes[1]], titles)
    places = [(mark.time.mean, mark.metric.mean) for mark in all_marks]
    place_labels(figure, axes, places, [mark.label for mark in all_marks])
    return finished_chart(figure, name, title, f"{_note(study)} {more}".rstrip())


def _note(study: Study) -> str:
    better = "down" if study.target.has_smaller_better else "up"
    labels = f" Labels: {study.names[study.varied_axes[0]]}." if study.varied_axes else ""
    return (
        "A marker is the mean of a point's seeds, its bars are one standard deviation, faint dots "
        f"are single runs.{labels} Better is {better} and to the left."
    )


def _series(study: Study, points: list[Point]) -> Iterator[tuple[str, int, list[Point]]]:
    """Yield title, number and points of each line; the numbers are the same in all charts."""
    if len(study.varied_axes) < 2:
        yield "", 0, points
        return
    axis = study.varied_axes[1]
    for number, value in enumerate(study.values_of(axis)):
        members = [point for point in points if value_of(study, point, axis) == value]
        yield shown_setting(value), number, members


def _marks(study: Study, time: Quantity, points: list[Point]) -> Iterator[_Mark]:
    axis = study.varied_axes[0] if study.varied_axes else None
    for point in points:
        seconds, metric = point.spread(time), point.spread(study.target)
        if seconds is None or metric is None:
            continue
        times, values = point.by_seed(time), point.by_seed(study.target)
        yield _Mark(
            shown_setting(value_of(study, point, axis)) if axis else point.short_label,
            scaled(seconds, time.scale),
            scaled(metric, study.target.scale),
            [(times[s], values[s] * study.target.scale) for s in times if s in values],
        )


def scaled(spread: Spread, scale: float) -> Spread:
    """Return a spread in the unit for display."""
    sd = None if spread.sd is None else spread.sd * scale
    return Spread(spread.mean * scale, sd, spread.num, spread.low * scale, spread.high * scale)


def _draw(axes: Axes, marks: list[_Mark], title: str, number: int) -> None:
    style = series_style(number)
    times, values = [m.time.mean for m in marks], [m.metric.mean for m in marks]
    for mark in marks:
        axes.errorbar(
            mark.time.mean,
            mark.metric.mean,
            xerr=mark.time.sd,
            yerr=mark.metric.sd,
            color=style["color"],
            linewidth=1,
            alpha=0.7,
        )
        dots = list(zip(*mark.runs, strict=True))
        axes.plot(*dots, "o", color=style["color"], alpha=0.5, markersize=2.5, markeredgewidth=0)
    axes.plot(times, values, **{**style, "linewidth": 0.8}, label=title)


def _set_time_axis(axes: Axes, times: list[float]) -> None:
    if min(times) > 0 and max(times) / min(times) >= _WIDE_RANGE:
        axes.set_xscale("log")
        set_power_scale(axes.xaxis)
