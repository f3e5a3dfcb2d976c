"""The folder on the local disk that holds what was downloaded."""

import math
import os
import threading
import time
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spoonful.errors import SpoonfulError
from spoonful.files.lock import open_shared
from spoonful.sources.remote.room import INCOMING, Room

DEFAULT_MAX_GB = 50.0
# Other processes lock a file of the cache for less than a millisecond, unless they are stopped or
# get no processor: with 13 busy processes on 2 cores it took more than five tries.
_LOCKED_LIMIT_S = 30.0


@dataclass(frozen=True)
class Cache:
    """Where remote data is kept on this machine, and how much of it.

    All processes of the machine that are given the same folder share it and its limit. A file that
    was not used for longest is removed first; one that is being read is kept.

    Attributes:
        folder: created if it is missing; None: `spoonful` in XDG_CACHE_HOME, or in ~/.cache.
        max_gb: largest size of all files in it, in GiB, downloads that have begun included.

    Raises:
        SpoonfulError: not a path, or not a number above 0.
    """

    folder: str | os.PathLike[str] | None = None
    max_gb: float = DEFAULT_MAX_GB

    def __post_init__(self) -> None:
        if self.folder is not None and not isinstance(self.folder, str | os.PathLike):
            raise SpoonfulError(f"cache folder {self.folder!r}: expected a path, or None")
        is_number = isinstance(self.max_gb, int | float) and not isinstance(self.max_gb, bool)
        if not is_number or not 0 < self.max_gb < math.inf:
            raise SpoonfulError(f"max_gb={self.max_gb!r}: expected a size in GiB above 0")

    @property
    def path(self) -> Path:
        """The folder, absolute."""
        if self.folder is not None:
            return Path(self.folder).expanduser().absolute()
        home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        return Path(home).absolute() / "spoonful"

    @property
    def max_bytes(self) -> int:
        """The limit in bytes."""
        return int(self.max_gb * (1 << 30))


class CacheFolder:
    """A cache in use: files under names that follow from their content.

    A file has its final name only once it is whole and checked.

    Args:
        cache: the folder and its limit.

    Raises:
        SpoonfulError: the folder cannot be made or written.
    """

    def __init__(self, cache: Cache) -> None:
        self.path = cache.path
        self.max_bytes = cache.max_bytes
        try:
            (self.path / INCOMING).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SpoonfulError(
                f"cache folder {self.path}: cannot be made ({error.strerror}); give another one: "
                "cache.dir=..., or Cache(folder=...)"
            ) from error
        self.room = Room(self.path, self.max_bytes)

    def place(self, key: str) -> Path:
        """Return where the file of a key is, if it is here."""
        return self.path / key[:1] / key

    def incoming(self, key: str) -> Path:
        """Return where the file of a key is written while it is downloaded."""
        return self.path / INCOMING / key

    def has(self, key: str, num_bytes: int) -> bool:
        """Return whether a file is here, with its size."""
        try:
            return os.stat(self.place(key)).st_size == num_bytes  # noqa: PTH116 - many files
        except OSError:
            return False

    def opened(self, key: str, num_bytes: int) -> int | None:
        """Open a file; while it is open, no process removes it. None: it is not here.

        A process has it locked between giving it its name and the end of the download, and while it
        removes it; that is waited for. One of another size, which something else has changed, is
        removed.

        Raises:
            SpoonfulError: the file or its folder cannot be read.
        """
        path = self.place(key)
        try:
            descriptor = open_shared(path, _LOCKED_LIMIT_S)
            if descriptor is None:
                return None
            if os.fstat(descriptor).st_size == num_bytes:
                use(descriptor)
                return descriptor
            os.close(descriptor)
            path.unlink(missing_ok=True)
        except OSError as error:
            raise SpoonfulError(f"{path}: cannot be read ({error.strerror or error})") from error
        return None

    def remove(self, key: str) -> None:
        """Remove a file whose bytes are wrong; who has it open still reads it."""
        self.place(key).unlink(missing_ok=True)


def use(file: int | str) -> None:
    """Note that a file is used now, in its access time.

    Set like this, it is also kept where the file system does not note reads (noatime). The time of
    the last change stays: it tells whether a file has changed since its bytes were checked.
    """
    try:
        changed = os.stat(file).st_mtime_ns  # noqa: PTH116 - or an open file
        os.utime(file, ns=(time.time_ns(), changed))
    except OSError:
        return  # removed meanwhile, or another user's


_open: dict[tuple[int, str, int], "weakref.ref[CacheFolder]"] = {}
_lock = threading.Lock()


def cache_folder(cache: Cache) -> CacheFolder:
    """Return the cache in use; one for all sources of this process.

    Raises:
        SpoonfulError: the folder cannot be made or written.
    """
    key = (os.getpid(), str(cache.path), cache.max_bytes)
    with _lock:
        found = _open[key]() if key in _open else None
        if found is None:
            found = CacheFolder(cache)
            _open[key] = weakref.ref(found)
        return found


def checked_cache(cache: Any) -> Cache:
    """Return a cache as it was given, or the default one for None.

    Raises:
        SpoonfulError: something else.
    """
    if cache is None:
        return Cache()
    if not isinstance(cache, Cache):
        raise SpoonfulError(
            f"cache={cache!r}: expected spoonful.Cache(folder, max_gb), or None for the default"
        )
    return cache
