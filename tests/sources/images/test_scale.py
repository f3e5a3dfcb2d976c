from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from spoonful.sources.images.scale import scale

# The same examples on every run, whatever the machine is busy with.
PROPERTY = settings(deadline=None, derandomize=True, max_examples=200)
SIDES = st.tuples(*[st.integers(1, 300)] * 4)


def scaled(image: NDArray[Any], rows: int, columns: int, *size: float) -> NDArray[np.uint8]:
    pixels = np.full((rows, columns, *image.shape[2:]), 99, np.uint8)
    scale(image.astype(np.uint8), pixels, *(size or image.shape[:2]))
    return pixels


def ramp(height: float, width: float, rows: int, columns: int) -> NDArray[np.float64]:
    """What a picture that brightens to the bottom right looks like in pixels [rows, columns].

    It covers height of rows and width of columns; what is past them goes on brightening.
    """
    down = (np.arange(rows) + 0.5) / height
    right = (np.arange(columns) + 0.5) / width
    return 120 * down[:, None] + 120 * right


def test_the_same_size_is_the_same_picture() -> None:
    image = np.random.default_rng(0).integers(0, 256, (7, 5, 3), np.uint8)
    assert np.array_equal(scaled(image, 7, 5), image)


@pytest.mark.parametrize("times", [2, 4, 8])
def test_shrinking_by_a_power_of_two_averages(times: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (12 * times, 10 * times, 3))
    mean = image.reshape(12, times, 10, times, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(scaled(image, 12, 10), mean, atol=0.51 * np.log2(times))


def test_growing_interpolates_and_stays_within_the_colours() -> None:
    row = scaled(np.array([[10, 200]]), 1, 8)[0].astype(int)
    assert (row[0], row[-1]) == (10, 200)
    assert np.all(np.diff(row) >= 0)
    assert len(np.unique(row)) >= 5


@PROPERTY
@given(SIDES, st.sampled_from([(), (3,)]), st.integers(0, 255))
def test_one_colour_stays_that_colour_at_any_size(
    sides: tuple[int, int, int, int], channels: tuple[int, ...], value: int
) -> None:
    height, width, rows, columns = sides
    image = np.full((height, width, *channels), value, np.uint8)
    assert np.all(scaled(image, rows, columns) == value)


@PROPERTY
@given(SIDES)
def test_everything_stays_in_its_place_at_any_size(sides: tuple[int, int, int, int]) -> None:
    height, width, rows, columns = sides
    pixels = scaled(ramp(height, width, height, width), rows, columns)
    tolerance = 2.5 + 60 / min(height, rows) + 60 / min(width, columns)  # half a pixel at the edges
    difference = np.abs(pixels - ramp(rows, columns, rows, columns))
    assert difference.max() <= tolerance


@PROPERTY
@given(st.integers(30, 300), st.integers(30, 300), st.sampled_from([2, 4, 8]), st.data())
def test_a_picture_that_ends_between_two_pixels_is_not_stretched(
    rows: int, columns: int, reduction: int, data: st.DataObject
) -> None:
    height = data.draw(st.integers(rows * reduction, 3 * rows * reduction)) / reduction
    width = data.draw(st.integers(columns * reduction, 3 * columns * reduction)) / reduction
    # As libjpeg reduces: a last pixel stands for what is left.
    image = ramp(height, width, int(np.ceil(height)), int(np.ceil(width)))
    difference = scaled(image, rows, columns, height, width) - ramp(rows, columns, rows, columns)
    assert np.abs(difference[2:-2, 2:-2]).max() <= 1.5 + 120 / rows * 0.75 + 120 / columns * 0.75


@pytest.mark.parametrize("times", [2.7, 2.8, 3, 3.9, 4.8, 6, 9.7])
@pytest.mark.parametrize("axis", [0, 1])
def test_a_side_that_shrinks_more_than_the_other_skips_no_pixel(times: float, axis: int) -> None:
    noise = np.random.default_rng(0).integers(0, 256, round(400 * times), np.uint8)
    image = np.ascontiguousarray(np.moveaxis(np.repeat(noise[:, None], 50, axis=1), 0, axis))
    rows, columns = (400, 40) if axis == 0 else (40, 400)
    # Noise that is averaged fades; skipped pixels leave it as it is.
    average = cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA).std()
    assert scaled(image, rows, columns).std() <= 1.36 * average
    assert cv2.resize(image, (columns, rows), interpolation=cv2.INTER_LINEAR).std() > 1.38 * average


@pytest.mark.parametrize("channels", [(), (3,)])
def test_a_part_of_a_larger_array_is_filled_and_nothing_else(channels: tuple[int, ...]) -> None:
    image = np.random.default_rng(0).integers(0, 256, (50, 90, *channels), np.uint8)
    for rows, columns in ((50, 90), (20, 30), (20, 80), (40, 30), (100, 100), (5, 7), (2, 90)):
        whole = np.full((120, 130, *channels), 99, np.uint8)
        scale(image, whole[9 : 9 + rows, 8 : 8 + columns], 50, 90)
        assert np.array_equal(whole[9 : 9 + rows, 8 : 8 + columns], scaled(image, rows, columns))
        whole[9 : 9 + rows, 8 : 8 + columns] = 99
        assert np.all(whole == 99)
