"""Keras' image_dataset_from_directory, as its documentation shows it."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from layout import BenchData


def digits(data: BenchData, batch_size: int) -> Callable[[], Iterator[Any]]:
    """Feed loose MNIST files."""
    return _feed(data.mnist_files, batch_size, 28, "grayscale")


def photos(data: BenchData, batch_size: int, image_size: int) -> Callable[[], Iterator[Any]]:
    """Feed the photographs."""
    return _feed(data.photos, batch_size, image_size, "rgb")


def tiles(data: BenchData, batch_size: int, image_size: int) -> Callable[[], Iterator[Any]]:
    """Feed the tiles of photographs."""
    return _feed(data.tiles, batch_size, image_size, "rgb")


def _feed(
    root: Path, batch_size: int, image_size: int, color_mode: str
) -> Callable[[], Iterator[Any]]:
    dataset = keras.utils.image_dataset_from_directory(
        root,
        color_mode=color_mode,
        batch_size=batch_size,
        image_size=(image_size, image_size),
        shuffle=True,
        seed=0,
        verbose=False,
    )
    num_steps = len(dataset)
    batches = dataset.repeat().prefetch(tf.data.AUTOTUNE).as_numpy_iterator()
    return lambda: itertools.islice(batches, num_steps)
