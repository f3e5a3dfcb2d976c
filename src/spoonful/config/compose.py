"""Compose conf/ and the overrides with Hydra, and say in one line what is wrong with them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException, MissingConfigException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from spoonful.config.check import check_config
from spoonful.config.folders import check_folders, config_folders
from spoonful.config.overrides import (
    check_choices,
    check_numbers_of_files,
    leftovers,
    parsed,
    rewritten,
)
from spoonful.config.own_data import register_title
from spoonful.config.schema import Config
from spoonful.config.settings import settings_of
from spoonful.errors import SpoonfulError
from spoonful.project import conf_dir, project_root

CONFIG_NAME = "config"


def register_resolvers() -> None:
    """Register ${project_root:}, so that outputs do not depend on the current folder."""
    OmegaConf.register_new_resolver("project_root", lambda: str(project_root()), replace=True)
    register_title()


def compose_config(overrides: list[str]) -> Config:
    """Compose and check a config.

    Args:
        overrides: in Hydra's grammar, e.g. "generator.batch_size=64".

    Raises:
        SpoonfulError: anything wrong with the overrides or with conf/, in one line.
    """
    return check_composed(compose_unchecked(overrides), overrides)


def check_composed(composed: DictConfig, overrides: Sequence[str]) -> Config:
    """Check what Hydra composed with overrides, and return it typed.

    Keys of a choice whose `_target_` an override replaces are left out.

    Raises:
        SpoonfulError: an unknown, missing or invalid key; names it and what is allowed.
    """
    for name in leftovers(composed, overrides):
        group, _, key = name.rpartition(".")
        node = OmegaConf.select(composed, group)
        OmegaConf.set_struct(node, False)
        del node[key]
    return check_config(composed)


def compose_point(overrides: list[str]) -> tuple[Config, str | None]:
    """Compose and check the config of a sweep's point; return it and the overlay chosen, if any.

    Raises:
        SpoonfulError: as `compose_config` does.
    """
    composed = compose_unchecked(overrides, with_hydra=True)
    experiment = composed.hydra.runtime.choices.get("experiment")
    own = OmegaConf.masked_copy(composed, [str(key) for key in composed if key != "hydra"])
    return check_composed(own, overrides), experiment


def compose_unchecked(overrides: list[str], with_hydra: bool = False) -> DictConfig:
    """Compose without a check of the keys; `with_hydra`: the key `hydra` holds Hydra's own config.

    Raises:
        SpoonfulError: Hydra cannot compose it, in one line.
    """
    register_resolvers()
    check_folders()
    asked = [parsed(text) for text in overrides]
    check_choices(asked)
    try:
        with _hydra_on_conf():
            return compose(
                CONFIG_NAME,
                [*(rewritten(one) for one in asked), *search_path()],
                return_hydra_config=with_hydra,
            )
    except MissingConfigException as error:
        check_numbers_of_files()
        options = f"; expected one of {', '.join(error.options)}" if error.options else ""
        given = "=".join(str(error.missing_cfg_file).rsplit("/", 1))
        if given in overrides:
            raise SpoonfulError(given + (options.replace(";", ":") or ": no such file")) from error
        raise SpoonfulError(
            f"conf/{error.missing_cfg_file}.yaml does not exist, but a file in conf/ names it"
            f"{options}"
        ) from error
    except (HydraException, OmegaConfBaseException, ValueError) as error:
        check_numbers_of_files()
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        culprit = _refused_alone(overrides)
        words = ": ".join(lines[:2]) or type(error).__name__
        raise SpoonfulError(f"{culprit}: {words}" if culprit else words) from error
    except yaml.YAMLError as error:
        mark: Any = getattr(error, "problem_mark", None)
        place = f"{Path(mark.name).name}, line {mark.line + 1}" if mark else "conf/"
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise SpoonfulError(f"{place}: not valid YAML ({problem})") from error


def _refused_alone(overrides: Sequence[str]) -> str | None:
    """Return the first override that Hydra refuses by itself, whose name its error may lack."""
    for text in overrides:
        try:
            with _hydra_on_conf():
                compose(CONFIG_NAME, [rewritten(parsed(text)), *search_path()])
        except (HydraException, OmegaConfBaseException, ValueError):
            return text
    return None


def search_path() -> list[str]:
    """Return the override that lets Hydra find the user's own folders of configs."""
    folders = ",".join(f"file://{folder}" for folder in config_folders())
    return [f"hydra.searchpath=[{folders}]"] if folders else []


@contextmanager
def _hydra_on_conf() -> Iterator[None]:
    """Let Hydra compose conf/, also inside a stage: it cannot compose again while it runs."""
    running = GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(version_base="1.3", config_dir=str(conf_dir())):
            yield
    finally:
        GlobalHydra.instance().hydra = running


def composed_yaml(overrides: list[str]) -> str:
    """Return the composed config as YAML, interpolations resolved."""
    return str(OmegaConf.to_yaml(OmegaConf.create(settings_of(compose_config(overrides)))))
