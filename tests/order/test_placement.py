"""Placements: bijections that mix, and that no version may change."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spoonful.order import MAX_SEED, Placement, StoredOrder, placement
from spoonful.order.permutation import domain_of, domains_of, permute, unpermute
from tests.order.test_uniformity import chi_square_deviation

PROPERTY = settings(deadline=None, derandomize=True)
BILLION = 1_000_000_000


@PROPERTY
@given(num_examples=st.integers(1, 5_000), seed=st.integers(0, MAX_SEED))
def test_each_place_has_one_example_and_back(num_examples: int, seed: int) -> None:
    placed, numbers = Placement(num_examples, seed), np.arange(num_examples)
    examples = placed.examples(numbers)
    assert np.array_equal(np.sort(examples), numbers)
    assert np.array_equal(placed.places(examples), numbers)
    assert examples.dtype == placed.places(examples).dtype == np.int64


@PROPERTY
@given(num_examples=st.integers(1, 5_000), epoch=st.integers(0, 9), data=st.data())
def test_the_order_of_a_store_takes_one_place_after_the_other(
    num_examples: int, epoch: int, data: st.DataObject
) -> None:
    placed = Placement(num_examples, 7)
    start = data.draw(st.integers(0, num_examples))
    stop = data.draw(st.integers(start, num_examples))
    examples = StoredOrder(placed)(epoch, start, stop)
    assert examples.dtype == np.int64
    assert np.array_equal(placed.places(examples), np.arange(start, stop))


@PROPERTY
@given(size=st.integers(1, 2**62), keys=st.lists(st.integers(0, 2**64 - 1), min_size=8, max_size=8))
def test_unpermuting_undoes_permuting_for_any_size(size: int, keys: list[int]) -> None:
    values = np.unique(np.linspace(0, size - 1, 50).astype(np.uint64).clip(0, size - 1))
    words = [np.uint64(key) for key in keys]
    mapped = permute(values.copy(), domain_of(size), words)
    assert mapped.max() < size
    assert np.array_equal(unpermute(mapped, domain_of(size), words), values)


@PROPERTY
@given(st.lists(st.integers(1, 2**40), min_size=1, max_size=50), st.integers(0, 2**64 - 1))
def test_unpermuting_undoes_each_value_in_a_domain_of_its_own(sizes: list[int], seed: int) -> None:
    random = np.random.default_rng(seed)
    values = np.array([random.integers(0, size) for size in sizes], np.uint64)
    tweaks = random.integers(0, 2**64, len(sizes), np.uint64)
    words = list(random.integers(0, 2**64, 8, np.uint64))
    domains = domains_of(np.array(sizes, np.uint64))
    mapped = permute(values.copy(), domains, words, tweaks)
    assert (mapped < domains.size).all()
    assert np.array_equal(unpermute(mapped, domains, words, tweaks), values)


def test_tables_say_what_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = np.random.default_rng(0).integers(0, 30_000, 1_000)
    looked_up = Placement(30_000, 3)
    found = looked_up.examples(numbers), looked_up.places(numbers)
    monkeypatch.setattr(placement, "_TABLE_EXAMPLES", 0)
    computed = Placement(30_000, 3)
    assert computed._tables is None
    assert np.array_equal(computed.examples(numbers), found[0])
    assert np.array_equal(computed.places(numbers), found[1])


def test_it_is_sent_to_another_process_without_its_tables() -> None:
    placed = Placement(100_000, 7)
    examples = placed.examples(np.arange(5))
    sent = pickle.dumps(placed)
    assert len(sent) < 200
    assert np.array_equal(pickle.loads(sent).examples(np.arange(5)), examples)


def test_every_block_is_a_random_draw_of_sorted_classes() -> None:
    labels = np.arange(100_000) // 1_000  # 100 classes, one after the other
    placed = labels[Placement(100_000).examples(np.arange(100_000))]
    counts = np.array([np.bincount(block, minlength=100) for block in placed.reshape(100, 1_000)])
    assert abs(chi_square_deviation(counts.ravel(), 99 * 99)) < 4


@pytest.mark.parametrize(
    ("num_examples", "seed", "expected"),
    [
        (10, 0, [7, 6, 8, 4, 3, 1, 0, 5, 2, 9]),
        (60_000, 0, [53381, 53422, 21644, 32813, 19833]),
        (60_000, 1, [137, 29692, 27311, 41419, 44190]),
        (BILLION, 0, [71652747, 250792920, 646501605, 495561897, 4139122]),
    ],
)
def test_placements_never_change(num_examples: int, seed: int, expected: list[int]) -> None:
    places = np.arange(len(expected))
    assert Placement(num_examples, seed).examples(places).tolist() == expected
