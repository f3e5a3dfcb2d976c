"""Declare, document and check the keys of a config."""

import math
from collections.abc import Mapping
from dataclasses import Field, field
from typing import Any

from spoonful.errors import SpoonfulError

# Limit for whole numbers without their own: NumPy and TensorFlow use 32 bits in some places.
LARGEST = (1 << 31) - 1
_MAX_SHOWN = 200
_MAX_BITS = 1_000


def key(
    help: str,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    above: float | None = None,
    choices: tuple[Any, ...] | None = None,
    length: int | None = None,
    aliases: Mapping[str, str] | None = None,
) -> Any:
    """Declare a config key: its meaning with its unit, and the values that it takes.

    Keys have no default here: their values are only in conf/. Limits apply to each item of a list.
    `above` excludes its value, `minimum` and `maximum` include theirs. `aliases` are other ways to
    write a value.
    """
    limits = {
        "help": help,
        "minimum": minimum,
        "maximum": maximum,
        "above": above,
        "choices": choices,
        "length": length,
        "aliases": aliases or {},
    }
    return field(metadata=limits)


def allowed(declared: "Field[Any]") -> str:
    """Return which values a key takes; empty if any value of its type is allowed."""
    limits = declared.metadata
    if limits.get("choices"):
        return "one of " + ", ".join(str(choice) for choice in limits["choices"])
    parts = []
    if limits.get("length") is not None:
        parts.append(f"{limits['length']} numbers")
    if limits.get("above") is not None:
        parts.append(f"> {limits['above']}")
    if limits.get("minimum") is not None:
        parts.append(f">= {limits['minimum']}")
    if limits.get("maximum") is not None:
        parts.append(f"<= {limits['maximum']}")
    return " and ".join(parts)


def check_value(name: str, value: Any, declared: "Field[Any]") -> None:
    """Check one value against its key's limits.

    Raises:
        SpoonfulError: names the key, the value, what it means and what is allowed.
    """
    limits = declared.metadata
    items = value if isinstance(value, (list, tuple)) else [value]
    if limits.get("length") is not None and len(items) != limits["length"]:
        raise SpoonfulError(f"{name}={value}: expected {allowed(declared)} ({limits['help']})")
    for item in items:
        if item is not None and not _fits(item, limits):
            finite = not isinstance(item, float) or math.isfinite(item)
            expected = allowed(declared) if finite else f"a finite number {allowed(declared)}"
            if isinstance(item, int) and limits.get("maximum") is None and abs(item) > LARGEST:
                expected = " and ".join(filter(None, (expected, f"at most {LARGEST:,}")))
            raise SpoonfulError(
                f"{name}={shortened(value)}: expected {expected} ({limits['help']})"
            )


def shortened(value: Any) -> str:
    """Write a value, shortened to fit into a message."""
    is_whole = isinstance(value, int)  # Python writes at most 4,300 digits
    text = hex(value) if is_whole and value.bit_length() > _MAX_BITS else str(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}... ({len(text):,} characters)"


def _fits(item: Any, limits: Any) -> bool:
    if limits.get("choices"):
        return item in limits["choices"]
    if isinstance(item, bool) or not isinstance(item, (int, float)):
        return True
    if isinstance(item, int) and limits.get("maximum") is None and abs(item) > LARGEST:
        return False
    if isinstance(item, float) and not math.isfinite(item):
        return False
    return not (
        (limits.get("minimum") is not None and item < limits["minimum"])
        or (limits.get("maximum") is not None and item > limits["maximum"])
        or (limits.get("above") is not None and item <= limits["above"])
    )
