"""Explain the bug, how each place is scaled and what the network sees: figure.py RESULTS FOLDER.

Run by run.py, in a process of its own.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from article import ArticleGenerator
from cases import BATCH_SIZE, TRAIN
from corrected import CorrectedGenerator
from digits import Digits
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

NAME = "bug.png"
_WRONG, _RIGHT, _GREY = "#d1495b", "#2a9d8f", "#8d99ae"
_PLACES = (1, 8, 16, 24, 29, 30, 31, 32)  # whose images are shown


def main() -> None:
    """Draw, and print the figure's name."""
    results, root = (Path(argument) for argument in sys.argv[1:])
    write_figure(results, Digits(root))
    print(json.dumps({"figure": NAME}))


def write_figure(results: Path, digits: Digits) -> None:
    """Draw bug.png from the first batch of the training images."""
    images, labels = digits.arrays(TRAIN)
    rows = np.arange(BATCH_SIZE)
    wrong, right = (
        made(images, labels, BATCH_SIZE, shuffle=False).pixels(rows)
        for made in (ArticleGenerator, CorrectedGenerator)
    )
    figure = Figure(figsize=(9, 6.2), layout="constrained")
    curve, strips = figure.subfigures(2, 1, height_ratios=(3, 2.2))
    _draw_factors(curve.add_subplot(), factors(wrong, images[rows]))
    all_axes = strips.subplots(2, len(_PLACES))
    for axes_row, batch, title in zip(
        all_axes, (wrong, right), ("article", "corrected"), strict=True
    ):
        axes_row[0].set_ylabel(title, fontsize=9)
        for axes, place in zip(axes_row, _PLACES, strict=True):
            axes.imshow(batch[place - 1], cmap="gray", vmin=0, vmax=1)
            axes.set(xticks=[], yticks=[])
    for axes, place in zip(all_axes[0], _PLACES, strict=True):
        axes.set_title(f"place {place}", fontsize=8)
    strips.suptitle("The same batch as the network gets it: black is 0, white is 1", fontsize=10)
    FigureCanvasAgg(figure)
    figure.savefig(results / NAME, dpi=100, metadata={"Software": None})


def factors(pixels: Any, images: Any) -> Any:
    """Return what each image of a batch was multiplied with, as its brightest pixel shows.

    Args:
        pixels: what the generator serves, float32 [b, h, w].
        images: what it was made of, uint8 [b, h, w].
    """
    return pixels.max(axis=(1, 2)).astype(np.float64) / images.max(axis=(1, 2))


def _draw_factors(axes: Axes, found: Any) -> None:
    places = np.arange(1, len(found) + 1)
    axes.plot(places, 255.0 ** -(len(found) + 1 - places), color=_GREY, lw=1)
    axes.text(4, 1e-61, f"$255^{{-({len(found) + 1}-i)}}$", color="#5c677d", fontsize=11)
    is_seen = found > 0
    axes.scatter(
        places[is_seen],
        found[is_seen],
        color=_WRONG,
        s=24,
        zorder=3,
        label="the article's generator",
    )
    axes.axhline(
        1 / 255, color=_RIGHT, lw=1.5, label="right: 1 / 255, as the corrected form and spoonful do"
    )
    # From here on even a white pixel, 255, becomes less than float32 can hold.
    smallest = float(np.finfo(np.float32).smallest_subnormal) / 255
    axes.axhspan(1e-80, smallest, color=_GREY, alpha=0.25)
    axes.text(
        31.8,
        1e-66,
        f"too small for float32: {np.sum(~is_seen)} images of {len(found)} are 0 in every pixel",
        ha="right",
        fontsize=9,
    )
    axes.set(yscale="log", ylim=(1e-80, 1e22), xlim=(0.5, len(found) + 0.5))
    axes.set_xlabel(f"place i in a batch of {len(found)}, in the order in which it is filled")
    axes.set_ylabel("factor of the pixels, logarithmic")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="upper left", fontsize=9, frameon=False)


if __name__ == "__main__":
    main()
