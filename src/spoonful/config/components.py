"""The components of a checked config, and the late check of those whose import is slow."""

import dataclasses
import typing
from collections.abc import Iterator
from typing import Any

from spoonful.config.targets import Target, is_slow
from spoonful.config.values import is_component, without_none


def components_of(value: Any) -> Iterator[tuple[Any, "dataclasses.Field[Any]"]]:
    """Yield every component of a config or of a component, with the field that declares it."""
    if not dataclasses.is_dataclass(value) or isinstance(value, (type, Target)):
        return
    hints = typing.get_type_hints(type(value), include_extras=True)
    for field in dataclasses.fields(value):
        for one in _components_in(getattr(value, field.name), hints[field.name]):
            yield one, field
            yield from components_of(one)
        if not _holds_components(hints[field.name]):
            yield from components_of(getattr(value, field.name))


def check_slow_targets(config: Any) -> None:
    """Check the targets whose import takes seconds, once it is due anyway.

    Raises:
        SpoonfulError: one does not exist, or does not take its arguments.
    """
    for target, field in _slow_targets(config):
        check_target(target, field)


def check_target(target: Target, field: "dataclasses.Field[Any]") -> None:
    """Check that a target takes its arguments and those that the program passes."""
    target.check(field.metadata.get("offered", ()), field.metadata.get("num_given", 0))


def has_slow_targets(config: Any) -> bool:
    """Return whether a config has targets whose import takes seconds."""
    return any(True for _ in _slow_targets(config))


def target_of(component: Any) -> Target | None:
    """Return the target of a component that is not itself a dataclass; None: it is."""
    target = component if isinstance(component, Target) else getattr(component, "target", None)
    return target if isinstance(target, Target) else None


def _slow_targets(config: Any) -> Iterator[tuple[Target, "dataclasses.Field[Any]"]]:
    for component, field in components_of(config):
        target = target_of(component)
        if target is not None and is_slow(target.path):
            yield target, field


def _components_in(value: Any, hint: Any) -> list[Any]:
    if value is None or not _holds_components(hint):
        return []
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, list) else [value]


def _holds_components(hint: Any) -> bool:
    bare, _ = without_none(hint)
    inner = typing.get_args(bare)
    return is_component(bare) or (
        typing.get_origin(bare) in (list, dict) and is_component(inner[-1])
    )
