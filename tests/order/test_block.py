"""The order "block": what it reads together, and where its blocks lie."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from spoonful.order import MAX_SEED, Indices, make_order

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
    order = make_order(
        "block", num_examples, seed, block_size=block_size, window_blocks=window_blocks
    )
    whole = order(epoch, 0, num_examples)
    assert np.array_equal(np.sort(whole), np.arange(num_examples))
    length = block_size * window_blocks
    for start in range(0, num_examples, length):
        found = stretches(whole[start : start + length], num_examples)
        assert len(found) <= window_blocks
        # Only the shorter block, in the last window, breaks the measure.
        broken = [size for _, size in found if size % block_size]
        assert len(broken) <= (start + length >= num_examples and num_examples % block_size > 0)


def test_a_window_of_a_billion_reads_sixteen_stretches() -> None:
    order = make_order("block", BILLION, 0)
    for window in (0, 1, 30_000, BILLION // 16_384 - 1):
        found = stretches(order(3, window * 16_384, (window + 1) * 16_384), BILLION)
        assert [size for _, size in found] == [1_024] * 16


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
