import pytest
from hypothesis import given
from hypothesis import strategies as st

from spoonful.fitting.input_wait import input_wait_s

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
