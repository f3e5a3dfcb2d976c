"""The components of a checked config, and the late check of those whose import is slow."""

import dataclasses
import typing
from collections.abc import Iterable, Iterator
from typing import Any

from spoonful.config.targets import Target, is_slow, target_of
from spoonful.config.values import is_component, without_none
from spoonful.quiet import import_tensorflow


def components_of(value: Any) -> Iterator[tuple[Any, "dataclasses.Field[Any]"]]:
    """Yield every component of a config or of a component, with the field that declares it."""
    if not dataclasses.is_dataclass(value) or isinstance(value, (type, Target)):
        return
    hints = typing.get_type_hints(type(value), include_extras=True)
    for field in dataclasses.fields(value):
        item = getattr(value, field.name)
        if not _holds_components(hints[field.name]):
            yield from components_of(item)
        elif item is not None:
            items = item.values() if isinstance(item, dict) else item
            for one in items if isinstance(item, (dict, list)) else [item]:
                yield one, field
                yield from components_of(one)


def check_slow_targets(configs: Iterable[Any]) -> None:
    """Check the targets of configs whose import takes seconds, which it then does.

    Raises:
        SpoonfulError: one does not exist, or does not take its arguments.
    """
    for component, field in (pair for config in configs for pair in components_of(config)):
        target = target_of(component)
        if target is not None and is_slow(target.path):
            import_tensorflow()
            check_target(target, field)


def check_target(target: Target, field: "dataclasses.Field[Any]") -> None:
    """Check that a target takes its arguments and those that the program passes."""
    target.check(field.metadata.get("offered", ()), field.metadata.get("num_given", 0))


def _holds_components(hint: Any) -> bool:
    bare, _ = without_none(hint)
    inner = typing.get_args(bare)
    return is_component(bare) or (
        typing.get_origin(bare) in (list, dict) and is_component(inner[-1])
    )
