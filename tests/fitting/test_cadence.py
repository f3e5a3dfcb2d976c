import math
from typing import Any

import pytest

from spoonful.errors import SpoonfulError
from spoonful.fitting.cadence import Cadence


class FakeClock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def write(cadence: Cadence, clock: FakeClock, step: int, takes_s: float = 0.0) -> None:
    cadence.begin_write()
    clock.now += takes_s
    cadence.end_write(step)


def steps_written(every_steps: int, steps: list[int], start: int = 0) -> list[int]:
    """Those of the steps after which a checkpoint is written."""
    clock = FakeClock()
    cadence = Cadence(every_steps, None, clock)
    cadence.start(start)
    written = []
    for step in steps:
        if cadence.is_due(step):
            write(cadence, clock, step)
            written.append(step)
    return written


@pytest.mark.parametrize(
    ("every_steps", "steps", "written"),
    [
        (1, [1, 2, 3], [1, 2, 3]),
        (3, list(range(1, 11)), [3, 6, 9]),
        (10, [4, 8, 12, 16, 20, 24, 28, 32], [12, 20, 32]),  # executions of four steps
        (3, [16, 32, 40], [16, 32, 40]),  # each jumps over several multiples: one checkpoint
        (100, [99, 101, 199, 200, 201], [101, 200]),
        (1000, [999], []),
    ],
)
def test_it_is_due_once_for_each_multiple_that_was_reached_or_jumped_over(
    every_steps: int, steps: list[int], written: list[int]
) -> None:
    assert steps_written(every_steps, steps) == written


def test_it_counts_from_where_training_was_taken_up() -> None:
    assert steps_written(10, [25, 28, 30, 39, 41], start=24) == [30, 41]
    assert steps_written(10, [21, 29, 30], start=20) == [30]


def test_a_checkpoint_written_for_another_reason_counts() -> None:
    clock = FakeClock()
    cadence = Cadence(10, None, clock)
    cadence.start(0)
    write(cadence, clock, 10)  # at an epoch's end
    assert not cadence.is_due(10)
    assert not cadence.is_due(19)
    assert cadence.is_due(20)
    assert cadence.is_due(21)  # asked again, nothing was written


def test_it_is_due_when_the_minutes_are_over() -> None:
    clock = FakeClock()
    cadence = Cadence(None, 5, clock)
    cadence.start(0)
    clock.now += 299.9
    assert not cadence.is_due(1_000_000)
    clock.now += 0.1
    assert cadence.is_due(1)
    write(cadence, clock, 1, takes_s=40.0)
    clock.now += 299.9  # counted from the end of the last one
    assert not cadence.is_due(2)
    clock.now += 0.1
    assert cadence.is_due(2)


def test_a_fraction_of_a_minute_is_a_time_like_any_other() -> None:
    clock = FakeClock()
    cadence = Cadence(None, 0.05, clock)
    cadence.start(0)
    clock.now += 2.9
    assert not cadence.is_due(1)
    clock.now += 0.2
    assert cadence.is_due(1)


def test_steps_and_minutes_are_due_each_by_itself() -> None:
    clock = FakeClock()
    cadence = Cadence(10, 1, clock)
    cadence.start(0)
    assert not cadence.is_due(9)
    assert cadence.is_due(10)
    clock.now += 60
    assert cadence.is_due(9)


def test_with_neither_it_is_never_due_inside_an_epoch() -> None:
    clock = FakeClock()
    cadence = Cadence(None, None, clock)
    cadence.start(0)
    clock.now += 1e9
    assert not cadence.is_due(10**9)
    assert cadence.is_due_at_epoch_end()


def test_the_first_epoch_s_end_is_always_due() -> None:
    cadence = Cadence(None, None, FakeClock())
    cadence.start(500)
    assert cadence.is_due_at_epoch_end()


@pytest.mark.parametrize("epoch_s", [0.01, 0.3, 7.0, 1000.0])
@pytest.mark.parametrize("write_s", [0.02, 0.5, 4.0])
def test_writing_at_epochs_ends_takes_half_a_percent_of_the_time_at_most(
    epoch_s: float, write_s: float
) -> None:
    clock = FakeClock()
    cadence = Cadence(None, None, clock)
    cadence.start(0)
    ends = []
    for epoch in range(1, 100_000):
        clock.now += epoch_s
        if cadence.is_due_at_epoch_end():
            write(cadence, clock, epoch, takes_s=write_s)
            ends.append(clock.now)
        if len(ends) == 4:
            break
    share = (len(ends) - 1) * write_s / (ends[-1] - ends[0])
    assert share < 0.005
    # No rarer than that asks for: within an epoch of the first moment.
    assert (ends[-1] - ends[0]) / 3 <= 200 * write_s + write_s + epoch_s + 1e-6


def test_the_share_follows_how_long_the_last_one_took() -> None:
    clock = FakeClock()
    cadence = Cadence(None, None, clock)
    cadence.start(0)
    write(cadence, clock, 1, takes_s=2.0)
    clock.now += 200
    assert not cadence.is_due_at_epoch_end()
    clock.now += 200
    assert cadence.is_due_at_epoch_end()
    write(cadence, clock, 2, takes_s=0.1)
    clock.now += 20.1
    assert cadence.is_due_at_epoch_end()


@pytest.mark.parametrize(
    ("steps", "minutes", "name"),
    [
        (0, None, "checkpoint_every_steps=0"),
        (-1, None, "checkpoint_every_steps=-1"),
        (2.5, None, "checkpoint_every_steps=2.5"),
        (True, None, "checkpoint_every_steps=True"),
        (None, 0, "checkpoint_every_minutes=0"),
        (None, -0.5, "checkpoint_every_minutes=-0.5"),
        (None, math.nan, "checkpoint_every_minutes=nan"),
    ],
)
def test_what_is_out_of_range_is_named(steps: Any, minutes: Any, name: str) -> None:
    with pytest.raises(SpoonfulError, match=f"{name}: expected") as caught:
        Cadence(steps, minutes)
    assert "\n" not in str(caught.value)
