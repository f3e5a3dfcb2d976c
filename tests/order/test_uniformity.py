"""Chances: every outcome as often as any other. Seeds are fixed: always the same numbers."""

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import pytest
from numpy.typing import NDArray

from spoonful.order import make_order
from spoonful.order.keys import ORDER_STREAM, below, draw_keys, hash_words
from spoonful.order.permutation import domain_of, num_rounds, permute


def chi_square_deviation(cells: NDArray[np.int64], degrees_of_freedom: int) -> float:
    """How many standard deviations the counts' chi-square lies from that of a uniform draw."""
    expected = cells.sum() / cells.size
    chi_square = float(((cells - expected) ** 2 / expected).sum())
    return (chi_square - degrees_of_freedom) / math.sqrt(2 * degrees_of_freedom)


@lru_cache
def epochs(shuffle: str, num_examples: int, num_epochs: int) -> NDArray[np.int64]:
    """Many epochs; "block" with blocks of 4 and windows of 3."""
    labels = np.zeros(num_examples, dtype=int)  # one class: each epoch is a permutation
    order = make_order(
        shuffle, num_examples, 1, labels=labels, block_size=4, window_blocks=3, buffer_size=5
    )
    return np.stack([order(epoch, 0, num_examples) for epoch in range(num_epochs)])


def counts(first: NDArray[np.int64], second: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    return np.bincount(first * size + second, minlength=size * size).reshape(size, size)


def different_pairs(
    first: NDArray[np.int64], second: NDArray[np.int64], size: int
) -> NDArray[np.int64]:
    """How often each pair of two different numbers came, in no order."""
    pairs = counts(first, second, size)
    different = pairs[~np.eye(size, dtype=bool)]
    assert different.sum() == len(first)
    return different


LARGE_AND_SMALL = [pytest.param(number, marks=pytest.mark.slow) for number in (5, 50)]


@pytest.mark.parametrize("num_examples", [10, *LARGE_AND_SMALL])
def test_every_example_stands_everywhere_equally_often(num_examples: int) -> None:
    drawn = epochs("full", num_examples, 3_000)
    positions = np.tile(np.arange(num_examples), len(drawn))
    cells = counts(positions, drawn.ravel(), num_examples)
    assert abs(chi_square_deviation(cells, (num_examples - 1) ** 2)) < 4


@pytest.mark.parametrize("num_examples", [12, *LARGE_AND_SMALL])
@pytest.mark.parametrize("shuffle", ["block", "balanced"])
def test_one_example_stands_everywhere_equally_often(shuffle: str, num_examples: int) -> None:
    # One at a time: the examples of a block move together from epoch to epoch.
    for index in (0, num_examples // 2, num_examples - 1):
        positions = np.argmax(epochs(shuffle, num_examples, 1_000) == index, axis=1)
        cells = np.bincount(positions, minlength=num_examples)
        assert abs(chi_square_deviation(cells, num_examples - 1)) < 4


@pytest.mark.parametrize("num_examples", [10, *LARGE_AND_SMALL])
def test_every_pair_of_neighbours_is_equally_frequent(num_examples: int) -> None:
    drawn = epochs("full", num_examples, 3_000)
    different = different_pairs(drawn[:, 0], drawn[:, 1], num_examples)
    assert abs(chi_square_deviation(different, different.size - 1)) < 4


def codes(drawn: NDArray[np.int64]) -> NDArray[np.int64]:
    """Name each permutation of 0..3 [k, 4] by one number [k]."""
    named: NDArray[np.int64] = drawn @ np.array([64, 16, 4, 1])
    return named


@pytest.mark.parametrize(
    ("shuffle", "num_epochs"),
    [("full", 4_800), ("block", 1_200), ("buffer", 1_200), ("balanced", 1_200)],
)
def test_every_permutation_of_four_is_equally_frequent(shuffle: str, num_epochs: int) -> None:
    frequencies = np.unique(codes(epochs(shuffle, 4, num_epochs)), return_counts=True)[1]
    assert len(frequencies) == 24
    assert abs(chi_square_deviation(frequencies, 23)) < 4


def test_every_permutation_inside_windows_is_equally_frequent() -> None:
    order = make_order("block", 4 * 4_800, 1, block_size=4, window_blocks=1)
    windows = order(0, 0, 4 * 4_800).reshape(-1, 4)
    inside = (windows - order_starts(windows)) % (4 * 4_800)
    frequencies = np.unique(codes(inside), return_counts=True)[1]
    assert len(frequencies) == 24
    assert abs(chi_square_deviation(frequencies, 23)) < 4


def order_starts(windows: NDArray[np.int64]) -> NDArray[np.int64]:
    """The first example of each window of one block, int64 [k, 1]; one may go over the end."""
    starts = windows.min(axis=1)
    over = windows.max(axis=1) - starts > 3
    starts[over] = np.where(windows[over] > 3, windows[over], np.iinfo(np.int64).max).min(axis=1)
    return np.reshape(starts, (-1, 1))


def test_every_block_follows_every_other_equally_often() -> None:
    order = make_order("block", 80, 1, block_size=4, window_blocks=1)
    drawn = np.stack([order(epoch, 0, 80) for epoch in range(1_000)])
    first, second = (order_starts(drawn[:, at : at + 4]).ravel() for at in (0, 4))
    distances = np.bincount((second - first) % 80 // 4, minlength=20)[1:]
    assert distances.sum() == len(drawn)
    assert abs(chi_square_deviation(distances, 18)) < 4


def test_every_order_of_the_classes_in_a_group_is_equally_frequent() -> None:
    labels = np.arange(4 * 4_800) % 4
    drawn = make_order("balanced", len(labels), 1, labels=labels)(0, 0, len(labels))
    frequencies = np.unique(codes(labels[drawn].reshape(-1, 4)), return_counts=True)[1]
    assert len(frequencies) == 24
    assert abs(chi_square_deviation(frequencies, 23)) < 4


def test_a_buffer_draws_its_slots_equally_often_and_independently() -> None:
    order = make_order("buffer", 30, 1, buffer_size=10)
    drawn = np.stack([order(epoch, 0, 2) for epoch in range(2_000)])
    # Position 0 takes one of 0..9; position 1 one of those left or, from the slot just filled, 10.
    second = np.where(drawn[:, 1] == 10, drawn[:, 0], drawn[:, 1])
    assert abs(chi_square_deviation(counts(drawn[:, 0], second, 10), 99)) < 4


def test_an_example_leaves_a_buffer_after_a_geometric_time() -> None:
    whole = make_order("buffer", 200_000, 1, buffer_size=10)(0, 0, 200_000)
    positions = np.empty_like(whole)
    positions[whole] = np.arange(len(whole))
    # Example i enters at position i - 9; it stays a position longer with a chance of 9/10.
    delays = (positions - np.arange(len(whole)) + 9)[10:-500]
    expected = len(delays) * 0.1 * 0.9 ** np.arange(40)
    seen = np.bincount(delays, minlength=40)[:40]
    chi_square = float(((seen - expected) ** 2 / expected).sum())
    assert (chi_square - 39) / math.sqrt(2 * 39) < 4


def test_hashes_of_counters_fall_below_their_bound_evenly_and_independently() -> None:
    words = hash_words(np.arange(100_000, dtype=np.uint64), draw_keys(0, ORDER_STREAM, 0, 2))
    drawn = below(words, 30).astype(np.int64)
    assert abs(chi_square_deviation(np.bincount(drawn, minlength=30), 29)) < 4
    for distance in (1, 2, 64, 8_192):
        pairs = counts(drawn[:-distance], drawn[distance:], 30)
        assert abs(chi_square_deviation(pairs, 30 * 30 - 1)) < 4


@pytest.mark.parametrize("size", [5, 20, 300])
def test_tweaks_choose_among_bijections_as_seeds_do(size: int) -> None:
    keys = draw_keys(3, ORDER_STREAM, 0, 2 + num_rounds(size))
    tweaks = hash_words(np.arange(200_000, dtype=np.uint64), keys[:2])
    first, second = (
        permute(np.full(len(tweaks), at, np.uint64), domain_of(size), keys[2:], tweaks)
        for at in (0, size // 2)
    )
    different = different_pairs(first.astype(np.int64), second.astype(np.int64), size)
    assert abs(chi_square_deviation(different, different.size - 1)) < 4


def by_epoch(shuffle: str, size: int, number: int) -> int:
    return first_index(shuffle, size, seed=5, epoch=number)


def by_seed(shuffle: str, size: int, number: int) -> int:
    return first_index(shuffle, size, seed=number, epoch=5)


def first_index(shuffle: str, size: int, seed: int, epoch: int) -> int:
    order = make_order(
        shuffle, size, seed, labels=[0] * size, block_size=4, window_blocks=3, buffer_size=size
    )
    return int(order(epoch, 0, 1)[0])


@pytest.mark.parametrize("chosen", [by_epoch, pytest.param(by_seed, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("shuffle", "size", "count"),
    [("full", 20, 4_001), ("block", 8, 801), ("buffer", 8, 801), ("balanced", 8, 801)],
)
def test_neighbouring_epochs_and_seeds_are_independent(
    shuffle: str, size: int, count: int, chosen: Callable[[str, int, int], int]
) -> None:
    firsts = np.array([chosen(shuffle, size, number) for number in range(count)])
    cells = counts(firsts[:-1], firsts[1:], size)
    assert abs(chi_square_deviation(cells, size * size - 1)) < 4
