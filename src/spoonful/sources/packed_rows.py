"""The images of many files as the rows of one array, mapped."""

import ctypes
import math
import mmap
import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# The values of Linux and macOS; Python's mmap knows no address to map to.
_MAP_FIXED = 0x10
_FAILED = ctypes.c_void_p(-1).value


@dataclass(frozen=True)
class MappedRows:
    """The rows of all files, in one range of addresses.

    One gather thus takes rows from any files in one go, with the interpreter's lock released: from
    two files of photographs of 224x224x3, two threads took 130 k rows a second, and 85 k with a
    copy a row.

    Attributes:
        rows: uint8 [m, row_bytes], read-only; between the files lie rows that are no one's, which
            nobody may read.
        first_rows: where the rows of each file begin, int64 [files].
    """

    rows: NDArray[np.uint8]
    first_rows: NDArray[np.int64]


def map_rows(descriptors: Sequence[int], start: int, row_bytes: int) -> MappedRows:
    """Map open files, each beginning where a row of all of them can begin.

    Files are mapped at pages; so a file begins at a multiple of both a page and a row behind the
    one before it. That takes addresses (at most `mmap.ALLOCATIONGRANULARITY` rows a file), no
    memory.

    Args:
        descriptors: the open files.
        start: where the first row of each file begins, in bytes.
        row_bytes: the length of a row.

    Raises:
        OSError: the system cannot map them so.
    """
    step = math.lcm(mmap.ALLOCATIONGRANULARITY, row_bytes)
    sizes = [os.fstat(descriptor).st_size for descriptor in descriptors]
    steps = [-(-size // step) for size in sizes]
    offsets = np.cumsum([0, *steps]) * step
    total = int(offsets[-1]) + start
    if os.name != "posix" or total > 1 << 46:
        raise OSError(f"{total} bytes of addresses")
    # Keeps the addresses, and gives all of them back with the last view of them.
    room = np.frombuffer(
        mmap.mmap(-1, total, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, mmap.PROT_READ), np.uint8
    )
    for descriptor, size, offset in zip(descriptors, sizes, offsets.tolist(), strict=False):
        _map_at(room.ctypes.data + offset, size, descriptor)
    num_rows = (total - start) // row_bytes
    rows = room[start : start + num_rows * row_bytes].reshape(num_rows, row_bytes)
    return MappedRows(rows, offsets[:-1] // row_bytes)


def _map_at(address: int, size: int, descriptor: int) -> None:
    """Map a file over addresses that are ours."""
    call = ctypes.CDLL(None, use_errno=True).mmap
    call.restype = ctypes.c_void_p
    flags = mmap.MAP_SHARED | _MAP_FIXED
    numbers = (mmap.PROT_READ, flags, descriptor)
    found = call(
        ctypes.c_void_p(address),
        ctypes.c_size_t(size),
        *(ctypes.c_int(number) for number in numbers),
        ctypes.c_long(0),
    )
    if found == _FAILED:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
