"""The batches of two runs made again tell in which step they part."""

import numpy as np
import pytest
from numpy.typing import NDArray

from spoonful.diff.ledgers import StepRange, first_difference
from spoonful.generator import BatchGenerator
from spoonful.record.ledger import TRAIN, VAL, Ledger, Row
from spoonful.sources.array import ArraySource
from spoonful.workflow.replay import Replay, first_step

NUM_EXAMPLES = 260 * 4  # 260 steps an epoch: rows after 100, 200 and 260


@pytest.fixture(scope="module")
def images() -> NDArray[np.uint8]:
    random = np.random.default_rng(0)
    return random.integers(0, 256, (NUM_EXAMPLES, 3, 3, 1), dtype=np.uint8)


def replay_of(images: NDArray[np.uint8], batch_size: int = 4, shuffle: str = "full") -> Replay:
    source = ArraySource(images, np.arange(len(images)) % 10)
    return Replay(source, BatchGenerator(source, batch_size, shuffle=shuffle, num_threads=0))


def rows_of(replay: Replay, stream: str = TRAIN, num_epochs: int = 2) -> list[Row]:
    """The ledger of a training on these batches."""
    ledger = Ledger()
    per_epoch = len(replay.generator)
    for epoch in range(num_epochs):
        first = epoch * per_epoch if stream == TRAIN else 0
        ledger.begin(stream, epoch + 1, first)
        steps = range(first, first + per_epoch)
        ledger.add(stream, [bytes.fromhex(replay.generator.digest(step)) for step in steps])
        ledger.end(stream)
    return ledger.rows


def window_of(a: list[Row], b: list[Row]) -> StepRange:
    steps = first_difference(a, b)
    assert steps is not None
    return steps


@pytest.mark.parametrize("step", [0, 99, 100, 137, 259])
def test_one_other_pixel_is_found_in_the_step_that_reads_it(
    images: NDArray[np.uint8], step: int
) -> None:
    a = replay_of(images)
    altered = images.copy()
    altered[a.generator.indices(step)[2], 1, 1, 0] ^= 1
    b = replay_of(altered)
    found = first_step(a, b, window_of(rows_of(a), rows_of(b)))
    assert found.step == step
    assert (found.a.epoch, found.a.number) == (1, step + 1)
    assert found.a.ids == found.b.ids
    assert found.a.ids[2] == f"example {a.generator.indices(step)[2]}"
    assert found.confirms_a
    assert found.confirms_b


def test_another_order_shows_other_images(images: NDArray[np.uint8]) -> None:
    a, b = replay_of(images), replay_of(images, shuffle="none")
    found = first_step(a, b, window_of(rows_of(a), rows_of(b)))
    assert found.step == 0
    assert found.b.ids == ("example 0", "example 1", "example 2", "example 3")
    assert found.a.ids == tuple(f"example {index}" for index in a.generator.indices(0))


def test_rows_of_a_later_epoch_are_confirmed_and_placed(images: NDArray[np.uint8]) -> None:
    a = replay_of(images)
    rows = rows_of(a)
    other = [*rows[:4], Row(TRAIN, 2, rows[4].step, "00" * 16)]
    steps = window_of(rows, other)
    assert (steps.start, steps.stop) == (360, 460)
    found = first_step(a, replay_of(images), steps)
    assert found.step is None
    assert (found.a.epoch, found.a.number) == (2, 101)
    assert found.confirms_a
    assert not found.confirms_b


def test_larger_batches_are_confirmed_by_their_own_rows(images: NDArray[np.uint8]) -> None:
    a, b = replay_of(images), replay_of(images, batch_size=8)
    found = first_step(a, b, window_of(rows_of(a), rows_of(b)))
    assert found.step == 0
    assert (len(found.a.ids), len(found.b.ids)) == (4, 8)
    assert found.confirms_a
    assert found.confirms_b


def test_an_epoch_that_ends_sooner_parts_at_its_end(images: NDArray[np.uint8]) -> None:
    a, b = replay_of(images, shuffle="none"), replay_of(images[: 230 * 4], shuffle="none")
    found = first_step(a, b, window_of(rows_of(a), rows_of(b)))
    assert found.step == 230
    assert (found.a.epoch, found.a.number) == (1, 231)
    assert (found.b.epoch, found.b.number) == (2, 1)


def test_validation_is_the_same_steps_in_every_epoch(images: NDArray[np.uint8]) -> None:
    a = replay_of(images, shuffle="none")
    rows = rows_of(a, VAL)
    other = [*rows[:3], Row(VAL, 2, rows[3].step, "00" * 16)]
    found = first_step(a, replay_of(images, shuffle="none"), window_of(rows, other))
    assert found.step is None
    assert (found.a.epoch, found.a.number) == (2, 1)
    assert found.confirms_a
    assert not found.confirms_b
