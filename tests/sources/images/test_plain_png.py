import io
import struct
import zlib
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from PIL import Image

from spoonful.sources.images.plain_png import PlainPng

# The same examples on every run, whatever the machine is busy with.
PROPERTY = settings(deadline=None, derandomize=True, max_examples=200)
# A picture of one column has no pixels to the left.
IMAGE_SHAPES = st.tuples(st.integers(1, 20), st.integers(2, 20), st.sampled_from([1, 3]))
NOISE = np.random.default_rng(0).integers(0, 256, (9, 7, 3), np.uint8)


def by_opencv(image: NDArray[np.uint8]) -> bytes:
    """Encode as this project does, RGB."""
    return cv2.imencode(".png", image[..., ::-1])[1].tobytes()


def by_pillow(image: NDArray[Any], mode: str | None = None, **options: Any) -> bytes:
    file = io.BytesIO()
    picture = Image.fromarray(image)
    (picture.convert(mode) if mode else picture).save(file, "png", **options)
    return file.getvalue()


def by_hand(image: NDArray[np.uint8], filters: bytes, *more: bytes, interlace: int = 0) -> bytes:
    """Encode RGB with the named filter in each row; only 0 (none) and 1 (Sub) are correct."""
    height, width, _ = image.shape
    differences = np.diff(image, axis=1, prepend=np.uint8(0))
    rows = b"".join(
        bytes([kind]) + (differences if kind == 1 else image)[row].tobytes()
        for row, kind in enumerate(filters)
    )
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, interlace)
    pixels = zlib.compress(rows)
    chunks = [b"IHDR" + header, *more, b"IDAT" + pixels, b"IEND"]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
        for chunk in chunks
    )


def decoded(plain: PlainPng, files: list[bytes], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    rows = [plain.rows(file) for file in files]
    pixels = np.full((len(files), *shape), 99, np.uint8)
    plain.pixels([row for row in rows if row is not None], pixels)
    return pixels


@PROPERTY
@given(IMAGE_SHAPES.flatmap(lambda shape: arrays.arrays(np.uint8, (3, *shape))))
def test_what_this_project_writes_is_decoded_exactly(images: NDArray[np.uint8]) -> None:
    height, width, channels = images.shape[1:]
    files = [by_opencv(image) for image in images]
    pixels = decoded(PlainPng((height, width, channels)), files, images.shape[1:])
    assert np.array_equal(pixels, images)


def test_a_plain_file_made_by_hand_is_decoded() -> None:
    file = by_hand(NOISE, filters=bytes([1] * 9))
    assert np.array_equal(decoded(PlainPng((9, 7, 3)), [file], (9, 7, 3))[0], NOISE)


@pytest.mark.parametrize(
    "file",
    [
        by_hand(NOISE, filters=bytes([0] * 9)),
        by_hand(NOISE, filters=bytes([1] * 8 + [0])),
        by_hand(NOISE, bytes([1] * 9), b"tEXtTitle\0noise"),
        by_hand(NOISE, bytes([1] * 9), b"eXIfMM\0*"),
        by_hand(NOISE, bytes([1] * 9), b"gAMA" + struct.pack(">I", 99999)),
        by_hand(NOISE, bytes([1] * 9), b"IDAT"),
        by_hand(NOISE, bytes([1] * 9), interlace=1),
        by_hand(NOISE[:8], bytes([1] * 8)),
        by_hand(NOISE[:, :6], bytes([1] * 9)),
        by_opencv(NOISE[..., :1]),
        by_pillow(NOISE),
        by_pillow(NOISE, "RGBA"),
        by_pillow(NOISE, "P"),
        by_pillow(NOISE, "1"),
        by_pillow(NOISE[..., 0].astype(np.uint16) * 257),
        cv2.imencode(".jpg", NOISE)[1].tobytes(),
        b"",
    ],
)
def test_other_files_are_left_to_pillow(file: bytes) -> None:
    assert PlainPng((9, 7, 3)).rows(file) is None


def test_a_large_picture_is_left_to_pillow() -> None:
    large = np.zeros((128, 129, 1), np.uint8)
    assert PlainPng((128, 129, 1)).rows(by_opencv(large)) is None


PLAIN = by_opencv(NOISE)


@PROPERTY
@given(st.integers(0, len(PLAIN) - 1), st.integers(1, 255))
def test_a_file_with_any_byte_changed_is_not_plain(place: int, change: int) -> None:
    broken = bytearray(PLAIN)
    broken[place] ^= change
    assert PlainPng((9, 7, 3)).rows(bytes(broken)) is None


def test_a_file_cut_off_anywhere_is_not_plain() -> None:
    plain = PlainPng((9, 7, 3))
    assert not [end for end in range(len(PLAIN)) if plain.rows(PLAIN[:end]) is not None]
    assert plain.rows(PLAIN + b"\0") is None


@pytest.mark.parametrize("rows", [bytes(9 * 22 - 1), bytes(9 * 22 + 1), b"\1" * 22 * 8])
def test_too_few_and_too_many_pixels_are_not_plain(rows: bytes) -> None:
    place = PLAIN.index(b"IDAT")
    for packed in (zlib.compress(rows), zlib.compress(bytes([1] * 22 * 9))[:-1] + b"\0"):
        chunk = b"IDAT" + packed
        length, check = struct.pack(">I", len(packed)), struct.pack(">I", zlib.crc32(chunk))
        assert (
            PlainPng((9, 7, 3)).rows(PLAIN[: place - 4] + length + chunk + check + PLAIN[-12:])
            is None
        )
