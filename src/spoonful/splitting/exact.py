"""Cut splits with exact shares, as scikit-learn does: a new file moves many others."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from spoonful.errors import SpoonfulError


def cut_exactly(
    strata: Sequence[str], names: Sequence[str], fractions: Mapping[str, float], seed: int
) -> list[str]:
    """Assign each image to train or to one of the splits to cut, stratified by class.

    The result depends on the classes, names, fractions and the seed, not on the order.

    Args:
        strata: class of each image.
        names: name of each image in its class.
        fractions: share of each split to cut, in the order in which they are cut.
        seed: 0..2**32 - 1.

    Raises:
        SpoonfulError: a class too small to be in every split; names it and its count.
    """
    to_divide = sorted(range(len(strata)), key=lambda i: (strata[i], names[i]))
    splits = ["train"] * len(strata)
    sizes = {split: max(1, round(share * len(strata))) for split, share in fractions.items()}
    smallest = _smallest_class(strata)
    for split, size in sizes.items():
        cut = set(_stratified([strata[i] for i in to_divide], size, seed, split, smallest))
        for position in cut:
            splits[to_divide[position]] = split
        to_divide = [i for position, i in enumerate(to_divide) if position not in cut]
    _check_every_class_everywhere(strata, splits, fractions)
    return splits


def _stratified(strata: list[str], size: int, seed: int, split: str, smallest: str) -> list[int]:
    """Draw `size` positions with a share from every class; `smallest` is for errors."""
    from sklearn.model_selection import train_test_split

    num_classes = len(set(strata))
    if size < num_classes:
        raise SpoonfulError(
            f"{split} would get {num_images(size)}, fewer than the {num_classes} classes "
            f"({smallest}): raise dataset.{split}_fraction"
        )
    try:
        _, cut = train_test_split(
            np.arange(len(strata)), test_size=size, stratify=strata, random_state=seed
        )
    except ValueError as error:
        raise SpoonfulError(
            f"{split} cannot be cut with dataset.{split}_fraction giving {size} of "
            f"{num_images(len(strata))} ({smallest}): {error}"
        ) from error
    return [int(position) for position in cut]


def _smallest_class(strata: Sequence[str]) -> str:
    name, count = min(sorted(Counter(strata).items()), key=lambda item: item[1])
    return f"the smallest class is {name!r} with {num_images(count)}"


def _check_every_class_everywhere(
    strata: Sequence[str], splits: list[str], fractions: Mapping[str, float]
) -> None:
    per_split = Counter(zip(splits, strata, strict=True))
    for name, count in sorted(Counter(strata).items()):
        for split in ("train", *fractions):
            if not per_split[(split, name)]:
                cut = next(iter(fractions)) if split == "train" else split
                change = "lower" if split == "train" else "raise"
                raise SpoonfulError(
                    f"class {name!r} has {num_images(count)}, and none is in {split}: a class must "
                    f"be in every split; use dataset.split_method=stable, which sees to it, or "
                    f"{change} dataset.{cut}_fraction"
                )


def num_images(count: int) -> str:
    """Write a number of images."""
    return f"{count:,} image{'' if count == 1 else 's'}"
