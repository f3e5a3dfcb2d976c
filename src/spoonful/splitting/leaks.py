"""Images that belong together and are in different splits all the same."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spoonful.datasets.raw import RawDataset
from spoonful.files.documents import printable
from spoonful.files.tables import for_spreadsheets, write_csv
from spoonful.splitting.units import without_lone

_NUM_NAMED = 10
_COLUMNS = ("leak", "why", "split", "class", "path")


def find_leaks(units: NDArray[np.int64], splits: Sequence[str | None]) -> list[list[int]]:
    """Return the positions of each unit that is in several splits; not of images in none."""
    leaks = []
    for positions in without_lone(units):
        placed = [position for position in positions if splits[position] is not None]
        if len({splits[position] for position in placed}) > 1:
            leaks.append(placed)
    return leaks


def leak_words(raw: RawDataset, splits: Sequence[str | None], leaks: list[list[int]]) -> str:
    """Describe leaks: one line, and one more for each of the first ten."""
    count = sum(map(len, leaks))
    lines = [
        f"{count:,} images that belong together are in different splits ({len(leaks):,} sets of "
        "copies or groups), so that val and test look better than they are"
    ]
    for positions in leaks[:_NUM_NAMED]:
        first: dict[str | None, int] = {}
        for position in positions:
            first.setdefault(splits[position], position)
        names = [f"{s}: {printable(raw.origin(i))}" for s, i in first.items()]
        more = len(positions) - len(first)
        lines.append(
            f"  {_why(raw, positions)}  {'  '.join(names)}{f'  ({more} more)' * bool(more)}"
        )
    if len(leaks) > _NUM_NAMED:
        lines.append(f"  and {len(leaks) - _NUM_NAMED:,} more sets")
    return "\n".join(lines)


def write_leaks(
    path: Path, raw: RawDataset, splits: Sequence[str | None], leaks: list[list[int]]
) -> None:
    """Write a row for each image of a leak; without leaks remove the table."""
    if not leaks:
        path.unlink(missing_ok=True)
        return
    rows = (
        (number, why, splits[i], raw.images[i].class_name, raw.origin(i))
        for number, positions in enumerate(leaks, start=1)
        for why in [_why(raw, positions)]
        for i in positions
    )
    write_csv(path, _COLUMNS, ([for_spreadsheets(cell) for cell in row] for row in rows))


def _why(raw: RawDataset, positions: list[int]) -> str:
    groups = {raw.images[i].group for i in positions}
    (group, *others) = sorted(groups, key=str)
    return "copies" if others or group is None else f"group {printable(group)}"
