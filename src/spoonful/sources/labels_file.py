"""The table of labels beside the images of a split, where their classes are not folders.

    train/labels.csv        one row for each image: its file, and its labels
    train/images/<file>

A class name may then hold any text: nothing of it becomes a path.
"""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from spoonful.sources.labels import LabelKind

LABELS_NAME = "labels.csv"
IMAGES_NAME = "images"
_CLASS_COLUMN = "label"


def label_columns(kind: LabelKind, names: Sequence[str]) -> list[str]:
    """Return the columns of the labels: one for classes, else one for each name."""
    return [_CLASS_COLUMN] if kind is LabelKind.CLASSIFICATION else list(names)


def file_column(columns: Sequence[str]) -> str:
    """Return the column of the files: another name than those of the labels."""
    name = "file"
    while name in columns:
        name += "_"
    return name


def write_labels(
    folder: Path, kind: LabelKind, names: Sequence[str], rows: Iterable[tuple[str, Sequence[Any]]]
) -> Path:
    """Write the table of a split, and return its path.

    Args:
        folder: of the split; exists.
        kind: what the labels are.
        names: of the classes, or of the label columns.
        rows: the name of each file, and its labels: a class name, or numbers.
    """
    columns = label_columns(kind, names)
    path = folder / LABELS_NAME
    with path.open("w", encoding="utf-8", newline="") as file:
        # All in quotes: a class name may hold a line break of any system.
        writer = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)
        writer.writerow([file_column(columns), *columns])
        for name, labels in sorted(rows):
            writer.writerow([f"{IMAGES_NAME}/{name}", *labels])
    return path
