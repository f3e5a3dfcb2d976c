"""The shards of a store as open files."""

import hashlib
import os
import resource
import threading
import weakref
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spoonful.errors import SpoonfulError
from spoonful.files.documents import unexpected
from spoonful.sources.packed.meta import REMAKE, FileMeta
from spoonful.sources.packed.reads import Integers, RangeError, read_range

# A shell allows 1,024 open files by default; a store of 256 GB has as many shards.
_FEW_FILES = 128


class FileSet:
    """Shards of a folder that are opened when first read, and stay open.

    They are looked up in the folder that existed at the start: if another store has replaced it, a
    file is missing instead of being one of the other store.

    Args:
        folder: the store.
        shards: what the content of each must be; identified by their place in this list.
    """

    def __init__(self, folder: Path, shards: Sequence[FileMeta]) -> None:
        self.shards = shards
        self.paths = [folder / shard.name for shard in shards]
        if len(self.paths) > _FEW_FILES:
            _allow_more_files()
        self._folder = _opened(folder)
        self._descriptors = np.full(len(self.paths), -1, dtype=np.int64)
        self._lock = threading.Lock()
        weakref.finalize(self, _close, self._folder, self._descriptors)

    def descriptors(self, numbers: Integers) -> NDArray[np.int64]:
        """Return the open file of each of `numbers` [k], int64 [k].

        Raises:
            SpoonfulError: a file that cannot be opened; names it.
        """
        found: NDArray[np.int64] = self._descriptors[numbers]
        if found.size and found.min() < 0:
            with self._lock:
                for number in distinct(numbers):
                    if self._descriptors[number] < 0:
                        self._descriptors[number] = _opened(self.paths[number], self._folder)
            found = self._descriptors[numbers]
        return found

    def descriptor(self, number: int) -> int:
        """Return the open file of a number; see `descriptors`."""
        return int(self.descriptors(np.array([number]))[0])

    def load(self, number: int, parts: Sequence[NDArray[np.uint8]]) -> None:
        """Read a whole file into memory, and check it.

        Args:
            number: the number of the file.
            parts: contiguous and writable, together as long as the file.

        Raises:
            SpoonfulError: it cannot be read, or has changed since packing; names it.
        """
        descriptor = self.descriptor(number)
        self.check_size(number)
        digest, offset = hashlib.sha256(), 0
        for part in parts:
            view = part.reshape(-1).data
            try:
                read_range(descriptor, offset, view)
            except RangeError as error:
                path = self.paths[number]
                raise unexpected(path, "a whole file", error.found, REMAKE) from error
            digest.update(view)
            offset += len(view)
        self.shards[number].check_digest(self.paths[number], digest.hexdigest())

    def check_size(self, number: int) -> None:
        """Check that an open file still has its size.

        Raises:
            SpoonfulError: it is shorter or longer; names it.
        """
        found = os.fstat(self.descriptor(number)).st_size
        if found != self.shards[number].num_bytes:
            expected = f"{self.shards[number].num_bytes} bytes"
            raise unexpected(self.paths[number], expected, str(found), REMAKE)

    def will_need(self, number: int, offset: int, length: int) -> None:
        """Ask the system to read a range soon; a hint that never fails.

        The system then reads nothing else of the file: a single read next to such a range made it
        fetch the megabytes that follow, which displaced what was fetched before.
        """
        with suppress(OSError, AttributeError, SpoonfulError):  # no such call on macOS
            descriptor = self.descriptor(number)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_RANDOM)
            os.posix_fadvise(descriptor, offset, length, os.POSIX_FADV_WILLNEED)

    def will_not_need(self, number: int, offset: int, length: int) -> None:
        """Tell the system that a range will not be read again soon; a hint that never fails."""
        with suppress(OSError, AttributeError, SpoonfulError):
            descriptor = self.descriptor(number)
            os.posix_fadvise(descriptor, offset, length, os.POSIX_FADV_DONTNEED)


def distinct(numbers: Integers) -> list[int]:
    """Return the distinct values of small numbers >= 0, sorted.

    The first call of `np.unique` takes 60 ms: it imports masked arrays.
    """
    found: list[int] = np.flatnonzero(np.bincount(numbers)).tolist()
    return found


def _opened(path: Path, folder: int | None = None) -> int:
    """Open a folder, or a file in an open folder."""
    try:
        return os.open(path if folder is None else path.name, os.O_RDONLY, dir_fd=folder)
    except OSError as error:
        raise SpoonfulError(
            f"{path}: expected a file that can be read, found: {error.strerror or error}; "
            f"{REMAKE}, or allow more open files where these are too many"
        ) from error


def _close(folder: int, descriptors: NDArray[np.int64]) -> None:
    for descriptor in [*descriptors[descriptors >= 0].tolist(), folder]:
        with suppress(OSError):
            os.close(descriptor)


def _allow_more_files() -> None:
    """Raise the limit of open files of this process as far as the system allows."""
    with suppress(ValueError, OSError):
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
