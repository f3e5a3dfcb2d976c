"""The digests of files' bytes."""

import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from spoonful.errors import SpoonfulError

_CHUNK_BYTES = 1 << 20
_FILES_A_TASK = 64


def content_hash(path: Path, on_bytes: Callable[[int], object] | None = None) -> str:
    """Return the hex SHA-256 of a file's bytes.

    Args:
        path: the file.
        on_bytes: called with the number of bytes just read.

    Raises:
        SpoonfulError: the file cannot be read; names it and the reason.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
                if on_bytes is not None:
                    on_bytes(len(chunk))
    except OSError as error:
        raise SpoonfulError(f"{path}: cannot be read ({error.strerror or error})") from error
    return digest.hexdigest()


def content_hashes(paths: Sequence[Path]) -> list[str]:
    """Return the hex SHA-256 of each file's bytes, several read at once.

    Raises:
        SpoonfulError: a file cannot be read; names it and the reason.
    """
    parts = [paths[i : i + _FILES_A_TASK] for i in range(0, len(paths), _FILES_A_TASK)]
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        hashed = pool.map(lambda part: [content_hash(path) for path in part], parts)
        return [digest for part in hashed for digest in part]
