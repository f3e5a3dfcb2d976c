"""The ceilings: bare NumPy gathers and bare JPEG decoding, with nothing around them."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from layout import BenchData, class_folder_files
from prepare import mnist_in_ram


def gather(data: BenchData, batch_size: int) -> Callable[[], Iterator[Any]]:
    """Gather rows of MNIST in RAM in orders that were made before."""
    images, labels = mnist_in_ram(data)
    targets = np.eye(10, dtype=np.float32)[labels]
    orders = [np.random.default_rng(seed).permutation(len(images)) for seed in range(8)]
    rounds = 0

    def one_pass() -> Iterator[Any]:
        nonlocal rounds
        order = orders[rounds % len(orders)]
        rounds += 1
        for first in range(0, len(order), batch_size):
            rows = order[first : first + batch_size]
            yield images[rows], targets[rows]

    return one_pass


def jpeg_decode(
    data: BenchData, batch_size: int, image_size: int, num_threads: int
) -> Callable[[], Iterator[Any]]:
    """Read and decode the photographs at full size with libjpeg-turbo; nothing is resized."""
    import simplejpeg

    files, labels = class_folder_files(data.photos)
    pool = ThreadPoolExecutor(num_threads)

    def decoded(numbers: Any) -> tuple[list[Any], list[int]]:
        images = [simplejpeg.decode_jpeg(Path(files[number]).read_bytes()) for number in numbers]
        return images, [labels[number] for number in numbers]

    def one_pass() -> Iterator[Any]:
        order = np.random.default_rng().permutation(len(files))
        batches = [order[k : k + batch_size].tolist() for k in range(0, len(order), batch_size)]
        yield from pool.map(decoded, batches)

    return one_pass
