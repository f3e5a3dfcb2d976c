"""The order "buffer": the draws of a shuffle buffer, as a pure function."""

from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spoonful.errors import SpoonfulError
from spoonful.order.keys import DRAIN_STREAM, SLOT_STREAM, Words, below, draw_keys, hash_words
from spoonful.order.permutation import domain_of, num_rounds, permute
from spoonful.order.slices import Indices, check_slice, runs

MAX_BUFFER_SIZE = 2**31
# Positions simulated at once and kept, or as many as the buffer holds if that is more: copying the
# buffer after each stretch then costs less than the stretch.
_STRETCH_LENGTH = 65_536
# Readers that run ahead request slices slightly out of order, and slices of the next epoch before
# the last one of this epoch.
_KEPT_STRETCHES = 4


@dataclass(frozen=True)
class _Stretch:
    """The positions of one epoch from number * length on, and the buffer's examples after them."""

    epoch: int
    number: int
    indices: Indices
    contents: Indices


@dataclass(frozen=True)
class BufferOrder:
    """Draw from a buffer that the examples pass through in turn (shuffle "buffer").

    The buffer is filled with the first buffer_size examples. Each position takes the example in a
    random slot, and the next example of the source fills the slot; at the end of the source the
    remaining examples come out in a random order. This is what tf.data's shuffle does, and the
    orders have the same distribution. An example never comes out more than buffer_size - 1
    positions early.

    The content of the buffer depends on all earlier draws. The latest stretches are kept, so that
    slices requested roughly in order cost O(stop - start); going back, or far ahead, simulates the
    epoch from its start, O(start). Memory is O(buffer_size + stop - start).

    Args:
        num_examples: the length of an epoch, 1..2**62.
        seed: 0..2**32 - 1. 0 is a seed like any other.
        buffer_size: examples in the buffer, >= 1; at most 2**31 where there are as many examples.

    Raises:
        SpoonfulError: a buffer that no memory holds.
    """

    num_examples: int
    seed: int
    buffer_size: int = 1000
    # The last simulated stretches, most recently used last. They affect only the time taken.
    _kept: list[_Stretch] = field(default_factory=list, init=False, repr=False, compare=False)
    _lock: Any = field(default_factory=Lock, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.num_slots > MAX_BUFFER_SIZE:
            raise SpoonfulError(
                f"buffer_size={self.buffer_size}: expected at most {MAX_BUFFER_SIZE}, because "
                'the buffer is in memory; shuffle="full" mixes all examples without one'
            )

    def __call__(self, epoch: int, start: int, stop: int) -> Indices:
        check_slice(self.num_examples, epoch, start, stop)
        length = max(_STRETCH_LENGTH, self.num_slots)
        indices = np.empty(stop - start, dtype=np.int64)
        for number in range(start // length, -(-stop // length)):
            begin = number * length
            stretch = self._stretch(epoch, number, length)
            first, last = max(start, begin), min(stop, begin + length)
            indices[first - start : last - start] = stretch.indices[first - begin : last - begin]
        return indices

    @property
    def num_slots(self) -> int:
        """Number of examples that the buffer holds: at most all of them."""
        return min(self.buffer_size, self.num_examples)

    def __reduce__(self) -> tuple[Any, ...]:
        # A lock cannot be sent to another process, and the kept stretches need not be.
        return type(self), (self.num_examples, self.seed, self.buffer_size)

    def _stretch(self, epoch: int, number: int, length: int) -> _Stretch:
        """Return a stretch, simulating from the nearest one kept before it."""
        with self._lock:
            before = [kept for kept in self._kept if kept.epoch == epoch and kept.number <= number]
            latest = max(before, key=lambda kept: kept.number, default=None)
            if latest is None:
                latest = self._simulate(epoch, 0, length, np.arange(self.num_slots))
            while latest.number < number:
                latest = self._simulate(epoch, latest.number + 1, length, latest.contents)
            self._kept[:] = [kept for kept in self._kept if kept is not latest]
            self._kept.append(latest)
            del self._kept[:-_KEPT_STRETCHES]
            return latest

    def _simulate(self, epoch: int, number: int, length: int, contents: Indices) -> _Stretch:
        """Simulate one stretch from the buffer's contents before it."""
        begin, end = number * length, min((number + 1) * length, self.num_examples)
        contents = contents.copy()
        indices = np.empty(end - begin, dtype=np.int64)
        # From here on, no examples are left to fill a slot.
        drain = self.num_examples - self.num_slots
        for first, last in runs(begin, min(end, drain)):
            indices[first - begin : last - begin] = self._draw(epoch, first, last, contents)
        for first, last in runs(max(begin, drain), end):
            places = np.arange(first - drain, last - drain, dtype=np.uint64)
            keys = draw_keys(self.seed, DRAIN_STREAM, epoch, num_rounds(self.num_slots))
            slots = permute(places, domain_of(self.num_slots), keys)
            indices[first - begin : last - begin] = contents[slots]
        return _Stretch(epoch, number, indices, contents)

    def _draw(self, epoch: int, first: int, last: int, contents: Indices) -> Indices:
        """Return the examples at positions first..last-1, and bring `contents` up to date."""
        keys = draw_keys(self.seed, SLOT_STREAM, epoch, 2)
        words = hash_words(np.arange(first, last, dtype=np.uint64), keys)
        slots = below(words, self.num_slots)
        # Draws of the same slot side by side, each slot's in order: a draw takes the example that
        # filled the slot at the previous draw, and the first draw takes what the slot held.
        turns = _stable_argsort(slots, self.num_slots)
        slots = slots[turns]
        filled = turns + (first + self.num_slots)
        is_first = np.empty(len(turns), dtype=bool)
        is_first[0] = True
        np.not_equal(slots[1:], slots[:-1], out=is_first[1:])
        taken = np.empty(len(turns), dtype=np.int64)
        taken[1:] = filled[:-1]
        taken[is_first] = contents[slots[is_first]]
        is_last = np.append(is_first[1:], True)
        contents[slots[is_last]] = filled[is_last]
        indices = np.empty(len(turns), dtype=np.int64)
        indices[turns] = taken
        return indices


def _stable_argsort(words: Words, bound: int) -> NDArray[np.intp]:
    """Sort stably by words in [0, bound), 16 bits at a time.

    NumPy sorts 16-bit numbers by radix, in 4 ns each; 64-bit ones take 34 ns.
    """
    turns = np.argsort(words.astype(np.uint16), kind="stable")
    for shift in range(16, (bound - 1).bit_length(), 16):
        digits = (words >> np.uint64(shift)).astype(np.uint16)
        turns = turns[np.argsort(digits[turns], kind="stable")]
    return turns
