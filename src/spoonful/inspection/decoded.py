"""What was measured of each file, kept by the file's content, so that none is decoded twice."""

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

import diskcache

from spoonful import progress
from spoonful.inspection.measure import Measured, from_bytes, measure_version, to_bytes

# A result takes about 1.1 kB: room for 3.5 million files. The oldest ones leave first.
_MAX_BYTES = 4 << 30
_WAIT_S = 10.0
_ERRORS = (sqlite3.Error, diskcache.Timeout, OSError)


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
        try:
            self._cache = diskcache.Cache(
                str(folder),
                timeout=_WAIT_S,
                size_limit=_MAX_BYTES,
                eviction_policy="least-recently-stored",
            )
        except _ERRORS as error:
            self._give_up(error)

    def get(self, sha256: str) -> Measured | None:
        """Return what was measured of a file with this content; None: nothing."""
        if self._cache is None:
            return None
        try:
            kept = self._cache.get(sha256 + self._suffix)
        except _ERRORS as error:
            self._give_up(error)
            return None
        found = from_bytes(kept) if isinstance(kept, bytes) else None
        return found if found is not None and found.sha256 == sha256 else None

    def keep(self, results: Iterable[Measured]) -> None:
        """Keep the results of files that could be read."""
        if self._cache is None:
            return
        try:
            with self._cache.transact():
                for one in results:
                    if one.sha256 is not None:
                        self._cache.set(one.sha256 + self._suffix, to_bytes(one))
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
        """Go on without it: files are decoded again."""
        cache, self._cache = self._cache, None
        if cache is not None or isinstance(error, OSError | sqlite3.Error):
            words = (str(error) or type(error).__name__).splitlines()[0]
            progress.result(f"note: results of this inspection are not kept for later: {words}")
