"""Compute an order in long runs and serve short slices from them."""

from functools import lru_cache

import numpy as np

from spoonful.order import Indices, Order

# A call of an order costs 80-100 us regardless of its length, and 20-100 ns per index: a slice of
# 128 costs 700 ns per index, one of 8,192 costs 30 (shuffle="full").
RUN_LENGTH = 8_192
_RUNS_KEPT = 4  # threads are at most a few chunks apart


def in_runs(order: Order, num_examples: int) -> Order:
    """Return an order that serves the same slices, faster and not writable.

    Args:
        order: called as order(epoch, start, stop).
        num_examples: the length of an epoch.
    """

    @lru_cache(maxsize=_RUNS_KEPT)
    def run_of(epoch: int, number: int) -> Indices:
        start = number * RUN_LENGTH
        run = order(epoch, start, min(start + RUN_LENGTH, num_examples))
        run.flags.writeable = False
        return run

    def served(epoch: int, start: int, stop: int) -> Indices:
        if stop - start >= RUN_LENGTH:
            return order(epoch, start, stop)
        first, last = start // RUN_LENGTH, max(stop - 1, start) // RUN_LENGTH
        runs = [run_of(epoch, number) for number in range(first, last + 1)]
        run = runs[0] if len(runs) == 1 else np.concatenate(runs)
        return run[start - first * RUN_LENGTH : stop - first * RUN_LENGTH]

    return served
