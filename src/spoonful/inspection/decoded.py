"""What was measured of each file, kept by the file's content, so that none is decoded twice."""

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

import diskcache

from spoonful import progress
from spoonful.inspection.measure import Measured, from_bytes, measure_version, to_bytes

# A result takes about 1.1 kB: room for 3.5 million files. The oldest ones leave first.
_MAX_BYTES = 4 << 30
_WAIT_S = 10.0
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
        self._cache: diskcache.Cache | None = None
        self._has_failed = False
        try:
            self._cache = diskcache.Cache(
                str(folder),
                disk=_BytesDisk,
                timeout=_WAIT_S,
                size_limit=_MAX_BYTES,
                eviction_policy="least-recently-stored",
            )
        except _ERRORS as error:
            self._give_up(error)

    def get(self, sha256: str) -> Measured | None:
        """Return what was measured of a file with this content; None: nothing."""
        cache = self._cache  # another thread may give it up
        if cache is None:
            return None
        try:
            kept = cache.get(sha256 + self._suffix)
        except _ERRORS as error:
            self._give_up(error)
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
            self._give_up(error)

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

    def _give_up(self, error: Exception) -> None:
        """Continue without it: files are decoded again."""
        self._cache = None
        if not self._has_failed:
            self._has_failed = True
            words = (str(error) or type(error).__name__).splitlines()[0]
            progress.result(f"note: results of this inspection are not kept for later: {words}")
