"""Turn a composed config into typed objects, or report in one line what is wrong with it."""

import dataclasses
import difflib
import types
import typing
from collections.abc import Iterable
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from spoonful.config.fields import allowed, check_value, shortened
from spoonful.config.model_schema import CnnConfig, MlpConfig, ResnetConfig, VggConfig
from spoonful.config.optimizer_schema import SCHEDULES
from spoonful.config.schema import GROUPS, Config, EarlyStoppingConfig
from spoonful.errors import SpoonfulError

_TYPE_WORDS = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "a text",
    dict: "a mapping",
}


def check_config(composed: DictConfig) -> Config:
    """Check a composed config against the schemas and return it typed.

    Args:
        composed: result of Hydra from conf/ and the overrides.

    Raises:
        SpoonfulError: an unknown, missing or invalid key; names it and what is allowed.
    """
    names = [name for name in composed if name != "hydra"]
    _check_names("", names, [*GROUPS, "seed"])
    # First: generator.seed follows it, and would be named instead.
    seed_field = next(f for f in dataclasses.fields(Config) if f.name == "seed")
    seed = _typed("seed", _value(composed, "seed", "seed"), int, seed_field)
    sections = {group: _section(composed, group, choices) for group, choices in GROUPS.items()}
    config = Config(**sections, seed=seed)
    _check_together(config)
    return config


def _section(composed: DictConfig, group: str, choices: dict[str | None, type]) -> Any:
    node = _value(composed, group, group)
    if not isinstance(node, DictConfig):
        raise SpoonfulError(f"{group}={node}: expected one of the files in conf/{group}")
    return _typed_section(group, node, _schema(group, node, choices))


def _schema(prefix: str, node: DictConfig, choices: dict[str | None, type]) -> type:
    if None in choices:
        return choices[None]
    name = _value(node, "name", f"{prefix}.name")
    if name not in choices:
        known = ", ".join(str(choice) for choice in choices)
        raise SpoonfulError(
            f"{prefix}.name={name}: expected one of {known}; choose with "
            f"{prefix.replace('.', '/')}=<one of them>"
        )
    return choices[name]


def _typed_section(prefix: str, node: DictConfig, schema: type) -> Any:
    """Check every key of one section and return it as an object of its schema."""
    fields = {field.name: field for field in dataclasses.fields(schema)}
    hints = typing.get_type_hints(schema)
    _check_names(prefix + ".", list(node), list(fields))
    values = {}
    for name, field in fields.items():
        full_name = f"{prefix}.{name}"
        value = _value(node, name, full_name)
        if name == "schedule":
            if not isinstance(value, DictConfig):
                raise SpoonfulError(
                    f"{full_name}={value}: choose a schedule with {prefix}/schedule={value}"
                )
            values[name] = _typed_section(full_name, value, _schema(full_name, value, SCHEDULES))
        elif hints[name] is EarlyStoppingConfig:
            if not isinstance(value, DictConfig):
                raise SpoonfulError(
                    f"{full_name}={value}: expected keys under it; to train all epochs "
                    f"use {full_name}.patience_epochs=null"
                )
            values[name] = _typed_section(full_name, value, EarlyStoppingConfig)
        else:
            values[name] = _typed(full_name, value, hints[name], field)
    return schema(**values)


def _typed(name: str, value: Any, hint: Any, field: "dataclasses.Field[Any]") -> Any:
    """Convert one value to its declared type and check its limits."""
    bare, optional = _without_none(hint)
    if value is None and optional:
        return None
    fits = value is not None and _converts(value, bare)
    if not fits:
        shown = "null" if value is None else shortened(value)
        words = _type_words(bare) + (" or null" if optional else "")
        limits = allowed(field)
        detail = f", {limits}" if limits else ""
        raise SpoonfulError(f"{name}={shown}: expected {words}{detail} ({field.metadata['help']})")
    typed = _convert(value, bare)
    if isinstance(typed, str):
        typed = field.metadata["aliases"].get(typed, typed)
    check_value(name, typed, field)
    return typed


def _without_none(hint: Any) -> tuple[Any, bool]:
    if isinstance(hint, types.UnionType):
        rest = [part for part in typing.get_args(hint) if part is not type(None)]
        return rest[0], True
    return hint, False


def _converts(value: Any, hint: Any) -> bool:
    try:
        _convert(value, hint)
    except (TypeError, ValueError, OverflowError):
        return False
    return True


def _convert(value: Any, hint: Any) -> Any:
    """Convert strictly; raise ValueError or TypeError if the value does not fit."""
    origin = typing.get_origin(hint)
    if origin is list:
        if not isinstance(value, ListConfig):
            raise TypeError
        items: Any = OmegaConf.to_container(value, resolve=True)
        (item_hint,) = typing.get_args(hint)
        return items if item_hint is Any else [_convert(item, item_hint) for item in items]
    if origin is dict:
        if not isinstance(value, DictConfig):
            raise TypeError
        container = typing.cast(dict[Any, Any], OmegaConf.to_container(value, resolve=True))
        return {str(name): str(item) for name, item in container.items()}
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


def _type_words(hint: Any) -> str:
    if typing.get_origin(hint) is list:
        (item,) = typing.get_args(hint)
        words = {int: "whole numbers", float: "numbers", str: "texts"}.get(item, "mappings")
        return f"a list of {words}"
    return _TYPE_WORDS[typing.get_origin(hint) or hint]


def _value(node: DictConfig, name: str, full_name: str) -> Any:
    try:
        return node[name]
    except OmegaConfBaseException as error:
        reason = str(error).splitlines()[0]
        raise SpoonfulError(f"{full_name}: no usable value ({reason})") from error


def _check_names(prefix: str, given: Iterable[Any], expected: list[str]) -> None:
    given = [str(name) for name in given]
    for name in given:
        if name not in expected:
            raise SpoonfulError(unknown_key(prefix + name, prefix, expected))
    for name in expected:
        if name not in given:
            raise SpoonfulError(f"{prefix}{name}: the key is missing; give {prefix}{name}=<value>")


def unknown_key(full_name: str, prefix: str, expected: list[str]) -> str:
    """Return that a key is unknown, a possible correction, and the existing keys."""
    close = difflib.get_close_matches(full_name.removeprefix(prefix), expected, n=1)
    hint = f"did you mean {prefix}{close[0]}? " if close else ""
    where = prefix.rstrip(".") or "the config"
    return f"unknown key {full_name}: {hint}{where} has the keys {', '.join(expected)}"


def _check_together(config: Config) -> None:
    """Check conditions that involve several keys."""
    dataset = config.dataset
    test_fraction = getattr(dataset, "test_fraction", 0.0)
    if dataset.val_fraction + test_fraction >= 1:
        raise SpoonfulError(
            f"dataset.val_fraction={dataset.val_fraction} and dataset.test_fraction="
            f"{test_fraction} leave nothing to train on: their sum must be below 1"
        )
    smallest = _smallest_image(config.model)
    if min(dataset.image_size) < smallest:
        raise SpoonfulError(
            f"dataset.image_size={dataset.image_size}: model={config.model.name} needs images of "
            f"at least {smallest}x{smallest} px; use larger images or model=mlp"
        )
    if config.trainer.jit_compile and config.trainer.deterministic:
        raise SpoonfulError(
            "trainer.jit_compile=true: Keras compiles no deterministic model with XLA; add "
            "trainer.deterministic=false, or leave jit_compile=null"
        )
    for number, layer in enumerate(config.trainer.augmentation):
        target = layer.get("_target_", "") if isinstance(layer, dict) else ""
        if not str(target).startswith("keras.layers."):
            raise SpoonfulError(
                f"trainer.augmentation[{number}]={layer}: expected a Keras layer such as "
                "{_target_: keras.layers.RandomTranslation, height_factor: 0.1, width_factor: 0.1}"
            )


def _smallest_image(model: CnnConfig | MlpConfig | ResnetConfig | VggConfig) -> int:
    """Return the smallest height and width in px with at least one pixel at each layer."""
    if isinstance(model, VggConfig):
        return int(2 ** len(model.num_filters))  # each stage halves
    return {"cnn": 6, "mlp": 1, "resnet": 8}[model.name]
