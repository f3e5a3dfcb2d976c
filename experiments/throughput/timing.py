"""Time how fast batches come, and check what they hold."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

Feed = Callable[[], Iterator[Any]]  # one pass over the data: batches (images, labels)


@dataclass(frozen=True)
class Window:
    """How long a feed is read.

    Attributes:
        warm_s: before the measurement, in s, counted from the first batch.
        measure_s: of the measurement, in s. Both end with the pass, as some feeds halt where one
            begins, but take twice the time at most.
    """

    warm_s: float
    measure_s: float


def images_per_s(feed: Feed, window: Window) -> float:
    """Read pass after pass, and count the images delivered in the window.

    The consumer only takes the length of each batch, the same for everyone: all deliver arrays
    that are filled.
    """
    batches = _endless(feed)
    next(batches)
    _read_for(batches, window.warm_s)
    num_images, seconds = _read_for(batches, window.measure_s)
    return num_images / seconds


def _endless(feed: Feed) -> Iterator[Any]:
    """Yield the batches of all passes, None after each pass."""
    while True:
        yield from feed()
        yield None


def _read_for(batches: Iterator[Any], seconds: float) -> tuple[int, float]:
    """Read for a time; return how many images came in how many seconds."""
    num_images = 0
    begin = time.perf_counter()
    for batch in batches:
        elapsed = time.perf_counter() - begin
        if batch is not None:
            num_images += len(batch[0])
        if elapsed >= (seconds if batch is None else 2 * seconds):
            break
    return num_images, elapsed


def content(feed: Feed) -> dict[str, Any]:
    """Read one pass and tell what was in it, so that contenders can be compared."""
    counts = np.zeros(1, dtype=np.int64)
    total = 0.0
    num_pixels = 0
    for images, labels in feed():
        for image in images:
            total += float(np.sum(image, dtype=np.float64))
            num_pixels += np.size(image)
        numbers = np.argmax(labels, axis=1) if np.ndim(labels) == 2 else np.asarray(labels)
        found = np.bincount(numbers, minlength=len(counts))
        counts = np.pad(counts, (0, len(found) - len(counts))) + found
    return {
        "images": int(counts.sum()),
        "a_class": " ".join(str(count) for count in counts.tolist()),
        "shape_of_last": "x".join(str(side) for side in np.shape(images[-1])),
        "dtype": str(np.asarray(images[-1]).dtype),
        "mean_pixel": round(total / num_pixels, 2),
    }
