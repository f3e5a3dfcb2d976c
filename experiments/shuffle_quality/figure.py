"""One column an order, one row a metric: what the metric sees, and its value."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from orders import CASES, mnist, order_of
from tables import Results

_EPOCH = 1
_BATCH_SIZE = 32
_NUM_BATCHES = 48  # drawn, evenly over the epoch
_NUM_DOTS = 1_800
_COLOURS = "tab10"


def write_figure(results: Path, path: Path) -> None:
    """Draw quality.png.

    Args:
        results: quality.csv, whose means stand over the panels.
        path: the picture.
    """
    means, data = Results(results), mnist()
    labels = data.labels
    figure = Figure(figsize=(13, 7.4), layout="constrained")
    panels = figure.subplots(3, len(CASES))
    for column, case in enumerate(CASES):
        order = order_of(case, data)
        before, now = (order(epoch, 0, len(labels)) for epoch in (_EPOCH - 1, _EPOCH))
        _draw_places(panels[0, column], now, labels)
        _draw_batches(panels[1, column], now, labels)
        _draw_neighbours(panels[2, column], before, now, labels)
        repeated = means.mean("repeated_neighbours", case.name)
        values = (
            f"displacement {means.mean('displacement', case.name):.2f}",
            f"chi-square {_two_digits(means.mean('class_chi2', case.name))}",
            "repeated 1" if repeated == 1 else f"repeated {repeated * len(labels):.1f} / n",
        )
        for row, value in enumerate(values):
            panels[row, column].set_title(value, fontsize=10)
        panels[0, column].set_title(f"{case.name}\n", fontsize=12, fontweight="bold")
        panels[0, column].text(
            0.5, 1.03, values[0], ha="center", fontsize=10, transform=panels[0, column].transAxes
        )
    _name_rows(panels)
    FigureCanvasAgg(figure)
    figure.savefig(path, dpi=90, metadata={"Software": None})


def _two_digits(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}" if value >= 0.95 else f"{value:.2f}"


def _name_rows(panels: Any) -> None:
    words = (
        ("How far do images move?", "image", "position in the epoch"),
        ("Which classes has a batch?", "the 32 of a batch, by class", "batches over the epoch"),
        ("Same neighbours as before?", "follower in this epoch", "follower in the one before"),
    )
    for row, (question, vertical, horizontal) in enumerate(words):
        panels[row, 0].set_ylabel(f"{question}\n\n{vertical}", fontsize=10)
        for axes in panels[row]:
            axes.set_xlabel(horizontal, fontsize=9)
            axes.set(xticks=[], yticks=[])


def _draw_places(axes: Axes, now: NDArray[Any], labels: NDArray[Any]) -> None:
    positions = np.linspace(0, len(now) - 1, _NUM_DOTS).astype(int)
    _dots(axes, positions, now[positions], labels[now[positions]], len(now))


def _draw_batches(axes: Axes, now: NDArray[Any], labels: NDArray[Any]) -> None:
    numbers = np.linspace(0, len(now) // _BATCH_SIZE - 1, _NUM_BATCHES).astype(int)
    positions = numbers[:, np.newaxis] * _BATCH_SIZE + np.arange(_BATCH_SIZE)
    classes = np.sort(labels[now[positions]], axis=1)
    axes.imshow(
        classes.T,
        cmap=_COLOURS,
        vmin=0,
        vmax=9,
        aspect="auto",
        origin="lower",
        interpolation="none",
    )


def _draw_neighbours(
    axes: Axes, before: NDArray[Any], now: NDArray[Any], labels: NDArray[Any]
) -> None:
    then, after = (_followers(epoch) for epoch in (before, now))
    both = np.flatnonzero((then >= 0) & (after >= 0))
    shown = both[np.linspace(0, len(both) - 1, _NUM_DOTS).astype(int)]
    _dots(axes, then[shown], after[shown], labels[shown], len(now))


def _followers(epoch: NDArray[Any]) -> NDArray[Any]:
    """Return the image that comes after each one; -1: none does."""
    followers = np.full(len(epoch), -1)
    followers[epoch[:-1]] = epoch[1:]
    return followers


def _dots(axes: Axes, x: NDArray[Any], y: NDArray[Any], classes: NDArray[Any], n: int) -> None:
    axes.scatter(
        x, y, c=classes, s=3, cmap=_COLOURS, vmin=0, vmax=9, linewidths=0, antialiased=False
    )
    axes.set(xlim=(0, n), ylim=(0, n))
