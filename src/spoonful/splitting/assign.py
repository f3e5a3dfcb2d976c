"""Assign every image to exactly one of train, val and test."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from spoonful.datasets.raw import RawImage
from spoonful.errors import SpoonfulError
from spoonful.splitting.exact import cut_exactly
from spoonful.splitting.small import check_policy, small_classes
from spoonful.splitting.stable import cut_stably
from spoonful.splitting.units import joined, without_lone

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class SplitSettings:
    """The keys of a data set that decide the assignment; `test_fraction` 0: test is given.

    `copies` does not decide anything here: messages name the values that keep fewer together.
    """

    val_fraction: float
    test_fraction: float
    split_seed: int
    split_method: str = "stable"
    small_classes: str = "error"
    copies: str = "near"


@dataclass(frozen=True)
class Assignment:
    """Which image is in which split.

    Attributes:
        splits: "train", "val" or "test" for each image; None: it is in no split.
        units: number of each image's unit; images of one unit belong into one split.
        cuts: the splits that were cut from train, because the data does not give them.
        num_dropped: number of images of each class that was left out.
        train_only: number of images of each class that is only in train.
    """

    splits: list[str | None]
    units: NDArray[np.int64]
    cuts: tuple[str, ...]
    num_dropped: dict[str, int] = field(default_factory=dict)
    train_only: dict[str, int] = field(default_factory=dict)


def assign_splits(
    images: Sequence[RawImage],
    settings: SplitSettings,
    clusters: Sequence[Sequence[int]] = (),
    left_out: Collection[int] = (),
) -> Assignment:
    """Assign a split to each image, class by class; given splits are kept.

    Splits that the data does not give are taken from its train images, or from all images if none
    is given. The result does not depend on the order of `images`.

    Args:
        images: all images, with `given_split` if the data gives it.
        settings: shares, seed and method.
        clusters: positions of images that are copies of each other.
        left_out: positions of images that come into no split.

    Raises:
        SpoonfulError: classes too small to be in every split; names all, with their counts. Groups
            that make it impossible; names one.
    """
    kept = sorted(set(range(len(images))) - set(left_out))
    strata = [image.class_name if image.labels is None else "" for image in images]
    units = joined(images, clusters)
    cuts = _cuts(settings, {images[i].given_split for i in kept})
    splits: list[str | None] = [None] * len(images)
    for i in kept:
        splits[i] = images[i].given_split or "train"
    if "train" not in splits:  # also if there are none at all
        raise SpoonfulError("the data holds no images to train on")
    small = small_classes(images, strata, units, kept, cuts)
    check_policy(small, settings.small_classes, settings.copies)
    sizes = {name: found.num_images for name, found in small.items()}
    if settings.small_classes == "drop":
        splits = [None if strata[i] in small else split for i, split in enumerate(splits)]
    to_divide = [i for i, split in enumerate(splits) if split == "train"]
    if cuts and to_divide:
        pinned = np.array([strata[i] in small for i in to_divide])
        cut = _cut(images, strata, units, to_divide, cuts, settings, pinned)
        for i, split in zip(to_divide, cut, strict=True):
            splits[i] = split
    _check_none_is_empty(splits, settings.small_classes, len(small))
    policies = ("drop", "train_only")
    dropped, trained = (sizes if settings.small_classes == one else {} for one in policies)
    return Assignment(splits, units, tuple(cuts), dropped, trained)


def _cuts(settings: SplitSettings, given: set[str | None]) -> dict[str, float]:
    """Return the shares of the splits that the data does not give."""
    fractions = {"test": settings.test_fraction, "val": settings.val_fraction}
    cuts = {split: share for split, share in fractions.items() if split not in given}
    if given and not all(cuts.values()):
        raise SpoonfulError(
            "the data gives no test images, and the data set has no key test_fraction: expected "
            "images of the split test, or dataset.test_fraction, the share that is cut from train"
        )
    return cuts


def _cut(
    images: Sequence[RawImage],
    strata: Sequence[str],
    units: NDArray[np.int64],
    to_divide: list[int],
    cuts: dict[str, float],
    settings: SplitSettings,
    pinned: NDArray[np.bool_],
) -> list[str]:
    """Return the split of each image to divide."""
    chosen = [images[i] for i in to_divide]
    classes = [strata[i] for i in to_divide]
    if settings.split_method == "stable":
        inside = units[to_divide]
        return cut_stably(
            chosen, classes, inside, cuts, settings.split_seed, pinned, settings.copies
        )
    if together := without_lone(units[to_divide]):
        raise SpoonfulError(
            "dataset.split_method=exact: copies and groups have to stay in one split "
            f"({len(together):,} found), which only dataset.split_method=stable can do; use it, or "
            "dataset.copies=ignore without dataset.group"
        )
    free = [i for i, is_pinned in enumerate(pinned) if not is_pinned]
    names = [chosen[i].file_name for i in free]
    splits = ["train"] * len(chosen)
    if not free:
        return splits
    cut = cut_exactly([classes[i] for i in free], names, cuts, settings.split_seed)
    for i, split in zip(free, cut, strict=True):
        splits[i] = split
    return splits


def _check_none_is_empty(splits: list[str | None], policy: str, num_small: int) -> None:
    if empty := [split for split in SPLITS if split not in splits]:
        raise SpoonfulError(
            f"no image is in {' and '.join(empty)}, because dataset.small_classes={policy} keeps "
            f"{num_small:,} classes out: add images of them"
        )


def counts_of(images: Sequence[RawImage], splits: Sequence[str | None]) -> Counter[tuple[str, str]]:
    """Count the images of each class and split."""
    pairs = zip(images, splits, strict=True)
    return Counter((image.class_name, split) for image, split in pairs if split is not None)
