"""Keep the files of a cache folder below a limit in bytes, over all processes.

What counts is in the file system, so that it is right whatever was killed:

    X/<key>              a whole file; its access time tells when it was used last
    incoming/<key>       a file that is downloaded; its process has it locked
    incoming/<id>.room   as long as what its process has reserved; locked by it
    used                 the sum of whole files and reservations, so that they need not be counted
                         before each download

A process reserves room before it downloads, and makes room under the lock of the folder. Unlocked
files in `incoming` were left by killed processes; they are removed when room is made.
"""

import os
import threading
import time
import uuid
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Protocol

from spoonful.errors import SpoonfulError
from spoonful.files.lock import Lock, locked, try_lock_content

INCOMING = "incoming"
_LOCK, _USED = "lock", "used"
# A process that downloads small files takes the lock of the folder once for so many bytes, or for
# a 64th of the limit.
_RESERVED_AT_ONCE = 16 << 20
# Counting a million files takes seconds, so what is removed then is enough for a while.
_REMOVED_AT_ONCE = 50  # a 50th of the limit
_LOCK_LIMIT_S = 120.0
_PAUSE_S = 0.1


class Reader(Protocol):
    """What reads files of the cache in this process, and is told before some are removed."""

    def keep_needed(self) -> None:
        """Note those as used that are needed soon, and close those that are not."""


class Room:
    """The room of this process in a cache folder.

    Args:
        folder: the cache; `incoming` exists in it.
        max_bytes: the limit.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._at_once = min(_RESERVED_AT_ONCE, max_bytes // 64)
        self._lock = threading.Lock()
        self._free = 0  # reserved, and for no file yet
        self._reserved = 0  # the same and what is for files that are downloaded
        self._reservation = folder / INCOMING / f"{uuid.uuid4().hex}.room"
        self._held: list[Lock] = []
        self.readers: weakref.WeakSet[Reader] = weakref.WeakSet()
        weakref.finalize(self, _end, os.getpid(), self._reservation, self._held)

    def take(self, num_bytes: int, limit_s: float, stopped: Callable[[], bool]) -> None:
        """Take room for a file; make room if there is none, by removing files that nobody reads.

        Args:
            num_bytes: size of the file.
            limit_s: how long to wait for files that other processes read.
            stopped: whether to give up.

        Raises:
            SpoonfulError: there is no room, or the folder cannot be written.
        """
        end = time.monotonic() + limit_s
        while True:
            with self._lock, self._errors():
                if self._free >= num_bytes or self._grow(num_bytes - self._free):
                    self._free -= num_bytes
                    return
            if time.monotonic() >= end or stopped():
                raise SpoonfulError(
                    f"cache folder {self._folder}: no room for {num_bytes:,} bytes more: all of "
                    f"its cache.max_gb={self._max_bytes / (1 << 30):.3g} is being read or "
                    f"downloaded (waited {limit_s:g} s); raise cache.max_gb, or end other processes"
                )
            time.sleep(_PAUSE_S)

    def put(self, incoming: Path, place: Path, num_bytes: int) -> None:
        """Give a file its final name: it counts itself from then on, not its reservation.

        Raises:
            SpoonfulError: the folder cannot be written.
        """
        # While others count, a large file must not count twice: they would remove one too many.
        is_large = num_bytes >= self._at_once
        with self._lock, self._errors(), self._locked() if is_large else nullcontext():
            place.parent.mkdir(exist_ok=True)
            os.utime(incoming)  # it was made before its process waited for room
            incoming.replace(place)
            self._reserved -= num_bytes
            os.truncate(self._reservation, self._reserved)

    def give_back(self, num_bytes: int) -> None:
        """Note that a file was not downloaded after all."""
        with self._lock:
            self._free += num_bytes

    def remove_leftovers(self) -> None:
        """Remove what killed processes left of downloads.

        Raises:
            SpoonfulError: the folder cannot be written.
        """
        with self._errors(), self._locked():
            self._count_reservations()

    def _grow(self, num_bytes: int) -> bool:
        """Reserve more; False: there is no room now."""
        wanted = max(num_bytes, self._at_once)
        if self._used() + wanted > self._max_bytes:
            for reader in list(self.readers):
                reader.keep_needed()
        with self._locked():
            used = self._used()
            if used + wanted > self._max_bytes:
                used = self._make_room(num_bytes, wanted)
                wanted = max(num_bytes, min(wanted, self._max_bytes - used))
                if used + wanted > self._max_bytes:
                    self._write_used(used)
                    return False
            if not self._held:
                self._reservation.touch()
                lock = try_lock_content(self._reservation)
                if lock is None:
                    return False
                self._held.append(lock)
            # First the sum: if this process is killed between the two, it is too large, not too
            # small, until files are counted again.
            self._write_used(used + wanted)
            os.truncate(self._reservation, self._reserved + wanted)
            self._reserved += wanted
            self._free += wanted
            return True

    def _make_room(self, needed: int, wanted: int) -> int:
        """Remove the files that were not used for longest; return what is used then."""
        # Reservations first: a file that gets its name meanwhile may count twice, but never not.
        used = self._count_reservations()
        files = sorted(_files(self._folder))
        used += sum(size for _, size, _ in files)
        if used + wanted <= self._max_bytes:
            return used
        enough = self._max_bytes - max(wanted, self._max_bytes // _REMOVED_AT_ONCE)
        for _, size, path in files:
            if used <= enough:
                break
            if used + needed <= self._max_bytes and size > self._max_bytes // _REMOVED_AT_ONCE:
                break  # a large file that need not be removed yet
            if _removed(path):
                used -= size
        return used

    def _count_reservations(self) -> int:
        """Return what living processes have reserved; remove what dead ones left."""
        total = 0
        for path in (self._folder / INCOMING).iterdir():
            with suppress(FileNotFoundError):
                if (lock := try_lock_content(path)) is not None:
                    with lock:
                        path.unlink(missing_ok=True)
                elif path.suffix == ".room":
                    total += path.stat().st_size
        return total

    def _used(self) -> int:
        """Return the sum; above the limit where it must be counted."""
        try:
            return int((self._folder / _USED).read_text(encoding="ascii"))
        except (OSError, ValueError):
            return self._max_bytes + 1

    def _write_used(self, used: int) -> None:
        # Not emptied first: see `Lock.write_holder`.
        descriptor = os.open(self._folder / _USED, os.O_WRONLY | os.O_CREAT, 0o666)
        try:
            os.pwrite(descriptor, f"{used:<20}\n".encode("ascii"), 0)
        finally:
            os.close(descriptor)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        what = f"cache folder {self._folder}: its files are being counted or removed"
        with locked(self._folder / _LOCK, what, _LOCK_LIMIT_S):
            yield

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise SpoonfulError(
                f"cache folder {self._folder}: cannot be written ({error.strerror or error}); "
                "give another one: cache.dir=..., or Cache(folder=...)"
            ) from error


def _files(folder: Path) -> Iterator[tuple[int, int, str]]:
    """Yield when each whole file was used last, its size and its path."""
    with os.scandir(folder) as parts:
        parts_found = [part.path for part in parts if len(part.name) == 1 and part.is_dir()]
    for part in parts_found:
        with os.scandir(part) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):
                    found = entry.stat()
                    yield found.st_atime_ns, found.st_size, entry.path


def _removed(path: str) -> bool:
    """Remove a file unless a process reads it."""
    lock = try_lock_content(Path(path))
    if lock is None:
        return not os.path.exists(path)  # noqa: PTH110 - a string
    with lock:
        os.unlink(path)  # noqa: PTH108 - a string
    return True


def _end(process: int, reservation: Path, held: list[Lock]) -> None:
    """Free what was reserved; how much that was is found when files are counted."""
    if os.getpid() != process:  # a forked one
        return
    with suppress(OSError):
        if held:
            reservation.unlink(missing_ok=True)
    for lock in held:
        lock.release()
