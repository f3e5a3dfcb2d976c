"""Read many ranges of files at once.

They are not mapped: if a mapped file is truncated while it is read, the process ends by SIGBUS.

Pages of a mapped file count as the process' memory: in random order one row of 784 bytes costs up
to 64 KiB of it (the kernel maps 16 pages around each fault), and releasing the pages costs more
than reading. On a cold disk such a fault also reads 128 KiB; a read reads only what is requested.

Measured in the page cache, two threads, rows in random order: of 6 million rows of 784 bytes, 0.3 M
rows/s with one `os.preadv` per row, 0.2 M mapped and released (`madvise`) every 64 MiB. Linux'
io_submit, which starts many reads in one call, gave 1.1 M, but trained no faster (the fastest model
takes 0.1 M), and from a cold disk it read 0.02 M rows/s in random order where `os.preadv` reads
0.11 M. Of 3,055 rows of 224x224x3 on one thread, 56 k with `os.preadv`, 47 k mapped and released,
107 k mapped and kept.
"""

import os
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spoonful.sources.storage_wait import StorageWait, num_preempted

# Ranges of which one is timed: rows of 784 bytes take 1 us each, timing one takes 2.
_EVERY = 16
# Copying a byte from the page cache takes at most about this long: with four threads, rows of
# 150 kB take up to 100 us, which is no waiting.
_COPIED_S = 1e-9

Integers = NDArray[np.integer[Any]]


class RangeError(Exception):
    """A range that could not be read completely.

    Attributes:
        place: which of the requested ranges.
        found: what was found instead, in words.
    """

    def __init__(self, place: int, found: str) -> None:
        super().__init__(found)
        self.place = place
        self.found = found


def read_ranges(
    descriptors: Integers,
    offsets: Integers,
    lengths: Integers,
    buffer: NDArray[np.uint8],
    wait: StorageWait | None = None,
) -> None:
    """Read byte ranges of open files into memory, one after the other.

    Args:
        descriptors: the open file of each range, [k].
        offsets: where each range begins in its file, [k].
        lengths: its number of bytes, [k].
        buffer: uint8 [sum of the lengths], contiguous; filled.
        wait: learns how long the storage took; None: nobody asks.

    Raises:
        RangeError: a range that could not be read completely.
    """
    ends = np.cumsum(lengths, dtype=np.int64)
    view, start = buffer.data, 0
    ranges = zip(descriptors.tolist(), offsets.tolist(), ends.tolist(), strict=True)
    for place, (descriptor, offset, end) in enumerate(ranges):
        if wait is None or place % _EVERY:
            read_range(descriptor, offset, view[start:end], place)
        else:
            num_before, begin = num_preempted(), perf_counter()
            read_range(descriptor, offset, view[start:end], place)
            wait.note(num_before, perf_counter() - begin - (end - start) * _COPIED_S)
        start = end


def read_range(descriptor: int, offset: int, view: memoryview, place: int = 0) -> None:
    """Fill memory from an offset in a file, in as many reads as needed.

    Raises:
        RangeError: the file ends early, or cannot be read; `place` is its place.
    """
    have = 0
    while have < len(view):
        try:
            got = os.preadv(descriptor, [view[have:] if have else view], offset + have)
        except OSError as error:
            raise RangeError(place, error.strerror or str(error)) from error
        if got == 0:
            raise RangeError(place, f"the file's end after {have} of {len(view)} bytes")
        have += got
