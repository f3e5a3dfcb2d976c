"""Check the bytes of a packed split against its meta.json."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from spoonful.files.content_hash import content_hash
from spoonful.sources.packed.meta import StoreMeta
from spoonful.sources.packed.meta_file import load_meta
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
            digests = pool.map(lambda file: content_hash(folder / file.name, on_bytes), meta.files)
            for file, found in zip(meta.files, digests, strict=True):
                file.check_digest(folder / file.name, found)
        finally:
            pool.shutdown(cancel_futures=True)
    return meta
