"""The config of a recorded run, perhaps from an earlier version of the program."""

from typing import Any

import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from spoonful.config.check import check_config
from spoonful.config.schema import Config
from spoonful.config.settings import settings_of
from spoonful.config.targets import TARGET

# OmegaConf asserts that a document is a mapping, a list or a text.
_NO_YAML = (
    yaml.YAMLError,
    OmegaConfBaseException,
    RecursionError,
    AttributeError,
    AssertionError,
)


def settings_from_yaml(text: str) -> dict[str, Any]:
    """Read a recorded config.yaml as nested mappings.

    Raises:
        ValueError: it is not a config.
    """
    try:
        settings: Any = OmegaConf.to_container(OmegaConf.create(text))
    except _NO_YAML as error:
        raise ValueError("not valid YAML") from error
    if not isinstance(settings, dict) or not all(isinstance(name, str) for name in settings):
        raise ValueError("no mapping of keys")
    return {str(name): value for name, value in settings.items()}


def recorded_config(settings: dict[str, Any], present: Config) -> Config:
    """Return a recorded config, typed and checked.

    Args:
        settings: the recorded settings.
        present: gives the values of keys that did not exist yet.

    Raises:
        SpoonfulError: a key or value unknown to this version; names it.
    """
    filled = settings_of(present)
    for group, value in settings.items():
        current = filled.get(group)
        if isinstance(value, dict) and isinstance(current, dict):
            # Another choice of the group has other keys.
            is_same_choice = value.get(TARGET) == current.get(TARGET)
            filled[group] = {**current, **value} if is_same_choice else value
        else:
            filled[group] = value
    return check_config(OmegaConf.create(filled))
