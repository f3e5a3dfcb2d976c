"""The order "block": what it reads together, and where its blocks lie."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from spoonful.order import MAX_SEED, BlockOrder, Indices, Placement, Window, make_order

PROPERTY = settings(deadline=None, derandomize=True)
BILLION = 1_000_000_000


def stretches(indices: Indices, num_examples: int) -> list[tuple[int, int]]:
    """The stretches (first, length) of neighbours on the ring that indices cover."""
    ordered = np.unique(indices)
    starts = ordered[np.append(True, np.diff(ordered) > 1)].tolist()
    ends = ordered[np.append(np.diff(ordered) > 1, True)].tolist()
    found = [(start, end - start + 1) for start, end in zip(starts, ends, strict=True)]
    if len(found) > 1 and starts[0] == 0 and ends[-1] == num_examples - 1:
        found[-1] = (found[-1][0], found[-1][1] + found[0][1])
        del found[0]
    return found


def windows_of(order: BlockOrder) -> list[Window]:
    """The windows of an epoch."""
    windows = [order.window(0)]
    while windows[-1].end < order.num_examples:
        windows.append(order.window(windows[-1].end))
    return windows


@PROPERTY
@given(
    num_examples=st.integers(1, 3_000),
    block_size=st.integers(1, 400),
    window_blocks=st.integers(1, 40),
    seed=st.integers(0, MAX_SEED),
    epoch=st.integers(0, 2**40),
)
@example(num_examples=30_000, block_size=1, window_blocks=1, seed=0, epoch=0)
@example(num_examples=30_000, block_size=2, window_blocks=4_097, seed=0, epoch=0)  # no table
@example(num_examples=30_000, block_size=3, window_blocks=1_500, seed=0, epoch=0)  # two a table
@example(num_examples=1_000, block_size=10, window_blocks=5_000, seed=0, epoch=0)
def test_a_window_reads_the_examples_of_its_blocks_and_no_others(
    num_examples: int, block_size: int, window_blocks: int, seed: int, epoch: int
) -> None:
    order = BlockOrder(num_examples, seed, block_size, window_blocks)
    whole = order(epoch, 0, num_examples)
    assert np.array_equal(np.sort(whole), np.arange(num_examples))
    num_blocks = -(-num_examples // block_size)
    windows = windows_of(order)
    assert len(windows) == -(-num_blocks // window_blocks)
    for window in windows:
        found = stretches(whole[window.begin : window.end], num_examples)
        assert len(found) <= len(window.blocks) <= window_blocks
        # Only the smaller block, in the last window, breaks the measure.
        broken = [size for _, size in found if size % window.blocks.step]
        has_smaller = window.end == num_examples and num_examples % window.blocks.step > 0
        assert len(broken) <= has_smaller
        assert window.blocks.step <= block_size


@PROPERTY
@given(
    num_examples=st.integers(1, 100_000),
    block_size=st.integers(1, 10_000),
    window_blocks=st.integers(1, 40),
)
def test_windows_differ_by_at_most_one_block_and_what_the_smaller_one_lacks(
    num_examples: int, block_size: int, window_blocks: int
) -> None:
    order = BlockOrder(num_examples, 0, block_size, window_blocks)
    windows = windows_of(order)
    assert [window.end for window in windows[:-1]] == [window.begin for window in windows[1:]]
    assert (windows[0].begin, windows[-1].end) == (0, num_examples)
    counts = [len(window.blocks) for window in windows]
    assert max(counts) - min(counts) <= 1
    size = windows[0].blocks.step
    lacking = sum(counts) * size - num_examples
    assert 0 <= lacking < min(size, sum(counts))
    assert [window.end - window.begin for window in windows[:-1]] == [n * size for n in counts[:-1]]


def test_the_last_window_of_an_epoch_is_as_large_as_the_others() -> None:
    # Filled one after the other, the last of 10 windows would have had one block of 5 examples.
    sizes = [w.end - w.begin for w in windows_of(BlockOrder(1_445, 0, 10, 16))]
    assert sizes == [150, 150, 150, 150, 150, 140, 140, 140, 140, 135]


def test_a_window_of_a_billion_reads_sixteen_stretches() -> None:
    order = BlockOrder(BILLION, 0)
    for position in (0, 16_384, 500_000_000):
        window = order.window(position)
        found = stretches(order(3, window.begin, window.end), BILLION)
        assert [size for _, size in found] == [1_024] * len(window.blocks)
        assert len(window.blocks) in (15, 16)


@PROPERTY
@given(num_examples=st.integers(1, 2_000), epoch=st.integers(0, 9), data=st.data())
def test_a_mixed_store_is_read_at_the_places_of_the_plain_order(
    num_examples: int, epoch: int, data: st.DataObject
) -> None:
    sizes = (data.draw(st.integers(1, 300)), data.draw(st.integers(1, 20)))
    placement = Placement(num_examples)
    start = data.draw(st.integers(0, num_examples))
    stop = data.draw(st.integers(start, num_examples))
    mixed = BlockOrder(num_examples, 5, *sizes, placement)(epoch, start, stop)
    plain = BlockOrder(num_examples, 5, *sizes)(epoch, start, stop)
    assert np.array_equal(placement.places(mixed), plain)


def test_the_borders_of_the_blocks_differ_from_epoch_to_epoch() -> None:
    order = make_order("block", 10_000, 0, block_size=100, window_blocks=1)
    borders = {stretches(order(epoch, 0, 100), 10_000)[0][0] % 100 for epoch in range(50)}
    assert len(borders) > 25  # 50 draws of 100: 39 differ on average


def test_a_window_mixes_other_blocks_in_each_epoch() -> None:
    order = make_order("block", 10_000, 0, block_size=100, window_blocks=4)
    distances = set()
    for epoch in range(20):
        starts = [start for start, _ in stretches(order(epoch, 0, 400), 10_000)]
        distances.add(tuple(np.diff(starts).tolist()))
    assert len(distances) == 20


def test_the_windows_of_an_epoch_are_shuffled_each_in_its_own_way() -> None:
    whole = make_order("block", 100_000, 0, block_size=1_000, window_blocks=1)(0, 0, 100_000)
    windows = whole.reshape(100, 1_000)
    inside = windows - np.array([stretches(one, 100_000)[0][0] for one in windows])[:, None]
    inside %= 100_000
    assert inside.max() == 999
    agreeing = [np.count_nonzero(one == inside[0]) for one in inside[1:]]
    assert np.mean(agreeing) == pytest.approx(1, abs=0.5)
    assert max(agreeing) < 20


def test_the_order_is_none_of_the_source_inside_a_window() -> None:
    whole = make_order("block", 100_000, 0, block_size=1_000, window_blocks=10)(0, 0, 100_000)
    # Neighbours of the source follow each other about once in ten thousand positions.
    assert np.count_nonzero(np.diff(whole) == 1) < 40
