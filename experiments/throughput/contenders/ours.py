"""Our own generator, through its public API alone."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

from layout import BenchData

from spoonful import BatchGenerator, FolderSource


def packed(
    data: BenchData, name: str, batch_size: int, **settings: Any
) -> Callable[[], Iterator[Any]]:
    """Feed a packed store, see `prepare.py` for the names."""
    from spoonful import PackedSource

    return _feed(PackedSource(data.packed(name)), batch_size, settings)


def digits(data: BenchData, batch_size: int, **settings: Any) -> Callable[[], Iterator[Any]]:
    """Feed loose MNIST files."""
    return _feed(FolderSource(data.mnist_files, (28, 28), 1), batch_size, settings)


def photos(
    data: BenchData, batch_size: int, image_size: int, **settings: Any
) -> Callable[[], Iterator[Any]]:
    """Feed the photographs."""
    source = FolderSource(data.photos, (image_size, image_size))
    return _feed(source, batch_size, settings)


def tiles(
    data: BenchData, batch_size: int, image_size: int, **settings: Any
) -> Callable[[], Iterator[Any]]:
    """Feed the tiles of photographs."""
    return _feed(FolderSource(data.tiles, (image_size, image_size)), batch_size, settings)


def _feed(source: Any, batch_size: int, settings: dict[str, Any]) -> Callable[[], Iterator[Any]]:
    generator = BatchGenerator(source, batch_size, shuffle="full", seed=0, **settings)
    stream = generator.stream()
    steps = itertools.count()

    def one_pass() -> Iterator[Any]:
        for _ in range(len(generator)):
            yield stream[next(steps)]

    return one_pass
