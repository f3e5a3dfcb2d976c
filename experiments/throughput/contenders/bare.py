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
    data: BenchData, batch_size: int, image_size: int, num_threads: int, reduction: int = 1
) -> Callable[[], Iterator[Any]]:
    """Read and decode the photographs with libjpeg-turbo, at full size or less; none is resized."""
    import simplejpeg

    files, labels = class_folder_files(data.photos)

    def decoded(number: int) -> Any:
        record = Path(files[number]).read_bytes()
        if reduction == 1:
            return simplejpeg.decode_jpeg(record)
        height, width, _, _ = simplejpeg.decode_jpeg_header(record)
        least = {"min_height": -(-height // reduction), "min_width": -(-width // reduction)}
        return simplejpeg.decode_jpeg(record, fastupsample=True, **least)

    return _decoding(decoded, labels, batch_size, num_threads)


def record_decode(
    data: BenchData, batch_size: int, num_threads: int, is_fast: bool
) -> Callable[[], Iterator[Any]]:
    """Decode the packed photographs' records out of RAM, with libjpeg-turbo's fast transform?"""
    import pyarrow as pa
    import simplejpeg

    store = data.packed("photos-jpeg")
    labels = np.load(store / "labels.npy").tolist()
    tables = [
        pa.ipc.open_file(pa.memory_map(str(path))).read_all()
        for path in sorted(store.glob("images-*.arrow"))
    ]
    records = [record.as_py() for table in tables for record in table.column(0)]

    def decoded(number: int) -> Any:
        return simplejpeg.decode_jpeg(records[number], fastdct=is_fast)

    return _decoding(decoded, labels, batch_size, num_threads)


def _decoding(
    decoded: Callable[[int], Any], labels: list[int], batch_size: int, num_threads: int
) -> Callable[[], Iterator[Any]]:
    pool = ThreadPoolExecutor(num_threads)

    def batch(numbers: list[int]) -> tuple[list[Any], list[int]]:
        return [decoded(number) for number in numbers], [labels[number] for number in numbers]

    def one_pass() -> Iterator[Any]:
        order = np.random.default_rng().permutation(len(labels))
        batches = [order[k : k + batch_size].tolist() for k in range(0, len(order), batch_size)]
        yield from pool.map(batch, batches)

    return one_pass
