"""Figures of a run, drawn with Matplotlib without a display."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

_MAX_LABELLED_CLASSES = 25  # with more, numbers in cells are unreadable
_MAX_VALUES = 12  # fields of a figure
_CELL_INCHES = 1.5  # from one image of a grid to the next
_IMAGE_INCHES = 1.38  # its longer side
_CAPTION_INCHES = 0.36  # two lines


def save(figure: Figure, target: Path | IO[bytes], **settings: Any) -> None:
    """Write a figure; a character missing in the font, as in a class name, becomes a box."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
        figure.savefig(target, **settings)


def learning_curves(
    history: Sequence[dict[str, float]], best_epoch: int, names: Sequence[str]
) -> Figure:
    """Draw metrics of training and validation over the epochs, such as "loss"."""
    figure = _figure(9, 3.6)
    epochs = range(1, len(history) + 1)
    for place, name in enumerate(names, start=1):
        axes = figure.add_subplot(1, len(names), place)
        marker = "o" if len(history) < 30 else None
        axes.plot(epochs, [h[name] for h in history], label="train", marker=marker, ms=3)
        axes.plot(epochs, [h[f"val_{name}"] for h in history], label="val", marker=marker, ms=3)
        axes.axvline(best_epoch, color="grey", ls=":", lw=1, label=f"kept: epoch {best_epoch}")
        axes.set(xlabel="epoch")
        axes.set_title(name, parse_math=False)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        axes.legend()
    return figure


def confusion_figure(confusion: NDArray[np.int64], class_names: Sequence[str]) -> Figure:
    """Draw the confusion matrix [actual, predicted] as shares of each row, with counts."""
    num_classes = len(class_names)
    size = min(12.0, 3.0 + 0.45 * num_classes)
    figure = _figure(size, size)
    axes = figure.add_subplot()
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set(xlabel="predicted", ylabel="actual")
    if num_classes <= _MAX_LABELLED_CLASSES:
        axes.set_xticks(range(num_classes), class_names, rotation=45, ha="right", parse_math=False)
        axes.set_yticks(range(num_classes), class_names, parse_math=False)
        for row, column in np.argwhere(confusion > 0):
            color = "white" if shares[row, column] > 0.5 else "black"
            count = int(confusion[row, column])
            axes.text(column, row, str(count), ha="center", va="center", color=color, fontsize=8)
    return figure


def calibration_figure(bins: Sequence[Any], error: float) -> Figure:
    """Draw accuracy against confidence; the diagonal is perfect calibration."""
    figure = _figure(4.2, 4.2)
    axes = figure.add_subplot()
    filled = [b for b in bins if b.num_images]
    axes.plot([0, 1], [0, 1], color="grey", ls=":", lw=1)
    axes.scatter(
        [b.mean_confidence for b in filled],
        [b.accuracy for b in filled],
        s=[20 + 200 * b.num_images / sum(f.num_images for f in filled) for b in filled],
    )
    axes.set(xlabel="confidence", ylabel="accuracy", xlim=(0, 1.03), ylim=(0, 1.03))
    axes.set_title(f"expected calibration error {error:.4f}")
    axes.grid(alpha=0.3)
    return figure


def prediction_figure(
    actual: NDArray[np.float64], predicted: NDArray[np.float64], names: Sequence[str]
) -> Figure:
    """Draw predicted against actual numbers [n, values], one field per value; at most 12."""
    names = names[:_MAX_VALUES]
    columns = min(4, len(names))
    rows = -(-len(names) // columns)
    figure = _figure(1 + 3.2 * columns, 0.6 + 3.2 * rows)
    for place, name in enumerate(names):
        axes = figure.add_subplot(rows, columns, place + 1)
        ends = [min(actual[:, place].min(), predicted[:, place].min())]
        ends.append(max(actual[:, place].max(), predicted[:, place].max()))
        axes.plot(ends, ends, color="grey", ls=":", lw=1)
        axes.scatter(actual[:, place], predicted[:, place], s=6, alpha=0.5)
        axes.set(xlabel="actual", ylabel="predicted")
        axes.set_title(name, parse_math=False)
        axes.grid(alpha=0.3)
    return figure


def image_grid(images: NDArray[Any], captions: Sequence[str], title: str) -> Figure:
    """Draw images with a caption above each.

    Args:
        images: uint8 0..255 or float 0..1, [k, h, w, 1 or 3].
        captions: one for each image.
        title: title above all images.
    """
    columns = min(8, max(1, int(np.ceil(np.sqrt(max(len(images), 1))))))
    rows = max(1, -(-len(images) // columns))
    shape = images.shape[1:3] if len(images) else (1, 1)
    height, width = (_IMAGE_INCHES * side / max(shape) for side in shape)
    pitch = height + _CAPTION_INCHES
    figure = _figure(_CELL_INCHES * columns, pitch * rows + 0.4)
    # One axes for all images: 64 axes take 1.4 s of processor time, one with 64 images 0.2 s.
    axes = figure.add_subplot()
    axes.axis("off")
    for place, (image, caption) in enumerate(zip(images, captions, strict=True)):
        row, column = divmod(place, columns)
        center, top = _CELL_INCHES * (column + 0.5), pitch * row + _CAPTION_INCHES
        pixels = np.asarray(image, dtype=np.float64) / (255 if image.dtype == np.uint8 else 1)
        pixels = np.clip(pixels, 0, 1)
        axes.imshow(
            pixels[..., 0] if pixels.shape[-1] == 1 else pixels,
            cmap="gray",
            vmin=0,
            vmax=1,
            extent=(center - width / 2, center + width / 2, top + height, top),
        )
        # "$" may be part of a name.
        axes.text(center, top, caption, size=7, ha="center", va="bottom", parse_math=False)
    axes.set(xlim=(0, _CELL_INCHES * columns), ylim=(pitch * rows, 0), aspect="equal")
    if not len(images):
        figure.text(0.5, 0.5, "none", ha="center")
    figure.suptitle(title, fontsize=9)
    return figure


def _figure(width: float, height: float) -> Figure:
    """Make a figure that needs neither a display nor pyplot state."""
    figure = Figure(figsize=(width, height), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    return figure
