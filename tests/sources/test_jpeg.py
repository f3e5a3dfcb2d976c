import io
import struct
from importlib.resources import files
from typing import Any

import cv2
import numpy as np
import pytest
import simplejpeg
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from spoonful.sources.jpeg import decode_jpeg
from spoonful.sources.resize import RESIZES, boxes
from spoonful.sources.scale import part, scale

# The same examples on every run, whatever the machine is busy with.
PROPERTY = settings(deadline=None, derandomize=True, max_examples=60)
# Two photographs of 427x640 that scikit-learn carries.
PHOTOS = [
    (files("sklearn.datasets.images") / name).read_bytes() for name in ("china.jpg", "flower.jpg")
]
DECODE = simplejpeg.decode_jpeg
SIZES = [(224, 224), (160, 160), (213, 320), (100, 150), (53, 80), (32, 32), (427, 200), (600, 900)]


def turned(encoded: bytes, orientation: int) -> bytes:
    tag = struct.pack(">HHIHH", 0x0112, 3, 1, orientation, 0)
    exif = b"Exif\0\0MM\0*" + struct.pack(">IH", 8, 1) + tag + struct.pack(">I", 0)
    return encoded[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + encoded[2:]


def written(picture: NDArray[np.uint8], mode: str = "RGB", **options: Any) -> bytes:
    file = io.BytesIO()
    image = Image.fromarray(picture)
    (image if mode == "RGB" else image.convert(mode)).save(file, "jpeg", **options)
    return file.getvalue()


def decoded(encoded: bytes, shape: tuple[int, ...], resize: str = "stretch") -> NDArray[np.uint8]:
    pixels = np.zeros(shape, np.uint8)
    assert decode_jpeg(encoded, pixels, resize)
    return pixels


def by_opencv(encoded: bytes, channels: int = 3) -> NDArray[np.uint8]:
    flag = cv2.IMREAD_COLOR_RGB if channels == 3 else cv2.IMREAD_GRAYSCALE
    image = np.asarray(cv2.imdecode(np.frombuffer(encoded, np.uint8), flag))
    return image.reshape(*image.shape[:2], channels)


def placed(
    image: NDArray[np.uint8], rows: int, columns: int, resize: str, method: int | None = None
) -> NDArray[np.uint8]:
    """Resize a whole picture plainly; by OpenCV's method, where one is given."""
    pixels = np.zeros((rows, columns, image.shape[2]), np.uint8)
    source, target = boxes(resize, image.shape[0], image.shape[1], rows, columns)
    if method is None:
        scale(part(image, source), part(pixels, target), source.height, source.width)
    else:
        size = (target.width, target.height)
        resized = cv2.resize(part(image, source), size, interpolation=method)
        part(pixels, target)[...] = resized.reshape(*part(pixels, target).shape)
    return pixels


def difference(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> tuple[float, float]:
    """The mean absolute difference and the peak signal-to-noise ratio in dB."""
    apart = one.astype(float) - other.astype(float)
    return float(np.abs(apart).mean()), float(10 * np.log10(255**2 / max((apart**2).mean(), 1e-9)))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(427, 640), (300, 640), (427, 600), (854, 1280)])
def test_at_full_size_pixels_are_opencvs(size: tuple[int, int], channels: int) -> None:
    for encoded in PHOTOS:
        plain = placed(by_opencv(encoded, channels), *size, "stretch")
        assert np.array_equal(decoded(encoded, (*size, channels)), plain)


@pytest.mark.parametrize("resize", RESIZES)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", [1, 3])
def test_a_smaller_decode_shows_the_same_picture(
    size: tuple[int, int], resize: str, channels: int
) -> None:
    for encoded in PHOTOS:
        pixels = decoded(encoded, (*size, channels), resize)
        whole = by_opencv(encoded, channels)
        # "crop" cuts between whole pixels of what is decoded: up to half of one beside.
        mean, peak = difference(pixels, placed(whole, *size, resize))
        assert mean < (3 if resize == "crop" else 0.6)
        assert peak > (33 if resize == "crop" else 45)
        area = placed(whole, *size, resize, cv2.INTER_AREA if size[0] < 427 else cv2.INTER_LINEAR)
        mean, peak = difference(pixels, area)
        assert mean < 7 if size == (427, 200) else 4.5
        assert peak > 26 if size == (427, 200) else 29


@PROPERTY
@given(
    st.tuples(st.integers(1, 500), st.integers(1, 700)),
    st.sampled_from(RESIZES),
    st.integers(1, 8),
)
def test_as_little_is_decoded_as_covers_the_target(
    size: tuple[int, int], resize: str, orientation: int
) -> None:
    encoded = turned(PHOTOS[0], orientation)
    sizes = []

    def spy(*arguments: Any, **options: Any) -> NDArray[np.uint8]:
        image: NDArray[np.uint8] = DECODE(*arguments, **options)
        sizes.append(image.shape[:2])
        return image

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(simplejpeg, "decode_jpeg", spy)
        decoded(encoded, (*size, 3), resize)
    ((height, width),) = sizes
    if orientation >= 5:
        height, width = width, height
    upright = (640, 427) if orientation >= 5 else (427, 640)
    source, target = boxes(resize, *upright, *size)
    reduction = round(upright[0] / height)
    assert (height, width) == (-(-upright[0] // reduction), -(-upright[1] // reduction))
    covers = min(source.height / target.height, source.width / target.width)
    assert reduction == max(step for step in (1, 2, 4, 8) if step <= max(covers, 1))


@pytest.mark.parametrize("resize", RESIZES)
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("size", [(224, 224), (121, 200), (90, 51)])
def test_orientations_give_the_same_picture_as_opencvs(
    orientation: int, resize: str, size: tuple[int, int]
) -> None:
    encoded = turned(PHOTOS[0], orientation)
    pixels = decoded(encoded, (*size, 3), resize)
    plain = placed(by_opencv(encoded), *size, resize, cv2.INTER_AREA)
    assert difference(pixels, plain)[1] > (25 if resize == "crop" else 29)
    assert np.array_equal(pixels.any((1, 2)), plain.any((1, 2)))  # the padding
    assert np.array_equal(pixels.any((0, 2)), plain.any((0, 2)))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientations_give_opencvs_pixels_where_nothing_is_resized(
    orientation: int, channels: int
) -> None:
    encoded = turned(PHOTOS[1], orientation)
    plain = by_opencv(encoded, channels)
    assert np.array_equal(decoded(encoded, plain.shape), plain)


def test_every_kind_of_jpeg_is_decoded_as_opencv_does() -> None:
    picture = by_opencv(PHOTOS[0])[:101, :203]
    for encoded in (
        written(picture, progressive=True),
        written(picture, subsampling=0),
        written(picture, subsampling=1),
        written(picture, mode="L"),
        written(picture, quality=95, keep_rgb=True),
        written(picture, restart_marker_rows=1),
    ):
        for channels in (1, 3):
            plain = by_opencv(encoded, channels)
            assert np.array_equal(decoded(encoded, plain.shape), plain)


def damaged_header(height: int) -> bytes:
    place = PHOTOS[0].index(b"\xff\xc0") + 5
    return PHOTOS[0][:place] + struct.pack(">HH", height, 65500) + PHOTOS[0][place + 4 :]


@pytest.mark.parametrize(
    "encoded",
    [
        written(by_opencv(PHOTOS[0]), mode="CMYK"),
        PHOTOS[0][:-2],
        PHOTOS[0][:20_000],
        PHOTOS[0][:30],
        PHOTOS[0][:20_000] + b"\xff\xd9",
        PHOTOS[0][:-2] + bytes(9) + PHOTOS[0][-2:],
        turned(PHOTOS[0], 9),
        damaged_header(height=65500),
        b"\xff\xd8\xff",
    ],
)
def test_what_is_unusual_or_damaged_is_left_to_opencv(encoded: bytes) -> None:
    for size in ((427, 640), (60, 60)):
        assert not decode_jpeg(encoded, np.zeros((*size, 3), np.uint8), "stretch")
