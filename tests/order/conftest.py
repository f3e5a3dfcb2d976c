"""Orders small enough to show their structure: several blocks, windows, buffers and classes."""

from collections.abc import Callable

import numpy as np
import pytest

from spoonful.order import Order, make_order

SmallOrder = Callable[[str, int, int], Order]


def make_small_order(shuffle: str, num_examples: int, seed: int) -> Order:
    """Four classes of uneven sizes, blocks of 16, windows of 4 blocks, a buffer of 50."""
    labels = np.minimum(np.arange(num_examples) % 11, 3)
    return make_order(
        shuffle,
        num_examples,
        seed,
        labels=labels,
        block_size=16,
        window_blocks=4,
        buffer_size=50,
    )


@pytest.fixture(scope="session")
def small_order() -> SmallOrder:
    return make_small_order
