"""Cut splits so that an image stays where it is, whatever other images come and go."""

import hashlib
import json
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spoonful.datasets.raw import RawImage
from spoonful.errors import SpoonfulError
from spoonful.files.text import printable
from spoonful.splitting.repair import Repair
from spoonful.splitting.ties import counted, ties_of

_BITS = 53  # of a float
_NUM_NAMED = 5


def cut_stably(
    images: Sequence[RawImage],
    strata: Sequence[str],
    units: NDArray[np.int64],
    fractions: Mapping[str, float],
    seed: int,
    pinned: NDArray[np.bool_],
    copies: str = "near",
) -> list[str]:
    """Assign each image to train or to one of the splits to cut.

    Each unit has a number in [0, 1) that depends on its name and the seed alone. The first share of
    this range is the first split to cut, the next the second, and the rest is train. Only where a
    class would miss a split, its nearest unit moves there. If none can be spared, the units of the
    classes concerned are divided with the fewest moves.

    Args:
        images: the images to divide.
        strata: class of each image.
        units: number of each image's unit; a unit stays together.
        fractions: share of each split to cut.
        seed: 0..2**32 - 1.
        pinned: images whose units stay in train.
        copies: which images the data set takes for copies, for messages.

    Raises:
        SpoonfulError: units of several classes do not fit into the splits; names one.
    """
    numbers, unit_of = np.unique(units, return_inverse=True)
    names = _unit_names(images, unit_of, len(numbers))
    splits = [*fractions, "train"]
    chosen, away = _by_number(names, list(fractions.values()), seed)
    is_pinned = np.zeros(len(numbers), bool)
    is_pinned[unit_of[pinned]] = True
    chosen[is_pinned] = len(splits) - 1
    classes, class_of = np.unique(np.array(strata, dtype=object), return_inverse=True)
    pairs = np.unique(np.stack([class_of, unit_of], axis=1), axis=0)
    repair = Repair(pairs, chosen, is_pinned, away, names)
    unfilled = [n for n in np.unique(class_of[~pinned]).tolist() if not repair.fill(n)]
    while unfilled:
        tied = repair.tied(unfilled[0])
        found = repair.search(tied)
        if found.splits is None:
            names_of = {number: str(classes[number]) for number in tied}
            tie = _Tie(unfilled[0], names_of, splits, found.is_proved)
            raise _no_room(images, unit_of, repair, tie, copies)
        unfilled = [label for label in unfilled if label not in tied]
    return [splits[choice] for choice in chosen[unit_of].tolist()]


def place_of(name: Sequence[str], seed: int) -> float:
    """Return the number in [0, 1) of a unit's name; the same on every machine.

    Names that look the same, in whichever form of Unicode, have the same number.
    """
    normal = [unicodedata.normalize("NFC", part) for part in name]
    digest = hashlib.sha256(json.dumps([seed, *normal]).encode()).digest()
    return float((int.from_bytes(digest[:8], "big") >> (64 - _BITS)) / (1 << _BITS))


def _by_number(
    names: Sequence[tuple[str, ...]], shares: list[float], seed: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the split that each unit's number gives, and how far it is from each split."""
    places = np.array([place_of(name, seed) for name in names])
    bounds = np.concatenate([[0.0], np.cumsum(shares), [1.0]])
    chosen = np.searchsorted(bounds[1:-1], places, side="right")
    away = np.maximum(bounds[:-1] - places[:, None], places[:, None] - bounds[1:])
    return chosen, np.maximum(away, 0)


def _unit_names(
    images: Sequence[RawImage], unit_of: NDArray[np.int64], count: int
) -> list[tuple[str, ...]]:
    """Name each unit: by its group, or by its class and file; by the shortest of several.

    Nothing tells which of two copies came first. The names that file managers and converters give
    to copies are longer than the original's nearly always: "Copy of a.png", "a (1).png".
    """
    names: list[tuple[str, ...]] = [()] * count
    first: list[tuple[Any, ...]] = [()] * count
    for image, unit in zip(images, unit_of.tolist(), strict=True):
        own: tuple[str, ...] = ("image", image.class_name, image.file_name)
        name = own if image.group is None else ("group", image.group)
        shown = unicodedata.normalize("NFC", name[-1])
        rank = (name[0], len(shown), shown, name)  # "group" comes before "image"
        if not first[unit] or rank < first[unit]:
            names[unit], first[unit] = name, rank
    return names


@dataclass(frozen=True)
class _Tie:
    """Classes whose shared units cannot be divided.

    Attributes:
        label: the class where this was noticed.
        names: all these classes, by number.
        splits: the splits in which each should be.
        is_proved: there is no division; otherwise the search was ended without one.
    """

    label: int
    names: Mapping[int, str]
    splits: Sequence[str]
    is_proved: bool


def _no_room(
    images: Sequence[RawImage],
    unit_of: NDArray[np.int64],
    repair: Repair,
    tie: _Tie,
    copies: str,
) -> SpoonfulError:
    own = repair.units(tie.label)
    units = {unit for label in tie.names for unit in repair.units(label)}
    inside = np.flatnonzero(np.isin(unit_of, list(units))).tolist()
    ties = ties_of(images, unit_of, inside)
    sizes = np.bincount(unit_of)
    largest = max(units, key=lambda unit: (int(sizes[unit]), -unit))
    first = images[int(np.argmax(unit_of == largest))]
    called = f"that of {first.file_name}" if first.group is None else f"group {first.group}"
    others = [repr(name) for label, name in tie.names.items() if label != tie.label]
    more = " ..." if len(others) > _NUM_NAMED else ""
    shared = f" (it shares some with {', '.join(others[:_NUM_NAMED])}{more})" if others else ""
    num_pinned = sum(map(repair.is_pinned, own))
    small = f", {num_pinned:,} of them in train with classes too small to divide" * bool(num_pinned)
    failed = (
        "no division" if tie.is_proved else f"no division of {len(units):,} sets was found that"
    )
    *before, last = [split for split in ("train", "val", "test") if split in tie.splits]
    ways = "; or ".join([*ties.ways_out(copies), "add images of the class that are in no such set"])
    return SpoonfulError(
        f"class {tie.names[tie.label]!r} has images in {counted(len(own), 'set')} that stay "
        f"together, because {ties.words} do{small}{shared}, and {failed} puts each class into "
        f"{', '.join(before)} and {last}; the largest set is {printable(called)} with "
        f"{sizes[largest]:,} images of {counted(len(repair.labels(largest)), 'class')}: {ways}"
    )
