"""Check the bytes of a packed split against its meta.json."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from spoonful.errors import SpoonfulError
from spoonful.files.content_hash import content_hash
from spoonful.sources.packed.meta import REMAKE, FileMeta, StoreMeta, load_meta
from spoonful.sources.threads import num_processors


def verify(
    folder: str | os.PathLike[str], on_bytes: Callable[[int], object] | None = None
) -> StoreMeta:
    """Check the size and SHA-256 of every file of a store, several at once.

    Args:
        folder: the store, e.g. data/packed/train.
        on_bytes: called with the number of bytes just checked, from several threads.

    Returns:
        The content of meta.json, all of it verified.

    Raises:
        SpoonfulError: the first file that differs from meta.json; names its path, what was expected
            and what was found.
    """
    folder = Path(folder)
    meta = load_meta(folder)
    # 1.5 GB/s per processor: with more than eight, the disk is the limit.
    with ThreadPoolExecutor(min(8, num_processors())) as pool:
        try:
            for file, found in zip(
                meta.files,
                pool.map(lambda file: content_hash(folder / file.name, on_bytes), meta.files),
                strict=True,
            ):
                _check(folder, file, found)
        finally:
            pool.shutdown(cancel_futures=True)
    return meta


def _check(folder: Path, file: FileMeta, found: str) -> None:
    if found != file.sha256:
        raise SpoonfulError(
            f"{folder / file.name}: expected sha256 {file.sha256}, found {found}; {REMAKE}"
        )
