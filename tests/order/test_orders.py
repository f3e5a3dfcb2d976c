"""What every order keeps to, whatever its shuffle."""

import pickle
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from spoonful.order import MAX_EXAMPLES, MAX_SEED, SHUFFLES, Order, make_order

# The same examples on every run, whatever the machine is busy with.
PROPERTY = settings(deadline=None, derandomize=True)
SEEDS = st.integers(0, MAX_SEED)
EPOCHS = st.integers(0, 2**40)
BILLION = 1_000_000_000
PERMUTATIONS = [name for name in SHUFFLES if name != "balanced"]
RANDOM = [name for name in SHUFFLES if name != "none"]
SmallOrder = Callable[[str, int, int], Order]


@PROPERTY
@given(num_examples=st.integers(1, 5_000), seed=SEEDS, epoch=EPOCHS)
@example(num_examples=70_000, seed=0, epoch=0)  # more than one run and, for "buffer", stretch
@pytest.mark.parametrize("shuffle", PERMUTATIONS)
def test_an_epoch_holds_every_example_once(
    small_order: SmallOrder, shuffle: str, num_examples: int, seed: int, epoch: int
) -> None:
    indices = small_order(shuffle, num_examples, seed)(epoch, 0, num_examples)
    assert indices.dtype == np.int64
    assert np.array_equal(np.sort(indices), np.arange(num_examples))


@PROPERTY
@given(data=st.data(), num_examples=st.integers(1, 5_000), seed=SEEDS, epoch=EPOCHS)
@pytest.mark.parametrize("shuffle", SHUFFLES)
def test_any_slice_is_the_slice_of_the_whole_epoch(
    small_order: SmallOrder,
    shuffle: str,
    data: st.DataObject,
    num_examples: int,
    seed: int,
    epoch: int,
) -> None:
    start = data.draw(st.integers(0, num_examples))
    stop = data.draw(st.integers(start, num_examples))
    whole = small_order(shuffle, num_examples, seed)(epoch, 0, num_examples)
    part = small_order(shuffle, num_examples, seed)(epoch, start, stop)
    assert part.dtype == np.int64
    assert np.array_equal(part, whole[start:stop])


@pytest.mark.parametrize(
    ("start", "stop"),
    [(0, 1), (8_191, 8_193), (65_535, 65_537), (60_000, 140_001), (149_999, 150_000)],
)
@pytest.mark.parametrize("shuffle", SHUFFLES)
def test_slices_across_long_runs_are_slices_of_the_whole(
    small_order: SmallOrder, shuffle: str, start: int, stop: int
) -> None:
    whole = small_order(shuffle, 150_000, 3)(2, 0, 150_000)
    assert np.array_equal(small_order(shuffle, 150_000, 3)(2, start, stop), whole[start:stop])


def random_slices(num_examples: int, count: int) -> NDArray[np.int64]:
    """Slices in no order at all, int64 [count, 3]: epoch, start, stop."""
    rng = np.random.default_rng(0)
    epochs = rng.integers(0, 3, count)
    ends = np.sort(rng.integers(0, num_examples + 1, (count, 2)), axis=1)
    return np.column_stack([epochs, ends])


@pytest.mark.parametrize("num_threads", [1, 8])
@pytest.mark.parametrize("shuffle", SHUFFLES)
def test_slices_in_any_sequence_and_from_many_threads_are_the_same(
    small_order: SmallOrder, shuffle: str, num_threads: int
) -> None:
    num_examples = 400_000  # 7 stretches of "buffer", more than it keeps
    wholes = [small_order(shuffle, num_examples, 1)(epoch, 0, num_examples) for epoch in range(3)]
    order = small_order(shuffle, num_examples, 1)

    def is_right(asked: NDArray[np.int64]) -> bool:
        epoch, start, stop = asked.tolist()
        return np.array_equal(order(epoch, start, stop), wholes[epoch][start:stop])

    with ThreadPoolExecutor(num_threads) as threads:
        assert all(threads.map(is_right, random_slices(num_examples, 24)))


@pytest.mark.parametrize("shuffle", SHUFFLES)
def test_what_a_reader_does_to_its_slice_changes_no_other(
    small_order: SmallOrder, shuffle: str
) -> None:
    order = small_order(shuffle, 300, 4)
    first = order(0, 0, 300)
    kept = first.copy()
    first[:] = -1
    assert np.array_equal(order(0, 0, 300), kept)


@PROPERTY
@given(seed=SEEDS, epoch=EPOCHS)
@pytest.mark.parametrize("shuffle", RANDOM)
def test_epochs_and_seeds_draw_different_orders(
    small_order: SmallOrder, shuffle: str, seed: int, epoch: int
) -> None:
    here = small_order(shuffle, 1_000, seed)(epoch, 0, 1_000)
    next_epoch = small_order(shuffle, 1_000, seed)(epoch + 1, 0, 1_000)
    next_seed = small_order(shuffle, 1_000, (seed + 1) % (MAX_SEED + 1))(epoch, 0, 1_000)
    for other in (next_epoch, next_seed):
        # Two independent orders agree at about one position, those of a buffer of 50 at about 20.
        assert np.count_nonzero(here == other) < 60


@pytest.mark.parametrize("shuffle", RANDOM)
def test_seed_and_epoch_do_not_add_up(small_order: SmallOrder, shuffle: str) -> None:
    one = small_order(shuffle, 1_000, 0)(1, 0, 1_000)
    other = small_order(shuffle, 1_000, 1)(0, 0, 1_000)
    assert np.count_nonzero(one == other) < 60


@pytest.mark.parametrize("shuffle", RANDOM)
def test_seed_zero_is_a_seed(small_order: SmallOrder, shuffle: str) -> None:
    first = small_order(shuffle, 100, 0)(0, 0, 100)
    assert np.array_equal(first, small_order(shuffle, 100, 0)(0, 0, 100))
    assert not np.array_equal(first, np.arange(100))


@pytest.mark.parametrize("shuffle", SHUFFLES)
def test_an_order_travels_to_another_process(small_order: SmallOrder, shuffle: str) -> None:
    order = small_order(shuffle, 200, 6)
    whole = order(0, 0, 200)
    assert np.array_equal(pickle.loads(pickle.dumps(order))(0, 0, 200), whole)


@PROPERTY
@given(start=st.integers(0, BILLION - 128), epoch=EPOCHS)
@pytest.mark.parametrize("shuffle", ["full", "block"])
def test_a_slice_of_a_billion_is_distinct_and_in_range(
    shuffle: str, start: int, epoch: int
) -> None:
    indices = make_order(shuffle, BILLION, 0)(epoch, start, start + 128)
    assert len(np.unique(indices)) == 128
    assert indices.min() >= 0
    assert indices.max() < BILLION


@pytest.mark.parametrize(
    ("block_size", "window_blocks"), [(1_024, 16), (1, 10**6), (10**6, 1), (10**20, 10**20)]
)
@pytest.mark.parametrize("num_examples", [BILLION, MAX_EXAMPLES])
@pytest.mark.parametrize("shuffle", ["full", "block"])
def test_memory_is_that_of_the_slice(
    shuffle: str, num_examples: int, block_size: int, window_blocks: int
) -> None:
    order = make_order(shuffle, num_examples, 0, block_size=block_size, window_blocks=window_blocks)
    order(0, 0, 1)
    tracemalloc.start()
    try:
        order(1, BILLION - 1_000, BILLION)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak_bytes < 500_000


def test_memory_of_buffer_is_that_of_the_buffer_and_the_slice() -> None:
    order = make_order("buffer", 3_000_000, 0, buffer_size=1_000)
    tracemalloc.start()
    try:
        for start in range(0, 3_000_000, 40_000):
            order(0, start, start + 1_000)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak_bytes < 4_000_000  # an index array would take 24 MB


@pytest.mark.parametrize("seed", [0, MAX_SEED])
@pytest.mark.parametrize("num_examples", [1, 2, MAX_EXAMPLES])
@pytest.mark.parametrize("shuffle", ["full", "block"])
def test_the_ends_of_the_ranges_work(shuffle: str, num_examples: int, seed: int) -> None:
    order = make_order(shuffle, num_examples, seed)
    [last] = order(0, num_examples - 1, num_examples).tolist()
    assert 0 <= last < num_examples
    assert order(0, num_examples, num_examples).shape == (0,)
