"""Parts of pictures, decoded from real files, against the same parts of whole pictures."""

import io
from importlib.resources import files

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from spoonful.errors import SpoonfulError
from spoonful.sources.images.cut import Cut
from spoonful.sources.images.decode import decode_bytes
from spoonful.sources.images.placing import cut
from spoonful.sources.images.resize import Box
from tests.sources.images.test_jpeg import difference, turned

PROPERTY = settings(deadline=None, derandomize=True, max_examples=150)
# A photograph of 427x640 that scikit-learn carries.
PHOTO = (files("sklearn.datasets.images") / "china.jpg").read_bytes()


# Without its details, a shift by half a pixel changes it little, one of two pixels much.
BLURRED = cv2.GaussianBlur(np.asarray(Image.open(io.BytesIO(PHOTO))), (0, 0), 25)


def encoded(picture: NDArray[np.uint8], kind: str = "png") -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, kind, quality=95)
    return file.getvalue()


def whole(data: bytes, height: int, width: int) -> NDArray[np.uint8]:
    pixels = np.empty((height, width, 3), np.uint8)
    decode_bytes(data, "whole", pixels)
    return pixels


def part_of(data: bytes, shown: Cut, size: tuple[int, int]) -> NDArray[np.uint8]:
    pixels = np.full((*size, 3), 77, np.uint8)
    decode_bytes(data, "part", pixels, "fit", crop=lambda height, width: shown)
    return pixels


def part_of_pixels(
    picture: NDArray[np.uint8], shown: Cut, size: tuple[int, int]
) -> NDArray[np.uint8]:
    pixels = np.empty((*size, picture.shape[2]), np.uint8)
    cut(picture, lambda height, width: shown, pixels)
    return pixels


@pytest.mark.parametrize("is_mirrored", [False, True])
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_a_part_is_that_of_the_whole_upright_picture(
    kind: str, orientation: int, is_mirrored: bool
) -> None:
    data = PHOTO if kind == "jpeg" else encoded(whole(PHOTO, 427, 640)[:200, :300])
    height, width = (427, 640) if kind == "jpeg" else (200, 300)
    if kind == "jpeg":
        data = turned(PHOTO, orientation)
        if orientation >= 5:
            height, width = width, height
    shown = Cut(Box(31, 12, 150, 170), is_mirrored)
    picture = whole(data, height, width)
    # Not at half size, and at the file's own size: to the bit.
    expected = np.empty((150, 170, 3), np.uint8)
    expected[...] = picture[31:181, 12:182]
    found = part_of(data, shown, (150, 170))
    assert np.array_equal(found, expected[:, ::-1] if is_mirrored else expected)
    smaller = part_of(data, shown, (100, 140))
    mean, _ = difference(smaller, part_of_pixels(picture, shown, (100, 140)))
    assert mean < 0.6  # linear steps in another direction, rounded otherwise


@PROPERTY
@given(data=st.data(), reduction=st.sampled_from([1, 2, 4, 8]), orientation=st.integers(1, 8))
def test_any_part_that_is_decoded_smaller_is_nearly_that_of_the_whole(
    data: st.DataObject, reduction: int, orientation: int
) -> None:
    height, width = (640, 427) if orientation >= 5 else (427, 640)
    rows = data.draw(st.integers(reduction * 24, height))
    columns = data.draw(st.integers(reduction * 24, width))
    top = data.draw(st.integers(0, height - rows))
    left = data.draw(st.integers(0, width - columns))
    shown = Cut(Box(top, left, rows, columns), data.draw(st.booleans()))
    size = (rows // reduction, columns // reduction)
    photo = turned(encoded(BLURRED, "jpeg"), orientation)
    found = part_of(photo, shown, size)
    mean, _ = difference(found, part_of_pixels(whole(photo, height, width), shown, size))
    assert mean < 0.75 * reduction  # half a pixel that is decoded


def test_a_part_of_a_large_photograph_is_decoded_small() -> None:
    """Half the sides are decoded where that has the pixels: other pixels, but close ones."""
    shown = Cut(Box(20, 40, 400, 560), False)
    found = part_of(PHOTO, shown, (100, 140))
    at_full_size = part_of_pixels(whole(PHOTO, 427, 640), shown, (100, 140))
    assert not np.array_equal(found, at_full_size)
    assert difference(found, at_full_size)[1] > 35


@pytest.mark.parametrize(
    "box", [Box(-1, 0, 5, 5), Box(0, 0, 428, 5), Box(3, 636, 5, 5), Box(4, 4, 0, 5)]
)
def test_a_part_outside_the_picture_is_an_error(box: Box) -> None:
    with pytest.raises(SpoonfulError, match=r"427x640 px returned Box.*inside the picture"):
        part_of(PHOTO, Cut(box, False), (8, 8))


def test_a_damaged_file_is_refused_as_ever() -> None:
    with pytest.raises(SpoonfulError, match="part: a damaged JPEG"):
        part_of(PHOTO[:-2000], Cut(Box(0, 0, 50, 50), False), (8, 8))
