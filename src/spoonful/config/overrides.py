"""What overrides say: keys and their values, and the choice of a file for a group."""

import dataclasses
import re
import shlex
import sys
from collections.abc import Sequence

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType, Quote, QuotedString
from hydra.errors import HydraException, OverrideParseException
from omegaconf import DictConfig, OmegaConf

from spoonful.config.folders import choices, config_folders
from spoonful.config.schema import GROUPS, OVERLAYS, Config
from spoonful.config.targets import TARGET, found
from spoonful.errors import SpoonfulError
from spoonful.project import conf_dir

_MAX_DIGITS = sys.int_info.default_max_str_digits
_TOO_LONG = re.compile(rf"[0-9][0-9_]{{{_MAX_DIGITS},}}")
_MAX_KEY, _MAX_SHOWN = 200, 20  # characters that fit into a message


def parsed(text: str) -> Override:
    """Return what Hydra's grammar makes of an override.

    Raises:
        SpoonfulError: it cannot be read.
    """
    check_numbers(text)
    try:
        return OverridesParser.create().parse_overrides([text])[0]
    except OverrideParseException as error:
        raise SpoonfulError(
            f"{error.override}: not of the form key=value{_quoting_hint(error.override)}"
        ) from error
    except HydraException as error:
        first = (str(error).splitlines() or ["not an override"])[0]
        raise SpoonfulError(f"{text}: {first}") from error


def is_choice(override: Override) -> bool:
    """Return whether an override chooses a file for a group, and does not set a key."""
    name = override.key_or_group
    return "/" in name or name in (*GROUPS, *OVERLAYS)


def rewritten(override: Override) -> str:
    """Return an override that adds its key where it is missing: the checker says what is wrong.

    Hydra itself refuses a key that the chosen file does not have, also where a component takes it.
    """
    text = str(override.input_line)
    is_plain = override.type == OverrideType.CHANGE and not override.is_hydra_override()
    return f"++{text}" if is_plain and not is_choice(override) else text


def check_choices(overrides: Sequence[Override]) -> None:
    """Check that each override of a group names a file that exists, and has one value.

    Raises:
        SpoonfulError: names the group and its files.
    """
    for override in overrides:
        if override.is_sweep_override() and not override.is_hydra_override():
            text = str(override.input_line)
            raise SpoonfulError(
                f"{text}: several values: to sweep over the values add --multirun; for one list "
                f"write key=[a,b]{_quoting_hint(text, ', for one text')}"
            )
        if not is_choice(override) or override.is_delete() or override.is_hydra_override():
            continue
        group, value = override.key_or_group, override.value()
        if override.package is not None:
            raise SpoonfulError(f"unknown key {override.get_key_element()}: did you mean {group}?")
        if override.is_add() and group in GROUPS:
            text = str(override.input_line)
            raise SpoonfulError(f"{text}: a {group} is chosen already; write {text.lstrip('+')}")
        known = choices(group)
        names = value if isinstance(value, list) else [value]
        if all(str(getattr(n, "text", n)) in known for n in names):
            continue
        shown = str(override.input_line).lstrip("+").partition("=")[2]
        if not known:
            raise SpoonfulError(f"unknown key {group}: `--help` lists the keys")
        raise SpoonfulError(f"{group}={shown}: expected one of {', '.join(known)}")


def leftovers(composed: DictConfig, overrides: Sequence[str]) -> list[str]:
    """Return the keys of a file whose target an override replaces, and which it does not give."""
    asked = [parsed(text) for text in overrides]
    given = {one.key_or_group for one in asked if not is_choice(one)}
    chosen = {one.key_or_group.replace("/", ".") for one in asked if is_choice(one)}
    left = []
    for name in given:
        group, _, last = name.rpartition(".")
        if last != TARGET:
            continue
        node = OmegaConf.select(composed, group)
        if not isinstance(node, DictConfig):
            continue
        for key in map(str, node):
            full = f"{group}.{key}"
            is_given = any(one == full or one.startswith(f"{full}.") for one in given | chosen)
            if key != TARGET and not is_given and key not in _shared_keys(group):
                left.append(full)
    return left


def _shared_keys(group: str) -> set[str]:
    """Return the keys that every choice of a group has: another target takes them, too."""
    base = {field.name: field.metadata["base"] for field in dataclasses.fields(Config)}.get(group)
    if base is None:
        return set()
    return {field.name for field in dataclasses.fields(found(base, group))}  # type: ignore[arg-type]


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


def check_numbers_of_files() -> None:
    """Check the numbers in every line of the config files.

    Raises:
        SpoonfulError: names the file, the line and the key.
    """
    for folder in (conf_dir(), *config_folders()):
        for path in sorted(folder.rglob("*.yaml")):
            lines = path.read_text("utf-8", "replace").splitlines()
            for number, line in enumerate(lines, start=1):
                key, _, value = line.partition(":")
                place = f"{path.relative_to(folder.parent)}, line {number}"
                check_numbers(f"{place}: {key.strip()}={value}")


def quoted(value: str) -> str:
    """Write any text so that Hydra's grammar and OmegaConf read it back."""
    quote = Quote.single if '"' in value else Quote.double
    escaped = re.sub(r"(\\*)\$\{", r"\1\1\\${", value)
    return QuotedString(escaped, quote).with_quotes()


def _quoting_hint(
    override: str, start: str = "; write a list as key=[1,2], a text with special characters"
) -> str:
    """Show how to type an override with a text value in a shell."""
    key, is_pair, value = override.partition("=")
    if not is_pair or not value or not key:
        return "; write a list as key=[1,2]"
    return f"{start} as {shlex.quote(f'{key}={quoted(value)}')}"
