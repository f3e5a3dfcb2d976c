"""The order "balanced": all classes equally often, and the examples of each class evenly."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spoonful.order.keys import (
    GROUP_STREAM,
    ITEM_STREAM,
    REMAINDER_STREAM,
    ROUND_STREAM,
    Words,
    draw_keys,
    hash_words,
)
from spoonful.order.permutation import SMALL, domain_of, domains_of, num_rounds, permute
from spoonful.order.slices import RUN_LENGTH, Indices, check_slice, runs

_TOP_BIT = np.uint64(2**63)


@dataclass(eq=False)
class BalancedOrder:
    """Draw all classes equally often (shuffle "balanced").

    An epoch has as many positions as there are examples. Each group of c consecutive positions, for
    c classes with examples, holds every class once, in a random order; where the last group of an
    epoch is smaller, the classes take turns in it from epoch to epoch. Within a class all examples
    are drawn once, in a random order, before the first one is drawn again, over the ends of epochs.
    So the counts of two classes never differ by more than 1 in any prefix of an epoch, nor do those
    of two examples of one class in any prefix of the training. Memory is O(n), up to 4 bytes per
    example below 2**32 examples.

    Args:
        labels: the examples' classes, integers [n], n >= 1.
        seed: 0..2**32 - 1. 0 is a seed like any other.
    """

    labels: NDArray[np.integer[Any]] = field(repr=False)
    seed: int

    def __post_init__(self) -> None:
        self.num_examples = len(self.labels)
        self._members, self._begins, sizes = _group(self.labels)
        self._domains = domains_of(sizes)
        self._has_small = bool(sizes.min() < SMALL)
        self._num_classes = count = len(sizes)
        # The turn of each class in the last groups.
        keys = draw_keys(self.seed, REMAINDER_STREAM, 0, num_rounds(count))
        self._turns = permute(np.arange(count, dtype=np.uint64), domain_of(count), keys)

    def __call__(self, epoch: int, start: int, stop: int) -> Indices:
        check_slice(self.num_examples, epoch, start, stop)
        epoch = int(epoch)  # draws are counted beyond 64 bits
        indices = np.empty(stop - start, dtype=np.int64)
        length = max(RUN_LENGTH // self._num_classes, 1) * self._num_classes
        for first, last in runs(start, stop, length, length):
            positions = np.arange(first, last, dtype=np.uint64)
            groups = positions // np.uint64(self._num_classes)
            classes = self._draw_classes(epoch, first, last)
            indices[first - start : last - start] = self._draw_items(epoch, groups, classes)
        return indices

    def _draw_classes(self, epoch: int, first: int, last: int) -> Words:
        """Return the classes at positions first..last-1, as numbers 0..c-1, uint64 [last - first].

        Each group sorts its classes by random bits, whose low bits are replaced by the class.
        """
        count = self._num_classes
        begin, end = first // count * count, -(-last // count) * count
        numbers = np.arange(begin, end, dtype=np.uint64)
        words = hash_words(numbers, draw_keys(self.seed, GROUP_STREAM, epoch, 2)) >> np.uint64(1)
        words = words.reshape(-1, count)
        class_bits = np.uint64(2 ** (count - 1).bit_length() - 1)
        words &= ~class_bits
        words |= np.arange(count, dtype=np.uint64)
        if end > self.num_examples:
            words[-1, ~self._in_last_group(epoch)] |= _TOP_BIT
        words.sort(axis=1)
        words &= class_bits
        return words.ravel()[first - begin : last - begin]

    def _in_last_group(self, epoch: int) -> NDArray[np.bool_]:
        """Return which classes the last, smaller group of an epoch holds, bool [c]."""
        left_over = self.num_examples % self._num_classes
        next_turn = epoch * left_over % self._num_classes
        ahead = (self._turns + np.uint64(self._num_classes - next_turn)) % self._num_classes
        return ahead < left_over

    def _draw_items(self, epoch: int, groups: Words, classes: Words) -> Indices:
        """Return the examples that positions draw from their classes, int64 [k]."""
        full_groups, left_over = divmod(self.num_examples, self._num_classes)
        rounds_of_turns, next_turn = divmod(epoch * left_over, self._num_classes)
        # The number of draws from each class before the epoch, counted modulo 2**64, which no run
        # reaches.
        draws = groups + np.uint64((epoch * full_groups + rounds_of_turns) % 2**64)
        draws += (self._turns < next_turn)[classes]
        domains = self._domains.at(classes)
        cycles = draws // domains.size
        draws -= cycles * domains.size
        cycles *= np.uint64(self._num_classes)
        cycles += classes
        tweaks = hash_words(cycles, draw_keys(self.seed, ITEM_STREAM, 0, 2))
        keys = draw_keys(self.seed, ROUND_STREAM, 0, num_rounds(SMALL))
        items = permute(draws, domains, keys, tweaks)
        if self._has_small:
            chosen = np.flatnonzero(domains.size < SMALL)
            keys = draw_keys(self.seed, ROUND_STREAM, 0, num_rounds(1))
            items[chosen] = permute(draws[chosen], domains.at(chosen), keys, tweaks[chosen])
        items += self._begins[classes]
        return self._members[items].astype(np.int64)


def _group(
    labels: NDArray[np.integer[Any]],
) -> tuple[NDArray[np.unsignedinteger[Any]], Words, Words]:
    """Group the examples by class, in the order of the labels and then of the source.

    Returns:
        The examples, class after class, in the smallest fitting integer type, [n]; where in them
        each class that is not empty begins, and how many examples it has, uint64 [c].
    """
    lowest, highest = int(labels.min()), int(labels.max())
    if highest - lowest < 2**16:
        # NumPy sorts 16-bit numbers by radix: a million labels take 16 ms instead of 60.
        labels = (labels - lowest).astype(np.uint16)
    members = np.argsort(labels, kind="stable")
    ordered = labels[members]
    begins = np.append(0, np.flatnonzero(ordered[1:] != ordered[:-1]) + 1).astype(np.uint64)
    sizes = np.diff(begins, append=np.uint64(len(labels)))
    return members.astype(np.min_scalar_type(len(labels) - 1)), begins, sizes
