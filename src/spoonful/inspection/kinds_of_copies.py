"""What the copies are: exact or near, and within or across classes and splits."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spoonful.inspection.copies import members
from spoonful.inspection.statistics import Columns


@dataclass(frozen=True)
class Cluster:
    """Images that show the same picture.

    Attributes:
        rows: their positions.
        num_contents: number of different files among them; 1: all have the same bytes.
        crosses_classes: they have different labels.
        crosses_splits: they are in different given splits.
    """

    rows: list[int]
    num_contents: int
    crosses_classes: bool
    crosses_splits: bool


@dataclass(frozen=True)
class Copies:
    """All clusters, and how many images are in each kind.

    Attributes:
        clusters: those with different labels first, then those in different splits.
        numbers: counts by name, for the summary.
    """

    clusters: list[Cluster]
    numbers: dict[str, int]


def copies_of(columns: Columns) -> Copies:
    """Sort the clusters of a table by what is wrong with them."""
    classes, splits = columns.texts["class"][0], columns.texts["given_split"][0]
    clusters = []
    for rows in members(columns.numbers["cluster"]):
        clusters.append(
            Cluster(
                rows,
                len(np.unique(columns.first_copy[rows])),
                _differ(classes, rows),
                _differ(splits, rows),
            )
        )
    clusters.sort(key=lambda c: (not c.crosses_classes, not c.crosses_splits, c.rows[0]))
    num_files = len(columns.first_copy)
    is_first = columns.first_copy == np.arange(num_files)
    numbers = {
        "clusters": len(clusters),
        "images": sum(len(c.rows) for c in clusters),
        "exact": int((~is_first).sum()),
        "near": sum(c.num_contents - 1 for c in clusters),
        "clusters_across_classes": sum(c.crosses_classes for c in clusters),
        "clusters_across_splits": sum(c.crosses_splits for c in clusters),
        "clusters_within_one_class_and_split": sum(
            not c.crosses_classes and not c.crosses_splits for c in clusters
        ),
    }
    return Copies(clusters, numbers)


def _differ(values: NDArray[np.int32], rows: list[int]) -> bool:
    return len(np.unique(values[rows])) > 1
