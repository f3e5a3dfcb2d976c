import gc
import threading
import weakref
from typing import Any

import numpy as np
import pytest

from spoonful import ArraySource, BatchGenerator
from spoonful.errors import SpoonfulError
from spoonful.fitting.handover import EpochBatches
from spoonful.generator.read_errors import ReadError


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
        batches.serve_from(epoch)
        found = numpy_of(batches)
        assert len(found) == len(generator) == int(batches.dataset.cardinality())
        for number, (x, y) in enumerate(found):
            expected_x, expected_y = generator.batch(epoch * len(generator) + number)
            assert x.dtype == expected_x.dtype
            assert y.dtype == expected_y.dtype
            assert np.array_equal(x, expected_x)
            assert np.array_equal(y, expected_y)
    batches.close()


def test_tensorflow_tunes_nothing_whose_sleep_an_epoch_s_end_would_wait_for() -> None:
    batches = EpochBatches(BatchGenerator(source_of(50), 8), 4)
    assert batches.dataset.options().autotune.enabled is False
    weighted = batches.dataset.map(lambda x, y: (x, y, y))  # as Keras does for class weights
    assert weighted.options().autotune.enabled is False
    batches.close()


def test_it_notes_when_each_batch_was_handed_over_and_forgets_what_was_taken() -> None:
    now = iter(range(100, 1000))
    generator = BatchGenerator(source_of(50), 8, prefetch_batches=1)  # a batch a chunk
    batches = EpochBatches(generator, 1, clock=lambda: float(next(now)))
    batches.serve_from(2)
    numpy_of(batches)
    assert batches.asked_time == 100.0
    assert batches.take_ready_times(0, 3) == [101.0, 102.0, 103.0]
    assert batches.take_ready_times(0, 5) == [None, None, None, 104.0, 105.0]
    assert batches.take_ready_times(6, 2) == [107.0, None]
    batches.close()


class Broken(ArraySource):
    """Images of which some cannot be read."""

    broken: frozenset[int] = frozenset()

    def read_into(self, indices: Any, images: Any) -> None:
        if self.broken & set(indices.tolist()):
            raise SpoonfulError("7.png: cut short")
        super().read_into(indices, images)


@pytest.mark.parametrize("num_threads", [0, 2])
def test_the_batches_end_without_an_error_before_one_that_cannot_be_read(num_threads: int) -> None:
    source = Broken(source_of(50).read(range(50)), np.zeros(50, int))
    source.broken = frozenset({43})
    generator = BatchGenerator(source, 8, shuffle="none", num_threads=num_threads)
    batches = EpochBatches(generator, 4)
    batches.serve_from(0)
    assert batches.stop == 7
    batches.reach(0)
    assert len(numpy_of(batches)) == batches.stop == 5
    batches.reach(4)
    with pytest.raises(ReadError, match=r"step 5\).*7\.png: cut short") as caught:
        batches.reach(5)
    assert caught.value.step == 5
    source.broken = frozenset()
    batches.serve_from(0, 5)
    assert len(numpy_of(batches)) == 2
    batches.close()


def test_a_step_that_somebody_waited_for_is_served_once_and_the_wait_is_known() -> None:
    now = iter(range(100, 1000))
    generator = BatchGenerator(source_of(50), 8, shuffle="none")
    batches = EpochBatches(generator, 4, clock=lambda: float(next(now)))
    batches.serve_from(0)
    assert not batches.waited_s
    batches.reach(0)
    assert batches.waited_s == 2.0  # the clock is read twice, and once by `note` between
    batches.reach(0)
    batches.reach(7)  # there is no such step
    assert batches.waited_s == 2.0
    for number, (x, _) in enumerate(numpy_of(batches)):
        assert np.array_equal(x, generator.batch(number)[0])
    batches.close()


@pytest.mark.parametrize("steps_per_execution", [1, 4, 16])
@pytest.mark.parametrize("shuffle", ["full", "none"])
def test_an_epoch_can_begin_at_any_of_its_steps(steps_per_execution: int, shuffle: str) -> None:
    generator = BatchGenerator(source_of(50), 8, seed=3, shuffle=shuffle)
    batches = EpochBatches(generator, steps_per_execution)
    for epoch, position in ((1, 4), (0, 6), (2, 1), (2, 7), (2, 0), (0, 3)):
        batches.serve_from(epoch, position)
        assert int(batches.dataset.cardinality()) == 7  # an epoch's, whatever is left
        found = numpy_of(batches)
        steps = range(7 * epoch + position, 7 * (epoch + 1))
        for step, (x, _) in zip(steps, found, strict=True):
            assert np.array_equal(x, generator.batch(step)[0])
        digests = [bytes.fromhex(generator.digest(step)) for step in steps]
        assert batches.take_digests(position, len(steps)) == digests
    batches.close()


@pytest.mark.parametrize("num_threads", [0, 2])
def test_it_keeps_the_digests_of_what_was_served_until_they_are_taken(num_threads: int) -> None:
    generator = BatchGenerator(source_of(50), 8, num_threads=num_threads)
    batches = EpochBatches(generator, 1)
    for epoch in (0, 3):
        batches.serve_from(epoch)
        with pytest.raises(KeyError):
            batches.take_digests(0, 1)  # nothing was served
        numpy_of(batches)
        expected = [bytes.fromhex(generator.digest(7 * epoch + number)) for number in range(7)]
        assert batches.take_digests(0, 2) == expected[:2]
        assert batches.take_digests(2, 0) == []
        assert batches.take_digests(2, 5) == expected[2:]
        with pytest.raises(KeyError):
            batches.take_digests(6, 1)  # taken
    numpy_of(batches)
    batches.serve_from(3)
    with pytest.raises(KeyError):
        batches.take_digests(0, 1)  # of an iteration before
    batches.close()


def test_the_times_are_those_of_the_steps_also_where_an_epoch_begins_inside() -> None:
    now = iter(range(100, 1000))
    generator = BatchGenerator(source_of(50), 8, prefetch_batches=1)  # a batch a chunk
    batches = EpochBatches(generator, 1, clock=lambda: float(next(now)))
    batches.serve_from(1, 4)
    numpy_of(batches)
    assert batches.take_ready_times(3, 5) == [None, 101.0, 102.0, 103.0, None]
    batches.close()


def test_once_closed_the_batches_end_without_a_word_and_there_is_no_thread() -> None:
    batches = EpochBatches(BatchGenerator(source_of(5000), 8, prefetch_batches=2), 1)
    iterator = iter(batches.dataset)
    next(iterator)
    batches.close()
    assert sum(1 for _ in iterator) < 100  # of 624
    assert not [t for t in threading.enumerate() if t.name == "spoonful-reader"]
    assert batches.stop == batches.steps_per_epoch


@pytest.mark.parametrize("num_threads", [0, 2])
def test_once_closed_nothing_holds_the_generator_and_its_source(num_threads: int) -> None:
    source = source_of(5000)
    generator = BatchGenerator(source, 8, prefetch_batches=2, num_threads=num_threads)
    batches = EpochBatches(generator, 1)
    iterator = iter(batches.dataset)  # TensorFlow keeps it, and the batches with it
    next(iterator)
    held = weakref.ref(source)
    batches.close()
    del source, generator
    gc.collect()
    assert held() is None
    del batches, iterator
