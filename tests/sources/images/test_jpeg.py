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

from spoonful.errors import SpoonfulError
from spoonful.sources.images.decode import decode_bytes
from spoonful.sources.images.jpeg import decode_jpeg
from spoonful.sources.images.limits import MAX_PIXELS
from spoonful.sources.images.resize import RESIZES, boxes
from spoonful.sources.images.scale import part, scale

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
    decode_jpeg(encoded, pixels, resize, MAX_PIXELS)
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


def reason(encoded: bytes) -> str:
    """What the reader says of a file that it refuses, at full size and reduced."""
    reasons = set()
    for size in ((427, 640), (60, 60)):
        with pytest.raises(SpoonfulError) as caught:
            decode_bytes(encoded, "a.jpg", np.zeros((*size, 3), np.uint8))
        reasons.add(str(caught.value))
    (found,) = reasons
    assert found.startswith("a.jpg: ")
    return found


@pytest.mark.parametrize(
    ("encoded", "words"),
    [
        (PHOTOS[0][:-2], "Premature end"),
        (PHOTOS[0][:20_000], "Premature end"),
        (PHOTOS[0][:30], "segments are not in order"),
        (PHOTOS[0][:20_000] + b"\xff\xd9", "premature end of data"),
        (damaged_header(height=65500), "65500x65500 = 4,290,250,000 pixels, more than"),
        (b"\xff\xd8\xff", "segments are not in order"),
    ],
)
def test_damaged_files_are_refused(encoded: bytes, words: str) -> None:
    assert words in reason(encoded)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 2}])
@pytest.mark.parametrize("filler", [b"\0", b"\xff", b"\x5a", None])
@pytest.mark.parametrize("length", [512, 4096])
def test_a_hole_in_the_coded_data_is_refused(
    options: dict[str, Any], filler: bytes | None, length: int
) -> None:
    whole = written(by_opencv(PHOTOS[0]), quality=92, **options)
    num_refused = num_taken = 0
    for place in range(len(whole) // 4, len(whole) - length - 2, len(whole) // 6):
        rng = np.random.default_rng(place)
        hole = rng.bytes(length) if filler is None else filler * length
        damaged = whole[:place] + hole + whole[place + length :]
        try:
            DECODE(damaged)
        except ValueError:
            assert "damaged JPEG" in reason(damaged)
            num_refused += 1
        else:  # the codes fell into step again, to the very number of blocks: nobody can tell
            num_taken += 1
    assert num_refused >= num_taken
    assert length == 512 or not num_taken


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 2}])
def test_bytes_that_belong_to_nothing_cost_nothing(options: dict[str, Any]) -> None:
    whole = written(by_opencv(PHOTOS[0]), **options)
    base = decoded(whole, (427, 640, 3))
    tables, end = whole.index(b"\xff\xdb"), len(whole) - 2
    for place, stray in (
        (tables, bytes(40)),
        (tables, bytes(range(200))),
        (end, bytes(9)),
        (end, b"\x07" * 300),
        (len(whole), b"anything"),
        (len(whole), whole),
    ):
        assert np.array_equal(decoded(whole[:place] + stray + whole[place:], base.shape), base)
    for revision in (b"\0\0", b"\3\1"):
        odd = whole.replace(b"JFIF\0\1\1", b"JFIF\0" + revision)
        assert odd != whole
        assert np.array_equal(decoded(odd, base.shape), base)


@pytest.mark.parametrize("stray", [b"", b"\xff" * 20, bytes(20)])
def test_a_marker_that_no_file_has_is_refused_as_pillow_does(stray: bytes) -> None:
    whole = PHOTOS[0]
    tables = whole.index(b"\xff\xdb")
    odd = whole[:tables] + stray + b"\xff\x01" + whole[tables:]
    with pytest.raises(OSError, match="cannot identify"):
        Image.open(io.BytesIO(odd))
    assert "JPEG" in reason(odd)


def test_what_is_left_over_behind_a_scan_is_refused() -> None:
    whole = PHOTOS[0]
    assert "extraneous bytes" in reason(whole[:-2] + bytes(range(30)) + whole[-2:])


@pytest.mark.parametrize("quality", [60, 99])
def test_a_tail_of_zeros_is_refused_where_coded_data_stood(quality: int) -> None:
    whole = written(by_opencv(PHOTOS[0])[:64, :96], quality=quality)
    base = decoded(whole, (64, 96, 3))
    for length in range(8, len(whole) - 700, 37):
        pixels = np.zeros_like(base)
        with pytest.raises(SpoonfulError, match="damaged JPEG"):
            decode_bytes(whole[: -2 - length] + bytes(length) + whole[-2:], "a.jpg", pixels)


def test_a_lost_huffman_table_is_not_replaced_by_libjpegs_own() -> None:
    whole = written(by_opencv(PHOTOS[0]))
    begin = whole.index(b"\xff\xc4")
    end = begin + 2 + int.from_bytes(whole[begin + 2 : begin + 4], "big")
    assert "damaged JPEG" in reason(whole[:begin] + bytes(end - begin) + whole[end:])


@pytest.mark.parametrize("channels", [1, 3])
def test_cmyk_is_what_pillow_makes_of_it(channels: int) -> None:
    encoded = written(by_opencv(PHOTOS[0]), mode="CMYK", quality=95)
    plain = np.asarray(Image.open(io.BytesIO(encoded)).convert("L" if channels == 1 else "RGB"))
    found = decoded(encoded, (427, 640, channels))
    np.testing.assert_allclose(found.reshape(plain.shape).astype(int), plain.astype(int), atol=2)
    middle = len(encoded) // 2
    assert "damaged JPEG" in reason(encoded[:middle] + bytes(512) + encoded[middle + 512 :])


def test_twelve_bits_and_lossless_are_called_so() -> None:
    place = PHOTOS[0].index(b"\xff\xc0")
    twelve = PHOTOS[0][: place + 4] + b"\x0c" + PHOTOS[0][place + 5 :]
    assert "12 bits a colour, expected 8" in reason(twelve)
    lossless = PHOTOS[0][: place + 1] + b"\xc3" + PHOTOS[0][place + 2 :]
    assert "lossless" in reason(lossless)


def test_damaged_exif_data_turn_nothing() -> None:
    base = decoded(PHOTOS[0], (427, 640, 3))
    assert np.array_equal(decoded(turned(PHOTOS[0], 9), base.shape), base)
