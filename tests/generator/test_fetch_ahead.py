from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spoonful import ArraySource, BatchGenerator
from spoonful.order import BlockOrder


class Asked(ArraySource):
    """Keeps what it was asked to fetch and to release, and what was read in spite of that."""

    def __init__(self, number: int) -> None:
        super().__init__(np.zeros((number, 2, 2, 1), dtype=np.uint8), np.zeros(number, int))
        self.held: set[int] = set()
        self.most_held = 0
        self.num_released = 0
        self.surprises: list[int] = []

    def prefetch(self, start: int, stop: int) -> None:
        assert 0 <= start < stop <= len(self)
        self.held |= set(range(start, stop))
        self.most_held = max(self.most_held, len(self.held))

    def release(self, start: int, stop: int) -> None:
        assert 0 <= start < stop <= len(self)
        self.num_released += len(self.held & set(range(start, stop)))
        self.held -= set(range(start, stop))

    def read_into(self, indices: Any, images: Any) -> None:
        self.surprises += [int(i) for i in indices if int(i) not in self.held]
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
    window = order.window(position)
    assert window.begin <= position < window.end
    read = np.sort(order(epoch, window.begin, window.end)).tolist()
    stretches = [stretch for block in window.blocks for stretch in order.stretches(epoch, block)]
    assert sorted(i for first, last in stretches for i in range(first, last)) == read


@pytest.mark.slow
@settings(deadline=None, derandomize=True, max_examples=200)
@given(
    number=st.integers(20, 300),
    batch_size=st.integers(1, 20),
    block_size=st.integers(1, 40),
    window_blocks=st.integers(1, 6),
    drop_remainder=st.booleans(),
    max_steps=st.none() | st.integers(1, 20),
    start_step=st.integers(0, 60),
)
def test_every_window_is_fetched_before_it_is_read(
    number: int,
    batch_size: int,
    block_size: int,
    window_blocks: int,
    drop_remainder: bool,
    max_steps: int | None,
    start_step: int,
) -> None:
    source = Asked(number)
    source.release = None  # type: ignore[method-assign, assignment]
    generator = BatchGenerator(
        source,
        batch_size,
        shuffle="block",
        seed=1,
        drop_remainder=drop_remainder,
        max_steps_per_epoch=max_steps,
        block_size=block_size,
        window_blocks=window_blocks,
        num_threads=0,
    )
    stream = generator.stream(start_step)
    for index in range(2 * len(generator)):
        stream[index]
    assert source.surprises == []
    stream.close()


@pytest.mark.parametrize("num_threads", [0, 1, 2, 8])
@pytest.mark.parametrize("batch_size", [3, 16, 60])
def test_what_is_done_is_released_and_what_is_not_is_kept(
    batch_size: int, num_threads: int
) -> None:
    source = Asked(5000)
    generator = BatchGenerator(
        source,
        batch_size,
        shuffle="block",
        seed=1,
        block_size=100,
        window_blocks=4,
        num_threads=num_threads,
        prefetch_batches=2,
    )
    stream = generator.stream()
    for step in range(3 * len(generator)):
        stream[step]
    stream.close()
    # Windows of two epochs share examples where they meet: the last one of an epoch is released
    # when the first one of the next has begun.
    assert len(source.surprises) < 0.02 * 3 * 5000
    assert source.num_released > 0.9 * 3 * 5000
    # Two windows, and one more while its last batches may be being read.
    assert source.most_held <= 3 * 400 + num_threads * batch_size


@pytest.mark.parametrize("shuffle", ["none", "full", "buffer", "balanced"])
def test_other_orders_ask_for_nothing(shuffle: str) -> None:
    source = Asked(100)
    stream = BatchGenerator(source, 10, shuffle=shuffle, seed=1, num_threads=0).stream()
    for step in range(20):
        stream[step]
    assert source.held == set()
    assert source.num_released == 0
    stream.close()
