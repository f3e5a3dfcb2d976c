"""Explain the keys of a stage: meaning, unit, range and present value of each."""

import dataclasses
import textwrap
from collections.abc import Mapping
from typing import Any

from spoonful.config.compose import compose_config
from spoonful.config.fields import allowed
from spoonful.config.optimizer_schema import SCHEDULES
from spoonful.config.schema import GROUPS, Config
from spoonful.project import conf_dir


def stage_help(
    stage: str,
    summary: str,
    groups: tuple[str, ...],
    overrides: list[str],
    flags: Mapping[str, str],
    arguments: Mapping[str, str],
) -> str:
    """Return the help of one stage.

    Args:
        stage: its name on the command line.
        summary: what it does, in one line.
        groups: the config groups that it reads; "seed" is the top-level key.
        overrides: composed before the values are shown, so that `model=mlp --help` shows mlp's.
        flags: the stage's own flags, each with its meaning.
        arguments: arguments before the overrides, each with its meaning.
    """
    config = compose_config(overrides)
    given = "".join(f"[{flag}] " for flag in ("--multirun", "--cfg", *flags))
    given = " ".join([*arguments, given])
    lines = [f"usage: spoonful {stage} {given}[key=value ...]", "", summary, ""]
    if arguments:
        lines += [*(f"  {word:<6} {meaning}" for word, meaning in arguments.items()), ""]
    lines += ["choices (group=choice):"]
    for group in groups:
        if group in GROUPS:
            lines += _choice_lines(group, _choices(group))
    if "optimizer" in groups:
        lines += _choice_lines("optimizer/schedule", [str(name) for name in SCHEDULES])
    experiments = _choices("experiment")
    if experiments:
        lines += _choice_lines("experiment", experiments)
    lines += ["", "keys, with their present values:"]
    for group in groups:
        section = getattr(config, group)
        if group == "seed":
            field = next(f for f in dataclasses.fields(Config) if f.name == "seed")
            lines += _key_lines("seed", section, field)
        else:
            lines += _section_lines(group, section)
    lines += ["", *(f"{flag:<12} {meaning}" for flag, meaning in flags.items())]
    lines += [
        "--multirun   train every combination of comma-separated values: key=a,b other=c,d",
        "--cfg        print the composed config and stop",
        "--help       print this; choices given before it are shown",
    ]
    return "\n".join(lines)


def _choices(group: str) -> list[str]:
    return sorted(path.stem for path in (conf_dir() / group).glob("*.yaml"))


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


def _section_lines(prefix: str, section: Any) -> list[str]:
    lines = []
    for field in dataclasses.fields(section):
        value = getattr(section, field.name)
        name = f"{prefix}.{field.name}"
        if field.name == "name":
            summary = (type(section).__doc__ or "").splitlines()[0]
            lines.append(f"  {prefix}={value}: {summary}")
        elif dataclasses.is_dataclass(value):
            lines += _section_lines(name, value)
        else:
            lines += _key_lines(name, value, field)
    return lines


def _key_lines(name: str, value: Any, field: "dataclasses.Field[Any]") -> list[str]:
    limits = allowed(field)
    return [
        f"  {name}={_shown(value)}",
        f"      {field.metadata['help']}" + (f" [{limits}]" if limits else ""),
    ]


def _shown(value: Any) -> str:
    """Write a value as the command line takes it."""
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)
