"""Grain: a shuffled, mapped, batched list of files, read by threads or worker processes."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grain
from layout import BenchData, class_folder_files

from contenders import decoders


def digits(
    data: BenchData, batch_size: int, decoder: str, num_threads: int, num_workers: int
) -> Callable[[], Iterator[Any]]:
    """Feed loose MNIST files; `decoder` is "pillow" or "opencv"."""
    decode = getattr(decoders, f"{decoder}_digit")
    return _feed(data.mnist_files, decode, 28, batch_size, num_threads, num_workers)


def photos(
    data: BenchData,
    batch_size: int,
    image_size: int,
    decoder: str,
    num_threads: int,
    num_workers: int,
) -> Callable[[], Iterator[Any]]:
    """Feed the photographs; `decoder` is "pillow" or "opencv"."""
    decode = getattr(decoders, f"{decoder}_file")
    return _feed(data.photos, decode, image_size, batch_size, num_threads, num_workers)


def _feed(
    root: Path,
    decode: Callable[[str, int], Any],
    side: int,
    batch_size: int,
    num_threads: int,
    num_workers: int,
) -> Callable[[], Iterator[Any]]:
    files, labels = class_folder_files(root)
    dataset = (
        grain.MapDataset.range(len(files))
        .seed(0)
        .shuffle()
        .map(lambda index: (decode(files[index], side), labels[index]))
        .batch(batch_size)
    )
    num_steps = len(dataset)
    # Reshuffled every round; endless, because workers are costly to start anew for each pass.
    stream = dataset.repeat().to_iter_dataset(
        grain.ReadOptions(num_threads=num_threads, prefetch_buffer_size=max(2 * num_threads, 1))
    )
    if num_workers:
        stream = stream.mp_prefetch(grain.MultiprocessingOptions(num_workers=num_workers))
    batches = iter(stream)
    return lambda: itertools.islice(batches, num_steps)
