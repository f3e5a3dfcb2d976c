"""Check the indices passed to a source."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spoonful.errors import SpoonfulError


def checked_indices(
    indices: Sequence[int] | NDArray[Any], num_examples: int
) -> NDArray[np.integer[Any]]:
    """Return the indices as an integer array [k].

    Raises:
        SpoonfulError: not one-dimensional, not whole numbers, or outside 0..num_examples - 1.
    """
    array = np.asarray(indices)
    if array.size == 0:
        return array.reshape(-1).astype(np.int64)
    if array.ndim != 1 or not np.issubdtype(array.dtype, np.integer):
        raise SpoonfulError(
            f"indices of shape {array.shape} and dtype {array.dtype}: "
            "expected a list of whole numbers"
        )
    low, high = int(array.min()), int(array.max())
    if low < 0 or high >= num_examples:
        wrong = low if low < 0 else high
        raise SpoonfulError(f"index {wrong}: expected 0 to {num_examples - 1}")
    return array
