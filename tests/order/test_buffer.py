"""The order "buffer": a pure function, and yet what a buffer draws."""

import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from spoonful.order import MAX_SEED, BufferOrder, buffer, make_order
from spoonful.order.keys import DRAIN_STREAM, SLOT_STREAM, below, draw_keys, hash_words
from spoonful.order.permutation import domain_of, num_rounds, permute

PROPERTY = settings(deadline=None, derandomize=True)


def simulate(num_examples: int, seed: int, buffer_size: int, epoch: int) -> list[int]:
    """A real buffer, one example at a time, with the draws of the order."""
    size = min(buffer_size, num_examples)
    counters = np.arange(num_examples - size, dtype=np.uint64)
    draws = below(hash_words(counters, draw_keys(seed, SLOT_STREAM, epoch, 2)), size).tolist()
    source = iter(range(num_examples))
    slots = [next(source) for _ in range(size)]
    emitted = []
    for draw in draws:
        emitted.append(slots[draw])
        slots[draw] = next(source)
    keys = draw_keys(seed, DRAIN_STREAM, epoch, num_rounds(size))
    left = permute(np.arange(size, dtype=np.uint64), domain_of(size), keys).tolist()
    return emitted + [slots[slot] for slot in left]


@PROPERTY
@given(
    num_examples=st.integers(1, 2_000),
    buffer_size=st.integers(1, 2_500),
    seed=st.integers(0, MAX_SEED),
    epoch=st.integers(0, 2**40),
)
@example(num_examples=150_000, buffer_size=1_000, seed=0, epoch=0)  # three stretches
@example(num_examples=200_000, buffer_size=70_000, seed=0, epoch=0)  # slots of more than 16 bits
@example(num_examples=140_000, buffer_size=69_999, seed=0, epoch=0)  # the end in the next stretch
@example(num_examples=70_000, buffer_size=1, seed=0, epoch=0)
def test_the_order_is_that_of_a_buffer(
    num_examples: int, buffer_size: int, seed: int, epoch: int
) -> None:
    order = make_order("buffer", num_examples, seed, buffer_size=buffer_size)
    expected = simulate(num_examples, seed, buffer_size, epoch)
    assert order(epoch, 0, num_examples).tolist() == expected


@pytest.mark.parametrize("buffer_size", [1, 2, 30, 1_000, 5_000])
def test_no_example_comes_earlier_than_the_buffer_can_reach(buffer_size: int) -> None:
    whole = make_order("buffer", 5_000, 0, buffer_size=buffer_size)(0, 0, 5_000)
    early = whole - np.arange(5_000)
    assert early.max() <= buffer_size - 1
    # The bound is reached: an example that enters the buffer may leave it at once.
    assert early.max() >= min(buffer_size - 1, 4_900)


def test_a_buffer_of_one_changes_nothing() -> None:
    assert make_order("buffer", 500, 9, buffer_size=1)(4, 0, 500).tolist() == list(range(500))


class CountedSimulation:
    """Stands in for BufferOrder._simulate and notes which stretches it makes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made: list[tuple[int, int]] = []
        simulate_stretch = BufferOrder._simulate

        def counted(order: BufferOrder, epoch: int, number: int, *rest: Any) -> Any:
            self.made.append((epoch, number))
            return simulate_stretch(order, epoch, number, *rest)

        monkeypatch.setattr(BufferOrder, "_simulate", counted)


def test_reading_in_turn_simulates_each_stretch_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buffer, "_STRETCH_LENGTH", 1_000)
    simulation = CountedSimulation(monkeypatch)
    order = make_order("buffer", 10_000, 0, buffer_size=100)
    for epoch in range(2):
        for start in range(0, 10_000, 80):
            # Two readers that run ahead of each other, and the next epoch's first slice early.
            order(epoch, start + 40, start + 80)
            order(epoch, start, start + 40)
        order(epoch + 1, 0, 40)
        order(epoch, 9_960, 10_000)
    assert simulation.made == [(e, n) for e in range(2) for n in range(10)] + [(2, 0)]


def test_going_back_simulates_from_the_start_and_far_ahead_from_what_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(buffer, "_STRETCH_LENGTH", 1_000)
    simulation = CountedSimulation(monkeypatch)
    order = make_order("buffer", 10_000, 0, buffer_size=100)
    order(0, 3_500, 3_600)
    order(0, 5_500, 5_600)
    order(0, 1_500, 1_600)
    assert [number for _, number in simulation.made] == [0, 1, 2, 3, 4, 5, 0, 1]


def test_the_length_of_a_stretch_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = make_order("buffer", 5_000, 3, buffer_size=60)(1, 0, 5_000)
    monkeypatch.setattr(buffer, "_STRETCH_LENGTH", 77)
    assert np.array_equal(make_order("buffer", 5_000, 3, buffer_size=60)(1, 0, 5_000), expected)


def test_orders_are_equal_by_their_settings() -> None:
    one, other = BufferOrder(100, 0, 10), BufferOrder(100, 0, 10)
    one(0, 0, 100)
    assert one == other
    assert hash(one) == hash(other)
    assert one != BufferOrder(100, 0, 11)


def test_a_failed_simulation_leaves_no_lock_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    order = make_order("buffer", 1_000, 0, buffer_size=10)
    with monkeypatch.context() as patch:
        patch.setattr(BufferOrder, "_draw", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            order(0, 0, 10)
    drawn: list[int] = []
    thread = threading.Thread(target=lambda: drawn.extend(order(0, 0, 10).tolist()), daemon=True)
    thread.start()
    thread.join(timeout=60)
    assert drawn == simulate(1_000, 0, 10, 0)[:10]
