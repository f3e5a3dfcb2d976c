"""What make_order takes, and what it says to the rest."""

from typing import Any

import numpy as np
import pytest

from spoonful.errors import SpoonfulError
from spoonful.order import (
    MAX_EXAMPLES,
    MAX_SEED,
    SHUFFLES,
    BalancedOrder,
    BlockOrder,
    BufferOrder,
    FullOrder,
    SequentialOrder,
    make_order,
    order_settings,
    shuffle_name,
)

LABELS = [0, 1, 0, 1, 0, 1, 0, 1, 0, 1]


@pytest.mark.parametrize(
    ("shuffle", "kind"),
    [
        ("none", SequentialOrder),
        ("full", FullOrder),
        ("block", BlockOrder),
        ("buffer", BufferOrder),
        ("balanced", BalancedOrder),
    ],
)
def test_each_shuffle_has_its_order(shuffle: str, kind: type) -> None:
    assert shuffle in SHUFFLES
    assert type(make_order(shuffle, 10, 0, labels=LABELS)) is kind


def test_none_keeps_the_order_of_the_source() -> None:
    order = make_order("none", 7, 5)
    assert [order(epoch, 2, 6).tolist() for epoch in (0, 9)] == [[2, 3, 4, 5]] * 2


@pytest.mark.parametrize(("alias", "name"), [(True, "full"), (False, "none")])
def test_booleans_are_aliases(alias: bool, name: str) -> None:
    assert shuffle_name(alias) == name
    ours, named = make_order(alias, 50, 4), make_order(name, 50, 4)
    assert np.array_equal(ours(3, 0, 50), named(3, 0, 50))


@pytest.mark.parametrize(
    ("shuffle", "one", "other"),
    [
        ("block", {"block_size": 10}, {"block_size": 12}),
        ("block", {"block_size": 10, "window_blocks": 3}, {"block_size": 10}),
        ("buffer", {"buffer_size": 30}, {"buffer_size": 31}),
        ("balanced", {"labels": [0] * 50 + [1] * 50}, {"labels": [0] * 40 + [1] * 60}),
    ],
)
def test_each_setting_changes_its_order(
    shuffle: str, one: dict[str, Any], other: dict[str, Any]
) -> None:
    first, second = (make_order(shuffle, 100, 0, **given)(0, 0, 100) for given in (one, other))
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("shuffle", SHUFFLES)
def test_numpy_numbers_serve_as_well(shuffle: str) -> None:
    sizes: dict[str, Any] = {"block_size": 3, "window_blocks": 2, "buffer_size": 4}
    plain = make_order(shuffle, 10, 7, labels=LABELS, **sizes)
    numbers: Any = {name: np.int32(size) for name, size in sizes.items()}
    counts: Any = np.array([10, 7], dtype=np.uint8)
    labels = np.array(LABELS, dtype=np.uint8)
    arrays: Any = make_order(shuffle, counts[0], counts[1], labels=labels, **numbers)
    asked = map(np.int64, (3, 2, 9))
    assert np.array_equal(arrays(*asked), plain(3, 2, 9))


def test_a_buffer_larger_than_the_data_holds_all_of_it() -> None:
    one = make_order("buffer", 100, 0, buffer_size=100)
    other = make_order("buffer", 100, 0, buffer_size=10**30)
    assert np.array_equal(one(0, 0, 100), other(0, 0, 100))


@pytest.mark.parametrize(
    ("shuffle", "num_examples", "seed", "words"),
    [
        ("fill", 10, 0, ["shuffle='fill'", *map(repr, SHUFFLES), "True or False"]),
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
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [0, -1, 1.5, None, True, "8"])
@pytest.mark.parametrize("name", ["block_size", "window_blocks", "buffer_size"])
@pytest.mark.parametrize("shuffle", ["full", "block", "buffer"])
def test_wrong_sizes_are_named(shuffle: str, name: str, value: Any) -> None:
    with pytest.raises(SpoonfulError) as caught:
        make_order(shuffle, 10, 0, **{name: value})
    assert str(caught.value) == f"{name}={value!r}: expected a whole number from 1 on"


def test_an_unknown_size_is_named() -> None:
    with pytest.raises(SpoonfulError, match=r"^block_sise=3: expected one of .*'block_size'.*$"):
        make_order("full", 10, 0, block_sise=3)


@pytest.mark.parametrize("shuffle", SHUFFLES)
def test_the_settings_of_an_order_make_it_again(shuffle: str) -> None:
    given: dict[str, Any] = {"block_size": 3, "window_blocks": 2, "buffer_size": 4}
    order = make_order(shuffle, 10, 7, labels=LABELS, **given)
    sizes: dict[str, Any] = order_settings(order)
    assert sizes.pop("order_version", 1) == (2 if shuffle == "block" else 1)
    expected = {"block": ["block_size", "window_blocks"], "buffer": ["buffer_size"]}
    assert sizes == {name: given[name] for name in expected.get(shuffle, [])}
    again = make_order(shuffle, 10, 7, labels=LABELS, **sizes)
    assert np.array_equal(again(2, 0, 10), order(2, 0, 10))


def test_a_buffer_that_no_memory_holds_is_refused() -> None:
    with pytest.raises(SpoonfulError, match=r"^buffer_size=4294967296: .*2147483648.*$"):
        make_order("buffer", MAX_EXAMPLES, 0, buffer_size=2**32)


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (None, ["labels=None", "balanced"]),
        ([], ["shape (0,)", "(10,)"]),
        ([0, 1], ["shape (2,)", "(10,)"]),
        ([[0]] * 10, ["shape (10, 1)", "(10,)"]),
        ([0.0] * 10, ["float64", "whole numbers"]),
        ([True] * 10, ["bool", "whole numbers"]),
        (["a"] * 10, ["<U1", "whole numbers"]),
    ],
)
def test_wrong_labels_are_named(labels: Any, words: list[str]) -> None:
    with pytest.raises(SpoonfulError) as caught:
        make_order("balanced", 10, 0, labels=labels)
    assert str(caught.value).startswith("labels")
    assert all(word in str(caught.value) for word in words)
    assert "\n" not in str(caught.value)


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
        make_order(shuffle, 10, 0, labels=LABELS)(epoch, start, stop)
