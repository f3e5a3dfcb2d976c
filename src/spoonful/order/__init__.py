"""Orders: which example is at which position of which epoch, as pure functions.

An order is called as `order(epoch, start, stop)` and returns the example indices at the positions
start..stop-1 of that epoch, int64 [stop - start]. A slice is always the same slice of the same
epoch, whichever thread, process or restart requests it, and after whatever other request.
"""

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spoonful.errors import SpoonfulError
from spoonful.order.balanced import BalancedOrder
from spoonful.order.block import BlockOrder, Window
from spoonful.order.buffer import BufferOrder
from spoonful.order.custom import CustomOrder, order_identity
from spoonful.order.full import FullOrder
from spoonful.order.permutation import MAX_EXAMPLES
from spoonful.order.placement import Placement, StoredOrder
from spoonful.order.slices import Indices, Order, SequentialOrder

__all__ = [
    "MAX_EXAMPLES",
    "MAX_SEED",
    "ORDERS",
    "SHUFFLES",
    "BalancedOrder",
    "BlockOrder",
    "BufferOrder",
    "CustomOrder",
    "FullOrder",
    "Indices",
    "Order",
    "Placement",
    "SequentialOrder",
    "StoredOrder",
    "Window",
    "make_order",
    "order_identity",
    "order_settings",
    "shuffle_name",
]

MAX_SEED = 2**32 - 1  # the largest seed that NumPy's global generator and Keras also take
# Each a dataclass. Its fields are num_examples, seed and labels where it needs them, and its sizes.
ORDERS: dict[str, type[Any]] = {
    "none": SequentialOrder,
    "full": FullOrder,
    "block": BlockOrder,
    "buffer": BufferOrder,
    "balanced": BalancedOrder,
}
SHUFFLES = tuple(ORDERS)


def make_order(
    shuffle: str | bool,
    num_examples: int,
    seed: int,
    *,
    labels: ArrayLike | None = None,
    placement: Placement | None = None,
    **sizes: int,
) -> Order:
    """Make the order for the name of a shuffle.

    Args:
        shuffle: "none", "full", "block", "buffer" or "balanced"; False and True mean "none" and
            "full".
        num_examples: the length of an epoch, 1..2**62.
        seed: 0..2**32 - 1.
        labels: the examples' labels; only "balanced" uses them: whole numbers [num_examples].
        placement: where the source has placed the examples; only "block" uses it.
        sizes: fields of the orders, each >= 1: block_size, window_blocks, buffer_size. Those of
            other orders are checked and ignored.

    Raises:
        SpoonfulError: an unknown shuffle or size, no examples, a seed or a size outside its range,
            labels missing or not one whole number per example, a buffer of more than 2**31
            examples.
    """
    kind = ORDERS[shuffle_name(shuffle)]
    if not 1 <= num_examples <= MAX_EXAMPLES:
        raise SpoonfulError(f"num_examples={num_examples}: expected 1 to 2**62 examples")
    if not _is_whole(seed) or not 0 <= seed <= MAX_SEED:
        raise SpoonfulError(f"seed={seed!r}: expected a whole number from 0 to {MAX_SEED}")
    known = {name for one in ORDERS.values() for name in _size_names(one)}
    for name, size in sizes.items():
        if name not in known:
            raise SpoonfulError(f"{name}={size!r}: expected one of the sizes {sorted(known)}")
        if not _is_whole(size) or size < 1:
            raise SpoonfulError(f"{name}={size!r}: expected a whole number from 1 on")
    names = {field.name for field in dataclasses.fields(kind) if field.init}
    given = {"num_examples": num_examples, "seed": seed, **sizes}
    values: dict[str, Any] = {name: int(given[name]) for name in names & given.keys()}
    if "labels" in names:
        values["labels"] = _checked_labels(labels, int(num_examples))
    if "placement" in names:
        values["placement"] = placement
    order: Order = kind(**values)
    return order


def order_settings(order: Any) -> dict[str, int]:
    """Return what decides an order besides examples, seed and labels, by name, for a checkpoint.

    These are its sizes, and its version from 2 on.
    """
    sizes = {name: getattr(order, name) for name in _size_names(type(order))}
    version = getattr(order, "version", 1)
    return {**sizes, **({"order_version": version} if version > 1 else {})}


def _size_names(kind: type[Any]) -> list[str]:
    given = {"num_examples", "seed", "labels", "placement"}
    fields = dataclasses.fields(kind)
    return [field.name for field in fields if field.init and field.name not in given]


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
