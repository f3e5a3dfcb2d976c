"""Which images belong together, and must not be in different splits."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from spoonful.datasets.raw import RawImage


def joined(images: Sequence[RawImage], clusters: Iterable[Sequence[int]]) -> NDArray[np.int64]:
    """Return the number of each image's unit: images of one group or one cluster have the same.

    Groups and clusters that share an image are one unit. An image in neither is a unit of its own.

    Args:
        images: all images, with `group` where they have one.
        clusters: positions of images that are copies of each other.

    Returns:
        Numbers from 0 on, in the order in which the units first occur in `images`.
    """
    first_of: dict[str, int] = {}
    groups = [
        (first_of.setdefault(image.group, position), position)
        for position, image in enumerate(images)
        if image.group is not None
    ]
    return copy_sets(len(images), [*groups, *clusters])


def copy_sets(count: int, clusters: Iterable[Sequence[int]]) -> NDArray[np.int64]:
    """Return the number of each image's set of copies, regardless of groups.

    Args:
        count: number of images.
        clusters: positions of images that are copies of each other; those that share one are one.

    Returns:
        Numbers from 0 on, in the order in which the sets first occur.
    """
    above = list(range(count))

    def top(position: int) -> int:
        while above[position] != position:
            above[position] = above[above[position]]
            position = above[position]
        return position

    for cluster in clusters:
        for position in cluster:
            first, second = sorted((top(cluster[0]), top(position)))
            above[second] = first
    tops = np.fromiter(map(top, range(count)), np.int64, count)
    return np.unique(tops, return_inverse=True)[1].astype(np.int64)


def without_lone(units: NDArray[np.int64]) -> list[list[int]]:
    """Return the positions of each unit of two or more images, in the order of the units."""
    if not len(units):
        return []
    order = np.argsort(units, kind="stable")
    starts = np.flatnonzero(np.diff(units[order], prepend=-1))
    parts = np.split(order, starts[1:])
    return [part.tolist() for part in parts if len(part) > 1]
