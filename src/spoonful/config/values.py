"""Types of config keys: which values fit, and how they are converted."""

import types
import typing
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf

from spoonful.config.fields import Component


def is_component(hint: Any) -> bool:
    """Return whether a type means a value with a `_target_`."""
    return bool(hint == Component)


def without_none(hint: Any) -> tuple[Any, bool]:
    """Return a type without None, and whether None was part of it."""
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        rest = [part for part in typing.get_args(hint) if part is not type(None)]
        return rest[0], len(rest) < len(typing.get_args(hint))
    return hint, False


def convert(value: Any, hint: Any) -> Any:
    """Convert strictly.

    Raises:
        ValueError, TypeError, OverflowError: the value does not fit.
    """
    origin = typing.get_origin(hint)
    if origin in (list, tuple):
        if not isinstance(value, ListConfig):
            raise TypeError
        items: Any = OmegaConf.to_container(value, resolve=True)
        item_hint = (typing.get_args(hint) or (Any,))[0]
        return origin(items if item_hint is Any else [convert(item, item_hint) for item in items])
    if origin is dict:
        if not isinstance(value, DictConfig):
            raise TypeError
        container = typing.cast(dict[Any, Any], OmegaConf.to_container(value, resolve=True))
        return {str(name): str(item) for name, item in container.items()}
    if hint not in (str, bool, int, float):  # of a component that is not ours
        is_plain = not isinstance(value, (DictConfig, ListConfig))
        return value if is_plain else OmegaConf.to_container(value, resolve=True)
    if isinstance(value, (DictConfig, ListConfig, dict, list)) or value is None:
        raise TypeError
    if hint is str:
        return str(value)
    if hint is bool:
        if not isinstance(value, bool):
            raise TypeError
        return value
    if isinstance(value, bool) or (hint is int and isinstance(value, float)):
        raise TypeError
    return hint(value)
