"""Read the JSON, CSV and YAML files that stages pass to each other, checking for damage.

Every reader takes what the file should be and the command that creates it again. Anything wrong
with a file (missing, a folder, truncated, of another shape) is one `SpoonfulError`.
"""

import csv
import io
import json
import math
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from spoonful.errors import SpoonfulError
from spoonful.files.regular_file import opened

# A list of ten million images takes 1.2 GB; the JSON files of a project less than 10 MB.
_MAX_BYTES = 2 << 30
_MAX_JSON_BYTES = 256 << 20
_MAX_SHOWN = 60
_Shape = TypeVar("_Shape")


def read_bytes(path: Path, remake: str, max_bytes: int = _MAX_BYTES) -> bytes:
    """Return the bytes of a regular file.

    Args:
        path: the file.
        remake: what to do if it cannot be read, such as "run `spoonful split` again".
        max_bytes: a longer file is refused.

    Raises:
        SpoonfulError: it is missing, not a regular file, too long or unreadable.
    """
    try:
        with io.BufferedReader(opened(path)) as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                kind = "a folder" if stat.S_ISDIR(found.st_mode) else "no regular file"
                raise unexpected(path, "a file", kind, remake)
            if found.st_size > max_bytes:
                raise unexpected(path, f"at most {max_bytes:,} bytes", f"{found.st_size:,}", remake)
            return file.read(found.st_size)
    except OSError as error:
        reason = "no such file" if isinstance(error, FileNotFoundError) else str(error.strerror)
        reason = "a folder" if isinstance(error, IsADirectoryError) else reason
        raise unexpected(path, "a file", reason, remake) from error


def read_text(path: Path, remake: str, max_bytes: int = _MAX_BYTES) -> str:
    """Return the text of a UTF-8 file, without a byte order mark.

    Raises:
        SpoonfulError: as `read_bytes`, or the bytes are not UTF-8.
    """
    return decoded(read_bytes(path, remake, max_bytes), path, remake)


def decoded(content: bytes, path: Path | str, remake: str) -> str:
    """Return bytes as text; SpoonfulError if they are not UTF-8."""
    try:
        return content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        found = f"byte {content[error.start]:#04x} at {error.start}"
        raise unexpected(path, "UTF-8 text", found, remake) from error


def read_json(path: Path, shape: type[_Shape], remake: str) -> _Shape:
    """Read a JSON file into an object.

    Args:
        path: the file.
        shape: a dataclass or another type that gives the keys and values that the file must have;
            additional keys are ignored.
        remake: what to do if the file is wrong.

    Raises:
        SpoonfulError: the first value that does not fit `shape`; names its path, what was expected
            and what was found.
    """
    text = read_text(path, remake, _MAX_JSON_BYTES)
    return shaped(parsed_json(text, path, remake), shape, path, remake)


def parsed_json(text: str, path: Path | str, remake: str, *, is_finite: bool = True) -> Any:
    """Return the value of a JSON text; `path` is for the message.

    Raises:
        SpoonfulError: it is not JSON, is nested too deep, has a key twice or a number that is not
            finite.
    """
    number = _finite if is_finite else float
    try:
        return json.loads(
            text, object_pairs_hook=_without_duplicates, parse_float=number, parse_constant=number
        )
    except (ValueError, RecursionError) as error:
        found = error if text.strip() else "an empty file"
        raise unexpected(path, "JSON", found, remake) from error


def shaped(value: Any, shape: type[_Shape], path: Path | str, remake: str) -> _Shape:
    """Turn parsed JSON or YAML into an object; `path` is for the message.

    Raises:
        SpoonfulError: a key is missing or has a value of another type.
    """
    from pydantic import TypeAdapter, ValidationError  # 70 ms

    try:
        return TypeAdapter(shape).validate_json(json.dumps(value), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
    except (ValueError, TypeError, RecursionError) as error:
        raise unexpected(path, "keys and values", error, remake) from error
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "missing":
        raise unexpected(path, f"a key {where}", "none", remake)
    if first["type"] == "json_invalid":  # half of a surrogate pair
        raise unexpected(path, "Unicode text", "something else", remake)
    wanted = first["msg"].removeprefix("Input should be ")
    expected = f"{where} to be {wanted}" if where else wanted
    raise unexpected(path, expected, shown(first["input"]), remake)


def parsed_table(
    text: str, columns: Sequence[str], path: Path | str, remake: str
) -> list[dict[str, str]]:
    """Return the rows of a CSV text with at least these columns; `path` is for the message.

    Raises:
        SpoonfulError: no header with these columns, or a row of the wrong length.
    """
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(reader, [])
        if not set(columns) <= set(header) or len(set(header)) < len(header):
            found = shown(",".join(header)) if header else "an empty file"
            raise unexpected(path, f"a header with {','.join(columns)}", found, remake)
        rows = []
        for row in reader:
            if len(row) != len(header):
                expected = f"{len(header)} cells in line {reader.line_num}"
                raise unexpected(path, expected, str(len(row)), remake)
            rows.append(dict(zip(header, row, strict=True)))
    except csv.Error as error:
        expected = f"a table in line {reader.line_num}"
        raise unexpected(path, expected, error, remake) from error
    if text and not text.endswith("\n"):
        raise unexpected(path, "a whole last line", "one that is cut off", remake)
    return rows


def unexpected(
    path: Path | str, expected: str, found: str | Exception, remake: str
) -> SpoonfulError:
    """Return the error for a file that is not what it should be; `found` may be an exception."""
    if isinstance(found, RecursionError):
        found = "values nested too deep"
    elif isinstance(found, Exception):
        found = (str(found) or type(found).__name__).splitlines()[0]
    return SpoonfulError(f"{path}: expected {expected}, found {found}; {remake}")


def shown(value: object) -> str:
    """Write a value on one line, shortened if it is long."""
    text = ascii(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[: _MAX_SHOWN - 3]}..."


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{shown(text)} where a finite number is expected")
    return value


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {shown(twice)} twice")
    return found
