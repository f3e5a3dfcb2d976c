"""Keras' ImageDataGenerator.flow_from_directory, its legacy generator."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from layout import BenchData
from tensorflow.keras.preprocessing.image import ImageDataGenerator

_QUEUE_SIZE = 10  # batches that Keras lets its threads read ahead, unless told otherwise


def photos(
    data: BenchData, batch_size: int, image_size: int, num_workers: int
) -> Callable[[], Iterator[Any]]:
    """Feed the photographs."""
    return _feed(data.photos, batch_size, image_size, num_workers)


def tiles(
    data: BenchData, batch_size: int, image_size: int, num_workers: int
) -> Callable[[], Iterator[Any]]:
    """Feed the tiles of photographs."""
    return _feed(data.tiles, batch_size, image_size, num_workers)


def _feed(
    root: Path, batch_size: int, image_size: int, num_workers: int
) -> Callable[[], Iterator[Any]]:
    """Read as `fit` does.

    Args:
        root: the class folders.
        batch_size: images a batch.
        image_size: height and width in pixels.
        num_workers: what `generator.workers` would be: 1 reads in the calling thread, more in as
            many threads, ahead.
    """
    generator = ImageDataGenerator().flow_from_directory(
        str(root), target_size=(image_size, image_size), batch_size=batch_size, seed=0
    )
    pool = ThreadPoolExecutor(num_workers) if num_workers > 1 else None

    def one_pass() -> Iterator[Any]:
        if pool is None:
            for index in range(len(generator)):
                yield generator[index]
        else:
            yield from _in_order(generator, pool)
        generator.on_epoch_end()

    return one_pass


def _in_order(generator: Any, pool: ThreadPoolExecutor) -> Iterator[Any]:
    waiting: deque[Future[Any]] = deque()
    for index in range(len(generator)):
        waiting.append(pool.submit(generator.__getitem__, index))
        if len(waiting) == _QUEUE_SIZE:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
