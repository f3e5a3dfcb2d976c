"""The digest of a file's bytes."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from spoonful.errors import SpoonfulError

_CHUNK_BYTES = 1 << 20


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
