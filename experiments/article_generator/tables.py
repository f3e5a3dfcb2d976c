"""Tables as csv and as Markdown, and their places in the README."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

TRAINING_NAME = "training.csv"
FEEDING_NAME = "feeding.csv"
FAULTS_NAME = "faults.csv"
MACHINE_NAME = "machine.csv"


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write a table of at least one row."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def read_csv(path: Path) -> list[dict[str, str]]:
    """Read a table's rows."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def markdown(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Write a Markdown table whose first column is text, the others numbers."""
    lines = [f"| {' | '.join(names)} |", "| --- |" + " --: |" * (len(names) - 1)]
    lines += [f"| {' | '.join(str(value) for value in row)} |" for row in rows]
    return "\n".join(lines)


def put_between(readme: Path, name: str, content: str) -> None:
    """Replace what stands between two markers of the README."""
    text = readme.read_text(encoding="utf-8")
    begin, end = f"<!-- {name}: written by the command -->", f"<!-- end of {name} -->"
    before, _, rest = text.partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise SystemExit(f"{readme.name} lacks the markers of {name}: {begin} ... {end}")
    readme.write_text(f"{before}{begin}\n{content}\n{end}{after}", encoding="utf-8")
