from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spoonful import ArraySource, BatchGenerator
from spoonful.order import BlockOrder


class Asked(ArraySource):
    """Keeps what it was asked to fetch, and what was read before it was asked for."""

    def __init__(self, number: int) -> None:
        super().__init__(np.zeros((number, 2, 2, 1), dtype=np.uint8), np.zeros(number, int))
        self.fetched: set[int] = set()
        self.surprises: list[int] = []

    def prefetch(self, start: int, stop: int) -> None:
        assert 0 <= start < stop <= len(self)
        self.fetched |= set(range(start, stop))

    def read_into(self, indices: Any, images: Any) -> None:
        self.surprises += [int(i) for i in indices if int(i) not in self.fetched]
        super().read_into(indices, images)


@settings(deadline=None, derandomize=True)
@given(
    number=st.integers(2, 300),
    block_size=st.integers(1, 40),
    window_blocks=st.integers(1, 6),
    epoch=st.integers(0, 5),
    data=st.data(),
)
def test_the_stretches_are_what_the_window_reads(
    number: int, block_size: int, window_blocks: int, epoch: int, data: st.DataObject
) -> None:
    order = BlockOrder(number, 7, block_size, window_blocks)
    position = data.draw(st.integers(0, number - 1))
    begin, stretches = order.stretches(epoch, position)
    stop = min(begin + min(block_size, number) * window_blocks, number)
    assert begin <= position < stop
    read = np.sort(order(epoch, begin, stop)).tolist()
    assert sorted(i for first, last in stretches for i in range(first, last)) == read


@pytest.mark.parametrize("batch_size", [3, 16, 60])
def test_every_window_is_fetched_before_it_is_read(batch_size: int) -> None:
    source = Asked(500)
    generator = BatchGenerator(
        source, batch_size, "block", 1, block_size=10, window_blocks=4, num_threads=0
    )
    stream = generator.stream()
    for step in range(3 * len(generator)):
        if step == len(generator):
            assert source.fetched == set(range(500))
        stream[step]
    # A step over the border of two windows reads of the second one before its turn to be fetched.
    assert len(source.surprises) == 0
    stream.close()


def test_other_orders_ask_for_nothing() -> None:
    source = Asked(100)
    stream = BatchGenerator(source, 10, "full", 1, num_threads=0).stream()
    stream[0]
    assert source.fetched == set()
    stream.close()
