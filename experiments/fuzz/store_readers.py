"""How packed stores are read."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from reader import Reader

from spoonful.sources.packed.source import PackedSource

_CUTS = 1000  # places to cut a shard at
_STORE_FILES = ("meta.json", "labels.npy", "ids.arrow")


def _store(root: Path, encoding: str) -> Reader:
    """Read a store wholly, loaded and not, and check it meanwhile, as an epoch does."""
    packed = "packed" if encoding == "raw" else "packed-jpeg"
    folder = root / "data" / packed / "train"
    shards = tuple(path.name for path in sorted(folder.iterdir()) if path.name not in _STORE_FILES)

    def read(mode: int) -> Any:
        source = PackedSource(folder, loaded_mb=64 if mode == 0 else 0)
        check = source.shard_check()
        if check is not None:
            check.begin()
        images = np.stack([source.read([index])[0] for index in range(len(source))])
        served = {
            "classes": source.class_names,
            "labels": source.labels.tolist(),
            "ids": [source.example_id(index) for index in range(len(source))],
            "images": images.tobytes(),
        }
        if check is not None:
            check.finish(limit_s=5)
        return served

    # Shards are the most of a store's bytes, the others what goes wrong first.
    names = (*_STORE_FILES, *shards)
    return Reader(f"{encoding} store", folder, names, 25, read, num_modes=2)


def _raw_store(root: Path) -> Reader:
    return _store(root, "raw")


def _jpeg_store(root: Path) -> Reader:
    return _store(root, "jpeg")


def _cut_store(root: Path, encoding: str) -> Reader:
    """Cut a shard of a store that is open, in half of the cases loaded, where the mode says."""
    whole = _store(root, encoding)
    shard = whole.names[-1]
    copy = root / "data" / f"cut-{encoding}"

    def read(mode: int) -> Any:
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(whole.folder, copy)
        source = PackedSource(copy, loaded_mb=64 if mode % 2 else 0)
        source.read([0])
        if mode:  # 0: what the others are compared with
            with (copy / shard).open("r+b") as file:
                file.truncate((copy / shard).stat().st_size * mode // _CUTS)
        return source.read(range(len(source))).tobytes()

    return Reader(
        f"{encoding} store",
        whole.folder,
        (shard,),
        1,
        read,
        num_modes=_CUTS,
        alias=(str(copy),),
        own_damage="cut while it is open",
    )


def _cut_raw_store(root: Path) -> Reader:
    return _cut_store(root, "raw")


def _cut_jpeg_store(root: Path) -> Reader:
    return _cut_store(root, "jpeg")


STORE_READERS: tuple[Callable[[Path], Reader], ...] = (
    _raw_store,
    _jpeg_store,
    _cut_raw_store,
    _cut_jpeg_store,
)
