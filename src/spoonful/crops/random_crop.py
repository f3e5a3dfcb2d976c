"""Random parts of pictures, chosen for every step."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from spoonful.config.fields import allowed, check_value, key, meaning
from spoonful.errors import SpoonfulError
from spoonful.order.keys import CROP_STREAM, draw_keys, hash_words
from spoonful.sources.images.cut import Crop, Cut
from spoonful.sources.images.resize import Box

# What is drawn for an example: area, ratio, top, left, mirroring; and two keys for each.
_NUM_DRAWN = 5
_NUM_KEYS = 2
# A drawn number in [0, 1) has as many bits as a float holds.
_DROPPED_BITS, _UNIT = np.uint64(11), 2.0**-53
# Bits of it that choose a ratio: neighbouring ones differ by less than 0.01 %.
_RATIO_BITS = 16


@dataclass
class RandomCrop:
    """Show a random part of each picture, resized to the image size, and mirror half of them.

    The area of a part is drawn evenly, and its ratio evenly on a logarithmic scale, among those
    that fit into the picture at this area; then it is placed evenly inside the picture. Of a
    picture too long for every ratio at this area, it is the largest part of the nearest ratio. Its
    sides are whole pixels.

    What is drawn follows from the seed, the epoch and the position in it. Only operations that
    give the same bits on every processor are used: no powers or logarithms.

    Args:
        scale: smallest and largest area of the part, of the picture's; above 0, at most 1.
        ratio: smallest and largest width of the part, divided by its height, 0.01..100.
        flip: swap left and right of half of the examples.

    Raises:
        SpoonfulError: a value outside its range; names it and what is allowed.
    """

    scale: tuple[float, float] = key(
        "smallest and largest area of the part, as a share of the picture's",
        above=0,
        maximum=1,
        length=2,
        default=(0.08, 1.0),
    )
    ratio: tuple[float, float] = key(
        "smallest and largest width of the part, divided by its height",
        minimum=0.01,
        maximum=100,
        length=2,
        default=(3 / 4, 4 / 3),
    )
    flip: bool = key("swap left and right of half of the examples", default=True)

    def __post_init__(self) -> None:
        self.scale = self._checked_range("scale")
        self.ratio = self._checked_range("ratio")
        if not isinstance(self.flip, bool):
            raise SpoonfulError(f"RandomCrop: flip={self.flip!r}: expected True or False")

    def draw(self, seed: int, epoch: int, positions: NDArray[np.integer[Any]]) -> "Drawn":
        """Return the crops of examples; a pure function.

        Args:
            seed: 0..2**32 - 1.
            epoch: from 0.
            positions: of the examples in the epoch, over all processes, [k].

        Returns:
            A sequence of k functions; each returns the part for the height and width of its
            picture in pixels.
        """
        keys = draw_keys(seed, CROP_STREAM, epoch, _NUM_DRAWN * _NUM_KEYS)
        counters = np.asarray(positions).astype(np.uint64)
        numbers = np.empty((_NUM_DRAWN, len(counters)))
        for row in range(_NUM_DRAWN):
            words = hash_words(counters, keys[row * _NUM_KEYS : (row + 1) * _NUM_KEYS])
            numbers[row] = (words >> _DROPPED_BITS) * _UNIT
        return Drawn(self, numbers)

    def cut(self, numbers: Sequence[float], height: int, width: int) -> Cut:
        """Return the part of a picture [height, width] that drawn numbers choose.

        Args:
            numbers: for area, ratio, top, left and mirroring, each in [0, 1).
            height: of the picture, in pixels.
            width: likewise.
        """
        of_area, of_ratio, of_top, of_left, of_flip = numbers
        smallest, largest = self.scale
        share = smallest + (largest - smallest) * of_area
        # Its width is sqrt(area * ratio), at most that of the picture; its height likewise.
        lowest, highest = self.ratio
        first = max(lowest, share * width / height)
        last = min(highest, width / (share * height))
        if first <= last:
            ratio = _between(first, last, of_ratio)
        else:  # none fits: the nearest one
            ratio = min(max(last, lowest), highest)
        area = share * height * width
        columns, rows = math.sqrt(area * ratio), math.sqrt(area / ratio)
        fitting = min(1.0, width / columns, height / rows)
        box_height = min(height, max(1, round(rows * fitting)))
        box_width = min(width, max(1, round(columns * fitting)))
        top = int(of_top * (height - box_height + 1))
        left = int(of_left * (width - box_width + 1))
        return Cut(Box(top, left, box_height, box_width), self.flip and of_flip < 0.5)

    def _checked_range(self, name: str) -> tuple[float, float]:
        field = next(field for field in fields(self) if field.name == name)
        found = getattr(self, name)
        is_pair = isinstance(found, (list, tuple)) and len(found) == 2
        if not is_pair or not all(type(number) in (int, float) for number in found):
            raise SpoonfulError(f"RandomCrop: {name}={found!r}: expected {allowed(field)}")
        values = float(found[0]), float(found[1])
        check_value(f"RandomCrop: {name}", values, field)
        if values[0] > values[1]:
            raise SpoonfulError(
                f"RandomCrop: {name}={values}: expected the smaller number first{meaning(field)}"
            )
        return values


class Drawn(Sequence[Crop]):
    """The crops of some examples.

    Args:
        policy: what makes crops of drawn numbers.
        numbers: float64 [5, k].
    """

    def __init__(self, policy: RandomCrop, numbers: NDArray[np.float64]) -> None:
        self._policy = policy
        self._numbers = numbers

    def __len__(self) -> int:
        return len(self._numbers[0])

    @overload
    def __getitem__(self, index: int) -> Crop: ...
    @overload
    def __getitem__(self, index: slice) -> "Drawn": ...
    def __getitem__(self, index: int | slice) -> "Crop | Drawn":
        if isinstance(index, slice):
            return Drawn(self._policy, self._numbers[:, index])
        numbers = self._numbers[:, index].tolist()
        return lambda height, width: self._policy.cut(numbers, height, width)

    def __iter__(self) -> Iterator[Crop]:
        return (self[index] for index in range(len(self)))


def _between(first: float, last: float, number: float) -> float:
    """Return first * (last / first) ** number for a number in [0, 1), by square roots alone."""
    found, root = first, last / first
    bits = int(number * (1 << _RATIO_BITS))
    for place in reversed(range(_RATIO_BITS)):
        root = math.sqrt(root)
        if bits >> place & 1:
            found *= root
    return min(max(found, first), last)
