"""The order "balanced": counts of classes, and of the items of each class."""

import tracemalloc
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from spoonful.order import MAX_SEED, Indices, make_order

PROPERTY = settings(deadline=None, derandomize=True)
SEEDS = st.integers(0, MAX_SEED)
EPOCHS = st.integers(0, 2**40)
# The examples of each class; 300 is beyond the sizes that take more rounds.
SIZES = st.lists(st.sampled_from([0, 1, 2, 3, 7, 20, 300]), min_size=1, max_size=12).filter(any)


def labels_of(sizes: Sequence[int]) -> NDArray[np.int64]:
    """Labels of classes with so many examples each, mixed."""
    labels = np.repeat(np.arange(len(sizes)), sizes)
    return np.random.default_rng(0).permutation(labels)


def draw(labels: NDArray[Any], seed: int, epochs: range) -> Indices:
    order = make_order("balanced", len(labels), seed, labels=labels)
    return np.stack([order(epoch, 0, len(labels)) for epoch in epochs])


@PROPERTY
@given(sizes=SIZES, seed=SEEDS, epoch=EPOCHS)
@example(sizes=[1] * 9_000, seed=0, epoch=0)  # groups longer than a run
def test_each_group_holds_each_class_once_and_the_last_one_no_class_twice(
    sizes: list[int], seed: int, epoch: int
) -> None:
    labels = labels_of(sizes)
    drawn = labels[draw(labels, seed, range(epoch, epoch + 1))[0]]
    present = np.flatnonzero(sizes)
    full = len(labels) // len(present) * len(present)
    groups = np.sort(drawn[:full].reshape(-1, len(present)), axis=1)
    assert np.array_equal(groups, np.broadcast_to(present, groups.shape))
    assert len(np.unique(drawn[full:])) == len(labels) - full


@PROPERTY
@given(sizes=SIZES, seed=SEEDS, epoch=EPOCHS)
def test_the_classes_of_any_beginning_of_an_epoch_differ_by_one_at_most(
    sizes: list[int], seed: int, epoch: int
) -> None:
    labels = labels_of(sizes)
    drawn = labels[draw(labels, seed, range(epoch, epoch + 1))[0]]
    counts = np.cumsum(drawn[:, None] == np.flatnonzero(sizes), axis=0)
    assert np.ptp(counts, axis=1).max() <= 1


@PROPERTY
@given(sizes=SIZES, seed=SEEDS)
def test_a_class_draws_all_its_items_before_one_comes_again(sizes: list[int], seed: int) -> None:
    labels = labels_of(sizes)
    drawn = draw(labels, seed, range(7)).ravel()
    for number in np.flatnonzero(sizes):
        items = np.flatnonzero(labels == number)
        draws = drawn[labels[drawn] == number]
        whole_cycles = len(draws) // len(items) * len(items)
        cycles = np.sort(draws[:whole_cycles].reshape(-1, len(items)), axis=1)
        assert np.array_equal(cycles, np.broadcast_to(items, cycles.shape))
        assert len(np.unique(draws[whole_cycles:])) == len(draws) - whole_cycles


@PROPERTY
@given(sizes=SIZES, seed=SEEDS, num_epochs=st.integers(1, 12))
def test_the_classes_of_whole_epochs_differ_by_one_at_most(
    sizes: list[int], seed: int, num_epochs: int
) -> None:
    labels = labels_of(sizes)
    drawn = labels[draw(labels, seed, range(num_epochs)).ravel()]
    counts = np.bincount(drawn, minlength=len(sizes))[np.flatnonzero(sizes)]
    assert np.ptp(counts) <= 1


def test_the_cycles_go_on_however_late_the_epoch() -> None:
    labels = labels_of([3, 50])
    drawn = draw(labels, 0, range(2**62, 2**62 + 8)).ravel()
    draws = drawn[labels[drawn] == 1]
    # A cycle begins somewhere in the first 50 draws, and every one is whole.
    starts = [s for s in range(50) if len(set(draws[s : s + 50].tolist())) == 50]
    assert starts
    first = starts[0]
    assert len(set(draws[first + 50 : first + 100].tolist())) == 50


def test_each_cycle_of_each_class_has_its_own_order() -> None:
    sizes = [400, 400, 100]
    labels = labels_of(sizes)
    drawn = draw(labels, 0, range(4)).ravel()
    cycles = []
    for number, size in enumerate(sizes):
        ranks = np.searchsorted(np.flatnonzero(labels == number), drawn[labels[drawn] == number])
        cycles += [tuple(cycle[:100].tolist()) for cycle in ranks.reshape(-1, size)]
    assert len(set(cycles)) == len(cycles) == 3 + 3 + 12


def test_the_last_group_changes_its_classes_from_epoch_to_epoch() -> None:
    labels = labels_of(
        [5, 5, 5, 5, 3]
    )  # 23 examples: three of five classes stand in the last group
    last = labels[draw(labels, 0, range(5))[:, 20:]]
    assert np.bincount(last.ravel()).tolist() == [3] * 5


@pytest.mark.parametrize(
    "labels",
    [
        np.tile(np.array([-5, 3, 200], dtype=np.int16), 20),
        np.tile(np.array([0, 255], dtype=np.uint8), 30),
        np.tile(np.array([-(2**63), 0, 2**63 - 1]), 20),
        np.tile(np.array([0, 2**64 - 1], dtype=np.uint64), 30),
    ],
)
def test_labels_are_any_whole_numbers(labels: NDArray[Any]) -> None:
    drawn = labels[draw(labels, 0, range(1))[0]]
    counts = np.unique(drawn, return_counts=True)[1]
    assert len(counts) == len(np.unique(labels))
    assert np.ptp(counts) == 0


def test_one_class_is_a_permutation_in_every_epoch() -> None:
    drawn = np.sort(draw(np.zeros(500, dtype=int), 0, range(3)), axis=1)
    assert np.array_equal(drawn, np.broadcast_to(np.arange(500), drawn.shape))


def test_labels_that_change_later_change_nothing() -> None:
    labels = labels_of([10, 20, 30])
    order = make_order("balanced", 60, 0, labels=labels)
    expected = order(1, 0, 60)
    labels[:] = 0
    assert np.array_equal(order(1, 0, 60), expected)


def test_an_example_takes_four_bytes_of_memory() -> None:
    labels = np.arange(1_000_000, dtype=np.int64) % 1_000
    tracemalloc.start()
    try:
        order = make_order("balanced", len(labels), 0, labels=labels)
        kept_bytes = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        order(0, 500_000, 501_000)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert kept_bytes < 4_500_000
    assert peak_bytes < kept_bytes + 1_000_000
