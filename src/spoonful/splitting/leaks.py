"""Images that belong together and are in different splits all the same."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spoonful.datasets.raw import RawDataset
from spoonful.files.tables import for_spreadsheets, write_csv
from spoonful.files.text import printable
from spoonful.splitting.units import copy_sets, without_lone

_NUM_NAMED = 10
_NUM_GROUPS_NAMED = 3
_COLUMNS = ("leak", "why", "split", "class", "path")


def find_leaks(units: NDArray[np.int64], splits: Sequence[str | None]) -> list[list[int]]:
    """Return the positions of each unit that is in several splits; not of images in none."""
    leaks = []
    for positions in without_lone(units):
        placed = [position for position in positions if splits[position] is not None]
        if len({splits[position] for position in placed}) > 1:
            leaks.append(placed)
    return leaks


def leak_words(splits: Sequence[str | None], leaks: list[list[int]]) -> str:
    """Say in one line how many images leak, and between which splits."""
    pairs = Counter("/".join(_splits_of(splits, positions)) for positions in leaks)
    shown = ", ".join(f"{pair} {count:,}" for pair, count in sorted(pairs.items()))
    count = sum(map(len, leaks))
    return (
        f"{count:,} images that belong together (copies or groups) are in different splits, so "
        f"that results look better than they are; sets: {shown}"
    )


def leak_lines(
    raw: RawDataset,
    splits: Sequence[str | None],
    leaks: list[list[int]],
    clusters: Sequence[Sequence[int]],
) -> list[str]:
    """Show the first ten leaks, one line each, with an image of each split.

    Args:
        raw: the raw images.
        splits: the split of each.
        leaks: as `find_leaks` returns them.
        clusters: positions of images that are copies of each other.
    """
    lines = []
    why = _Why(raw, clusters)
    for positions in leaks[:_NUM_NAMED]:
        first = {splits[position]: position for position in reversed(positions)}
        names = [f"{s}: {printable(raw.origin(first[s]))}" for s in _splits_of(splits, positions)]
        more = len(positions) - len(first)
        rest = f"  ({more:,} more)" if more else ""
        lines.append(f"  {why.of(positions)}  {'  '.join(names)}{rest}")
    if len(leaks) > _NUM_NAMED:
        lines.append(f"  and {len(leaks) - _NUM_NAMED:,} more sets")
    return lines


def write_leaks(
    path: Path,
    raw: RawDataset,
    splits: Sequence[str | None],
    leaks: list[list[int]],
    clusters: Sequence[Sequence[int]],
) -> None:
    """Write a row for each image of a leak, with why it is in it; without leaks remove the table.

    Args:
        path: the table.
        raw: the raw images.
        splits: the split of each.
        leaks: as `find_leaks` returns them.
        clusters: positions of images that are copies of each other.
    """
    if not leaks:
        path.unlink(missing_ok=True)
        return
    why = _Why(raw, clusters)
    rows = (
        (number, why.of([i]), splits[i], raw.images[i].class_name, raw.origin(i))
        for number, positions in enumerate(leaks, start=1)
        for i in positions
    )
    write_csv(path, _COLUMNS, ([for_spreadsheets(cell) for cell in row] for row in rows))


def _splits_of(splits: Sequence[str | None], positions: list[int]) -> list[str]:
    """Return the splits of some images, in their usual order."""
    found = {splits[position] for position in positions}
    return [split for split in ("train", "val", "test") if split in found]


class _Why:
    """Says why images are in a set that belongs together: their group, their copies, or both."""

    def __init__(self, raw: RawDataset, clusters: Sequence[Sequence[int]]) -> None:
        self._images = raw.images
        self._group_sizes = Counter(image.group for image in raw.images)
        copies = copy_sets(len(raw.images), clusters)
        self._has_copy = np.bincount(copies)[copies] > 1

    def of(self, positions: Sequence[int]) -> str:
        """Name what ties these images to others."""
        found = {group for i in positions if (group := self._images[i].group) is not None}
        groups = sorted(group for group in found if self._group_sizes[group] > 1)
        names = [f"group {printable(group)}" for group in groups[:_NUM_GROUPS_NAMED]]
        if len(groups) > len(names):
            names.append(f"{len(groups) - len(names):,} more groups")
        if self._has_copy[list(positions)].any():
            names.append("copies")
        return " and ".join(names)
