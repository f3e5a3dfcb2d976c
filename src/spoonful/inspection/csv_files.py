"""The CSV files of an inspection: bad files, copies, classes. No cell is a formula."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from spoonful.files.tables import for_spreadsheets, write_csv
from spoonful.inspection.kinds_of_copies import Cluster, Copies
from spoonful.inspection.statistics import Group
from spoonful.inspection.table import TABLE_NAME, read_columns, rows_with

BAD_FILES_NAME = "bad_files.csv"
COPIES_NAME = "copies.csv"
CLASSES_NAME = "classes.csv"

BAD_HEADER = ("path", "class", "split", "reason")
CLASS_HEADER = (
    *("class", "split", "images", "bad", "MiB", "formats", "channels", "width px", "height px"),
    *("width / height", "mean", "deviation"),
)
_COPIES_HEADER = ("group", "kind", "path", "class", "split", "sha256")
_SOME_ROWS = 1 << 14


def write_csv_files(folder: Path, groups: list[Group], copies: Copies) -> None:
    """Write the three files beside the table.

    Args:
        folder: has the table.
        groups: statistics of each class and split.
        copies: all clusters.
    """
    write_csv(folder / BAD_FILES_NAME, BAD_HEADER, _safe(bad_rows(folder)))
    write_csv(folder / CLASSES_NAME, CLASS_HEADER, _safe(map(class_row, groups)))
    write_csv(folder / COPIES_NAME, _COPIES_HEADER, _safe(_copies_rows(folder, copies)))


def bad_rows(folder: Path) -> Iterator[list[Any]]:
    """Yield path, class, given split and reason of each image that cannot be read."""
    names = ("origin", "class", "given_split", "fault")
    for row in rows_with(folder / TABLE_NAME, names, "fault"):
        yield [row["origin"], row["class"], row["given_split"] or "", row["fault"]]


def class_row(group: Group) -> list[Any]:
    """Return the cells of one class and split."""
    return [
        *(group.class_name, group.split, group.num_images, group.num_bad),
        f"{group.num_bytes / (1 << 20):.1f}",
        *(_counts(group.formats), _counts(group.channels)),
        *(_range(group.widths, 0), _range(group.heights, 0), _range(group.aspects, 2)),
        *("" if value is None else f"{value:.1f}" for value in (group.mean, group.std)),
    ]


def kind_of(cluster: Cluster) -> str:
    """Say in words what a cluster of copies is."""
    kind = "same bytes" if cluster.num_contents == 1 else "look the same"
    kind += ", in several classes" if cluster.crosses_classes else ""
    return kind + (", in several splits" if cluster.crosses_splits else "")


def _copies_rows(folder: Path, copies: Copies) -> Iterator[list[Any]]:
    table = read_columns(folder / TABLE_NAME, ["origin", "class", "given_split", "sha256"])
    # A million clusters are not made into Python objects at once.
    numbered = ((number, cluster) for number, cluster in enumerate(copies.clusters))
    for number, cluster in numbered:
        for start in range(0, len(cluster.rows), _SOME_ROWS):
            part = np.array(cluster.rows[start : start + _SOME_ROWS], np.int64)
            for row in table.take(part).to_pylist():
                where = row["origin"], row["class"], row["given_split"] or "", row["sha256"]
                yield [number, kind_of(cluster), *where]


def _safe(rows: Any) -> Iterator[list[Any]]:
    return ([for_spreadsheets(value) for value in row] for row in rows)


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name}: {count}" for name, count in counts.items())


def _range(values: tuple[float, float, float] | None, digits: int) -> str:
    if values is None:
        return ""
    low, middle, high = (f"{value:.{digits}f}" for value in values)
    return low if low == high else f"{low} to {high}, median {middle}"
