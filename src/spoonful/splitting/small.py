"""Classes with too few images for all three splits."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spoonful.datasets.raw import RawImage
from spoonful.errors import SpoonfulError
from spoonful.splitting.exact import num_images

_NUM_NAMED = 50


@dataclass(frozen=True)
class SmallClass:
    """A class that cannot be in every split.

    Attributes:
        num_images: all its images.
        num_units: images to divide; those that stay together count as one.
        num_to_cut: splits to which the data gives no image; train included, if it is divided.
        lacking: the splits that the data gives without any image of the class.
    """

    num_images: int
    num_units: int
    num_to_cut: int
    lacking: tuple[str, ...]

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
        together = "" if self.num_units == self.num_images else f" in {self.num_units} groups"
        return f"{has}{together} to divide, and needs {self.num_to_cut}"


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
    to_divide: dict[str, set[int]] = defaultdict(set)
    given: dict[str, set[str]] = defaultdict(set)
    for position in kept:
        name, split = strata[position], images[position].given_split or "train"
        counts[name] += 1
        given[name].add(split)
        if split == "train":
            to_divide[name].add(int(units[position]))
    to_cut = set(cuts)
    kept_splits = {split for splits in given.values() for split in splits} | {"train"}
    found = {}
    for name in sorted(counts):
        lacking = tuple(s for s in ("train", "val", "test") if s in kept_splits - given[name])
        num_needed = 1 + len(to_cut)
        if lacking or len(to_divide[name]) < num_needed:
            sizes = counts[name], len(to_divide[name])
            found[name] = SmallClass(*sizes, num_needed, lacking)
    return found


def check_policy(small: dict[str, SmallClass], policy: str) -> None:
    """Check what dataset.small_classes says about the small classes that there are.

    Raises:
        SpoonfulError: it is "error", or "train_only" and a class has no image to train on.
    """
    if policy == "error" and small:
        raise SpoonfulError(
            f"{_listed(small)}: a class must be in train, val and test; add images of it, or leave "
            "it out (dataset.small_classes=drop), or learn it without judging it "
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
