"""JSON files that hold the SHA-256 of their own bytes: any changed, lost or added byte is found.

The digest is that of the whole file without the digest itself, and comes last. Files of earlier
versions have no digest, and only their shape is checked.
"""

import hashlib
import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from spoonful.files.documents import decoded, parsed_json, read_bytes, shaped, shown, unexpected
from spoonful.files.whole import write_text

_KEY = "sha256"
_LAST = re.compile(rb'"sha256": "([0-9a-f]{64})"\n}\n\Z')
_Shape = TypeVar("_Shape")


def write_checked(path: Path, value: dict[str, Any]) -> None:
    """Write a JSON file completely or not at all, with its digest after the given keys."""
    text = json.dumps({**value, _KEY: ""}, indent=2, ensure_ascii=False) + "\n"
    place = text.rindex('""') + 1
    write_text(path, text[:place] + _digest(text.encode()) + text[place:])


def read_checked(path: Path, shape: type[_Shape], remake: str, *, is_finite: bool = True) -> _Shape:
    """Read a file written by `write_checked` into an object.

    Args:
        path: the file.
        shape: a dataclass with all its keys.
        remake: what to do if the file is wrong.
        is_finite: refuse infinity and NaN.

    Raises:
        SpoonfulError: its bytes have changed since it was written, or do not fit `shape`; names its
            path, what was expected and what was found.
    """
    return shaped(_values(path, shape, remake, is_finite), shape, path, remake)


def read_checked_values(path: Path, shape: type[Any], remake: str) -> dict[str, Any]:
    """Read the same as JSON types, in the order of the file.

    Raises:
        SpoonfulError: as `read_checked`.
    """
    values = _values(path, shape, remake, is_finite=True)
    shaped(values, shape, path, remake)
    return dict(values)


def _values(path: Path, shape: type[Any], remake: str, is_finite: bool) -> Any:
    content = read_bytes(path, remake)
    text = decoded(content, path, remake)
    values = parsed_json(text, path, remake, is_finite=is_finite)
    if not isinstance(values, dict):
        return values
    if _KEY in values:
        _check_digest(content, shown(values.pop(_KEY)), path, remake)
    known = [field.name for field in fields(shape)]
    if unknown := [name for name in values if name not in known]:
        expected = f"the keys {', '.join(known)} and {_KEY}"
        raise unexpected(path, expected, shown(unknown[0]), remake)
    return values


def _check_digest(content: bytes, noted: str, path: Path, remake: str) -> None:
    last = _LAST.search(content)
    if last is None:
        raise unexpected(path, f"a last line with its {_KEY}", noted, remake)
    found = _digest(content[: last.start(1)] + content[last.end(1) :])
    wanted = last[1].decode()
    if found != wanted:
        expected = f"content with the SHA-256 {wanted}, which its last line names"
        raise unexpected(path, expected, f"{found}: a byte was altered or lost", remake)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
