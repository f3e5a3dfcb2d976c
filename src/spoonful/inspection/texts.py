"""File names and classes in a terminal, a spreadsheet and a table: names may contain anything."""

from typing import Any

# A spreadsheet takes a cell that begins so for a formula, and runs it.
_FORMULA = ("=", "+", "-", "@")


def printable(text: str) -> str:
    """Return a text for a terminal or a page: control characters and lone surrogates escaped."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def cell(value: Any) -> Any:
    """Return a value for a CSV file: a text that no spreadsheet takes for a formula."""
    if not isinstance(value, str):
        return value
    text = printable(value)
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text


def unicode_text(text: str) -> str:
    """Return a text that can be written as UTF-8: lone surrogates escaped, the rest unchanged."""
    return text.encode("utf-8", "backslashreplace").decode()
