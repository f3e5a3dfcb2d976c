import io
import struct
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from spoonful.sources.images.exif import is_turned, orientation, stored_box, turn_upright
from spoonful.sources.images.resize import Box

# The same examples on every run, whatever the machine is busy with.
PROPERTY = settings(deadline=None, derandomize=True, max_examples=300)
JPEG = cv2.imencode(".jpg", np.zeros((8, 16, 3), np.uint8))[1].tobytes()
ORIENTATIONS = range(1, 9)
ORDERS = {"II": "<", "MM": ">"}
Entry = tuple[int, int, int, bytes]  # tag, type, count, four bytes of value


def segment(content: bytes, marker: int = 0xE1) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content


def with_segments(*segments: bytes) -> bytes:
    return JPEG[:2] + b"".join(segments) + JPEG[2:]


def exif(order: str, entries: list[Entry], start: int = 8) -> bytes:
    end = ORDERS[order]
    body = b"".join(struct.pack(f"{end}HHI", *entry[:3]) + entry[3] for entry in entries)
    directory = struct.pack(f"{end}H", len(entries)) + body + struct.pack(f"{end}I", 0)
    head = order.encode() + struct.pack(f"{end}HI", 42, start)
    return b"Exif\0\0" + head.ljust(start, b"?") + directory


def entry(order: str, value: int, kind: int = 3, count: int = 1) -> Entry:
    packed = struct.pack(ORDERS[order] + ("HH" if kind == 3 else "I"), *[value, 0][: 5 - kind])
    return 0x0112, kind, count, packed


OTHER = st.tuples(
    st.integers(0, 0xFFFF).filter(lambda tag: tag != 0x0112),
    st.integers(0, 0xFFFF),
    st.integers(0, 0xFFFFFFFF),
    st.binary(min_size=4, max_size=4),
)


@PROPERTY
@given(
    st.sampled_from(ORIENTATIONS),
    st.sampled_from(list(ORDERS)),
    st.lists(OTHER, max_size=9),
    st.lists(OTHER, max_size=9),
    st.integers(8, 40),
)
def test_the_tag_is_found_among_others(
    value: int, order: str, before: list[Entry], after: list[Entry], start: int
) -> None:
    content = exif(order, [*before, entry(order, value), *after], start)
    assert orientation(with_segments(segment(content))) == value
    assert orientation(with_segments(segment(exif(order, before + after, start)))) == 1


@PROPERTY
@given(
    st.sampled_from(ORIENTATIONS),
    st.text(st.characters(codec="ascii", exclude_characters="\0"), max_size=60),
    st.booleans(),
    st.integers(0, 2**31),
)
def test_what_pillow_writes_is_read(value: int, text: str, progressive: bool, dpi: int) -> None:
    tags = Image.Exif()
    tags[0x010E], tags[0x0131], tags[0x0112] = text, "spoonful", value
    tags.get_ifd(0x8769)[0x829A] = dpi
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "jpeg", exif=tags, progressive=progressive)
    assert orientation(file.getvalue()) == value


XMP = segment(b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta/>")
TURNED = segment(exif("MM", [entry("MM", 6)]))


@pytest.mark.parametrize(
    "jpeg",
    [
        with_segments(XMP, TURNED),
        with_segments(TURNED, XMP),
        with_segments(TURNED, segment(exif("MM", [entry("MM", 3)]))),
        with_segments(segment(b"JFIF\0", 0xE0), b"\xff\xff\xff", TURNED),
        JPEG[: JPEG.index(b"\xff\xda")] + TURNED + JPEG[JPEG.index(b"\xff\xda") :],
    ],
)
def test_it_is_found_where_opencv_finds_it(jpeg: bytes) -> None:
    assert orientation(jpeg) == 6
    image = np.asarray(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR))
    assert image.shape == (16, 8, 3)


def test_without_it_a_picture_is_upright() -> None:
    assert orientation(JPEG) == 1
    assert orientation(with_segments(XMP)) == 1
    assert orientation(JPEG[:-2] + TURNED + JPEG[-2:]) == 1  # after the pixels: too late


@pytest.mark.parametrize(
    "content",
    [
        exif("MM", [entry("MM", 0)]),
        exif("II", [entry("II", 9)]),
        exif("MM", [(0x0112, 2, 1, b"6\0\0\0")]),
        exif("II", [entry("II", 6, count=2)]),
        exif("MM", [entry("MM", 6)])[:-12],
        exif("MM", [entry("MM", 6)])[:9],
        exif("MM", [entry("MM", 6)]).replace(b"MM\0*", b"MM*\0"),
        b"Exif\0\0" + b"MM\0*" + struct.pack(">I", 0xFFFFFFF0),
        b"Exif\0\0",
    ],
)
def test_unusual_and_broken_tags_turn_nothing(content: bytes) -> None:
    assert orientation(with_segments(segment(content))) == 1


@PROPERTY
@given(st.binary(max_size=200), st.integers(0, len(TURNED)), st.binary(max_size=3))
def test_broken_bytes_never_raise(noise: bytes, place: int, change: bytes) -> None:
    broken = TURNED[:place] + change + TURNED[place + len(change) :]
    for jpeg in (noise, b"\xff\xd8" + noise, with_segments(broken), with_segments(TURNED)[:place]):
        assert orientation(jpeg) in (None, *ORIENTATIONS)


UPRIGHT: dict[int, Any] = {
    1: lambda stored: stored,
    2: np.fliplr,
    3: lambda stored: np.rot90(stored, 2),
    4: np.flipud,
    5: lambda stored: np.swapaxes(stored, 0, 1),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: np.rot90(np.swapaxes(stored, 0, 1), 2),
    8: lambda stored: np.rot90(stored, 1),
}


@pytest.mark.parametrize("value", ORIENTATIONS)
@pytest.mark.parametrize("channels", [(), (3,)])
def test_a_box_of_the_upright_picture_comes_from_its_place_in_the_stored_one(
    value: int, channels: tuple[int, ...]
) -> None:
    stored = np.arange(np.prod((5, 7, *channels)), dtype=np.uint8).reshape(5, 7, *channels)
    expected = UPRIGHT[value](stored)
    height, width = expected.shape[:2]
    assert (height == 7) == is_turned(value)
    for box in (Box(0, 0, height, width), Box(1, 2, 3, 2), Box(0, 3, 1, 2)):
        top, left, rows, columns = stored_box(box, height, width, value)
        upright: NDArray[np.uint8] = np.zeros((box.height, box.width, *channels), np.uint8)
        turn_upright(stored[top : top + rows, left : left + columns], value, upright)
        shown = expected[box.top : box.top + box.height, box.left : box.left + box.width]
        assert np.array_equal(upright, shown)
