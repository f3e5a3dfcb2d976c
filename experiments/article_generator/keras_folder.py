"""Keras' ImageDataGenerator.flow_from_directory, the ready-made one that the article names."""

from pathlib import Path
from typing import Any

import numpy as np

# Keras 3 keeps it for TensorFlow's name space alone, as legacy.
from tensorflow.keras.preprocessing.image import ImageDataGenerator


def keras_generator(
    folder: Path,
    batch_size: int,
    size: tuple[int, int] = (28, 28),
    color_mode: str = "grayscale",
    **settings: Any,
) -> Any:
    """Serve the images of class folders, 0..1, as the examples of Keras' documentation do.

    Args:
        folder: holds one folder a class.
        batch_size: images a batch.
        size: (height, width) in pixels to which every image is resized.
        color_mode: "grayscale" or "rgb".
        settings: of flow_from_directory; shuffle is True and seed None unless they say otherwise.
    """
    return ImageDataGenerator(rescale=1 / 255).flow_from_directory(
        str(folder), target_size=size, color_mode=color_mode, batch_size=batch_size, **settings
    )


def file_numbers(generator: Any, index: int) -> Any:
    """Return the numbers that are the names of a batch's files, int64 [b]."""
    if generator.index_array is None:  # drawn when the first batch is asked for
        generator[0]
    begin = index * generator.batch_size
    places = generator.index_array[begin : begin + generator.batch_size]
    return np.array([int(Path(generator.filenames[place]).stem) for place in places])
