"""The shards of a store as open files."""

import hashlib
import os
import resource
import threading
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spoonful.errors import SpoonfulError
from spoonful.files.documents import unexpected
from spoonful.sources.packed.meta import REMAKE, FileMeta
from spoonful.sources.packed.reads import Integers, RangeError, read_range

# A shell allows 1,024 open files by default; a store of 256 GB has as many shards.
_FEW_FILES = 128
# macOS has no such call.
_NO_SUCH_HINT = suppress(OSError, AttributeError, SpoonfulError)


class FileSet:
    """Shards of a folder that are opened when first read, and stay open.

    They are looked up in the folder that existed at the start: if another store has replaced it, a
    file is missing instead of being one of the other store.

    Args:
        folder: the store.
        shards: what the content of each must be; identified by their place in this list.

    Attributes:
        shards: as given.
        paths: where each is, for messages.
        remedy: what to do about one whose bytes are wrong.
    """

    remedy = REMAKE

    def __init__(self, folder: Path, shards: Sequence[FileMeta]) -> None:
        self.shards = shards
        self.paths: Sequence[Path | str] = [folder / shard.name for shard in shards]
        if len(self.paths) > _FEW_FILES:
            allow_more_files()
        self._path, self._folder = folder, _opened(folder)
        self._descriptors = np.full(len(self.paths), -1, dtype=np.int64)
        self._lock = threading.Lock()
        weakref.finalize(self, close_all, self._descriptors, self._folder)

    @contextmanager
    def held(self, numbers: Integers) -> Iterator[NDArray[np.int64]]:
        """Yield the open file of each of `numbers` [k], int64 [k]; they stay open meanwhile.

        Raises:
            SpoonfulError: a file that cannot be opened; names it.
        """
        yield self._opened_all(numbers)

    @contextmanager
    def open_to_check(self, number: int) -> Iterator[int | None]:
        """Yield the open file of a number. None: it is not here yet, and is checked when it comes.

        Raises:
            SpoonfulError: it cannot be opened; names it.
        """
        with self.held(np.array([number])) as descriptors:
            yield int(descriptors[0])

    def discard(self, number: int) -> None:
        """Remove a copy whose bytes are wrong, where it can be brought again."""

    @contextmanager
    def _held_to_hint(self, number: int) -> Iterator[int | None]:
        """Yield the open file of a number; None: it is not here yet."""
        with self.held(np.array([number])) as descriptors:
            yield int(descriptors[0])

    def _opened_all(self, numbers: Integers) -> NDArray[np.int64]:
        found: NDArray[np.int64] = self._descriptors[numbers]
        if found.size and found.min() < 0:
            with self._lock:
                for number in distinct(numbers):
                    if self._descriptors[number] < 0:
                        name = self.shards[number].name
                        self._descriptors[number] = _opened(self._path / name, self._folder)
            found = self._descriptors[numbers]
        return found

    def load(self, number: int, parts: Sequence[NDArray[np.uint8]]) -> None:
        """Read a whole file into memory, and check it.

        Args:
            number: the number of the file.
            parts: contiguous and writable, together as long as the file.

        Raises:
            SpoonfulError: it cannot be read, or has changed since packing; names it.
        """
        path = self.paths[number]
        with self.held(np.array([number])) as descriptors:
            descriptor = int(descriptors[0])
            self.check_size(number, descriptor)
            digest, offset = hashlib.sha256(), 0
            for part in parts:
                view = part.reshape(-1).data
                try:
                    read_range(descriptor, offset, view)
                except RangeError as error:
                    raise unexpected(path, "a whole file", error.found, self.remedy) from error
                digest.update(view)
                offset += len(view)
        self.shards[number].check_digest(path, digest.hexdigest(), self.remedy)

    def check_size(self, number: int, descriptor: int) -> None:
        """Check that an open file still has its size.

        Raises:
            SpoonfulError: it is shorter or longer; names it.
        """
        found = os.fstat(descriptor).st_size
        if found != self.shards[number].num_bytes:
            expected = f"{self.shards[number].num_bytes} bytes"
            raise unexpected(self.paths[number], expected, str(found), self.remedy)

    def will_need(self, number: int, offset: int, length: int) -> None:
        """Ask the system to read a range soon; a hint that never fails.

        The system then reads nothing else of the file: a single read next to such a range made it
        fetch the megabytes that follow, which displaced what was fetched before.
        """
        with _NO_SUCH_HINT, self._held_to_hint(number) as descriptor:
            if descriptor is not None:
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_RANDOM)
                os.posix_fadvise(descriptor, offset, length, os.POSIX_FADV_WILLNEED)

    def will_not_need(self, number: int, offset: int, length: int) -> None:
        """Tell the system that a range will not be read again soon; a hint that never fails."""
        with _NO_SUCH_HINT, self._held_to_hint(number) as descriptor:
            if descriptor is not None:
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


def close_all(descriptors: NDArray[np.int64], *others: int) -> None:
    """Close files, as far as they are open: -1 is none."""
    for descriptor in [*descriptors[descriptors >= 0].tolist(), *others]:
        with suppress(OSError):
            os.close(descriptor)


def allow_more_files() -> None:
    """Raise the limit of open files of this process as far as the system allows."""
    with suppress(ValueError, OSError):
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
