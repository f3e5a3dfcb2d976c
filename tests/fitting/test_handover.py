import contextlib
import threading
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from spoonful import ArraySource, BatchGenerator
from spoonful.errors import SpoonfulError
from spoonful.fitting.handover import EpochBatches


def source_of(number: int) -> ArraySource:
    images = np.random.default_rng(0).integers(0, 256, (number, 4, 4, 1), dtype=np.uint8)
    return ArraySource(images, np.arange(number) % 3)


def numpy_of(batches: EpochBatches) -> list[tuple[Any, Any]]:
    return [(x.numpy(), y.numpy()) for x, y in batches.dataset]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"drop_remainder": True},
        {"one_hot": False},
        {"dtype": "float32"},
        {"prefetch_batches": 1},
        {"num_threads": 0},
        {"shuffle": "balanced"},
    ],
)
def test_an_epoch_is_exactly_its_batches(settings: dict[str, Any]) -> None:
    generator = BatchGenerator(source_of(50), 8, **{"seed": 3, **settings})
    batches = EpochBatches(generator, 4)
    for epoch in (0, 1, 2, 1):  # asked again, it is the same
        batches.epoch = epoch
        found = numpy_of(batches)
        assert len(found) == len(generator) == int(batches.dataset.cardinality())
        for number, (x, y) in enumerate(found):
            expected_x, expected_y = generator.batch(epoch * len(generator) + number)
            assert x.dtype == expected_x.dtype
            assert y.dtype == expected_y.dtype
            assert np.array_equal(x, expected_x)
            assert np.array_equal(y, expected_y)
    batches.close()


def test_it_notes_when_each_batch_was_handed_over_and_forgets_what_was_taken() -> None:
    now = iter(range(100, 1000))
    generator = BatchGenerator(source_of(50), 8, prefetch_batches=1)  # a batch a chunk
    batches = EpochBatches(generator, 1, clock=lambda: float(next(now)))
    batches.epoch = 2
    numpy_of(batches)
    assert batches.asked_time == 100.0
    assert batches.take_ready_times(0, 3) == [101.0, 102.0, 103.0]
    assert batches.take_ready_times(0, 5) == [None, None, None, 104.0, 105.0]
    assert batches.take_ready_times(6, 2) == [107.0, None]
    batches.close()


def test_it_keeps_the_error_itself() -> None:
    class Broken(ArraySource):
        def read_into(self, indices: Any, images: Any) -> None:
            raise SpoonfulError("7.png: cut short")

    images = np.zeros((50, 4, 4, 1), dtype=np.uint8)
    batches = EpochBatches(BatchGenerator(Broken(images, np.zeros(50, int)), 8), 1)
    with pytest.raises(Exception, match=r"7\.png: cut short"):
        numpy_of(batches)
    assert isinstance(batches.error, SpoonfulError)
    batches.close()


def test_once_closed_there_are_no_more_batches_and_no_thread() -> None:
    batches = EpochBatches(BatchGenerator(source_of(5000), 8, prefetch_batches=2), 1)
    iterator = iter(batches.dataset)
    next(iterator)
    batches.close()
    with contextlib.suppress(tf.errors.FailedPreconditionError):  # fewer than an epoch's steps
        assert sum(1 for _ in iterator) < 100
    assert not [t for t in threading.enumerate() if t.name == "spoonful-reader"]
