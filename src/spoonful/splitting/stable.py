"""Cut splits so that an image stays where it is, whatever other images come and go."""

import hashlib
import json
import unicodedata
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from spoonful.datasets.raw import RawImage
from spoonful.errors import SpoonfulError
from spoonful.files.text import printable

_BITS = 53  # of a float


def cut_stably(
    images: Sequence[RawImage],
    strata: Sequence[str],
    units: NDArray[np.int64],
    fractions: Mapping[str, float],
    seed: int,
    pinned: NDArray[np.bool_],
) -> list[str]:
    """Assign each image to train or to one of the splits to cut.

    Each unit has a number in [0, 1) that depends on its name and the seed alone. The first share of
    this range is the first split to cut, the next the second, and the rest is train. Only where a
    class would miss a split, its nearest unit moves there.

    Args:
        images: the images to divide.
        strata: class of each image.
        units: number of each image's unit; a unit stays together.
        fractions: share of each split to cut.
        seed: 0..2**32 - 1.
        pinned: images whose units stay in train.

    Raises:
        SpoonfulError: units of several classes do not fit into the splits; names one.
    """
    numbers, unit_of = np.unique(units, return_inverse=True)
    names = _unit_names(images, unit_of, len(numbers))
    places = np.array([place_of(name, seed) for name in names])
    splits = [*fractions, "train"]
    bounds = np.concatenate([[0.0], np.cumsum(list(fractions.values())), [1.0]])
    chosen = np.searchsorted(bounds[1:-1], places, side="right")
    is_pinned = np.zeros(len(numbers), bool)
    is_pinned[unit_of[pinned]] = True
    chosen[is_pinned] = len(splits) - 1
    classes, class_of = np.unique(np.array(strata, dtype=object), return_inverse=True)
    repair = _Repair(np.unique(np.stack([class_of, unit_of], axis=1), axis=0), chosen, is_pinned)
    for label in np.unique(class_of[~pinned]).tolist():
        for split in range(len(splits)):
            if repair.is_missing(label, split):
                low, high = bounds[split : split + 2]
                away = np.maximum(np.maximum(low - places, places - high), 0).tolist()
                order = sorted((away[u], names[u], u) for u in repair.units(label))
                if not repair.move_first([unit for _, _, unit in order], split):
                    where = str(classes[label]), splits[split]
                    raise _no_room(images, unit_of, *where, repair, label)
    return [splits[choice] for choice in chosen[unit_of].tolist()]


def place_of(name: Sequence[str], seed: int) -> float:
    """Return the number in [0, 1) of a unit's name; the same on every machine.

    Names that look the same, in whichever form of Unicode, have the same number.
    """
    normal = [unicodedata.normalize("NFC", part) for part in name]
    digest = hashlib.sha256(json.dumps([seed, *normal]).encode()).digest()
    return float((int.from_bytes(digest[:8], "big") >> (64 - _BITS)) / (1 << _BITS))


def _unit_names(
    images: Sequence[RawImage], unit_of: NDArray[np.int64], count: int
) -> list[tuple[str, ...]]:
    """Name each unit: by its group, or by its class and file; by the first of several."""
    names: list[tuple[str, ...]] = [()] * count
    for image, unit in zip(images, unit_of.tolist(), strict=True):
        own: tuple[str, ...] = ("image", image.class_name, image.file_name)
        name = own if image.group is None else ("group", image.group)
        if not names[unit] or name < names[unit]:  # "group" comes before "image"
            names[unit] = name
    return names


class _Repair:
    """Moves units into splits that a class misses, without taking any class out of a split.

    Attributes:
        chosen: the split of each unit; changed in place.
    """

    def __init__(
        self, pairs: NDArray[np.int64], chosen: NDArray[np.int64], is_pinned: NDArray[np.bool_]
    ) -> None:
        self.chosen, self._is_pinned = chosen, is_pinned
        labels, units = pairs.T
        self._counts = np.zeros((labels.max() + 1, 3), np.int64)
        np.add.at(self._counts, (labels, chosen[units]), 1)
        self._units = np.split(units, np.flatnonzero(np.diff(labels)) + 1)
        by_unit = np.argsort(units, kind="stable")
        self._labels = np.split(labels[by_unit], np.flatnonzero(np.diff(units[by_unit])) + 1)

    def units(self, label: int) -> list[int]:
        """Return the units with images of a class."""
        return [int(unit) for unit in self._units[label]]

    def labels(self, unit: int) -> list[int]:
        """Return the classes of a unit."""
        return [int(label) for label in self._labels[unit]]

    def is_missing(self, label: int, split: int) -> bool:
        """Return whether a split has no image of a class."""
        return not self._counts[label, split]

    def move_first(self, units: Sequence[int], split: int) -> bool:
        """Move the first unit that can be spared into a split; return whether there is one."""
        for unit in units:
            own, old = self._labels[unit], self.chosen[unit]
            if not self._is_pinned[unit] and (self._counts[own, old] > 1).all():
                self._counts[own, old] -= 1
                self._counts[own, split] += 1
                self.chosen[unit] = split
                return True
        return False


def _no_room(
    images: Sequence[RawImage],
    unit_of: NDArray[np.int64],
    class_name: str,
    split: str,
    repair: _Repair,
    label: int,
) -> SpoonfulError:
    units = repair.units(label)
    sizes = np.bincount(unit_of)
    largest = max(units, key=lambda unit: (int(sizes[unit]), -unit))
    first = images[int(np.argmax(unit_of == largest))]
    called = f"of {first.file_name}" if first.group is None else first.group
    return SpoonfulError(
        f"class {class_name!r} cannot be in {split}: its images are in {len(units)} "
        f"groups that stay together, and each is needed where it is; the largest is group "
        f"{printable(called)} with {sizes[largest]:,} images of {len(repair.labels(largest))} "
        "classes: use smaller groups (dataset.group), or add images of the class in other groups"
    )
