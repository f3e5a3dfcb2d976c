"""Declare, document and check the keys of a config."""

import math
import typing
from collections.abc import Mapping
from dataclasses import MISSING, Field, field
from typing import Annotated, Any

from spoonful.errors import SpoonfulError

# Limit for whole numbers without their own: NumPy and TensorFlow use 32 bits in some places.
LARGEST = (1 << 31) - 1
_MAX_SHOWN = 200
_MAX_BITS = 1_000

_TYPE_WORDS = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "a text",
    dict: "a mapping",
}
_ITEM_WORDS = {int: "whole numbers", float: "numbers", str: "texts"}

# What a key may say in place of a value: it is then derived from the data or the machine.
AUTO = "auto"

# The type of a key whose value names what it is with `_target_`.
Component = Annotated[Any, "component"]


def key(
    help: str,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    above: float | None = None,
    choices: tuple[Any, ...] | None = None,
    length: int | None = None,
    aliases: Mapping[str, str] | None = None,
    words: tuple[str, ...] = (),
    has_no_effect: bool = False,
    is_path: bool = False,
    offered: tuple[str, ...] = (),
    num_given: int = 0,
    adapter: str | None = None,
    base: str | None = None,
    needs: tuple[str, ...] | None = None,
    default: Any = MISSING,
) -> Any:
    """Declare a config key: its meaning with its unit, and the values that it takes.

    Keys have no default here: their values are only in conf/. Limits apply to each item of a list.

    Args:
        help: what the key means, with its unit.
        minimum: the smallest value.
        maximum: the largest value.
        above: a value that every value is larger than.
        choices: the only values.
        length: number of items of a list.
        aliases: other ways to write a value.
        words: texts that are allowed in place of a value of the key's type, such as auto.
        has_no_effect: the key changes no bit of a trained model, only how fast it is made, or where
            things are.
        is_path: a file or folder of the user, relative to where the command is typed.
        offered: of a component: the arguments that the program passes by name, if the component
            takes them.
        num_given: of a component: number of arguments that the program passes to a function.
        adapter: of a component: import path of the dataclass that gives a target which is not a
            dataclass the form that the program calls; it holds the target in its field `target`.
        base: of a component: import path of the dataclass whose keys every choice has.
        needs: of a component: a dataclass with these attributes is made when the config is checked;
            any other target is called later. None: all are called later.
        default: value where the key is missing.
    """
    declared = dict(locals())  # all arguments, for whoever checks or explains the key
    declared["aliases"] = aliases or {}
    if default is MISSING:
        return field(metadata=declared)
    return field(default_factory=lambda: default, metadata=declared)


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


def wrong_type(name: str, value: Any, hint: Any, is_optional: bool, declared: "Field[Any]") -> str:
    """Return that a value has the wrong type, and what is expected."""
    shown = "null" if value is None else shortened(value)
    others = [*declared.metadata.get("words", ()), *(["null"] if is_optional else [])]
    words = " or ".join([_type_words(hint), *others])
    limits = allowed(declared)
    detail = f", {limits}" if limits else ""
    return f"{name}={shown}: expected {words}{detail}{meaning(declared)}"


def meaning(declared: "Field[Any]") -> str:
    """Return what a key means, in brackets; empty for a key without help."""
    words = declared.metadata.get("help")
    return f" ({words})" if words else ""


def _type_words(hint: Any) -> str:
    if typing.get_origin(hint) in (list, tuple):
        item = (typing.get_args(hint) or (None,))[0]
        return f"a list of {_ITEM_WORDS.get(item, 'values')}"
    return _TYPE_WORDS.get(typing.get_origin(hint) or hint, f"a value of type {hint}")


def check_value(name: str, value: Any, declared: "Field[Any]") -> None:
    """Check one value against its key's limits.

    Raises:
        SpoonfulError: names the key, the value, what it means and what is allowed.
    """
    limits = declared.metadata
    items = value if isinstance(value, (list, tuple)) else [value]
    if limits.get("length") is not None and len(items) != limits["length"]:
        raise SpoonfulError(f"{name}={value}: expected {allowed(declared)}{meaning(declared)}")
    for item in items:
        is_large = isinstance(item, int) and limits.get("maximum") is None and abs(item) > LARGEST
        is_finite = not isinstance(item, float) or math.isfinite(item)
        if item is not None and (is_large or not is_finite or not _fits(item, limits)):
            expected = allowed(declared) if is_finite else f"a finite number {allowed(declared)}"
            if is_large:
                expected = " and ".join(filter(None, (expected, f"at most {LARGEST:,}")))
            raise SpoonfulError(
                f"{name}={shortened(value)}: expected {expected}{meaning(declared)}"
            )


def shown(value: Any) -> str:
    """Write a value as a config does."""
    return "null" if value is None else str(value)


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
    return not (
        (limits.get("minimum") is not None and item < limits["minimum"])
        or (limits.get("maximum") is not None and item > limits["maximum"])
        or (limits.get("above") is not None and item <= limits["above"])
    )
