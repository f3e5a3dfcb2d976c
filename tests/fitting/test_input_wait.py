from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spoonful.fitting.input_wait import MeteredDataset, input_wait_s

times = st.floats(-100, 100)


@given(times, st.floats(0, 50), st.lists(st.none() | times, max_size=8))
def test_the_wait_is_never_negative_nor_longer_than_the_call(
    begin: float, duration: float, ready_times: list[float | None]
) -> None:
    wait = input_wait_s(begin, begin + duration, ready_times)
    assert -1e-9 <= wait <= duration + 1e-9


@given(st.floats(0, 10), st.lists(st.floats(0, 5), min_size=1, max_size=8))
def test_the_compute_time_of_simulated_steps_is_found_again(
    compute_s: float, ready_times: list[float]
) -> None:
    # Batches come in order; each step begins when its batch is there and the last step is done.
    ready_times = sorted(ready_times)
    now = 0.0
    for ready in ready_times:
        now = max(now, ready) + compute_s
    wait = input_wait_s(0.0, now, list(ready_times))
    assert wait == pytest.approx(now - len(ready_times) * compute_s, abs=1e-9)


@pytest.mark.parametrize(
    ("ready_times", "end", "wait"),
    [
        ([5.0], 8.0, 5.0),  # one step: waited until its batch was ready
        ([-1.0], 3.0, 0.0),  # one step, batch there before
        ([-1.0, -0.5, 0.0, 0.0], 4.0, 0.0),  # all early
        ([0.0, 0.0, 4.0, 4.0], 6.0, 2.0),  # the third of four comes 2 s after the second's end
        ([0.0, 1.0, 2.0, 3.0], 4.0, 0.0),  # each just in time
        ([0.0, 10.0], 11.0, 9.0),
        ([None, None], 7.0, 0.0),
        ([None, 6.0], 7.0, 5.0),
        ([], 7.0, 0.0),
        ([9.0], 7.0, 7.0),  # a clock that disagrees: all of it, no more
    ],
)
def test_known_waits(ready_times: list[float | None], end: float, wait: float) -> None:
    assert input_wait_s(0.0, end, ready_times) == pytest.approx(wait)


def test_a_call_that_ends_before_it_begins_waits_for_nothing() -> None:
    assert input_wait_s(3.0, 2.0, [1.0]) == 0.0


class Batches(keras.utils.PyDataset):
    def __init__(self, num_batches: int | None) -> None:
        super().__init__()
        self.number = num_batches
        self.failure = KeyError("gone")

    @property
    def num_batches(self) -> int | None:
        return self.number

    def __getitem__(self, index: int) -> Any:
        if index == 3:
            raise self.failure
        return np.full(2, index), np.zeros(2)


@pytest.mark.parametrize("number", [None, 7])
def test_the_meter_hands_on_the_batches_and_their_number(number: int | None) -> None:
    meter = MeteredDataset(Batches(number))
    assert meter.num_batches == number
    np.testing.assert_array_equal(meter[2][0], [2, 2])
    assert meter.error is None
    assert (meter.workers, meter.use_multiprocessing) == (1, False)


def test_the_meter_notes_when_each_batch_was_ready_and_forgets_what_was_taken() -> None:
    now = iter([1.5, 2.5, 4.0])
    meter = MeteredDataset(Batches(None), clock=lambda: next(now))
    for index in (0, 1, 2):
        meter[index]
    assert meter.take_ready_times(0, 2) == [1.5, 2.5]
    assert meter.take_ready_times(0, 4) == [None, None, 4.0, None]
    assert meter.take_ready_times(2, 1) == [None]


def test_the_meter_keeps_the_error_itself() -> None:
    batches = Batches(None)
    meter = MeteredDataset(batches)
    with pytest.raises(KeyError):
        meter[3]
    assert meter.error is batches.failure
    assert meter.take_ready_times(3, 1) == [None]
