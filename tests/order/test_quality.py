"""How well an order mixes, against the definitions in plain Python."""

import math
import tracemalloc
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from spoonful.order import SHUFFLES, Indices, Order, SequentialOrder, make_order, quality
from spoonful.order.quality import (
    CLASS_CHI2,
    DISPLACEMENT,
    REPEATED_NEIGHBOURS,
    ShuffleQuality,
)

# The same examples on every run, whatever the machine is busy with.
PROPERTY = settings(deadline=None, derandomize=True, max_examples=50)
SEQUENCES = settings(PROPERTY, max_examples=15)
SmallOrder = Callable[[str, int, int], Order]
Labels = NDArray[np.integer]


def labels_of(num_examples: int, num_classes: int = 4) -> Labels:
    """Uneven classes, whose names leave a gap: 3 has no example."""
    labels = np.minimum(np.arange(num_examples) % 11, num_classes - 1)
    return np.where(labels == 3, 5, labels)


def served(order: Order, n: int, epoch: int, batch_size: int, drop_remainder: bool) -> list[int]:
    return list(map(int, order(epoch, 0, n - n % batch_size if drop_remainder else n)))


def displacement(indices: list[int], n: int) -> float | None:
    expected = [Fraction(sum(abs(p - i) for i in range(n)), n) for p in range(len(indices))]
    distances = [abs(position - index) for position, index in enumerate(indices)]
    return float(sum(distances) / sum(expected)) if sum(expected) else None


def class_chi2(indices: list[int], labels: list[int], batch_size: int) -> float | None:
    n, classes = len(labels), sorted(set(labels))
    values = []
    for start in range(0, len(indices), batch_size):
        drawn = [labels[i] for i in indices[start : start + batch_size]]
        b = len(drawn)
        if b < n and len(classes) > 1:
            expected = {c: Fraction(b * labels.count(c), n) for c in classes}
            chi2 = sum((drawn.count(c) - e) ** 2 / e for c, e in expected.items())
            values.append(chi2 * Fraction(n - 1, n - b) / (len(classes) - 1))
    return float(sum(values) / len(values)) if values else None


def repeated_neighbours(before: list[int], indices: list[int], stride: int = 1) -> float | None:
    """Pairs by their first example; one that is repeated counts at its last place."""
    then, now = (
        {a: b for a, b in pairwise(epoch) if a % stride == 0} for epoch in (before, indices)
    )
    return sum(then.get(a) == b for a, b in now.items()) / len(now) if now else None


def defined(**values: float | None) -> dict[str, float]:
    return {f"shuffle_{name}": value for name, value in values.items() if value is not None}


@PROPERTY
@given(
    n=st.integers(1, 90),
    batch_size=st.integers(1, 100),
    drop_remainder=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
    epoch=st.sampled_from([0, 1, 2, 2**40]),
    slice_length=st.integers(1, 100),
    max_followed=st.integers(1, 100),
)
@example(
    n=30, batch_size=30, drop_remainder=True, seed=0, epoch=1, slice_length=7, max_followed=99
)  # one batch of all
@example(
    n=31, batch_size=30, drop_remainder=False, seed=0, epoch=1, slice_length=7, max_followed=99
)  # and another of one example
@example(
    n=20, batch_size=30, drop_remainder=True, seed=0, epoch=1, slice_length=7, max_followed=99
)  # nothing is served
@pytest.mark.parametrize("shuffle", SHUFFLES)
def test_the_metrics_are_what_their_definitions_say(
    small_order: SmallOrder,
    shuffle: str,
    n: int,
    batch_size: int,
    drop_remainder: bool,
    seed: int,
    epoch: int,
    slice_length: int,
    max_followed: int,
) -> None:
    order, labels = small_order(shuffle, n, seed), labels_of(n)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quality, "_SLICE_LENGTH", slice_length)
        patch.setattr(quality, "_MAX_FOLLOWED", max_followed)
        num_served = n - n % batch_size if drop_remainder else n
        found = ShuffleQuality(order, labels, batch_size, num_served)(epoch)
    indices = served(order, n, epoch, batch_size, drop_remainder)
    repeated = None
    if epoch > 0:
        before = served(order, n, epoch - 1, batch_size, drop_remainder)
        repeated = repeated_neighbours(before, indices, math.ceil(n / max_followed))
    expected = defined(
        displacement=displacement(indices, n) if indices else None,
        class_chi2=class_chi2(indices, labels.tolist(), batch_size),
        repeated_neighbours=repeated,
    )
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)


@SEQUENCES
@given(
    epochs=st.lists(st.integers(0, 4), min_size=2, max_size=6),
    max_followed=st.sampled_from([7, 1_000]),
)
@pytest.mark.parametrize("shuffle", SHUFFLES)
def test_the_epochs_may_be_asked_for_in_any_sequence(
    small_order: SmallOrder, shuffle: str, epochs: list[int], max_followed: int
) -> None:
    labels = labels_of(200)

    def new() -> ShuffleQuality:
        return ShuffleQuality(small_order(shuffle, 200, 3), labels, 16)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quality, "_MAX_FOLLOWED", max_followed)
        one = new()
        assert [one(epoch) for epoch in epochs] == [new()(epoch) for epoch in epochs]


def test_asked_for_in_turn_each_epoch_is_looked_at_once() -> None:
    asked = []

    def order(epoch: int, start: int, stop: int) -> Indices:
        asked.append((epoch, start, stop))
        return np.arange(start, stop)

    measure = ShuffleQuality(order, labels_of(200_000), 32)
    for epoch in range(3):
        measure(epoch)
    assert asked == [
        (e, s, min(s + 65_536, 200_000)) for e in range(3) for s in range(0, 200_000, 65_536)
    ]


@pytest.mark.parametrize("batch_size", [4, 6, 20])
def test_sorted_data_in_their_own_order_are_not_mixed_at_all(batch_size: int) -> None:
    # Five classes of 60, which every batch size divides: each batch is of one class.
    labels = np.repeat(np.arange(5), 60)
    n, b = 300, batch_size
    assert ShuffleQuality(SequentialOrder(n), labels, b)(7) == {
        DISPLACEMENT: 0.0,
        CLASS_CHI2: pytest.approx(b * (n - 1) / (n - b), rel=1e-12),
        REPEATED_NEIGHBOURS: 1.0,
    }


def test_batches_with_each_class_share_have_a_chi_square_of_exactly_zero() -> None:
    labels = np.tile([0, 1, 1, 2, 2, 2], 500)
    measure = ShuffleQuality(SequentialOrder(len(labels)), labels, 12)
    assert measure(0)[CLASS_CHI2] == 0.0


def test_an_order_turned_around_moves_half_as_far_again_as_a_random_one() -> None:
    n = 1_001

    def order(epoch: int, start: int, stop: int) -> Indices:
        return np.arange(n - 1 - start, n - 1 - stop, -1)

    found = ShuffleQuality(order, np.zeros(n, dtype=np.uint8), 10)(1)
    # The mean of |n - 1 - 2p| is (n^2 - 1) / (2n).
    assert found == {DISPLACEMENT: pytest.approx(1.5), REPEATED_NEIGHBOURS: 1.0}


@pytest.mark.parametrize(
    ("batch_size", "num_served"), [(1, None), (13, None), (64, 640), (64, 320), (500, None)]
)
def test_random_draws_have_a_chi_square_of_1_and_a_displacement_of_1(
    batch_size: int, num_served: int | None
) -> None:
    labels = np.sort(np.random.default_rng(0).choice(7, 700, p=np.arange(1, 8) / 28))
    draws = np.random.default_rng(1).permuted(np.tile(np.arange(700), (1_500, 1)), axis=1)
    measure = ShuffleQuality(
        lambda epoch, start, stop: draws[epoch, start:stop], labels, batch_size, num_served
    )
    found = [measure(epoch) for epoch in range(len(draws))]
    for name, expected in ((DISPLACEMENT, 1), (CLASS_CHI2, 1), (REPEATED_NEIGHBOURS, 1 / 700)):
        values = np.array([one[name] for one in found[1:]])
        # Four standard errors. Batches of one have a chi-square of 1 each.
        tolerance = 4 * values.std() / math.sqrt(len(values)) + 1e-12
        assert tolerance < 0.06
        if name == REPEATED_NEIGHBOURS and num_served:
            expected = (num_served - 1) / (700 * 699)  # fewer neighbours in the epoch before
        assert abs(values.mean() - expected) < tolerance


def test_a_perfect_shuffle_shows_as_one_and_a_weaker_one_as_weaker() -> None:
    labels = np.repeat(np.arange(10), 2_000)

    def found(shuffle: str) -> dict[str, float]:
        order = make_order(shuffle, len(labels), 5, labels=labels, buffer_size=1_000)
        return ShuffleQuality(order, labels, 32)(3)

    full, buffer, balanced = found("full"), found("buffer"), found("balanced")
    assert full[DISPLACEMENT] == pytest.approx(1, abs=0.03)
    assert full[CLASS_CHI2] == pytest.approx(1, abs=0.1)
    assert full[REPEATED_NEIGHBOURS] < 0.001
    assert buffer[DISPLACEMENT] < 0.2
    assert buffer[CLASS_CHI2] > 15
    assert balanced[DISPLACEMENT] == pytest.approx(1, abs=0.03)
    assert balanced[CLASS_CHI2] < 0.2


def test_the_labels_may_be_of_any_whole_number_type() -> None:
    labels = labels_of(300)
    order = make_order("full", 300, 0)
    expected = ShuffleQuality(order, labels, 32)(1)
    for kind in (np.uint8, np.int32, np.uint32):
        assert ShuffleQuality(order, labels.astype(kind), 32)(1) == expected


def test_memory_does_not_grow_with_the_epoch() -> None:
    labels = (np.arange(3_000_000) % 200).astype(np.uint8)
    measure = ShuffleQuality(SequentialOrder(len(labels)), labels, 1)
    tracemalloc.start()
    try:
        measure(1)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak_bytes < 12_000_000  # an index array would take 24 MB, a table of counts 105


@pytest.mark.parametrize(
    "labels",
    [np.linspace(-1, 1, 60), np.zeros((60, 3)), np.eye(60, dtype=int), np.eye(60, dtype=bool)],
)
def test_of_labels_that_are_no_classes_only_the_displacement_is_measured(labels: Any) -> None:
    order = make_order("full", 60, 0)
    with_classes = ShuffleQuality(order, np.arange(60) % 3, 8)
    quality = ShuffleQuality(order, labels, 8)
    for epoch in range(3):
        assert quality(epoch) == {DISPLACEMENT: with_classes(epoch)[DISPLACEMENT]}
