import math
import tracemalloc
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from spoonful.errors import SpoonfulError
from spoonful.order import MAX_EXAMPLES, MAX_SEED, SHUFFLES, make_order, shuffle_name

# The same examples on every run, whatever the machine is busy with.
PROPERTY = settings(deadline=None, derandomize=True)
SEEDS = st.integers(0, MAX_SEED)
EPOCHS = st.integers(0, 2**40)
BILLION = 1_000_000_000


@PROPERTY
@given(num_examples=st.integers(1, 5_000), seed=SEEDS, epoch=EPOCHS)
@example(num_examples=70_000, seed=0, epoch=0)  # more than one run, and the network for large n
@pytest.mark.parametrize("shuffle", SHUFFLES)
def test_an_epoch_holds_every_example_once(
    shuffle: str, num_examples: int, seed: int, epoch: int
) -> None:
    indices = make_order(shuffle, num_examples, seed)(epoch, 0, num_examples)
    assert indices.dtype == np.int64
    assert np.array_equal(np.sort(indices), np.arange(num_examples))


@PROPERTY
@given(data=st.data(), num_examples=st.integers(1, 5_000), seed=SEEDS, epoch=EPOCHS)
@pytest.mark.parametrize("shuffle", SHUFFLES)
def test_any_slice_is_the_slice_of_the_whole_epoch(
    shuffle: str, data: st.DataObject, num_examples: int, seed: int, epoch: int
) -> None:
    start = data.draw(st.integers(0, num_examples))
    stop = data.draw(st.integers(start, num_examples))
    order = make_order(shuffle, num_examples, seed)
    whole = order(epoch, 0, num_examples)
    assert np.array_equal(order(epoch, start, stop), whole[start:stop])


@pytest.mark.parametrize(("start", "stop"), [(0, 1), (65_535, 65_537), (60_000, 140_001)])
def test_slices_across_long_runs_are_slices_of_the_whole(start: int, stop: int) -> None:
    order = make_order("full", 150_000, 3)
    assert np.array_equal(order(2, start, stop), order(2, 0, 150_000)[start:stop])


@PROPERTY
@given(seed=SEEDS, epoch=EPOCHS)
def test_epochs_and_seeds_draw_different_orders(seed: int, epoch: int) -> None:
    here = make_order("full", 1_000, seed)(epoch, 0, 1_000)
    next_epoch = make_order("full", 1_000, seed)(epoch + 1, 0, 1_000)
    next_seed = make_order("full", 1_000, (seed + 1) % (MAX_SEED + 1))(epoch, 0, 1_000)
    for other in (next_epoch, next_seed):
        # Two independent permutations agree at about one position; 20 or more never happens.
        assert np.count_nonzero(here == other) < 20


def test_seed_and_epoch_do_not_add_up() -> None:
    one = make_order("full", 1_000, 0)(1, 0, 1_000)
    other = make_order("full", 1_000, 1)(0, 0, 1_000)
    assert not np.array_equal(one, other)


def test_seed_zero_is_a_seed() -> None:
    first = make_order("full", 100, 0)(0, 0, 100)
    assert np.array_equal(first, make_order("full", 100, 0)(0, 0, 100))
    assert not np.array_equal(first, np.arange(100))


GOLDEN = {
    (10, 0, 0): [3, 4, 1, 5, 2, 6, 7, 8, 0, 9],
    (10, 0, 1): [5, 1, 0, 7, 8, 2, 9, 6, 3, 4],
    (10, 1, 0): [9, 6, 7, 3, 5, 1, 0, 4, 8, 2],
    (60_000, 0, 0): [14077, 38375, 32014, 46604, 57415],
    (60_000, 0, 1): [45434, 54403, 22477, 23531, 10826],
    (60_000, 1, 0): [5366, 26962, 28653, 14095, 13543],
    (BILLION, 0, 0): [295419959, 959689695, 570485472, 630703333, 782009765],
    (BILLION, 1, 1): [828388086, 390492410, 94788519, 603873899, 161848952],
}


@pytest.mark.parametrize(("key", "expected"), GOLDEN.items())
def test_full_order_is_the_same_on_every_machine_and_in_every_release(
    key: tuple[int, int, int], expected: list[int]
) -> None:
    num_examples, seed, epoch = key
    indices = make_order("full", num_examples, seed)(epoch, 0, len(expected))
    assert indices.tolist() == expected


def test_none_keeps_the_order_of_the_source() -> None:
    order = make_order("none", 7, 5)
    assert [order(epoch, 2, 6).tolist() for epoch in (0, 9)] == [[2, 3, 4, 5]] * 2


@pytest.mark.parametrize(("alias", "name"), [(True, "full"), (False, "none")])
def test_booleans_are_aliases(alias: bool, name: str) -> None:
    assert shuffle_name(alias) == name
    ours, named = make_order(alias, 50, 4), make_order(name, 50, 4)
    assert np.array_equal(ours(3, 0, 50), named(3, 0, 50))


@PROPERTY
@given(start=st.integers(0, BILLION - 128), epoch=EPOCHS)
def test_a_slice_of_a_billion_is_distinct_and_in_range(start: int, epoch: int) -> None:
    indices = make_order("full", BILLION, 0)(epoch, start, start + 128)
    assert len(np.unique(indices)) == 128
    assert indices.min() >= 0
    assert indices.max() < BILLION


def test_memory_is_that_of_the_slice() -> None:
    order = make_order("full", MAX_EXAMPLES, 0)
    order(0, 0, 1)
    tracemalloc.start()
    try:
        order(1, BILLION, BILLION + 1_000)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak_bytes < 500_000


# Uniformity. The seed is fixed, so that these tests always see the same numbers.


def chi_square_deviation(cells: NDArray[np.int64], degrees_of_freedom: int) -> float:
    """How many standard deviations the counts' chi-square lies from that of a uniform draw."""
    expected = cells.sum() / cells.size
    chi_square = float(((cells - expected) ** 2 / expected).sum())
    return (chi_square - degrees_of_freedom) / math.sqrt(2 * degrees_of_freedom)


@lru_cache
def epochs(num_examples: int, num_epochs: int) -> NDArray[np.int64]:
    order = make_order("full", num_examples, 1)
    return np.stack([order(epoch, 0, num_examples) for epoch in range(num_epochs)])


def counts(first: NDArray[np.int64], second: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    return np.bincount(first * size + second, minlength=size * size).reshape(size, size)


@pytest.mark.parametrize("num_examples", [5, 10, 50])
def test_every_example_stands_everywhere_equally_often(num_examples: int) -> None:
    drawn = epochs(num_examples, 3_000)
    positions = np.tile(np.arange(num_examples), len(drawn))
    cells = counts(positions, drawn.ravel(), num_examples)
    assert abs(chi_square_deviation(cells, (num_examples - 1) ** 2)) < 4


@pytest.mark.parametrize("num_examples", [5, 10, 50])
def test_every_pair_of_neighbours_is_equally_frequent(num_examples: int) -> None:
    drawn = epochs(num_examples, 3_000)
    pairs = counts(drawn[:, 0], drawn[:, 1], num_examples)
    different = pairs[~np.eye(num_examples, dtype=bool)]
    assert different.sum() == len(drawn)
    assert abs(chi_square_deviation(different, different.size - 1)) < 4


def test_every_permutation_of_four_is_equally_frequent() -> None:
    codes = epochs(4, 4_800) @ np.array([64, 16, 4, 1])
    frequencies = np.unique(codes, return_counts=True)[1]
    assert len(frequencies) == 24
    assert abs(chi_square_deviation(frequencies, 23)) < 4


def by_epoch(number: int) -> int:
    return int(make_order("full", 20, 5)(number, 0, 1)[0])


def by_seed(number: int) -> int:
    return int(make_order("full", 20, number)(5, 0, 1)[0])


@pytest.mark.parametrize("first_index", [by_epoch, by_seed])
def test_neighbouring_epochs_and_seeds_are_independent(first_index: Callable[[int], int]) -> None:
    firsts = np.array([first_index(number) for number in range(4_001)])
    cells = counts(firsts[:-1], firsts[1:], 20)
    assert abs(chi_square_deviation(cells, 20 * 20 - 1)) < 4


@pytest.mark.parametrize(
    ("shuffle", "num_examples", "seed", "words"),
    [
        ("fill", 10, 0, ["shuffle='fill'", "'none'", "'full'", "True or False"]),
        (None, 10, 0, ["shuffle=None"]),
        ("full", 0, 0, ["num_examples=0", "1 to 2**62"]),
        ("full", MAX_EXAMPLES + 1, 0, ["num_examples="]),
        ("full", 10, -1, ["seed=-1", str(MAX_SEED)]),
        ("none", 10, MAX_SEED + 1, [f"seed={MAX_SEED + 1}"]),
        ("full", 10, 1.5, ["seed=1.5"]),
        ("full", 10, None, ["seed=None"]),
        ("full", 10, True, ["seed=True"]),
    ],
)
def test_wrong_settings_are_named(
    shuffle: Any, num_examples: int, seed: Any, words: list[str]
) -> None:
    with pytest.raises(SpoonfulError) as caught:
        make_order(shuffle, num_examples, seed)
    assert all(word in str(caught.value) for word in words)


@pytest.mark.parametrize("shuffle", SHUFFLES)
@pytest.mark.parametrize(
    ("epoch", "start", "stop", "words"),
    [
        (-1, 0, 1, "epoch=-1"),
        (0, -1, 1, "start=-1"),
        (0, 5, 4, "start=5, stop=4"),
        (0, 0, 11, "stop=11"),
    ],
)
def test_wrong_slices_are_named(
    shuffle: str, epoch: int, start: int, stop: int, words: str
) -> None:
    with pytest.raises(SpoonfulError, match=words):
        make_order(shuffle, 10, 0)(epoch, start, stop)


@pytest.mark.parametrize("seed", [0, MAX_SEED])
@pytest.mark.parametrize("num_examples", [1, 2, MAX_EXAMPLES])
def test_the_ends_of_the_ranges_work(num_examples: int, seed: int) -> None:
    order = make_order("full", num_examples, seed)
    [last] = order(0, num_examples - 1, num_examples).tolist()
    assert 0 <= last < num_examples
    assert order(0, num_examples, num_examples).shape == (0,)
