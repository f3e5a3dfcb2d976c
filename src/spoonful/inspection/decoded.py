"""What was measured of each file, kept by the file's content, so that none is decoded twice."""

import sqlite3
import threading
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

import diskcache

from spoonful import progress
from spoonful.inspection.measure import Measured, from_bytes, measure_version, to_bytes
from spoonful.project import shown_path

# A result takes about 1.1 kB: room for 3.5 million files. The oldest ones leave first.
_MAX_BYTES = 4 << 30
_WAIT_S = 10.0
# Not a database; pages or an index that contradict each other; a table or a column is missing.
_DAMAGE = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR)
_ERRORS = (sqlite3.Error, diskcache.Timeout, OSError)


class _BytesDisk(diskcache.Disk):  # type: ignore[misc]  # diskcache has no types
    """Values as bytes alone: a damaged or forged database never makes Python objects."""

    def fetch(self, mode: int, filename: str | None, value: Any, read: bool) -> Any:
        """Return a value that was stored as bytes; None for any other."""
        return bytes(value) if mode == diskcache.core.MODE_RAW and value is not None else None


class DecodedFiles:
    """Results by the SHA-256 of a file; an empty cache where the folder cannot be used.

    A result is also that of one version of the decoders and one max_pixels. Several threads and
    processes may use it at once.

    Args:
        folder: where the results are; made if it is missing.
        max_pixels: the limit that files are decoded with.
    """

    def __init__(self, folder: Path, max_pixels: int) -> None:
        self._suffix = f" {max_pixels} {measure_version()}"
        self._folder = folder
        self._failing = threading.Lock()  # by several threads at once
        self._was_replaced = False
        self._cache: diskcache.Cache | None = None
        try:
            self._cache = self._opened()
        except _ERRORS as error:
            self._failed(None, error)

    def _opened(self) -> diskcache.Cache:
        return diskcache.Cache(
            str(self._folder),
            disk=_BytesDisk,
            timeout=_WAIT_S,
            size_limit=_MAX_BYTES,
            eviction_policy="least-recently-stored",
        )

    def get(self, sha256: str) -> Measured | None:
        """Return what was measured of a file with this content; None: nothing."""
        cache = self._cache  # another thread may give it up
        if cache is None:
            return None
        try:
            kept = cache.get(sha256 + self._suffix)
        except _ERRORS as error:
            self._failed(cache, error)
            return None
        found = from_bytes(kept) if isinstance(kept, bytes) else None
        return found if found is not None and found.sha256 == sha256 else None

    def keep(self, results: Iterable[Measured]) -> None:
        """Keep the results of files that could be read."""
        cache = self._cache
        if cache is None:
            return
        try:
            with cache.transact():
                for one in results:
                    if one.sha256 is not None:
                        cache.set(one.sha256 + self._suffix, to_bytes(one))
        except _ERRORS as error:
            self._failed(cache, error)

    def __enter__(self) -> "DecodedFiles":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._cache is not None:
            self._cache.close()

    def _failed(self, cache: diskcache.Cache | None, error: Exception) -> None:
        """Replace a damaged cache with an empty one, once; continue without any other."""
        with self._failing:
            if self._cache is not cache:
                return  # another thread has met the same error
            self._cache = None
            words = (str(error) or type(error).__name__).splitlines()[0]
            shown = shown_path(self._folder)
            if _is_damage(error) and not self._was_replaced:
                self._was_replaced = True
                try:
                    self._remove()
                    self._cache = self._opened()
                except _ERRORS as next_error:
                    words = str(next_error)
                else:
                    progress.result(
                        f"note: {shown} was damaged ({words}) and is replaced with an empty one: "
                        "its files are decoded again"
                    )
                    return
            progress.result(
                f"note: results of this inspection are not kept for later in {shown}: {words}; "
                "make room for it and make it writable, or delete it if it is damaged"
            )

    def _remove(self) -> None:
        # Not the folder: it may be a link to a larger disk.
        for suffix in ("", "-wal", "-shm", "-journal"):
            (self._folder / f"{diskcache.core.DBNAME}{suffix}").unlink(missing_ok=True)


def _is_damage(error: Exception) -> bool:
    """Return whether the database has lost bytes or tables, and is not only locked or full."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in _DAMAGE
