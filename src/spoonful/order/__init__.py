"""Orders: which example is at which position of which epoch, as pure functions.

An order is called as `order(epoch, start, stop)` and returns the example indices at the positions
start..stop-1 of that epoch, int64 [stop - start]. A slice is always the same slice of the same
epoch, whichever thread, process or restart requests it, and after whatever other request.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spoonful.errors import SpoonfulError
from spoonful.order.balanced import BalancedOrder
from spoonful.order.block import BlockOrder
from spoonful.order.buffer import MAX_BUFFER_SIZE, BufferOrder
from spoonful.order.full import FullOrder
from spoonful.order.keys import ORDER_STREAM
from spoonful.order.permutation import MAX_EXAMPLES
from spoonful.order.slices import Indices, Order, SequentialOrder

__all__ = [
    "MAX_EXAMPLES",
    "MAX_SEED",
    "ORDER_STREAM",
    "SHUFFLES",
    "BalancedOrder",
    "BlockOrder",
    "BufferOrder",
    "FullOrder",
    "Indices",
    "Order",
    "SequentialOrder",
    "make_order",
    "shuffle_name",
]

MAX_SEED = 2**32 - 1  # the largest seed that NumPy's global generator and Keras also take
SHUFFLES = ("none", "full", "block", "buffer", "balanced")


def make_order(
    shuffle: str | bool,
    num_examples: int,
    seed: int,
    *,
    labels: ArrayLike | None = None,
    block_size: int = 1024,
    window_blocks: int = 16,
    buffer_size: int = 1000,
) -> Order:
    """Make the order for the name of a shuffle.

    Args:
        shuffle: "none", "full", "block", "buffer" or "balanced"; False and True mean "none" and
            "full".
        num_examples: the length of an epoch, 1..2**62.
        seed: 0..2**32 - 1.
        labels: the examples' labels; only "balanced" uses them: whole numbers [num_examples].
        block_size: examples per block of "block", >= 1.
        window_blocks: blocks that "block" mixes at a time, >= 1.
        buffer_size: examples in the buffer of "buffer", >= 1.

    Raises:
        SpoonfulError: an unknown shuffle, no examples, a seed or a size outside its range, labels
            missing or not one whole number per example, a buffer of more than 2**31 examples.
    """
    name = shuffle_name(shuffle)
    if not 1 <= num_examples <= MAX_EXAMPLES:
        raise SpoonfulError(f"num_examples={num_examples}: expected 1 to 2**62 examples")
    if not _is_whole(seed) or not 0 <= seed <= MAX_SEED:
        raise SpoonfulError(f"seed={seed!r}: expected a whole number from 0 to {MAX_SEED}")
    num_examples = int(num_examples)
    sizes = {"block_size": block_size, "window_blocks": window_blocks, "buffer_size": buffer_size}
    for size_name, size in sizes.items():
        if not _is_whole(size) or size < 1:
            raise SpoonfulError(f"{size_name}={size!r}: expected a whole number from 1 on")
    if name == "none":
        return SequentialOrder(num_examples)
    if name == "full":
        return FullOrder(num_examples, int(seed))
    if name == "block":
        return BlockOrder(num_examples, int(seed), int(block_size), int(window_blocks))
    if name == "buffer":
        return BufferOrder(num_examples, int(seed), _slots(num_examples, int(buffer_size)))
    return BalancedOrder(_checked_labels(labels, num_examples), int(seed))


def shuffle_name(shuffle: str | bool) -> str:
    """Return the canonical name of a shuffle: True is "full", False is "none"."""
    if isinstance(shuffle, (bool, np.bool_)):
        return "full" if shuffle else "none"
    if shuffle not in SHUFFLES:
        allowed = ", ".join(repr(name) for name in SHUFFLES)
        raise SpoonfulError(f"shuffle={shuffle!r}: expected one of {allowed}, True or False")
    return shuffle


def _is_whole(value: Any) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def _slots(num_examples: int, buffer_size: int) -> int:
    """Return the number of examples that the buffer holds: at most all of them."""
    slots = min(buffer_size, num_examples)
    if slots > MAX_BUFFER_SIZE:
        raise SpoonfulError(
            f"buffer_size={buffer_size}: expected at most {MAX_BUFFER_SIZE}, for the buffer "
            'lies in memory; shuffle="full" mixes all examples without one'
        )
    return slots


def _checked_labels(labels: ArrayLike | None, num_examples: int) -> NDArray[np.integer[Any]]:
    if labels is None:
        raise SpoonfulError(
            'labels=None: shuffle="balanced" draws by class; pass the class of each example'
        )
    array = np.asarray(labels)
    if array.shape != (num_examples,) or not np.issubdtype(array.dtype, np.integer):
        raise SpoonfulError(
            f'labels of dtype {array.dtype} and shape {array.shape}: shuffle="balanced" draws by '
            f"class and expects whole numbers of shape ({num_examples},), one class per example; "
            "use another shuffle"
        )
    return array
