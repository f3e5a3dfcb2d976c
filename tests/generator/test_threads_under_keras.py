"""No reading thread outlives what Keras does with the batches."""

import threading
import time
from typing import Any

import keras
import numpy as np
import pytest

from spoonful import ArraySource, BatchGenerator


def reading() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name == "spoonful-reader"]


def all_gone_within(limit_s: float) -> bool:
    deadline = time.monotonic() + limit_s
    while reading() and time.monotonic() < deadline:
        time.sleep(0.01)
    return not reading()


@pytest.fixture
def source() -> ArraySource:
    images = np.random.default_rng(0).integers(0, 256, (300, 4, 4, 1), dtype=np.uint8)
    return ArraySource(images, np.arange(300) % 3)


@pytest.fixture
def model() -> keras.Model:
    layers = [keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(3)]
    model = keras.Sequential(layers)
    model.compile("sgd", keras.losses.CategoricalCrossentropy(from_logits=True))
    return model


class RaiseAtStep(keras.callbacks.Callback):
    def __init__(self, step: int, error: BaseException) -> None:
        super().__init__()
        self.step, self.error = step, error

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if batch == self.step:
            raise self.error


def test_after_fit_and_evaluate_and_predict(source: ArraySource, model: keras.Model) -> None:
    generator = BatchGenerator(source, 8, num_threads=4)
    model.fit(generator, epochs=2, shuffle=False, validation_data=generator, verbose=0)
    assert not reading()
    model.evaluate(generator, verbose=0)
    assert not reading()
    model.predict(generator, verbose=0)
    assert not reading()


def test_after_fit_on_a_stream(source: ArraySource, model: keras.Model) -> None:
    stream = BatchGenerator(source, 8, num_threads=4).stream()
    model.fit(stream, steps_per_epoch=20, epochs=2, shuffle=False, verbose=0)
    # TensorFlow's own thread may still have asked for a batch; then ours end by themselves.
    assert all_gone_within(10)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("of a callback")])
@pytest.mark.parametrize("shuffle", [False, True])
def test_after_an_interruption(
    source: ArraySource, model: keras.Model, error: BaseException, shuffle: bool
) -> None:
    generator = BatchGenerator(source, 8, num_threads=4)
    with pytest.raises(type(error)):
        model.fit(generator, shuffle=shuffle, verbose=0, callbacks=[RaiseAtStep(3, error)])
    assert all_gone_within(10)
    x, _ = generator[0]  # and it can still be used
    assert len(x) == 8
    generator.on_epoch_end()
    assert not reading()


def test_after_a_read_that_failed(source: ArraySource, model: keras.Model) -> None:
    class Broken(ArraySource):
        def read_into(self, indices: Any, images: Any) -> None:
            if 100 in indices:
                raise OSError("the disk is gone")
            super().read_into(indices, images)

    images = source.read(range(300))
    generator = BatchGenerator(Broken(images, source.labels), 8, num_threads=4)
    with pytest.raises(Exception, match=r"batch \d+ of epoch 1 .*OSError: the disk is gone"):
        model.fit(generator, shuffle=False, verbose=0)
    assert all_gone_within(10)
