"""Orders of the user's own: checked when they are made and at every call, and identified."""

import dataclasses
import functools
import hashlib
import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from spoonful.errors import SpoonfulError
from spoonful.order.slices import Indices, Order, check_slice

# Positions that are asked for when an order is made: as many as a generator asks for at a time.
_NUM_TRIED = 8_192


@dataclass(frozen=True)
class CustomOrder:
    """Check what a user's order returns, so that readers can rely on it (shuffle "custom").

    Args:
        order: called as order(epoch, start, stop), returns whole numbers [stop - start].
        num_examples: the length of an epoch; indices are below it.

    Raises:
        SpoonfulError: when made or called: the order fails, or returns something else; when made:
            it returns different indices for the same positions. Names the order and the positions.
    """

    order: Order
    num_examples: int

    def __post_init__(self) -> None:
        if not callable(self.order):
            raise SpoonfulError(
                f"order={self.order!r}: expected a function order(epoch, start, stop) that returns "
                "the indices of the examples at these positions; shuffle takes the name of an order"
            )
        stop = min(self.num_examples, _NUM_TRIED)
        tried = self(0, 0, stop)
        for start in (0, stop // 2):
            if not np.array_equal(self(0, start, stop), tried[start:]):
                raise SpoonfulError(
                    f"{self._call(0, start, stop)} differs from what it returned for the same "
                    "positions before: expected a pure function, in which each position of an "
                    "epoch always has the same example, whatever slice it is asked for in"
                )

    def __call__(self, epoch: int, start: int, stop: int) -> Indices:
        check_slice(self.num_examples, epoch, start, stop)
        try:
            found = np.asarray(self.order(epoch, start, stop))
        except Exception as error:
            cause = (
                error if isinstance(error, SpoonfulError) else f"{type(error).__name__}: {error}"
            )
            raise SpoonfulError(f"{self._call(epoch, start, stop)} failed: {cause}") from error
        if found.shape != (stop - start,) or found.dtype.kind not in "iu":
            raise SpoonfulError(
                f"{self._call(epoch, start, stop)} returned {found.dtype} of shape {found.shape}: "
                f"expected whole numbers of shape ({stop - start},)"
            )
        is_wrong = (found < 0) | (found >= self.num_examples)
        if is_wrong.any():
            place = int(np.argmax(is_wrong))
            raise SpoonfulError(
                f"{self._call(epoch, start, stop)} returned {found[place]} for position "
                f"{start + place}: expected an index from 0 to {self.num_examples - 1}"
            )
        return found.astype(np.int64)  # a copy: the order may keep its own

    def _call(self, epoch: int, start: int, stop: int) -> str:
        name = order_identity(self.order)["name"]
        return f"the order {name}(epoch={epoch}, start={start}, stop={stop})"


def order_identity(order: Any) -> dict[str, Any]:
    """Return what tells an order from others, as JSON types.

    This is the module and name of its function or class, and of a dataclass its fields, of a
    functools.partial its arguments: numbers, texts, and lists and dicts of these as they are,
    arrays by a digest, orders by their own identity. Other values are left out, and so is the code.
    """
    if isinstance(order, functools.partial):
        found = order_identity(order.func)
        arguments = {str(place): value for place, value in enumerate(order.args)}
        return {**found, "arguments": _values({**arguments, **order.keywords})}
    owner = getattr(order, "__self__", None)  # of a method
    named = order if hasattr(order, "__qualname__") else type(order)
    values = order if owner is None else owner
    found = {"name": f"{named.__module__}.{named.__qualname__}"}
    if dataclasses.is_dataclass(values) and not isinstance(values, type):
        names = [field.name for field in dataclasses.fields(values) if field.init]
        found["fields"] = _values({name: getattr(values, name) for name in names})
    return found


def _values(values: dict[str, Any]) -> dict[str, Any]:
    kept = {name: _value(value) for name, value in values.items()}
    return {name: value for name, value in kept.items() if value is not _LEFT_OUT}


_LEFT_OUT = object()


def _value(value: Any) -> Any:
    """Return a value as JSON types; _LEFT_OUT if it is none."""
    if isinstance(value, np.ndarray) and value.dtype.kind != "O":
        digest = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
        return f"{value.dtype.str} {value.shape} sha256 {digest}"
    if isinstance(value, np.generic):
        value = value.item()
    if callable(value) or dataclasses.is_dataclass(value):
        return order_identity(value)
    try:
        return json.loads(json.dumps(value))
    except (TypeError, ValueError, RecursionError):
        return _LEFT_OUT
