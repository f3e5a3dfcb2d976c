import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spoonful.generator.order_runs import RUN_LENGTH, in_runs
from spoonful.order import Indices, make_order

NUM_EXAMPLES = 3 * RUN_LENGTH + 17


@settings(deadline=None, derandomize=True)
@given(data=st.data(), epoch=st.integers(0, 3))
@pytest.mark.parametrize("shuffle", ["none", "full", "block"])
def test_slices_are_those_of_the_order(shuffle: str, data: st.DataObject, epoch: int) -> None:
    order = make_order(shuffle, NUM_EXAMPLES, 5)
    runs = in_runs(order, NUM_EXAMPLES)
    for _ in range(4):
        start = data.draw(st.integers(0, NUM_EXAMPLES))
        stop = data.draw(st.integers(start, min(NUM_EXAMPLES, start + 2 * RUN_LENGTH)))
        assert np.array_equal(runs(epoch, start, stop), order(epoch, start, stop))


def test_short_slices_in_a_row_ask_the_order_once_a_run() -> None:
    calls = []

    def order(epoch: int, start: int, stop: int) -> Indices:
        calls.append((epoch, start, stop))
        return np.arange(start, stop)

    runs = in_runs(order, NUM_EXAMPLES)
    for start in range(0, NUM_EXAMPLES - 10, 10):
        runs(1, start, start + 10)
    assert len(calls) == 4
    assert calls[-1] == (1, 3 * RUN_LENGTH, NUM_EXAMPLES)


def test_nobody_can_change_what_the_next_one_gets() -> None:
    runs = in_runs(make_order("full", 100, 0), 100)
    with pytest.raises(ValueError, match="read-only"):
        runs(0, 0, 10)[0] = 5
