"""Views of a checked config: as params, as settings that determine the result, as a name."""

import dataclasses
import re
import typing
from pathlib import Path
from typing import Any, TypeVar

from spoonful.config import schema
from spoonful.config.fields import shown
from spoonful.config.schema import Config
from spoonful.config.targets import OWN, TARGET, Target, found, target_of
from spoonful.errors import SpoonfulError

T = TypeVar("T")

# Groups that affect no weights.
_AROUND = ("tracking", "evaluation", "preview", "compare", "sweep", "cache")


def with_absolute_paths(value: T) -> T:
    """Return a config with the user's paths resolved from where the command was typed."""
    if not dataclasses.is_dataclass(value) or isinstance(value, (type, Target)):
        return value
    changed: dict[str, Any] = {}
    for field in dataclasses.fields(value):
        item = getattr(value, field.name)
        if field.metadata.get("is_path") and item is not None:
            changed[field.name] = str(Path(item).expanduser().resolve())
        elif dataclasses.is_dataclass(item):
            changed[field.name] = with_absolute_paths(item)
    return dataclasses.replace(value, **changed)


def settings_of(value: Any) -> Any:
    """Return a config, or a part of it, as nested mappings; components with their `_target_`."""
    if isinstance(value, dict):
        return {name: settings_of(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [settings_of(item) for item in value]
    if isinstance(value, Target):
        return {TARGET: value.path, **value.arguments}
    if not dataclasses.is_dataclass(value):
        return value
    own = {f.name: settings_of(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if type(value).__module__ == schema.__name__:  # a section
        return own
    target = own.pop("target", None)  # of an adapter, whose keys are mixed with its target's
    if target_of(value) is not None:
        return {TARGET: target[TARGET], **own, **{k: v for k, v in target.items() if k != TARGET}}
    return {TARGET: path_of(value), **own}


def flattened(config: Config) -> dict[str, Any]:
    """Return every key by its full name, e.g. "trainer.early_stopping.metric".

    A component's `_target_` is the name of its group: "model": "cnn".
    """
    return {
        name.removesuffix(f".{TARGET}"): short_name(value) if name.endswith(TARGET) else value
        for name, value in flat_settings(settings_of(config)).items()
    }


def path_of(component: Any) -> str:
    """Return the import path of what a component is made from."""
    target = target_of(component)
    kind = type(component)
    return f"{kind.__module__}.{kind.__qualname__}" if target is None else target.path


def name_of(component: Any) -> str:
    """Return a component's name: "warmup_cosine" for ours, the import path for others."""
    return short_name(path_of(component))


def short_name(path: str) -> str:
    """Return the name for an import path: "warmup_cosine" for ours, the path for others."""
    if path.split(".")[0] != OWN:
        return path
    return re.sub(r"(?<!^)(?=[A-Z])", "_", path.rpartition(".")[2]).lower()


def learning_settings(config: Config) -> dict[str, Any]:
    """Return the settings that determine the weights: no tracking, evaluation, paths or speed."""
    return learning_part(settings_of(config))


def learning_part(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the same for a config given as nested mappings.

    Args:
        settings: all keys; those added to the program after it was recorded are missing.
    """
    types = typing.get_type_hints(Config)
    kept = {
        group: _with_effect(value, types.get(group))
        for group, value in settings.items()
        if group not in _AROUND
    }
    source = kept.get("source")
    if isinstance(source, dict) and not getattr(_class_of(source), "reads_packed", False):
        kept.pop("pack", None)
    return kept


def flat_settings(settings: Any, prefix: str = "") -> dict[str, Any]:
    """Return every key of nested mappings by its full name."""
    if not isinstance(settings, dict) or not settings:
        return {prefix: settings}
    flat: dict[str, Any] = {}
    for name, item in settings.items():
        flat |= flat_settings(item, f"{prefix}.{name}" if prefix else str(name))
    return flat


def differences(saved: dict[str, Any], current: dict[str, Any]) -> list[str]:
    """Return, for each field in which two identities of a training differ, both values.

    Args:
        saved: {"settings": result of `learning_settings`, "fingerprint": of each split}.
        current: the same, with current values.
    """
    then, now = _fields_of(saved), _fields_of(current)
    absent = "absent"
    return [
        f"{name} (saved {shown(then.get(name, absent))}, now {shown(now.get(name, absent))})"
        for name in dict.fromkeys([*then, *now])
        if then.get(name, absent) != now.get(name, absent)
    ]


def run_name(config: Config) -> str:
    """Return the configured name of a run, or one made of the keys that differ most often."""
    generator = config.generator
    return config.tracking.run_name or (
        f"{name_of(config.model)}-{name_of(config.optimizer)}-b{generator.batch_size}"
        f"-{generator.shuffle}-s{config.seed}"
    )


def _with_effect(value: Any, declared: Any) -> Any:
    """Leave out the keys that change no bit, as the section's or component's class says."""
    if not isinstance(value, dict):
        return value
    kind = _class_of(value) if TARGET in value else declared
    fields = dataclasses.fields(kind) if dataclasses.is_dataclass(kind) else ()
    without = {f.name for f in fields if f.metadata.get("has_no_effect")}
    return {name: item for name, item in value.items() if name not in without}


def _class_of(settings: dict[str, Any]) -> Any:
    """Return what `_target_` names, if it is ours or imported already; else None."""
    path = str(settings.get(TARGET))
    try:
        return found(path, "config") if path.split(".")[0] == OWN else None
    except SpoonfulError:
        return None


def _fields_of(identity: dict[str, Any]) -> dict[str, Any]:
    rest = {name: value for name, value in identity.items() if name != "settings"}
    return {**flat_settings(identity["settings"]), **flat_settings(rest)}
