"""Explain the keys of a stage: meaning, unit, range and current value of each."""

import dataclasses
import inspect
import textwrap
from typing import Any

from spoonful.commands import Stage
from spoonful.config.compose import compose_config
from spoonful.config.fields import allowed
from spoonful.config.folders import choices
from spoonful.config.schema import GROUPS, OVERLAYS, Config
from spoonful.config.settings import name_of, settings_of
from spoonful.config.targets import TARGET, Target

# Groups below a key of a group.
_INNER_GROUPS = (("optimizer", "schedule"), ("generator", "order"), ("generator", "crop"))


def stage_help(name: str, stage: Stage, overrides: list[str]) -> str:
    """Return the help of one stage.

    Args:
        name: its name on the command line.
        stage: what it does and takes.
        overrides: composed before the values are shown, so that `model=mlp --help` shows mlp's.
        flags: the stage's own flags, each with its meaning; those of every stage are added.
        arguments: arguments before the overrides, each with its meaning.
    """
    config, groups = compose_config(overrides), stage.groups
    own = [*stage.arguments, *(["[FOLDER]"] if stage.takes_folder else [])]
    given = " ".join([*own, *(f"[{flag}]" for flag in ("--cfg", *stage.all_flags))])
    lines = [f"usage: spoonful {name} {given} [key=value ...]", "", stage.summary, ""]
    if stage.arguments:
        lines += [*(f"  {word:<6} {meaning}" for word, meaning in stage.arguments.items()), ""]
    lines += ["choices (group=choice):"]
    inner = [f"{group}/{key}" for group, key in _INNER_GROUPS if group in groups]
    for group in (*(g for g in groups if g in GROUPS), *inner, *OVERLAYS):
        if names := choices(group):
            lines += _choice_lines(group, names)
    lines += ["", "keys, with their current values:"]
    for group in groups:
        field = next(f for f in dataclasses.fields(Config) if f.name == group)
        lines += _lines(group, getattr(config, group), field)
    flags = {
        **stage.all_flags,
        "--cfg": "print the composed config and exit",
        "--config-dir FOLDER": "also read config files, and Python modules beside them, from there",
        "--help": "print this for the choices given before it, and exit",
    }
    lines += ["", *(f"{flag:<19} {meaning}" for flag, meaning in flags.items())]
    return "\n".join(lines)


def _choice_lines(group: str, names: list[str]) -> list[str]:
    text = f"{group}={'| '.join(names)}"  # a line ends after a bar
    lines = textwrap.wrap(
        text,
        110,
        initial_indent="  ",
        subsequent_indent=" " * (len(group) + 3),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace("| ", "|") for line in lines]


def _lines(name: str, value: Any, field: "dataclasses.Field[Any]") -> list[str]:
    """Explain a key, and those below it; a component begins with its choice and what it is."""
    if isinstance(value, Target):
        return [*_choice_line(name, value, value.function), *_target_lines(name, value)]
    if not dataclasses.is_dataclass(value):
        return _key_lines(name, value, field)
    lines = _choice_line(name, value, type(value)) if TARGET in settings_of(value) else []
    for own in dataclasses.fields(value):
        item = getattr(value, own.name)
        if own.name == "target" and isinstance(item, Target):
            lines = [*_choice_line(name, item, item.function), *lines[1:]]
            lines += _target_lines(name, item)
        else:
            lines += _lines(f"{name}.{own.name}", item, own)
    return lines


def _choice_line(name: str, value: Any, what: Any) -> list[str]:
    summary = (inspect.getdoc(what) or "").strip().splitlines()
    return [f"  {name}={name_of(value)}" + (f": {summary[0]}" if summary else "")]


def _target_lines(name: str, target: Target) -> list[str]:
    """Show the arguments of a target that is not one of our dataclasses."""
    return [f"  {name}.{key}={_shown(value)}" for key, value in target.arguments.items()]


def _key_lines(name: str, value: Any, field: "dataclasses.Field[Any]") -> list[str]:
    limits, words = allowed(field), field.metadata.get("help", "")
    lines = [f"  {name}={_shown(settings_of(value))}"]
    return [*lines, f"      {words}" + (f" [{limits}]" if limits else "")] if words else lines


def _shown(value: Any) -> str:
    """Write a value as the command line takes it."""
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)
