"""The order that a generator reads, and what a saved state says about it."""

import dataclasses
from typing import Any

from numpy.typing import ArrayLike

from spoonful.errors import SpoonfulError
from spoonful.order import (
    CustomOrder,
    Order,
    make_order,
    order_identity,
    order_sizes,
    shuffle_name,
)

CUSTOM = "custom"  # the name of a shuffle that is the user's own order


def chosen_order(
    order: Order | None,
    shuffle: str | bool,
    num_examples: int,
    seed: int,
    labels: ArrayLike,
    sizes: dict[str, int],
) -> tuple[str, Order]:
    """Return the order of a generator and the name of its shuffle, "custom" for the user's own.

    Raises:
        SpoonfulError: an argument outside its range, or both an order and a shuffle.
    """
    if order is None:
        name = shuffle_name(shuffle)
        return name, make_order(name, num_examples, seed, labels=labels, **sizes)
    if shuffle is not True and shuffle != "full":
        raise SpoonfulError(
            f"shuffle={shuffle!r} and order={order!r}: expected one of them; leave out shuffle to "
            "use your own order"
        )
    make_order("none", num_examples, seed, **sizes)  # checks the rest
    return CUSTOM, CustomOrder(order, num_examples)


def order_state(order: Order) -> dict[str, Any]:
    """Return what a saved state says about an order besides shuffle and seed; JSON types."""
    if isinstance(order, CustomOrder):
        return {"order": order_identity(order.order)}
    return dict(order_sizes(order))


def copied(order: Any) -> Order:
    """Return an order without what it has kept of earlier calls ("buffer" keeps examples)."""
    copy: Order = dataclasses.replace(order)
    return copy


def check_same_stream(current: dict[str, Any], saved: dict[str, Any]) -> None:
    """Check that two states, but for their steps, belong to the same stream of batches.

    Raises:
        SpoonfulError: a field differs or is missing; names each, the saved and current value.
    """
    wrong = [
        f"{name} (saved {saved.get(name)!r}, now {value!r})"
        for name, value in current.items()
        if name != "step" and saved.get(name) != value
    ]
    if "step" not in saved:
        wrong.append("step (not saved)")
    if wrong:
        raise SpoonfulError(
            "the saved state belongs to another stream of batches: "
            + ", ".join(wrong)
            + "; use the saved settings and data, or start again"
        )
