"""The contenders: endless batches of the same images, each loader with settings of its own."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

BATCH = {"files": 128, "packed": 32}
SIDE = {"files": 32, "packed": 224}
Feed = Iterator[Any]


def ours(case: str, data: Path) -> Feed:
    """Feed from the generator as it is by default."""
    from spoonful import BatchGenerator, FolderSource, PackedSource

    side = SIDE[case]
    source = FolderSource(data, (side, side)) if case == "files" else PackedSource(data)
    stream = BatchGenerator(source, BATCH[case], shuffle="full", seed=0).stream()
    try:
        for step in range(1 << 40):
            yield stream[step][0]
    finally:
        stream.close()


def keras_dataset(case: str, data: Path, pool: int) -> Feed:
    """Feed from image_dataset_from_directory; `pool` threads instead of TensorFlow's own."""
    import keras

    dataset = keras.utils.image_dataset_from_directory(
        data,
        batch_size=BATCH[case],
        image_size=(SIDE[case], SIDE[case]),
        shuffle=True,
        seed=0,
        verbose=False,
    )
    return _of_dataset(dataset.repeat(), pool)


def tensorflow_data(case: str, data: Path, calls: int, pool: int) -> Feed:
    """Feed from tf.data; `calls` at once in `pool` threads.

    Files in a whole shuffle. Of a packed split, which it cannot read at random, all shards at once
    with large reads, through a buffer of 1,000 images.
    """
    import tensorflow as tf

    side = SIDE[case]
    if case == "packed":
        header = _header_bytes(data)
        image_bytes = side * side * 3

        def images_of(shard: Any) -> Any:
            return tf.data.FixedLengthRecordDataset(
                shard, image_bytes, header_bytes=header, buffer_size=8 << 20
            )

        shards = [str(path) for path in sorted(data.glob("*.npy")) if path.name != "labels.npy"]
        dataset = tf.data.Dataset.from_tensor_slices(shards).repeat()
        dataset = dataset.interleave(
            images_of, cycle_length=len(shards), num_parallel_calls=tf.data.AUTOTUNE
        )
        dataset = dataset.shuffle(1000).map(
            lambda record: tf.reshape(tf.io.decode_raw(record, tf.uint8), (side, side, 3)),
            tf.data.AUTOTUNE,
        )
        return _of_dataset(dataset.batch(BATCH[case]), pool)
    files = [str(path) for path in sorted(data.glob("*/*"))]

    def decoded(file: Any) -> Any:
        content = tf.io.read_file(file)
        image = tf.io.decode_jpeg(content, channels=3, dct_method="INTEGER_FAST")
        return tf.ensure_shape(image, (side, side, 3))

    dataset = tf.data.Dataset.from_tensor_slices(files).shuffle(len(files))
    dataset = dataset.map(decoded, calls).batch(BATCH[case]).repeat()
    return _of_dataset(dataset, pool)


def _of_dataset(dataset: Any, pool: int) -> Feed:
    import tensorflow as tf

    options = tf.data.Options()
    options.deterministic = False
    options.threading.private_threadpool_size = pool
    endless = dataset.prefetch(tf.data.AUTOTUNE).with_options(options)
    for batch in endless.as_numpy_iterator():
        yield batch[0] if isinstance(batch, tuple) else batch


def torch_loader(case: str, data: Path, workers: int) -> Feed:
    """Feed from PyTorch's DataLoader with worker processes; OpenCV decodes."""
    import torch
    from torch.utils.data import DataLoader

    torch.set_num_threads(1)
    loader = DataLoader(
        _images(case, data),
        batch_size=BATCH[case],
        shuffle=True,
        num_workers=workers,
        collate_fn=np.stack,
        persistent_workers=True,
    )
    while True:
        yield from loader


def grain_loader(case: str, data: Path, threads: int, workers: int) -> Feed:
    """Feed from Grain with reading threads, in as many worker processes; OpenCV decodes."""
    import grain

    images = _images(case, data)
    dataset = grain.MapDataset.range(len(images)).seed(0).shuffle().map(images.__getitem__)
    options = grain.ReadOptions(num_threads=threads, prefetch_buffer_size=2 * threads)
    stream = dataset.repeat().to_iter_dataset(options).batch(BATCH[case])
    if workers:
        stream = stream.mp_prefetch(grain.MultiprocessingOptions(num_workers=workers))
    yield from stream


def _images(case: str, data: Path) -> Any:
    return _Files(data) if case == "files" else _Rows(data, SIDE["packed"])


class _Files:
    """Decoded image files, by their number."""

    def __init__(self, root: Path) -> None:
        import cv2

        cv2.setNumThreads(1)
        self._read, self._how = cv2.imread, cv2.IMREAD_COLOR_RGB
        self._files = [str(path) for path in sorted(root.glob("*/*"))]

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, index: int) -> Any:
        return self._read(self._files[index], self._how)


class _Rows:
    """Images of a packed split, by their number: one pread each."""

    def __init__(self, folder: Path, side: int) -> None:
        self._shape, self._size = (side, side, 3), side * side * 3
        header = _header_bytes(folder)
        self._places: list[tuple[str, int]] = []
        self._open: dict[tuple[int, str], int] = {}  # by process: some workers get a copy of this
        for path in sorted(folder.glob("*.npy")):
            if path.name != "labels.npy":
                count = (path.stat().st_size - header) // self._size
                self._places += [(str(path), header + row * self._size) for row in range(count)]

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> Any:
        path, offset = self._places[index]
        key = os.getpid(), path
        if key not in self._open:
            self._open[key] = os.open(path, os.O_RDONLY)
        content = os.pread(self._open[key], self._size, offset)
        return np.frombuffer(content, np.uint8).reshape(self._shape)


def _header_bytes(folder: Path) -> int:
    shard = next(path for path in sorted(folder.glob("*.npy")) if path.name != "labels.npy")
    rows = np.load(shard, mmap_mode="r")
    return shard.stat().st_size - rows.nbytes


# What each is measured with, at every delay; the best counts. TensorFlow's own pool, 2 to 16 calls,
# 16 and 64 workers, and 128 threads in one process were tried as well: never the best.
_POOLS = (64, 256)
CONTENDERS: dict[str, tuple[Callable[..., Feed], list[dict[str, Any]]]] = {
    "spoonful": (ours, [{}]),
    "tf.data": (
        tensorflow_data,
        [{"calls": pool, "pool": pool} for pool in _POOLS],
    ),
    "Keras": (keras_dataset, [{"pool": pool} for pool in _POOLS]),
    "PyTorch": (torch_loader, [{"workers": workers} for workers in (2, 32)]),
    "Grain": (
        grain_loader,
        [
            {"threads": 1, "workers": 2},
            {"threads": 16, "workers": 0},
            {"threads": 64, "workers": 2},
        ],
    ),
}
