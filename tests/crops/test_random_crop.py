import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from spoonful import RandomCrop, SpoonfulError
from spoonful.sources.images.cut import Cut
from spoonful.sources.images.resize import Box

# The same examples on every run, whatever the machine is busy with.
PROPERTY = settings(deadline=None, derandomize=True, max_examples=300)
SIDES = st.integers(1, 5_000)
SEEDS = st.integers(0, 2**32 - 1)
# Of the same seed in every release and on every machine.
GOLDEN = [
    (0, 0, 0, Cut(Box(35, 70, 352, 441), False)),
    (0, 0, 1, Cut(Box(3, 13, 397, 518), False)),
    (0, 0, 2, Cut(Box(6, 17, 394, 512), True)),
    (0, 0, 4, Cut(Box(74, 148, 290, 300), False)),
]
MANY = 20_000


def cuts(crop: RandomCrop, seed: int, epoch: int, positions: Any, size: Any) -> list[Cut]:
    return [one(*size) for one in crop.draw(seed, epoch, np.asarray(positions))]


@pytest.mark.parametrize(("seed", "epoch", "position", "cut"), GOLDEN)
def test_the_parts_are_those_of_earlier_versions(
    seed: int, epoch: int, position: int, cut: Cut
) -> None:
    assert cuts(RandomCrop(), seed, epoch, [position], (400, 533)) == [cut]


def ordered(pair: tuple[float, float]) -> tuple[float, float]:
    return min(pair), max(pair)


@PROPERTY
@given(
    height=SIDES,
    width=SIDES,
    seed=SEEDS,
    scale=st.tuples(st.floats(1e-3, 1), st.floats(1e-3, 1)).map(ordered),
    ratio=st.tuples(st.floats(0.01, 100), st.floats(0.01, 100)).map(ordered),
)
def test_a_part_is_inside_the_picture_and_as_large_and_long_as_asked_for(
    height: int, width: int, seed: int, scale: tuple[float, float], ratio: tuple[float, float]
) -> None:
    for cut in cuts(RandomCrop(scale, ratio), seed, 3, range(8), (height, width)):
        top, left, rows, columns = cut.box
        assert min(top, left) >= 0
        assert min(rows, columns) >= 1
        assert top + rows <= height
        assert left + columns <= width
        # Rounded sides are at most half a pixel off; but at least one pixel.
        if rows > 1 and columns > 1:
            largest = scale[1] * height * width
            assert (rows - 0.5) * (columns - 0.5) <= largest * (1 + 1e-9)
            assert (columns - 0.5) / (rows + 0.5) <= ratio[1] * (1 + 1e-9)
            assert (columns + 0.5) / (rows - 0.5) >= ratio[0] * (1 - 1e-9)
        if ratio[0] <= width / height <= ratio[1]:  # then some ratio fits, whatever the area
            assert (rows + 0.5) * (columns + 0.5) >= scale[0] * height * width * (1 - 1e-9)


@PROPERTY
@given(seed=SEEDS, epoch=st.integers(0, 1_000), start=st.integers(0, 2**40), at=st.integers(0, 9))
def test_a_part_depends_on_seed_epoch_and_position_alone(
    seed: int, epoch: int, start: int, at: int
) -> None:
    crop = RandomCrop()
    positions = np.arange(start, start + 10)
    whole = cuts(crop, seed, epoch, positions, (600, 800))
    assert cuts(crop, seed, epoch, positions[at:], (600, 800)) == whole[at:]
    assert [one(600, 800) for one in crop.draw(seed, epoch, positions)[at:]] == whole[at:]
    for other_seed, other_epoch, shift in ((seed ^ 1, epoch, 0), (seed, epoch + 1, 0)):
        others = cuts(crop, other_seed, other_epoch, positions + shift, (600, 800))
        assert not set(others) & set(whole)


def uniform_deviation(values: NDArray[np.float64]) -> float:
    """Kolmogorov and Smirnov's distance from the uniform distribution on [0, 1], in 1/sqrt(n)."""
    ordered, steps = np.sort(values), np.arange(len(values) + 1) / len(values)
    apart = max(np.abs(ordered - steps[1:]).max(), np.abs(ordered - steps[:-1]).max())
    return float(apart * math.sqrt(len(values)))


def test_area_ratio_place_and_mirroring_are_drawn_evenly() -> None:
    # A picture that is large enough for rounding not to show, and for every ratio to fit.
    side = 100_000
    crop = RandomCrop(scale=(0.1, 0.6), ratio=(0.5, 2.0))
    found = cuts(crop, 7, 1, range(MANY), (side, side))
    top, left, rows, columns = np.array([cut.box for cut in found], dtype=float).T
    fits = rows * columns / side**2 <= 0.5  # of larger ones not every ratio does
    drawn = {
        "area": (rows * columns / side**2 - 0.1) / 0.5,
        "ratio": (np.log(columns / rows)[fits] + math.log(2)) / (2 * math.log(2)),
        "top": top / (side - rows),
        "left": left / (side - columns),
        "is mirrored": np.array([cut.is_mirrored for cut in found], dtype=float),
    }
    # 1.95: once in a thousand tests of uniform draws.
    deviations = {n: uniform_deviation(v) for n, v in drawn.items() if n != "is mirrored"}
    assert all(deviation < 1.95 for deviation in deviations.values()), deviations
    assert abs(drawn["is mirrored"].mean() - 0.5) * 2 * math.sqrt(MANY) < 3.3
    names = [name for name in drawn if name != "ratio"]
    correlations = np.corrcoef([drawn[name] for name in names]) - np.eye(len(names))
    assert np.abs(correlations).max() * math.sqrt(MANY) < 4
    assert not any(cut.is_mirrored for cut in cuts(RandomCrop(flip=False), 7, 1, range(99), (9, 9)))


def test_the_largest_part_of_the_nearest_ratio_is_taken_of_a_long_picture() -> None:
    crop = RandomCrop(scale=(0.9, 1))
    for position, cut in enumerate(cuts(crop, 0, 0, range(20), (100, 1_000))):
        assert cut.box[2:] == (100, 133), position
    assert {cut.box[2:] for cut in cuts(crop, 0, 0, range(20), (1_000, 100))} == {(133, 100)}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"scale": (0, 1)}, r"RandomCrop: scale=\(0.0, 1.0\): expected .*> 0 and <= 1"),
        ({"scale": (0.5, 1.5)}, r"scale=\(0.5, 1.5\): expected .*<= 1"),
        ({"scale": (0.5, 0.1)}, "expected the smaller number first"),
        ({"scale": (0.5, math.nan)}, "expected a finite number"),
        ({"ratio": 1}, "RandomCrop: ratio=1: expected 2 numbers"),
        ({"ratio": (1, "2")}, "expected 2 numbers"),
        ({"ratio": (0.001, 1)}, ">= 0.01 and <= 100"),
        ({"flip": 1}, "flip=1: expected True or False"),
    ],
)
def test_a_value_outside_its_range_is_one_line(settings: Any, message: str) -> None:
    with pytest.raises(SpoonfulError, match=message) as caught:
        RandomCrop(**settings)
    assert "\n" not in str(caught.value)
