"""Compose conf/ and the overrides with Hydra, and explain Hydra's errors."""

import re
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from typing import Any

import yaml
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.types import Quote, QuotedString
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from spoonful.config.check import check_config, unknown_key
from spoonful.config.own_data import register_title
from spoonful.config.schema import GROUPS, Config
from spoonful.errors import SpoonfulError
from spoonful.project import conf_dir, project_root

CONFIG_NAME = "config"
_MAX_DIGITS = sys.int_info.default_max_str_digits
_TOO_LONG = re.compile(rf"[0-9][0-9_]{{{_MAX_DIGITS},}}")
_MAX_KEY, _MAX_SHOWN = 200, 20  # characters that fit into a message


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
    return check_config(_composed(overrides))


def compose_with_hydra(overrides: list[str]) -> DictConfig:
    """Compose without a check; the key `hydra` holds Hydra's own configuration."""
    return _composed(overrides, with_hydra=True)


def compose_point(overrides: list[str]) -> tuple[Config, str | None]:
    """Compose and check the config of a sweep's point; return it and the overlay chosen, if any.

    Raises:
        SpoonfulError: as `compose_config` does.
    """
    composed = _composed(overrides, with_hydra=True)
    experiment = composed.hydra.runtime.choices.get("experiment")
    own = OmegaConf.masked_copy(composed, [str(key) for key in composed if key != "hydra"])
    return check_config(own), experiment


def _composed(overrides: list[str], with_hydra: bool = False) -> DictConfig:
    register_resolvers()
    if not (conf_dir() / f"{CONFIG_NAME}.yaml").is_file():
        raise SpoonfulError(
            f"{conf_dir() / CONFIG_NAME}.yaml is missing: run spoonful inside a checkout"
        )
    for text in overrides:
        check_numbers(text)
    try:
        with _hydra_on_conf():
            return compose(CONFIG_NAME, overrides, return_hydra_config=with_hydra)
    except (HydraException, OmegaConfBaseException, ValueError) as error:
        _check_numbers_of_conf()
        raise SpoonfulError(explain(error, overrides)) from error
    except yaml.YAMLError as error:
        mark: Any = getattr(error, "problem_mark", None)
        place = f"{Path(mark.name).name}, line {mark.line + 1}" if mark else "conf/"
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise SpoonfulError(f"{place}: not valid YAML ({problem})") from error


def check_numbers(override: str) -> None:
    """Check that no number in an override has more digits than Python reads.

    Raises:
        SpoonfulError: names the key.
    """
    found = _TOO_LONG.search(override)
    if found is not None:
        key = override.partition("=")[0][:_MAX_KEY]
        raise SpoonfulError(
            f"{key}={found[0][:_MAX_SHOWN]}...: expected a number of at most "
            f"{_MAX_DIGITS:,} digits, found {len(found[0]):,}"
        )


def _check_numbers_of_conf() -> None:
    """Check the same in the files of conf/; names file and line."""
    for path in sorted(conf_dir().rglob("*.yaml")):
        for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), start=1):
            if _TOO_LONG.search(line) is not None:
                key = line.partition(":")[0].strip()
                place = f"{path.relative_to(conf_dir().parent)}, line {number}"
                check_numbers(f"{place}: {key}={line.partition(':')[2]}")


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


def explain(error: Exception, overrides: list[str]) -> str:
    """Return in one line what Hydra or OmegaConf refuses, and what is allowed."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if isinstance(error, MissingConfigException):
        return _missing_choice(lines)
    if lines and lines[0].startswith("Could not override '"):
        return _unknown_override(lines[0].split("'")[1], overrides)
    if isinstance(error, OverrideParseException):
        return f"{error.override}: not of the form key=value{_quoting_hint(error.override)}"
    if lines and lines[0].startswith("Config group override must be"):
        return f"{' '.join(overrides)}: a group takes the name of a file in conf/<group>"
    kept = [line for line in lines if not line.startswith(("See https://", "full_key:", "object_"))]
    if kept and kept[0].startswith("Ambiguous value"):
        text = kept[0].partition("'")[2].partition("'")[0]
        return (
            f"{kept[0]}: to sweep over the values add --multirun; for one list write key=[a,b]"
            f"{_quoting_hint(text, ', for one text')}"
        )
    return ": ".join(kept[:2]) or type(error).__name__


def quoted(value: str) -> str:
    """Write any text so that Hydra's grammar and OmegaConf read it back."""
    quote = Quote.single if '"' in value else Quote.double
    return QuotedString(value.replace("${", "\\${"), quote).with_quotes()


def _quoting_hint(
    override: str, start: str = "; write a list as key=[1,2], a text with special characters"
) -> str:
    """Show how to type an override with a text value in a shell."""
    key, is_pair, value = override.partition("=")
    if not is_pair or not value or not key:
        return "; write a list as key=[1,2]"
    return f"{start} as {shlex.quote(f'{key}={quoted(value)}')}"


def _missing_choice(lines: list[str]) -> str:
    """Explain "Could not find 'model/foo'" with its list of available options."""
    wanted = lines[0].rsplit("'", 2)[-2]
    group, _, choice = wanted.rpartition("/")
    options: list[str] = []
    if len(lines) > 1 and lines[1].startswith("Available options"):
        options = list(takewhile(lambda line: not line.startswith("Config search path"), lines[2:]))
    if not options:
        return f"{group}={choice}: conf/{wanted}.yaml does not exist"
    return f"{group}={choice}: expected one of {', '.join(options)}"


def _unknown_override(name: str, overrides: list[str]) -> str:
    """Explain an override of a key that does not exist, with the keys beside it."""
    parent, _, _ = name.rpartition(".")
    groups = (*GROUPS, "experiment")
    choices = [text for text in overrides if text.split("=")[0].split("/")[0] in groups]
    try:
        with _hydra_on_conf():
            composed = compose(CONFIG_NAME, choices)
        node: Any = OmegaConf.select(composed, parent) if parent else composed
    except (HydraException, OmegaConfBaseException):
        node = None
    if not isinstance(node, DictConfig):
        return f"unknown key {name}: `--help` lists the keys"
    prefix = f"{parent}." if parent else ""
    if name.removeprefix(prefix) in node:
        return f"{name}: add an entry with +{name}.<entry>=<value>"
    if not node:
        return f"unknown key {name}: {parent} is empty; add an entry with +{name}=<value>"
    return unknown_key(name, prefix, [str(key) for key in node])


def composed_yaml(overrides: list[str]) -> str:
    """Return the composed config as YAML, interpolations resolved."""
    return OmegaConf.to_yaml(_composed(overrides), resolve=True)
