"""Put damaged bytes, or what is no file at all, in a file's place."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
from damage import Target, damaged
from layout import Layout, Number

GONE, FOLDER, PIPE, DEVICE = "gone", "a folder instead", "a pipe instead", "/dev/zero instead"
NO_FILES = (GONE, FOLDER, PIPE, DEVICE)
_NO_FILE_SHARE = 0.04
_VALUE_SHARE = 0.35


def damaged_content(
    data: bytes, other: bytes, random: np.random.Generator
) -> tuple[bytes | str, str]:
    """Return what to put in a file's place, and the damage's name: bytes, or one of no file."""
    if random.random() < _NO_FILE_SHARE:
        name = NO_FILES[random.integers(len(NO_FILES))]
        return name, name
    text = _text(data)
    if text is not None and random.random() < _VALUE_SHARE:
        return _other_value(text, random)
    return damaged(Target(data, _layout(data), b"\n", other), random)


def put(path: Path, content: bytes | str) -> None:
    """Put it there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content == FOLDER:
        path.mkdir()
    elif content == PIPE:
        os.mkfifo(path)
    elif content == DEVICE:
        path.symlink_to("/dev/zero")


def _layout(data: bytes) -> Layout:
    """Return lines as parts, and numbers at every fourth byte."""
    ends = [place + 1 for place, byte in enumerate(data) if byte == 10][:400]
    parts = list(zip([0, *ends], [*ends, len(data)], strict=True))
    places = range(0, max(0, len(data) - 8), 4)
    return Layout(parts, [Number(place, 4, "little") for place in places])


def _text(data: bytes) -> str | None:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    return text if "\0" not in text and text else None


def _other_value(text: str, random: np.random.Generator) -> tuple[bytes, str]:
    """Put another value into a JSON file, or another word into another text."""
    try:
        content = json.loads(text)
    except ValueError:
        return _other_word(text, random)
    places = list(_places(content))
    if not places:
        return b"{}", "another value"
    holder, name = places[random.integers(len(places))]
    new = _VALUES[random.integers(len(_VALUES))]
    if random.random() < 0.25:
        del holder[name]
    elif random.random() < 0.5 and isinstance(holder[name], (int, float)):
        holder[name] += int(random.integers(1, 3))
    else:
        holder[name] = new
    return json.dumps(content, indent=2).encode() + b"\n", "another value"


# What a program may not expect where it expects something else.
_VALUES: tuple[object, ...] = (
    *(None, True, 0, -1, 1, 10**30, 0.5, -1.5, float("nan"), float("inf")),
    *("", "x", "../../x", "\0", "ö" * 3, "a\nb", [], [1], {}, {"a": 1}, [[]]),
)
_WORDS = ("", "0", "-1", "1e400", "nan", "null", "x", "../x", '"', "'", "{", "[", "\0", "\r", "ö")


def _places(content: object) -> "list[tuple[object, object]]":
    """List where values stand: (mapping or list, key or index)."""
    if isinstance(content, dict):
        own: list[tuple[object, object]] = [(content, name) for name in content]
        return own + [place for value in content.values() for place in _places(value)]
    if isinstance(content, list):
        own = [(content, index) for index in range(len(content))]
        return own + [place for value in content for place in _places(value)]
    return []


def _other_word(text: str, random: np.random.Generator) -> tuple[bytes, str]:
    """Put another word between two separators of a line."""
    lines = text.splitlines(keepends=True)
    number = int(random.integers(len(lines)))
    for separator in (",", ": "):
        if separator in lines[number]:
            words = lines[number].rstrip("\n").split(separator)
            words[random.integers(len(words))] = _WORDS[random.integers(len(_WORDS))]
            lines[number] = separator.join(words) + "\n"
            break
    else:
        lines[number] = _WORDS[random.integers(len(_WORDS))] + "\n"
    return "".join(lines).encode(), "another value"
