"""Training a one-layer model on MNIST: how much of the speed of arrays in RAM is left."""

import time
from typing import Any

import keras
import numpy as np
from layout import BenchData
from prepare import mnist_in_ram

_EPOCHS = 11
_QUICK_EPOCHS = 3


def arrays(
    data: BenchData, batch_size: int, steps_per_execution: int, dtype: str, quick: bool
) -> float:
    """Train on arrays in RAM; return images/s."""
    images, labels = mnist_in_ram(data)
    if dtype == "float32":
        images = images.astype(np.float32) / 255
    targets = np.eye(10, dtype=np.float32)[labels]
    model = one_layer_model(steps_per_execution, images.shape[1:], dtype)
    return _speed(model, len(images), quick, x=images, y=targets, batch_size=batch_size)


def slices(data: BenchData, batch_size: int, steps_per_execution: int, quick: bool) -> float:
    """Train on tf.data slices of uint8 arrays in RAM; return images/s."""
    import tensorflow as tf

    images, labels = mnist_in_ram(data)
    targets = np.eye(10, dtype=np.float32)[labels]
    dataset = tf.data.Dataset.from_tensor_slices((images, targets)).shuffle(len(images))
    dataset = dataset.batch(batch_size).prefetch(tf.data.AUTOTUNE)
    model = one_layer_model(steps_per_execution, images.shape[1:])
    return _speed(model, len(images), quick, x=dataset)


def dataset(data: BenchData, batch_size: int, steps_per_execution: int, quick: bool) -> float:
    """Train on our generator as the PyDataset that it is; return images/s."""
    generator = packed_generator(data, "mnist", batch_size)
    model = one_layer_model(steps_per_execution, generator.source.image_shape)
    return _speed(model, len(generator.source), quick, x=generator, shuffle=False)


def trainer(data: BenchData, batch_size: int, steps_per_execution: int, quick: bool) -> float:
    """Train on our generator, its batches handed over as our trainer does; return images/s."""
    generator = packed_generator(data, "mnist", batch_size)
    model = one_layer_model(steps_per_execution, generator.source.image_shape)
    times = _EpochTimes()
    num_epochs = _QUICK_EPOCHS if quick else _EPOCHS
    fit_as_trainer(model, generator, num_epochs, times)
    return times.images_per_s(len(generator.source))


def packed_generator(data: BenchData, name: str, batch_size: int, **settings: Any) -> Any:
    """Return our generator over a packed store."""
    from spoonful import BatchGenerator, PackedSource

    return BatchGenerator(PackedSource(data.packed(name)), batch_size, seed=0, **settings)


class _Epochs(keras.callbacks.Callback):
    """Tell the batches which epoch it is."""

    def __init__(self, batches: Any) -> None:
        super().__init__()
        self._batches = batches

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._batches.serve_from(epoch)


def fit_as_trainer(
    model: Any,
    generator: Any,
    num_epochs: int,
    *callbacks: keras.callbacks.Callback,
    num_steps: int = -1,
) -> None:
    """Fit as our trainer does, with nothing recorded; at most `num_steps` steps an epoch."""
    from spoonful.fitting.handover import EpochBatches

    batches = EpochBatches(generator, model.steps_per_execution)
    try:
        model.fit(
            batches.dataset.take(num_steps),
            epochs=num_epochs,
            shuffle=False,
            callbacks=[_Epochs(batches), *callbacks],
            verbose=0,
        )
    finally:
        batches.close()


def one_layer_model(
    steps_per_execution: int, image_shape: tuple[int, ...], dtype: str = "uint8"
) -> Any:
    """Return Rescaling (for bytes), Flatten and Dense(10), compiled without XLA."""
    model = keras.Sequential([keras.Input(image_shape, dtype=dtype)])
    if dtype == "uint8":
        model.add(keras.layers.Rescaling(1 / 255))
    model.add(keras.layers.Flatten())
    model.add(keras.layers.Dense(10, activation="softmax"))
    model.compile(
        "adam",
        "categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=False,
        steps_per_execution=steps_per_execution,
    )
    return model


class _EpochTimes(keras.callbacks.Callback):
    """Note when each epoch ends."""

    def __init__(self) -> None:
        super().__init__()
        self._ends: list[float] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._ends.append(time.perf_counter())

    def images_per_s(self, num_images: int) -> float:
        """Return the speed over the epochs after the first, of so many images each."""
        return num_images * (len(self._ends) - 1) / (self._ends[-1] - self._ends[0])


def _speed(model: Any, num_images: int, quick: bool, **fit_arguments: Any) -> float:
    """Return images/s of a plain `fit`."""
    times = _EpochTimes()
    num_epochs = _QUICK_EPOCHS if quick else _EPOCHS
    model.fit(epochs=num_epochs, callbacks=[times], verbose=0, **fit_arguments)
    return times.images_per_s(num_images)
