"""Tables as CSV and as Markdown, and their places in a README.

The text that a command writes into a README is placed between two lines:

    <!-- NAME: written by the command -->
    <!-- end of NAME -->
"""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from spoonful.errors import SpoonfulError
from spoonful.files.text import printable
from spoonful.files.whole import replaced_file, write_text

# A spreadsheet takes a cell that begins so for a formula, and runs it.
_FORMULA = ("=", "+", "-", "@")


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a table completely or not at all."""
    with replaced_file(path) as beside, beside.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def read_csv(path: Path) -> list[dict[str, str]]:
    """Read a table's rows as dicts keyed by the header's names."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def for_spreadsheets(value: Any) -> Any:
    """Return a value for a CSV file that people open: a text that no program takes for a formula.

    Control characters and lone surrogates of a text are escaped.
    """
    if not isinstance(value, str):
        return value
    text = printable(value)
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text


def markdown(header: Sequence[str], rows: Iterable[Sequence[Any]], num_texts: int = 1) -> str:
    """Write a Markdown table whose first `num_texts` columns are text, the others numbers."""
    lines = [f"| {' | '.join(header)} |"]
    lines.append("|" + " --- |" * num_texts + " --: |" * (len(header) - num_texts))
    lines += [f"| {' | '.join(str(value) for value in row)} |" for row in rows]
    return "\n".join(lines)


def put_between(readme: Path, name: str, content: str) -> None:
    """Replace the text between the two lines of a name.

    Raises:
        SpoonfulError: the file is missing or lacks them; says what to write into it.
    """
    check_place(readme, name)
    begin, end = _marks(name)
    before, _, rest = readme.read_text(encoding="utf-8").partition(begin)
    after = rest.partition(end)[2]
    write_text(readme, f"{before}{begin}\n{content}\n{end}{after}")


def check_place(readme: Path, name: str) -> None:
    """Check that a README has the two lines of a name.

    Raises:
        SpoonfulError: the file is missing or lacks them; says what to write into it.
    """
    begin, end = _marks(name)
    text = readme.read_text(encoding="utf-8") if readme.is_file() else ""
    if begin not in text or end not in text.partition(begin)[2]:
        raise SpoonfulError(
            f"{readme} must have a line {begin!r} and below it {end!r}, between which the tables "
            "are written"
        )


def _marks(name: str) -> tuple[str, str]:
    return f"<!-- {name}: written by the command -->", f"<!-- end of {name} -->"
