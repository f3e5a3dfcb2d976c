"""Assign every image to exactly one of train, val and test."""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from spoonful.datasets.raw import RawImage
from spoonful.errors import SpoonfulError

SPLITS = ("train", "val", "test")


def assign_splits(
    images: Sequence[RawImage], val_fraction: float, test_fraction: float, seed: int
) -> list[str]:
    """Assign a split to each image, stratified by class; given splits are kept.

    Splits that the data does not give are taken from its train images, or from all images if none
    is given. The result depends on the images' names, the fractions and the seed, not on the order
    of `images`.

    Args:
        images: all images, with `given_split` if the data gives it.
        val_fraction: share of the images to divide that goes to val, if val is not given.
        test_fraction: the same for test.
        seed: 0..2**32 - 1.

    Returns:
        "train", "val" or "test" for each image, in the order of `images`.

    Raises:
        SpoonfulError: a class too small to be in every split; names it and its count.
    """
    given = {image.given_split for image in images} - {None}
    by_name = sorted(range(len(images)), key=lambda i: (images[i].class_name, images[i].file_name))
    splits = [image.given_split or "train" for image in images]
    to_divide = [i for i in by_name if splits[i] == "train"]
    cuts = {"test": test_fraction, "val": val_fraction}
    sizes = {
        split: max(1, round(fraction * len(to_divide)))
        for split, fraction in cuts.items()
        if split not in given
    }
    class_names = [images[i].class_name for i in to_divide]
    smallest = _smallest_class(class_names, sizes)
    for split, size in sizes.items():
        class_names = [images[i].class_name for i in to_divide]
        cut = _stratified_cut(class_names, size, seed, split, smallest)
        for position in cut:
            splits[to_divide[position]] = split
        chosen = set(cut)
        to_divide = [i for position, i in enumerate(to_divide) if position not in chosen]
    _check_every_class_everywhere(images, splits)
    return splits


def _stratified_cut(
    class_names: list[str], size: int, seed: int, split: str, smallest: str
) -> list[int]:
    """Draw `size` positions with a share from every class; `smallest` is for errors."""
    from sklearn.model_selection import train_test_split

    num_classes = len(set(class_names))
    if size < num_classes:
        raise SpoonfulError(
            f"{split} would get {_images(size)}, fewer than the {num_classes} classes "
            f"({smallest}): raise dataset.{split}_fraction"
        )
    try:
        _, cut = train_test_split(
            np.arange(len(class_names)), test_size=size, stratify=class_names, random_state=seed
        )
    except ValueError as error:
        raise SpoonfulError(
            f"{split} cannot be cut with dataset.{split}_fraction giving {size} of "
            f"{_images(len(class_names))} ({smallest}): {error}"
        ) from error
    return [int(position) for position in cut]


def _smallest_class(class_names: list[str], sizes: Iterable[str]) -> str:
    """Return in words which class is the smallest, if it has images for train and `sizes`."""
    if not class_names:
        raise SpoonfulError("the data holds no images to train on")
    name, count = min(sorted(Counter(class_names).items()), key=lambda item: item[1])
    others = sorted(sizes, reverse=True)
    if others and count <= len(others):
        raise SpoonfulError(
            f"class {name!r} has {_images(count)} to divide, but needs at least {1 + len(others)}, "
            f"one each for train, {' and '.join(others)}: add images or remove the class"
        )
    return f"the smallest class is {name!r} with {_images(count)}"


def _check_every_class_everywhere(images: Sequence[RawImage], splits: list[str]) -> None:
    per_split = Counter(
        (split, image.class_name) for image, split in zip(images, splits, strict=True)
    )
    totals = Counter(image.class_name for image in images)
    for name, count in sorted(totals.items()):
        for split in SPLITS:
            if not per_split[(split, name)]:
                raise SpoonfulError(
                    f"class {name!r} has {_images(count)}, and none is in "
                    f"{split}: a class must be in every split; add images of it, or raise "
                    f"dataset.{'val' if split == 'train' else split}_fraction"
                )


def _images(count: int) -> str:
    return f"{count} image{'' if count == 1 else 's'}"
