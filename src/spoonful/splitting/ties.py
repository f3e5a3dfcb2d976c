"""What keeps images together, in the words of messages."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spoonful.datasets.raw import RawImage


@dataclass(frozen=True)
class Ties:
    """Why some images stay together.

    Attributes:
        by_group: some are of one group.
        by_copies: some are copies of each other, beyond those of one group.
    """

    by_group: bool
    by_copies: bool

    @property
    def words(self) -> str:
        """Name what stays together: "groups", "copies" or both; empty: nothing does."""
        names = {"groups": self.by_group, "copies": self.by_copies}
        return " and ".join(name for name, is_there in names.items() if is_there)

    def ways_out(self, copies: str) -> list[str]:
        """Say how fewer images would stay together.

        Args:
            copies: the key `copies` of the data set.
        """
        ways = []
        if self.by_copies:
            exact = "dataset.copies=exact (only equal files are copies) or " * (copies == "near")
            ways.append(f"let copies be in different splits ({exact}dataset.copies=ignore)")
        if self.by_group:
            ways.append("use smaller groups (dataset.group, of a table dataset.group_column)")
        return ways


def ties_of(images: Sequence[RawImage], units: NDArray[np.int64], positions: Iterable[int]) -> Ties:
    """Return why some images are in fewer units than they are.

    Args:
        images: all images.
        units: number of each image's unit.
        positions: those of the images in question.
    """
    chosen = list(positions)
    groups = [images[i].group for i in chosen]
    num_if_no_copies = groups.count(None) + len({group for group in groups if group is not None})
    num_units = len(np.unique(units[chosen]))
    return Ties(num_if_no_copies < len(chosen), num_units < num_if_no_copies)


def any_of(ties: Iterable[Ties]) -> Ties:
    """Join the reasons of several sets of images."""
    found = list(ties)
    return Ties(any(one.by_group for one in found), any(one.by_copies for one in found))


def counted(count: int, noun: str) -> str:
    """Write a number of things."""
    plural = f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{count:,} {noun if count == 1 else plural}"
