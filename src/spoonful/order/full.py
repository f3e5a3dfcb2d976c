"""The order "full": a perfect shuffle of the whole epoch, for any length."""

from dataclasses import dataclass

import numpy as np

from spoonful.order.keys import ORDER_STREAM, draw_keys
from spoonful.order.permutation import domain_of, num_rounds, permute
from spoonful.order.slices import Indices, check_slice, runs

# More rounds than needed from permutation.SMALL on; fewer would change the orders of all earlier
# runs.
_SMALL = 4_096


@dataclass(frozen=True)
class FullOrder:
    """Permute each whole epoch by a keyed bijection on [0, n) (shuffle "full").

    No buffer and no index array: memory is O(stop - start) for any n.

    Args:
        num_examples: the length of an epoch, 1..2**62.
        seed: 0..2**32 - 1. 0 is a seed like any other.
    """

    num_examples: int
    seed: int

    def __call__(self, epoch: int, start: int, stop: int) -> Indices:
        check_slice(self.num_examples, epoch, start, stop)
        keys = draw_keys(self.seed, ORDER_STREAM, epoch, num_rounds(self.num_examples, _SMALL))
        domain = domain_of(self.num_examples)
        indices = np.empty(stop - start, dtype=np.int64)
        for first, last in runs(start, stop):
            positions = np.arange(first, last, dtype=np.uint64)
            indices[first - start : last - start] = permute(positions, domain, keys)
        return indices
