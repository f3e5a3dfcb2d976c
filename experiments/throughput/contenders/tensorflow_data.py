"""tf.data pipelines, as fast as its options make them."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf
from layout import BenchData, class_folder_files
from prepare import mnist_in_ram


def slices(data: BenchData, batch_size: int) -> Callable[[], Iterator[Any]]:
    """Feed MNIST from RAM: slices, a buffer that holds all of them, batches."""
    images, labels = mnist_in_ram(data)
    dataset = tf.data.Dataset.from_tensor_slices((images, labels))
    return _feed(dataset.shuffle(len(images)).batch(batch_size), len(images), batch_size)


def gathered(data: BenchData, batch_size: int) -> Callable[[], Iterator[Any]]:
    """Feed MNIST from RAM: a permutation made at once, each batch gathered by its rows."""
    images, labels = (tf.constant(array) for array in mnist_in_ram(data))
    num_examples = len(labels)
    num_steps = -(-num_examples // batch_size)

    def batches_of_pass(_: Any) -> Any:
        order = tf.random.shuffle(tf.range(num_examples))

        def batch(step: Any) -> tuple[Any, Any]:
            rows = order[step * batch_size : (step + 1) * batch_size]
            return tf.gather(images, rows), tf.gather(labels, rows)

        return tf.data.Dataset.range(num_steps).map(batch, tf.data.AUTOTUNE)

    dataset = tf.data.Dataset.range(1).repeat().flat_map(batches_of_pass)
    return _feed(dataset, num_examples, batch_size)


def digits(
    data: BenchData, batch_size: int, deterministic: bool, num_calls: int | None
) -> Callable[[], Iterator[Any]]:
    """Feed loose MNIST files; `num_calls` is how many are decoded at once, None: AUTOTUNE."""
    files, labels = class_folder_files(data.mnist_files)

    def decoded(file: Any, label: Any) -> tuple[Any, Any]:
        image = tf.io.decode_png(tf.io.read_file(file), channels=1)
        return tf.ensure_shape(image, (28, 28, 1)), label

    dataset = _mapped(files, labels, decoded, num_calls).batch(batch_size)
    return _feed(dataset, len(files), batch_size, deterministic)


def photos(
    data: BenchData,
    batch_size: int,
    image_size: int,
    ratio: int,
    dct_method: str,
    dtype: str,
    num_calls: int | None,
) -> Callable[[], Iterator[Any]]:
    """Feed the photographs; `ratio` is by how much libjpeg shrinks them as it decodes."""
    files, labels = class_folder_files(data.photos)
    size = (image_size, image_size)

    def decoded(file: Any, label: Any) -> tuple[Any, Any]:
        image = tf.io.decode_jpeg(
            tf.io.read_file(file), channels=3, ratio=ratio, dct_method=dct_method
        )
        resized = tf.image.resize(image, size)
        return tf.cast(resized, dtype), label

    dataset = _mapped(files, labels, decoded, num_calls).batch(batch_size)
    return _feed(dataset, len(files), batch_size, deterministic=False)


def _mapped(
    files: list[str], labels: list[int], decoded: Callable[..., Any], num_calls: int | None
) -> Any:
    dataset = tf.data.Dataset.from_tensor_slices((files, labels)).shuffle(len(files))
    return dataset.map(decoded, num_calls or tf.data.AUTOTUNE)


def _feed(
    dataset: Any, num_examples: int, batch_size: int, deterministic: bool = True
) -> Callable[[], Iterator[Any]]:
    options = tf.data.Options()
    options.deterministic = deterministic
    # Endless, so that no pass waits for the pipeline to start; reshuffled every round.
    endless = dataset.repeat().prefetch(tf.data.AUTOTUNE).with_options(options)
    batches = endless.as_numpy_iterator()
    num_steps = -(-num_examples // batch_size)
    return lambda: itertools.islice(batches, num_steps)
