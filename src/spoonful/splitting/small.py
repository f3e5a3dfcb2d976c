"""Classes with too few images for all three splits."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spoonful.datasets.raw import RawImage
from spoonful.errors import SpoonfulError
from spoonful.splitting.exact import num_images
from spoonful.splitting.ties import Ties, any_of, counted, ties_of

_NUM_NAMED = 50


@dataclass(frozen=True)
class SmallClass:
    """A class that cannot be in every split.

    Attributes:
        num_images: all its images.
        num_to_divide: those that the data does not put into another split than train.
        num_units: the same, but those that stay together count as one.
        num_to_cut: splits to which the data gives no image; train included, if it is divided.
        lacking: the splits that the data gives without any image of the class.
        ties: why images to divide stay together.
    """

    num_images: int
    num_to_divide: int
    num_units: int
    num_to_cut: int
    lacking: tuple[str, ...]
    ties: Ties

    @property
    def can_be_trained(self) -> bool:
        """Return whether there is an image for train."""
        return "train" not in self.lacking

    def words(self, name: str) -> str:
        """Write what it has and what it lacks."""
        has = f"class {name!r} has" if name else "the data has"
        has = f"{has} {num_images(self.num_images)}"
        if self.lacking:
            return f"{has}, and none is in {' and '.join(self.lacking)}, which the data gives"
        rest = self.num_images - self.num_to_divide
        what = f", {self.num_to_divide:,} of them to divide" if rest else " to divide"
        if self.num_units != self.num_to_divide:
            sets = counted(self.num_units, "set")
            what = f"{what}, but in only {sets}, because {self.ties.words} stay together"
        return f"{has}{what}, and needs {self.num_to_cut}"


def small_classes(
    images: Sequence[RawImage],
    strata: Sequence[str],
    units: NDArray[np.int64],
    kept: Iterable[int],
    cuts: Iterable[str],
) -> dict[str, SmallClass]:
    """Find the classes that cannot be in every split, by name.

    Args:
        images: all images, with the splits that the data gives.
        strata: class of each image.
        units: number of each image's unit; a unit stays together.
        kept: positions of the images that are split.
        cuts: the splits that are cut from train.
    """
    counts: dict[str, int] = defaultdict(int)
    to_divide: dict[str, list[int]] = defaultdict(list)
    given: dict[str, set[str]] = defaultdict(set)
    for position in kept:
        name, split = strata[position], images[position].given_split or "train"
        counts[name] += 1
        given[name].add(split)
        if split == "train":
            to_divide[name].append(position)
    to_cut = set(cuts)
    kept_splits = {split for splits in given.values() for split in splits} | {"train"}
    found = {}
    for name in sorted(counts):
        lacking = tuple(s for s in ("train", "val", "test") if s in kept_splits - given[name])
        num_needed = 1 + len(to_cut)
        num_units = len(np.unique(units[to_divide[name]]))
        if lacking or num_units < num_needed:
            sizes = counts[name], len(to_divide[name]), num_units
            ties = ties_of(images, units, to_divide[name])
            found[name] = SmallClass(*sizes, num_needed, lacking, ties)
    return found


def check_policy(small: dict[str, SmallClass], policy: str, copies: str) -> None:
    """Check what dataset.small_classes says about the small classes that there are.

    Args:
        small: these classes, by name.
        policy: the key `small_classes` of the data set.
        copies: its key `copies`, for messages.

    Raises:
        SpoonfulError: it is "error", or "train_only" and a class has no image to train on.
    """
    if policy == "error" and small:
        ties = any_of(found.ties for found in small.values() if not found.lacking)
        ways = ["add images of it", *ties.ways_out(copies)]
        raise SpoonfulError(
            f"{_listed(small)}: a class must be in train, val and test; {', or '.join(ways)}, or "
            "leave it out (dataset.small_classes=drop), or learn it without judging it "
            "(dataset.small_classes=train_only)"
        )
    untrained = {name: found for name, found in small.items() if not found.can_be_trained}
    if policy == "train_only" and untrained:
        raise SpoonfulError(
            f"dataset.small_classes=train_only: {_listed(untrained)}; add images of it to train, "
            "or leave it out (dataset.small_classes=drop)"
        )


def _listed(small: dict[str, SmallClass]) -> str:
    words = [found.words(name) for name, found in small.items()]
    more = f"; and {len(words) - _NUM_NAMED} more classes" if len(words) > _NUM_NAMED else ""
    return "; ".join(words[:_NUM_NAMED]) + more
