"""Where examples lie in a mixed store: a keyed permutation, with no index array to store."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spoonful.order.keys import PLACEMENT_STREAM, draw_keys
from spoonful.order.permutation import domain_of, num_rounds, permute, unpermute
from spoonful.order.slices import Indices, check_slice, runs

# Up to this many examples both directions are tables of 4 bytes per example.
_TABLE_EXAMPLES = 1 << 20


@dataclass(frozen=True)
class Placement:
    """Place examples at random: a bijection between examples and places.

    Neighbouring places then hold examples from anywhere in the source, so that a block of
    neighbours is a random draw. The same numbers give the same placement in all versions: stores
    that were packed with it depend on it.

    Args:
        num_examples: number of examples, 1..2**62.
        seed: 0..2**32 - 1.
    """

    num_examples: int
    seed: int = 0

    def __reduce__(self) -> tuple[Any, ...]:
        return Placement, (self.num_examples, self.seed)  # without the tables

    def examples(self, places: NDArray[np.integer[Any]]) -> Indices:
        """Return the examples at places, int64 [k]; each is in 0..num_examples - 1."""
        if self._tables is not None:
            return np.asarray(self._tables[0][places], np.int64)
        return self._mapped(permute, places)

    def places(self, examples: NDArray[np.integer[Any]]) -> Indices:
        """Return the places of examples, int64 [k]; each is in 0..num_examples - 1."""
        if self._tables is not None:
            return np.asarray(self._tables[1][examples], np.int64)
        return self._mapped(unpermute, examples)

    @cached_property
    def _tables(self) -> tuple[NDArray[np.uint32], NDArray[np.uint32]] | None:
        """The examples at all positions and the positions of all examples; None for many.

        Looking one up takes 1 to 2 ns, computing it 22 to 34. Reading an image of MNIST takes 140
        from memory, and 3,000 from a store that is not loaded.
        """
        if self.num_examples > _TABLE_EXAMPLES:
            return None
        numbers = np.arange(self.num_examples)
        examples = self._mapped(permute, numbers)
        places = np.empty(self.num_examples, np.uint32)
        places[examples] = numbers
        return examples.astype(np.uint32), places

    def _mapped(self, mapping: Any, values: NDArray[np.integer[Any]]) -> Indices:
        keys = draw_keys(self.seed, PLACEMENT_STREAM, 0, num_rounds(self.num_examples))
        domain = domain_of(self.num_examples)
        mapped = np.empty(len(values), dtype=np.int64)
        for first, last in runs(0, len(values)):
            mapped[first:last] = mapping(values[first:last].astype(np.uint64), domain, keys)
        return mapped


@dataclass(frozen=True)
class StoredOrder:
    """Read the examples in the order of their places, the same in every epoch.

    A mixed store is then read from its beginning to its end. For results that do not depend on the
    order: of validation and evaluation.

    Args:
        placement: where the examples lie.
    """

    placement: Placement

    def __call__(self, epoch: int, start: int, stop: int) -> Indices:
        check_slice(self.placement.num_examples, epoch, start, stop)
        return self.placement.examples(np.arange(start, stop, dtype=np.int64))
