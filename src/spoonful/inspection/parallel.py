"""Measure all images of a data set at once, in their order, in bounded memory.

Threads, not processes: decoders release Python's lock. Of the clothing photographs (3,781 of about
533x400), one thread measured 720 images a second, two threads 1,340 and two processes 880 to 1,010
(2 cores, in use by others as well).
"""

import hashlib
import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from spoonful import progress
from spoonful.datasets import RawDataset
from spoonful.datasets.folder import RawFiles
from spoonful.errors import SpoonfulError
from spoonful.inspection.decoded import DecodedFiles
from spoonful.inspection.measure import Measured, measure
from spoonful.sources.threads import num_processors

# Few, so that Ctrl-C is heeded soon and the results of a killed inspection are kept.
_BATCH = 64
_BATCHES_A_THREAD = 3
_GONE = "is missing since `spoonful fetch`; bring it back, or run `spoonful fetch` again"


class Outcome:
    """One batch's results, and by their digest those of them that are new."""

    def __init__(self) -> None:
        self.measured: list[Measured] = []
        self.new: dict[str, Measured] = {}


def measured_images(
    raw: RawDataset, decoded: DecodedFiles, max_pixels: int, num_threads: int | None = None
) -> Iterator[list[Measured]]:
    """Measure every image, and yield the results in order, a list at a time.

    Args:
        raw: the images.
        decoded: earlier results; new ones are added.
        max_pixels: the limit for height x width.
        num_threads: reading threads; None: as many as there are processors.

    Raises:
        SpoonfulError: a file has changed since it was fetched; names it.
    """
    num_threads = num_threads or num_processors()
    starts = iter(range(0, len(raw.images), _BATCH))
    waiting: deque[Future[Outcome]] = deque()
    with (
        progress.bar("inspect", len(raw.images), "images") as bar,
        ThreadPoolExecutor(num_threads, "spoonful-inspect") as pool,
    ):
        try:
            while True:
                while len(waiting) < num_threads * _BATCHES_A_THREAD:
                    start = next(starts, None)
                    if start is None:
                        break
                    stop = min(start + _BATCH, len(raw.images))
                    positions = range(start, stop)
                    waiting.append(pool.submit(_batch, raw, positions, decoded, max_pixels))
                if not waiting:
                    return
                outcome = waiting.popleft().result()
                decoded.keep(outcome.new.values())
                bar.skip(len(outcome.measured) - len(outcome.new))
                bar.update(len(outcome.new))
                yield outcome.measured
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _batch(raw: RawDataset, positions: range, decoded: DecodedFiles, max_pixels: int) -> Outcome:
    outcome = Outcome()
    for position in positions:
        outcome.measured.append(_one(raw, position, decoded, max_pixels, outcome.new))
    return outcome


def _one(
    raw: RawDataset,
    position: int,
    decoded: DecodedFiles,
    max_pixels: int,
    new: dict[str, Measured],
) -> Measured:
    """Return what is measured of an image; `new` receives it if the file had to be decoded."""
    content = raw.images[position].content
    known = _known(content, decoded, new)
    file = _file_of(raw, position)
    if known is not None and (file is None or _size_of(file) == known.num_bytes):
        return known  # not even read again; `split` checks that it has not changed
    try:
        encoded = raw.read(position)
    except SpoonfulError as error:
        if content is not None and file is not None and not os.path.lexists(file):
            return Measured(fault=_GONE)
        # Messages begin with the path as SpoonfulError writes it.
        path = str(SpoonfulError(f"{raw.origin(position)}: "))
        return Measured(fault=str(error).removeprefix(path))
    sha256 = hashlib.sha256(encoded).hexdigest()
    if content not in (None, sha256):
        raise SpoonfulError(
            f"{raw.origin(position)}: expected SHA-256 {content}, as when it was fetched, found "
            f"{sha256}; run `spoonful fetch` again"
        )
    known = None if content else _known(sha256, decoded, new)
    if known is None:
        known = new[sha256] = measure(encoded, sha256, max_pixels)
    return known


def _file_of(raw: RawDataset, position: int) -> str | None:
    """Return the path of an image's own file; None: it is in an array, or in a row of a file."""
    files: Any = raw
    while hasattr(files, "files"):  # those of a table, or of a part of it
        files = files.files
    return raw.origin(position) if isinstance(files, RawFiles) else None


def _size_of(path: str) -> int | None:
    try:
        return os.stat(path).st_size  # noqa: PTH116 - a string, for each file
    except OSError:
        return None


def _known(sha256: str | None, decoded: DecodedFiles, new: dict[str, Measured]) -> Measured | None:
    return (new.get(sha256) or decoded.get(sha256)) if sha256 else None
