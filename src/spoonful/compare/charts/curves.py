"""Loss over the epochs, one line per value of an axis, with bands over the seeds."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from spoonful.compare.charts.facets import Facet, drawn_facets, value_of
from spoonful.compare.charts.labels import draw_legend, legend_height, set_power_scale, short_number
from spoonful.compare.charts.theme import (
    MUTED,
    Chart,
    finished_chart,
    house_style,
    new_figure,
    series_style,
)
from spoonful.compare.points import Point, Spread, Study, spread
from spoonful.compare.runs import PointRun, shown_setting
from spoonful.record.metrics import IMAGES_SEEN, LOSS, VAL_METRICS

LOSSES = {LOSS: "training loss", f"{VAL_METRICS}{LOSS}": "validation loss"}
EPOCHS, IMAGES = "epoch", "images seen"
_OVER = {EPOCHS: "over epochs", IMAGES: "over images seen"}
_HEIGHT = 230
_WIDE_RANGE = 20  # ratio of largest to smallest for a logarithmic scale
_SAME = 0.01  # images per epoch that differ by less share a scale with the epochs
_FEW_EPOCHS = 25  # with more, markers would cover the line
_MIN_SEEDS_FOR_SD = 3


@dataclass(frozen=True)
class _Scales:
    """Shared by all charts of a loss: its range, and the images per epoch if always the same."""

    low: float
    high: float
    images_per_epoch: float | None


def loss_curves(study: Study) -> dict[str, list[Chart]]:
    """Draw both losses over the epochs, by each axis with several values; return them by heading.

    If an epoch has the same number of images in all runs, the same chart shows the images seen;
    otherwise there is a second chart.
    """
    groups = {}
    axes: list[str | None] = [*study.varied_axes] or [None]
    for axis in axes:
        all_facets, more = drawn_facets(study, [] if axis is None else [axis])
        groups[f"Loss by {study.names[axis]}" if axis else "Loss"] = [
            chart
            for number, facet in enumerate(all_facets)
            for chart in _of_facet(study, axis, facet, number, more)
        ]
    return groups


def _of_facet(study: Study, axis: str | None, facet: Facet, number: int, more: str) -> list[Chart]:
    charts = []
    for loss in LOSSES:
        scales = _scales(study, loss)
        if scales is None:
            continue
        has_images = any(run.epochs(IMAGES_SEEN) for run in _runs(study.points))
        for x in (EPOCHS, IMAGES) if has_images and scales.images_per_epoch is None else (EPOCHS,):
            place = 0 if axis is None else study.axes.index(axis)
            name = f"{loss.replace('_', '-')}-{x.split()[0]}-{place}-{number}"
            chart = _curve_chart(study, axis, facet, (loss, x), scales, (name, more))
            charts += [] if chart is None else [chart]
    return charts


@house_style()
def _curve_chart(
    study: Study,
    axis: str | None,
    facet: Facet,
    what: tuple[str, str],
    scales: _Scales,
    words: tuple[str, str],
) -> Chart | None:
    """Draw one loss over epochs or images; None if no point of the facet recorded it."""
    loss, x = what
    lines = [(point, line) for point in facet.points if (line := _line(point, loss, x))]
    if not lines:
        return None
    titles = [_series(study, axis, point)[0] for point, _ in lines]
    figure = new_figure(_HEIGHT + (0 if axis is None else legend_height(titles)))
    axes = figure.add_subplot()
    for point, line in lines:
        _draw(axes, *_series(study, axis, point), line)
    _set_axes(axes, x, scales)
    axes.set_title(LOSSES[loss], fontsize=9, color=MUTED)
    if axis is not None:
        draw_legend(figure, study.names[axis], titles)
    title = ", ".join(part for part in (LOSSES[loss], facet.title, _OVER[x]) if part)
    return finished_chart(figure, words[0], title, words[1])


def _series(study: Study, axis: str | None, point: Point) -> tuple[str, int]:
    """Return the title and the number of a point's line, the same in all charts."""
    if axis is None:
        return point.label, 0
    value = value_of(study, point, axis)
    return shown_setting(value), study.values_of(axis).index(value)


def _line(point: Point, loss: str, x: str) -> list[tuple[float, Spread]]:
    """Return a point's loss over its seeds at each epoch that at least one of them reached."""
    runs = list(point.runs.values())
    epochs = sorted({epoch for run in runs for epoch in run.metrics.get(loss, {})})
    line = []
    for epoch in epochs:
        values = spread(run.metrics.get(loss, {}).get(epoch, math.nan) for run in runs)
        place = epoch if x == EPOCHS else _images_at(runs, epoch)
        if values is not None and place is not None:
            line.append((float(place), values))
    return line


def _images_at(runs: Sequence[PointRun], epoch: int) -> float | None:
    seen = [run.metrics.get(IMAGES_SEEN, {}).get(epoch) for run in runs]
    return statistics.fmean(known) if (known := [n for n in seen if n is not None]) else None


def _draw(axes: Axes, title: str, number: int, line: list[tuple[float, Spread]]) -> None:
    style = series_style(number)
    if len(line) > _FEW_EPOCHS:
        style["markevery"] = -(-len(line) // 8)
    places = [place for place, _ in line]
    axes.plot(places, [s.mean for _, s in line], label=title, **{**style, "markersize": 4})
    banded = [(place, *_band(s)) for place, s in line if s.num > 1]
    if banded:
        x, low, high = zip(*banded, strict=True)
        axes.fill_between(x, low, high, color=style["color"], alpha=0.18, linewidth=0)


def _band(values: Spread) -> tuple[float, float]:
    """One deviation to both sides, within positive numbers; for two seeds, their range."""
    if values.sd is None or values.num < _MIN_SEEDS_FOR_SD:
        return values.low, values.high
    return max(values.mean - values.sd, values.low / 2), values.mean + values.sd


def _set_axes(axes: Axes, x: str, scales: _Scales) -> None:
    if scales.low > 0 and scales.high / scales.low >= _WIDE_RANGE:
        axes.set_yscale("log")
        axes.set_ylim(scales.low / 1.15, scales.high * 1.15)
        set_power_scale(axes.yaxis)
    else:
        room = 0.05 * (scales.high - scales.low) or 0.1
        axes.set_ylim(scales.low - room, scales.high + room)
    axes.set_xlabel(x)
    numbers = FuncFormatter(lambda value, _: short_number(value))
    if x == IMAGES:
        axes.xaxis.set_major_formatter(numbers)
        return
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    images = scales.images_per_epoch
    if images is not None:
        scale = (lambda epoch: epoch * images, lambda seen: seen / images)
        above = axes.secondary_xaxis("top", functions=scale)
        above.xaxis.set_major_formatter(numbers)
        above.xaxis.set_major_locator(MaxNLocator(nbins=5))
        above.set_xlabel(IMAGES)


def _scales(study: Study, loss: str) -> _Scales | None:
    runs = _runs(study.points)
    values = [value for run in runs for value in run.epochs(loss) if math.isfinite(value)]
    if not values:
        return None
    per_epoch = [
        seen / epoch for run in runs for epoch, seen in run.metrics.get(IMAGES_SEEN, {}).items()
    ]
    is_same = bool(per_epoch) and max(per_epoch) <= min(per_epoch) * (1 + _SAME)
    return _Scales(min(values), max(values), statistics.fmean(per_epoch) if is_same else None)


def _runs(points: Sequence[Point]) -> list[PointRun]:
    return [run for point in points for run in point.runs.values()]
