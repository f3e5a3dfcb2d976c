"""Turn a composed config into typed objects, or report in one line what is wrong with it."""

import dataclasses
import difflib
import typing
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from spoonful.config.components import check_target
from spoonful.config.fields import AUTO, check_value, meaning, shown, wrong_type
from spoonful.config.folders import choices
from spoonful.config.schema import CUSTOM, Config
from spoonful.config.settings import name_of
from spoonful.config.stopping import check_stopping
from spoonful.config.targets import TARGET, Target, check_path, found, is_slow
from spoonful.config.values import convert, is_component, without_none
from spoonful.errors import SpoonfulError
from spoonful.record.metrics import VAL_METRICS


def check_config(composed: DictConfig) -> Config:
    """Check a composed config and return it typed.

    Args:
        composed: result of Hydra from conf/ and the overrides.

    Raises:
        SpoonfulError: an unknown, missing or invalid key; names it and what is allowed.
    """
    config: Config = _typed_section("", composed, Config)
    _check_together(config)
    return config


def check_image_size(config: Config) -> None:
    """Check that the images are large enough for the model; auto is checked once it is known.

    Raises:
        SpoonfulError: they are too small.
    """
    size = config.dataset.image_size
    smallest = getattr(config.model, "smallest_image", 1)
    if size != AUTO and min(size) < smallest:
        raise SpoonfulError(
            f"dataset.image_size={size}: model={name_of(config.model)} needs images of at least "
            f"{smallest}x{smallest} px; use larger images or model=mlp"
        )


def recorded_component(group: str, settings: dict[str, Any]) -> Any:
    """Return the component of a group of `Config` from its recorded settings.

    Raises:
        SpoonfulError: it does not exist here, or takes other keys.
    """
    field = next(f for f in dataclasses.fields(Config) if f.name == group)
    return _component(group, OmegaConf.create(settings), field)


def _typed_section(name: str, node: DictConfig, schema: Any, *, has_target: bool = False) -> Any:
    """Check every key of one section and return it as an object of its schema; "": the config."""
    prefix = f"{name}." if name else ""
    declared = {field.name: field for field in dataclasses.fields(schema) if field.init}
    hints = typing.get_type_hints(schema, include_extras=True)
    given = [str(key) for key in node if key != TARGET or not has_target]
    optional = [key for key, field in declared.items() if key not in given and _has_default(field)]
    needed = [key for key in declared if key not in optional]
    known = [*needed, *optional]
    for key in given:
        if key not in known:
            close = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {prefix}{close[0]}? " if close else ""
            keys = f"the keys {', '.join(known)}" if known else "no keys"
            raise SpoonfulError(
                f"unknown key {prefix}{key}: {hint}{name or 'the config'} has {keys}"
            )
    for key in needed:
        if key not in given:
            raise SpoonfulError(f"{prefix}{key}: the key is missing; give {prefix}{key}=<value>")
    # The seed of the config first: generator.seed follows it, and would be named instead.
    order = sorted((k for k in declared if k in given), key=lambda key: prefix + key != "seed")
    values = {
        key: _typed(prefix + key, _value(node, key, prefix + key), hints[key], declared[key])
        for key in order
    }
    return schema(**values)


def _typed(name: str, value: Any, hint: Any, field: "dataclasses.Field[Any]") -> Any:
    """Convert one value to its declared type and check its limits."""
    bare, optional = without_none(hint)
    if value is None and optional:
        return None
    if is_component(bare):
        return _component(name, value, field)
    if typing.get_origin(bare) is list and is_component(typing.get_args(bare)[0]):
        return [_component(f"{name}[{i}]", v, field) for i, v in _items(name, value, field)]
    if typing.get_origin(bare) is dict and is_component(typing.get_args(bare)[1]):
        return {key: _component(f"{name}.{key}", v, field) for key, v in _pairs(name, value)}
    if dataclasses.is_dataclass(bare):
        if not isinstance(value, DictConfig):
            raise SpoonfulError(
                f"{name}={shown(value)}: expected the keys {', '.join(_names_of(bare))} below it"
                f"{meaning(field)}"
            )
        return _typed_section(name, value, bare)
    if isinstance(value, str) and value in field.metadata.get("words", ()):
        return value
    try:
        if value is None:
            raise TypeError
        typed = convert(value, bare)
    except (TypeError, ValueError, OverflowError) as error:
        raise SpoonfulError(wrong_type(name, value, bare, optional, field)) from error
    if isinstance(typed, str):
        typed = field.metadata.get("aliases", {}).get(typed, typed)
    check_value(name, typed, field)
    return typed


def _component(name: str, node: Any, field: "dataclasses.Field[Any]") -> Any:
    """Return the object that a `_target_` names: a dataclass with its keys, or a `Target`."""
    if not isinstance(node, DictConfig) or TARGET not in node:
        group = name.replace(".", "/")
        choice = f"choose a file with {group}=<name>, or " if choices(group) else ""
        is_item = name.endswith("]")
        keys = (
            f"{{{TARGET}: my_module.MyClass}}" if is_item else f"{name}.{TARGET}=my_module.MyClass"
        )
        raise SpoonfulError(
            f"{name}={shown(node)}: expected keys with {TARGET}, the import path of a class or "
            f"function: {choice}write {keys}{meaning(field)}"
        )
    path = check_path(_value(node, TARGET, f"{name}.{TARGET}"), name)
    adapter, needs = field.metadata.get("adapter"), field.metadata.get("needs")
    if needs is not None and not is_slow(path):
        kind = found(path, name)
        if dataclasses.is_dataclass(kind) and all(hasattr(kind, one) for one in needs):
            if missing := sorted(getattr(kind, "__abstractmethods__", ())):
                raise SpoonfulError(
                    f"{name}.{TARGET}={path}: the class lacks {' and '.join(missing)}; define "
                    "each as its base class describes it"
                )
            return _typed_section(name, node, kind, has_target=True)
    if needs is not None and adapter is None:
        raise SpoonfulError(
            f"{name}.{TARGET}={path}: expected a dataclass with {' and '.join(needs)}, like those "
            f"that the files in conf/{name} name"
        )
    values, section = _plain(name, node), None
    if adapter is not None:  # the keys that it declares are its own
        kind = found(adapter, name)
        own = {key: values.pop(key) for key in _names_of(kind) if key in values and key != "target"}
        section = _typed_section(name, OmegaConf.create(own), kind)
    target = Target(path, values, name)
    if not is_slow(path):
        check_target(target, field)
    return target if section is None else dataclasses.replace(section, target=target)


def _plain(name: str, node: DictConfig) -> dict[str, Any]:
    """Return a component's keys, without its target, as plain values."""
    for key in map(str, node):
        _value(node, key, f"{name}.{key}")
    values: Any = OmegaConf.to_container(node, resolve=True)
    return {str(key): value for key, value in values.items() if key != TARGET}


def _items(name: str, value: Any, field: "dataclasses.Field[Any]") -> list[tuple[int, Any]]:
    if not isinstance(value, ListConfig):
        raise SpoonfulError(
            f"{name}={shown(value)}: expected a list, each item with its {TARGET} "
            f"({field.metadata['help']})"
        )
    return list(enumerate(value))


def _pairs(name: str, value: Any) -> list[tuple[str, Any]]:
    """Return names and components; null takes one away that a file of conf/ gives."""
    if not isinstance(value, DictConfig):
        raise SpoonfulError(
            f"{name}={shown(value)}: expected names with a {TARGET} below each; add one with "
            f"+{name}.my_name={{{TARGET}: my_module.MyClass}}"
        )
    pairs = [(key, _value(value, key, f"{name}.{key}")) for key in map(str, value)]
    return [(key, item) for key, item in pairs if item is not None]


def _value(node: DictConfig, name: str, full_name: str) -> Any:
    try:
        return node[name]
    except OmegaConfBaseException as error:
        reason = str(error).splitlines()[0]
        raise SpoonfulError(f"{full_name}: no usable value ({reason})") from error


def _names_of(schema: Any) -> list[str]:
    return [field.name for field in dataclasses.fields(schema)]


def _has_default(field: "dataclasses.Field[Any]") -> bool:
    missing = dataclasses.MISSING
    return field.default is not missing or field.default_factory is not missing


def _check_together(config: Config) -> None:
    """Check conditions that involve several keys."""
    dataset = config.dataset
    test_fraction = getattr(dataset, "test_fraction", 0.0)
    if dataset.val_fraction + test_fraction >= 1:
        raise SpoonfulError(
            f"dataset.val_fraction={dataset.val_fraction} and dataset.test_fraction="
            f"{test_fraction} leave nothing to train on: their sum must be below 1"
        )
    check_image_size(config)
    if config.trainer.jit_compile and config.trainer.deterministic:
        raise SpoonfulError(
            "trainer.jit_compile=true: Keras compiles no deterministic model with XLA; add "
            "trainer.deterministic=false, or leave jit_compile=null"
        )
    check_stopping(config)
    if not (config.compare.metric or VAL_METRICS).startswith(VAL_METRICS):
        raise SpoonfulError(
            f"compare.metric={config.compare.metric}: expected a metric of the validation images, "
            "such as val_loss, or null (the score of the task)"
        )
    if (config.generator.shuffle == CUSTOM) != (config.generator.order is not None):
        raise SpoonfulError(
            f"generator.shuffle={config.generator.shuffle}: expected custom together with "
            "generator.order, the order to use; give both, or neither"
        )
