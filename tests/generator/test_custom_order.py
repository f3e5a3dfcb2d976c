"""Orders that a user writes: served, checked, and told apart in saved states."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from spoonful import ArraySource, BatchGenerator, SpoonfulError
from spoonful.order import BlockOrder, FullOrder, make_order

NUM = 40
IMAGES = np.random.default_rng(0).integers(0, 256, (NUM, 2, 2, 1), dtype=np.uint8)
SOURCE = ArraySource(IMAGES, np.arange(NUM) % 3)
NAME = "tests.generator.test_custom_order."


def backwards(epoch: int, start: int, stop: int) -> NDArray[np.int64]:
    return NUM - 1 - np.arange(start, stop)


def rotated(epoch: int, start: int, stop: int, *, by: int = 1, of: int = NUM) -> list[int]:
    return [(position + by * epoch) % of for position in range(start, stop)]


@dataclass(frozen=True)
class Weighted:
    """Draw examples in proportion to their weights."""

    weights: NDArray[np.float64]
    seed: int = 0
    notes: list[str] = field(default_factory=list)

    def __call__(self, epoch: int, start: int, stop: int) -> NDArray[Any]:
        rng = np.random.default_rng((self.seed, epoch))
        drawn = rng.choice(len(self.weights), len(self.weights), p=self.weights)
        return np.asarray(drawn[start:stop])


class Plain:
    def order(self, epoch: int, start: int, stop: int) -> NDArray[Any]:
        return np.arange(start, stop)[::1]

    __call__ = order


WEIGHTS = np.arange(1, NUM + 1) / (NUM * (NUM + 1) / 2)
ORDERS: dict[str, Any] = {
    "a function": backwards,
    "a partial": partial(rotated, by=3),
    "a dataclass": Weighted(WEIGHTS),
    "an object": Plain(),
    "a method": Plain().order,
    "one of ours": FullOrder(NUM, 5),
}


def generator_of(order: Any, **arguments: Any) -> BatchGenerator:
    return BatchGenerator(SOURCE, 7, order=order, **arguments)


@pytest.mark.parametrize("case", ORDERS)
@pytest.mark.parametrize("num_threads", [0, 3])
def test_batches_follow_the_order(case: str, num_threads: int) -> None:
    order = ORDERS[case]
    generator = generator_of(order, num_threads=num_threads)
    assert generator.shuffle == "custom"
    stream = generator.stream()
    for step in range(14):
        epoch, number = divmod(step, 6)
        expected = np.asarray(order(epoch, number * 7, min(number * 7 + 7, NUM)))
        assert generator.indices(step).tolist() == expected.tolist()
        assert np.array_equal(stream[step][0], IMAGES[expected])
    stream.close()
    assert np.asarray(generator.order(1, 0, NUM)).tolist() == list(order(1, 0, NUM))


@settings(max_examples=30, deadline=None, derandomize=True)
@given(batch_size=st.integers(1, 2 * NUM), step=st.integers(0, 50))
def test_one_of_our_orders_gives_what_its_shuffle_gives(batch_size: int, step: int) -> None:
    own = BatchGenerator(SOURCE, batch_size, order=BlockOrder(NUM, 4, 5, 2))
    named = BatchGenerator(
        SOURCE, batch_size, shuffle="block", seed=4, block_size=5, window_blocks=2
    )
    assert own.indices(step).tolist() == named.indices(step).tolist()


def test_what_an_order_keeps_is_not_made_read_only() -> None:
    kept = np.arange(NUM)
    generator_of(lambda epoch, start, stop: kept[start:stop]).batch(0)
    assert kept.flags.writeable


def unequal() -> Callable[..., NDArray[Any]]:
    rng = np.random.default_rng(0)
    return lambda epoch, start, stop: rng.permutation(NUM)[start:stop]


def without_a_start(epoch: int, start: int, stop: int) -> NDArray[Any]:
    return np.random.default_rng(epoch).integers(0, NUM, stop - start)


def fails(epoch: int, start: int, stop: int) -> None:
    raise KeyError("weights")


WRONG: dict[str, tuple[Any, list[str]]] = {
    "a name": ("block", ["order='block': expected a function", "shuffle takes the name"]),
    "too few": (lambda e, a, b: range(a, b - 1), ["int64 of shape (39,)", "of shape (40,)"]),
    "floats": (lambda e, a, b: np.arange(a, b) / 1, ["float64 of shape (40,)"]),
    "truths": (lambda e, a, b: np.ones(b - a, bool), ["bool of shape (40,)"]),
    "nothing": (lambda e, a, b: None, ["object of shape ()"]),
    "rows": (lambda e, a, b: np.arange(a, b)[:, None], ["shape (40, 1)"]),
    "from one": (lambda e, a, b: np.arange(a, b) + 1, ["returned 40 for position 39", "0 to 39"]),
    "negative": (lambda e, a, b: np.arange(a, b) - 1, ["returned -1 for position 0"]),
    "huge": (lambda e, a, b: np.full(b - a, 2**64 - 1, np.uint64), [f"returned {2**64 - 1}"]),
    "impure": (unequal(), ["differs from what it returned", "pure function"]),
    "no start": (without_a_start, ["without_a_start(epoch=0, start=20, stop=40) differs"]),
    "an error": (fails, [f"{NAME}fails(epoch=0, start=0, stop=40) failed: KeyError: 'weights'"]),
    "arguments": (lambda epoch: [0], ["failed: TypeError"]),
    "another length": (FullOrder(30, 0), ["FullOrder(epoch=0, start=0, stop=40) failed: start=0"]),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_order_is_named_when_a_generator_is_made(case: str) -> None:
    order, words = WRONG[case]
    with pytest.raises(SpoonfulError) as caught:
        generator_of(order)
    assert all(word in str(caught.value) for word in words), str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("num_threads", [0, 2])
def test_an_order_that_is_wrong_later_is_named_at_the_read(num_threads: int) -> None:
    def late(epoch: int, start: int, stop: int) -> NDArray[Any]:
        return np.arange(start, stop) + (epoch == 2)

    generator = generator_of(late, num_threads=num_threads)
    stream = generator.stream()
    for step in range(12):
        stream[step]
    for read in (lambda: stream[12], lambda: generator.indices(12), lambda: generator.batch(12)):
        with pytest.raises(SpoonfulError, match=r"late\(epoch=2, start=0, stop=40\) returned 40"):
            read()
    stream.close()


@pytest.mark.parametrize("shuffle", ["none", "block", "balanced", False])
def test_an_order_and_a_shuffle_are_one_too_many(shuffle: Any) -> None:
    with pytest.raises(SpoonfulError, match=r"and order=.*: expected one of them"):
        generator_of(backwards, shuffle=shuffle)
    assert generator_of(backwards, shuffle=True).shuffle == "custom"


def test_the_other_arguments_are_checked_as_ever() -> None:
    for wrong in ({"seed": -1}, {"block_size": 0}, {"buffer_size": 1.5}):
        with pytest.raises(SpoonfulError, match=next(iter(wrong))):
            generator_of(backwards, **wrong)


def test_the_state_says_which_order_it_is() -> None:
    expected: dict[str, Any] = {
        "a function": {"name": f"{NAME}backwards"},
        "a partial": {"name": f"{NAME}rotated", "arguments": {"by": 3}},
        "an object": {"name": f"{NAME}Plain"},
        "a method": {"name": f"{NAME}Plain.order"},
        "one of ours": {
            "name": "spoonful.order.full.FullOrder",
            "fields": {"num_examples": NUM, "seed": 5},
        },
    }
    for case, order in ORDERS.items():
        state = generator_of(order).state(3)
        assert json.loads(json.dumps(state)) == state
        assert state["shuffle"] == "custom"
        assert state["order"] == expected.get(case, state["order"])
        generator_of(order).check_state(state)
    weighted = generator_of(Weighted(WEIGHTS, notes=["a"])).state(0)["order"]["fields"]
    assert (weighted["seed"], weighted["notes"]) == (0, ["a"])
    assert "sha256" in weighted["weights"]
    assert "order" not in BatchGenerator(SOURCE, 7).state(0)


DIFFERENT: list[tuple[Any, Any]] = [
    (backwards, rotated),
    (backwards, Plain()),
    (backwards, Plain().order),
    (partial(rotated, by=3), partial(rotated, by=4)),
    (partial(rotated, by=3), rotated),
    (partial(rotated, of=NUM), partial(rotated, by=1)),
    (Weighted(WEIGHTS), Weighted(WEIGHTS, seed=1)),
    (Weighted(WEIGHTS), Weighted(WEIGHTS[::-1])),
    (Weighted(WEIGHTS), Weighted(WEIGHTS, notes=["x"])),
    (partial(Weighted(WEIGHTS)), partial(Weighted(WEIGHTS, seed=1))),
    (FullOrder(NUM, 0), FullOrder(NUM, 1)),
    (FullOrder(NUM, 0), BlockOrder(NUM, 0)),
]


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_the_state_of_another_order_is_refused(one: Any, other: Any) -> None:
    state = json.loads(json.dumps(generator_of(one).state(3)))
    generator_of(one).check_state(state)
    with pytest.raises(SpoonfulError, match=r"order \(saved .*, now ") as caught:
        generator_of(other).check_state(state)
    assert "\n" not in str(caught.value)
    with pytest.raises(SpoonfulError, match=r"shuffle \(saved 'custom', now 'full'\)"):
        BatchGenerator(SOURCE, 7).check_state(state)


def test_the_order_of_a_generator_is_that_of_its_shuffle_and_its_own() -> None:
    labels = SOURCE.labels
    for shuffle in ("none", "full", "block", "buffer", "balanced"):
        sizes: dict[str, Any] = {"block_size": 3, "window_blocks": 2, "buffer_size": 4}
        generator = BatchGenerator(SOURCE, 7, shuffle=shuffle, seed=9, **sizes)
        expected = make_order(shuffle, NUM, 9, labels=labels, **sizes)
        assert np.array_equal(generator.order(3, 0, NUM), expected(3, 0, NUM))
        assert generator.order is not generator.order
