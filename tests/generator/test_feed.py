import random
from typing import Any

import keras
import numpy as np
import pytest

from spoonful import ArraySource, BatchGenerator
from spoonful.generator.feed import feed_of

NUM_EXAMPLES = 42
BATCH_SIZE = 4
STEPS = 11  # the last batch of an epoch has 2 examples


class SeenBatches(keras.Model):
    """A one-layer model that notes the pixels of the batches it is trained on."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = keras.layers.Dense(2, activation="softmax")
        self.seen: list[list[int]] = []
        self.compile("sgd", "categorical_crossentropy", run_eagerly=True)

    def call(self, images: Any) -> Any:
        return self.dense(keras.ops.reshape(images, (-1, 1)))

    def train_step(self, data: Any) -> Any:
        self.seen.append(np.asarray(data[0]).ravel().tolist())
        return super().train_step(data)


class ServeInOrder(keras.callbacks.Callback):
    """What a callback that resumes at a step does: all from there on, in order."""

    def __init__(self, generator: BatchGenerator, epoch: int = 0, position: int = 0) -> None:
        super().__init__()
        self.generator, self.first_epoch, self.first_position = generator, epoch, position
        self.digests: list[list[bytes]] = []
        self.num_batches: list[int] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.done = self.first_position if epoch == self.first_epoch else 0
        feed_of(self.generator).serve_from(epoch, self.done)
        self.num_batches.append(self.generator.num_batches)
        self.digests.append([])

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.digests[-1] += feed_of(self.generator).take_digests(self.done, 1)
        self.done += 1


@pytest.fixture
def model() -> SeenBatches:
    return SeenBatches()


def make_generator(**settings: Any) -> BatchGenerator:
    """Example i is one pixel of value i."""
    images = np.arange(NUM_EXAMPLES, dtype=np.uint8).reshape(-1, 1, 1, 1)
    return BatchGenerator(ArraySource(images, np.arange(NUM_EXAMPLES) % 2), BATCH_SIZE, **settings)


def batches_of(generator: BatchGenerator, steps: range) -> list[list[int]]:
    return [generator.indices(step).tolist() for step in steps]


def digests_of(generator: BatchGenerator, steps: range) -> list[bytes]:
    return [bytes.fromhex(generator.digest(step)) for step in steps]


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("num_threads", [0, 3])
def test_fit_gets_the_batches_in_order_even_where_it_permutes(
    model: SeenBatches, shuffle: bool, num_threads: int
) -> None:
    random.seed(1)
    generator = make_generator(num_threads=num_threads)
    order = ServeInOrder(generator)
    model.fit(generator, epochs=3, shuffle=shuffle, callbacks=[order], verbose=0)
    assert model.seen == batches_of(generator, range(3 * STEPS))
    for epoch, digests in enumerate(order.digests):
        assert digests == digests_of(generator, range(epoch * STEPS, (epoch + 1) * STEPS))
    assert order.num_batches == [STEPS] * 3


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("position", [1, 4, STEPS - 1])
def test_an_epoch_can_begin_at_any_of_its_steps(
    model: SeenBatches, shuffle: bool, position: int
) -> None:
    generator = make_generator()
    order = ServeInOrder(generator, epoch=1, position=position)
    settings = {"initial_epoch": 1, "epochs": 3, "shuffle": shuffle, "verbose": 0}
    model.fit(generator, callbacks=[order], **settings)
    steps = range(STEPS + position, 3 * STEPS)
    assert model.seen == batches_of(generator, steps)
    assert order.digests[0] + order.digests[1] == digests_of(generator, steps)
    assert order.num_batches == [STEPS - position, STEPS]


def test_after_the_last_step_there_are_no_batches() -> None:
    generator = make_generator()
    feed_of(generator).serve_from(2, STEPS)
    assert generator.num_batches == 0


def test_served_as_asked_it_is_as_it_was(model: SeenBatches) -> None:
    generator, other = make_generator(), make_generator()
    feed_of(generator).serve_from(3, 5)
    generator[0]
    feed_of(generator).serve_as_asked()
    assert generator.num_batches == STEPS
    assert len(generator) == STEPS
    with pytest.raises(KeyError):
        feed_of(generator).take_digests(5, 1)
    generator.on_epoch_begin()
    other.on_epoch_begin()
    steps = batches_of(other, range(3 * STEPS, 4 * STEPS))
    for number in (5, 0, 10):
        x, _ = generator[number]
        assert x.ravel().tolist() == steps[number]
    generator.on_epoch_end()


def test_digests_are_taken_once_and_only_of_what_was_read() -> None:
    generator = make_generator(num_threads=0, prefetch_batches=1)  # a batch a chunk
    feed_of(generator).serve_from(2, 3)
    for _ in range(4):
        generator[99]  # whatever is asked for
    expected = digests_of(generator, range(2 * STEPS + 3, 2 * STEPS + 7))
    assert feed_of(generator).take_digests(3, 1) == expected[:1]
    assert feed_of(generator).take_digests(4, 3) == expected[1:]
    for first in (2, 3, 7):
        with pytest.raises(KeyError):
            feed_of(generator).take_digests(first, 1)


def test_a_new_beginning_forgets_what_was_read_before() -> None:
    generator = make_generator(num_threads=0, prefetch_batches=1)
    feed_of(generator).serve_from(0)
    generator[0]
    feed_of(generator).serve_from(0, 4)
    x, _ = generator[0]
    assert x.ravel().tolist() == generator.indices(4).tolist()
    with pytest.raises(KeyError):
        feed_of(generator).take_digests(0, 1)
    assert feed_of(generator).take_digests(4, 1) == digests_of(generator, range(4, 5))


def test_it_holds_for_the_epoch_that_keras_begins_next_and_no_longer(model: SeenBatches) -> None:
    generator = make_generator()
    begin_there = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: feed_of(generator).serve_from(2) if epoch == 0 else None
    )
    model.fit(generator, epochs=2, shuffle=False, callbacks=[begin_there], verbose=0)
    assert model.seen == batches_of(generator, range(2 * STEPS, 4 * STEPS))


@pytest.mark.parametrize("position", [0, 4, STEPS - 1])
@pytest.mark.parametrize("shuffle", [True, False])
def test_a_fit_that_an_exception_ended_leaves_a_generator_as_good_as_new(
    model: SeenBatches, position: int, shuffle: bool
) -> None:
    def fail(batch: int, logs: Any) -> None:
        raise ZeroDivisionError

    generator = make_generator()
    order = ServeInOrder(generator, position=position)
    failing = keras.callbacks.LambdaCallback(on_train_batch_end=fail)
    with pytest.raises(ZeroDivisionError):
        model.fit(generator, callbacks=[order, failing], verbose=0)
    model.seen.clear()
    model.fit(generator, shuffle=shuffle, verbose=0)
    expected = batches_of(generator, range(STEPS, 2 * STEPS))  # on with the next epoch, as ever
    assert (model.seen == expected) == (not shuffle)
    assert sorted(model.seen) == sorted(expected)


def test_a_second_reader_of_an_epoch_s_batches_is_noticed() -> None:
    generator = make_generator(num_threads=0, prefetch_batches=1)
    feed_of(generator).serve_from(1, 8)
    for _ in range(3):
        generator[0]
    assert len(feed_of(generator).take_digests(8, 2)) == 2
    generator[0]  # that is the next epoch's: something got a batch that was another's
    with pytest.raises(KeyError):
        feed_of(generator).take_digests(10, 1)
