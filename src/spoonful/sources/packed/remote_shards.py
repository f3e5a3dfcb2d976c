"""The shards of a remote store as open files of the cache."""

import os
import threading
import time
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import numpy as np
from numpy.typing import NDArray

from spoonful import background
from spoonful.errors import SpoonfulError
from spoonful.sources.packed.files import FileSet, allow_more_files, close_all, distinct
from spoonful.sources.packed.meta import FileMeta
from spoonful.sources.packed.reads import Integers
from spoonful.sources.remote.cache import use
from spoonful.sources.remote.files import RemoteFiles

# An open shard is not removed from the cache by any process, so one that was not read for this time
# is closed. Opening it again takes 20 us.
IDLE_S = 2.0
_LOOK_S = 1.0
# Other processes see that often which shards are needed soon.
_NEEDED_S = 5.0


class RemoteShards(FileSet):
    """Shards that are downloaded when they are needed, and stay open while they are read.

    Args:
        remote: the shards, in the order of the store.
        shards: what the content of each must be.
    """

    remedy = "its copy in the cache was damaged and is removed; start again"

    def __init__(self, remote: RemoteFiles, shards: Sequence[FileMeta]) -> None:
        self.shards = shards
        self.paths = [remote.address_of(number) for number in range(len(shards))]
        self.remote = remote
        allow_more_files()
        self._descriptors = np.full(len(shards), -1, dtype=np.int64)
        self._num_holds = np.zeros(len(shards), dtype=np.int64)
        self._last_use = np.zeros(len(shards))
        self._needed_noted = 0.0
        self._keeper: threading.Thread | None = None
        self._is_stopped = threading.Event()
        self._reset_after_fork()
        _all.add(self)
        weakref.finalize(self, close_all, self._descriptors)

    @contextmanager
    def held(self, numbers: Integers) -> Iterator[NDArray[np.int64]]:
        """Yield the open file of each of `numbers` [k], int64 [k]; no process removes them.

        Raises:
            SpoonfulError: a shard that cannot be downloaded within the limits; names its address.
        """
        with self._lock:
            found: NDArray[np.int64] = self._descriptors[numbers]
            is_open = not found.size or found.min() >= 0
            if is_open:
                self._hold(numbers)
        if not is_open:
            found = self._opened_all(numbers)
        try:
            yield found
        finally:
            with self._lock:
                self._num_holds[numbers] -= 1
                self._last_use[numbers] = time.monotonic()

    @contextmanager
    def open_to_check(self, number: int) -> Iterator[int | None]:
        """Yield the open file of a shard. None: it is not here, and is checked when it comes."""
        descriptor = self.remote.opened_if_here(number)
        try:
            yield descriptor
        finally:
            if descriptor is not None:
                os.close(descriptor)

    def load(self, number: int, parts: Sequence[NDArray[np.uint8]]) -> None:
        """Read a whole shard into memory; one whose copy was damaged is downloaded again.

        Raises:
            SpoonfulError: see `FileSet.load`.
        """
        self.remote.ahead_from(number)
        try:
            super().load(number, parts)
        except SpoonfulError:
            if not self.remote.is_here(number):
                raise
            self.discard(number)
            super().load(number, parts)

    def discard(self, number: int) -> None:
        """Remove a shard whose bytes are wrong from the cache."""
        self.remote.discard(number)
        with self._lock:
            self._close(np.array([number]))

    def keep_needed(self) -> None:
        """Note the needed shards as used, before others are removed; close those not needed."""
        needed = self.remote.needed
        with self._lock:
            is_idle = (self._descriptors >= 0) & (self._num_holds == 0)
            is_idle[needed] = False
            self._close(np.flatnonzero(is_idle))
        self.remote.keep_needed()

    @contextmanager
    def _held_to_hint(self, number: int) -> Iterator[int | None]:
        descriptor = None if self._descriptors[number] >= 0 else self.remote.opened_if_here(number)
        with self._lock:
            if descriptor is not None:
                self._add(number, descriptor)
            is_open = self._descriptors[number] >= 0
            if is_open:
                self._num_holds[number] += 1
                self._keep()
        try:
            yield int(self._descriptors[number]) if is_open else None
        finally:
            if is_open:
                with self._lock:
                    self._num_holds[number] -= 1

    def _opened_all(self, numbers: Integers) -> NDArray[np.int64]:
        """Open the missing ones, and hold all."""
        self.remote.check_room(distinct(numbers))
        while True:
            with self._lock:
                missing = [n for n in distinct(numbers) if self._descriptors[n] < 0]
                if not missing:
                    self._hold(numbers)
                    self._keep()
                    return np.asarray(self._descriptors[numbers])
            opened = self.remote.opened(missing)
            with self._lock:
                for number, descriptor in zip(missing, opened, strict=True):
                    self._add(number, descriptor)

    def _add(self, number: int, descriptor: int) -> None:
        if self._descriptors[number] >= 0:  # another thread was faster
            os.close(descriptor)
            return
        self._descriptors[number] = descriptor
        self._last_use[number] = time.monotonic()

    def _hold(self, numbers: Integers) -> None:
        # A number that is there twice counts once, here and where it is given back.
        self._num_holds[numbers] += 1

    def _close(self, numbers: Integers) -> None:
        """Close those of the shards that are open and not held."""
        for number in numbers.tolist():
            if self._descriptors[number] >= 0 and not self._num_holds[number]:
                os.close(int(self._descriptors[number]))
                self._descriptors[number] = -1

    def _keep(self) -> None:
        """Make sure that there is a thread that closes what is idle."""
        if self._keeper is None:
            self.remote.folder.room.readers.add(self)
            with suppress(SpoonfulError):  # the process is ending
                stop = self._is_stopped.set
                self._keeper = background.start(self._keep_open, "spoonful-cache", stop)

    def _keep_open(self) -> None:
        """Note which shards are used, and close idle ones, until none is open."""
        while True:
            self._is_stopped.wait(_LOOK_S)
            now = time.monotonic()
            with self._lock:
                is_open = self._descriptors >= 0
                is_used = is_open & ((self._last_use > now - _LOOK_S) | (self._num_holds > 0))
                self._close(np.flatnonzero(is_open & (self._last_use < now - IDLE_S)))
                if self._is_stopped.is_set() or not (self._descriptors >= 0).any():
                    self._keeper = None
                    return
                for number in np.flatnonzero(is_used).tolist():
                    use(int(self._descriptors[number]))
            if now - self._needed_noted > _NEEDED_S:
                self._needed_noted = now
                self.remote.keep_needed()

    def _reset_after_fork(self) -> None:
        """Forget the threads of the parent: none of them holds a lock or a shard here."""
        self._lock = threading.Lock()
        self._num_holds[:] = 0
        self._keeper = None


_all: "weakref.WeakSet[RemoteShards]" = weakref.WeakSet()


def _reset_after_fork() -> None:
    for shards in list(_all):
        shards._reset_after_fork()


os.register_at_fork(after_in_child=_reset_after_fork)
