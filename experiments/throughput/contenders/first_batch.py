"""Seconds from an opened program to the first batch of a million images."""

import time

from layout import BenchData


def ours(data: BenchData, batch_size: int, shuffle: str, quick: bool) -> float:
    """Open a packed store and take the first batch of a shuffle."""
    from spoonful import BatchGenerator, PackedSource

    begin = time.perf_counter()
    source = PackedSource(data.packed("1m"))
    stream = BatchGenerator(source, batch_size, shuffle=shuffle, seed=0).stream()
    images, _ = stream[0]
    seconds = time.perf_counter() - begin
    assert len(images) == batch_size
    return seconds


def slices(data: BenchData, batch_size: int, buffer_size: int, quick: bool) -> float:
    """Make a tf.data pipeline over arrays in RAM and take its first batch.

    Loading the arrays is not counted; that tf.data copies them is.
    """
    import numpy as np
    import tensorflow as tf
    from prepare import mnist_in_ram

    images, labels = mnist_in_ram(data)
    rows = np.arange(1_000_000) % len(labels)
    images, labels = images[rows], labels[rows]
    tf.constant(0)  # TensorFlow's own start
    begin = time.perf_counter()
    dataset = tf.data.Dataset.from_tensor_slices((images, labels))
    batches = dataset.shuffle(buffer_size).batch(batch_size).as_numpy_iterator()
    first, _ = next(batches)
    seconds = time.perf_counter() - begin
    assert len(first) == batch_size
    return seconds
