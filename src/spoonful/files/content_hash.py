"""Digests of the bytes of files."""

import hashlib
import os
import stat
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from spoonful.errors import SpoonfulError
from spoonful.files.regular_file import changed_size, irregular, opened, unreadable

_CHUNK_BYTES = 1 << 20
_FILES_A_TASK = 64


def content_hash(path: Path, on_bytes: Callable[[int], object] | None = None) -> str:
    """Return the hex SHA-256 of a file's bytes.

    Args:
        path: the file.
        on_bytes: called with the number of bytes just read.

    Raises:
        SpoonfulError: not a regular file, or one that cannot be read or changes its size meanwhile;
            names it and the reason.
    """
    digest = hashlib.sha256()
    try:
        with opened(path) as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise irregular(path, found.st_mode)
            left = size = found.st_size
            # One byte more than the size: a file that grows is noticed, and never read endlessly.
            while left >= 0 and (chunk := file.read(min(_CHUNK_BYTES, left + 1))):
                left -= len(chunk)
                digest.update(chunk)
                if on_bytes is not None:
                    on_bytes(len(chunk))
    except OSError as error:
        raise unreadable(path, error) from error
    if left:
        raise changed_size(path, size, size - left)
    return digest.hexdigest()


def content_hashes(paths: Sequence[Path], unreadable: str | None = None) -> list[str]:
    """Return the hex SHA-256 of each file's bytes, reading several at once.

    Args:
        paths: the files.
        unreadable: what is returned for a file that cannot be read; None: that is an error.

    Raises:
        SpoonfulError: a file cannot be read; names it and the reason.
    """

    def hashed_part(part: Sequence[Path]) -> list[str]:
        return [_hash_or(path, unreadable) for path in part]

    parts = [paths[i : i + _FILES_A_TASK] for i in range(0, len(paths), _FILES_A_TASK)]
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        return [digest for part in pool.map(hashed_part, parts) for digest in part]


def _hash_or(path: Path, unreadable: str | None) -> str:
    try:
        return content_hash(path)
    except SpoonfulError:
        if unreadable is None:
            raise
        return unreadable
