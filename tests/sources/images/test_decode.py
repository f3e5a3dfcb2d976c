import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from spoonful.errors import SpoonfulError
from spoonful.sources.images.decode import decode_image, read_bytes
from spoonful.sources.images.names import is_image_name

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
CORNERS = np.array([[RED, GREEN], [BLUE, WHITE]], np.uint8)
FORMATS = ("png", "jpg", "jpeg", "bmp", "webp", "tif", "tiff", "JPG", "gif", "jp2", "ppm")


def png(pixels: NDArray[np.integer], colour_type: int) -> bytes:
    """Encode [h, w, c] as PNG by the book (RFC 2083), without the decoder under test."""
    height, width = pixels.shape[:2]
    depth = 8 * pixels.dtype.itemsize
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    rows = pixels.astype(pixels.dtype.newbyteorder(">")).reshape(height, -1)
    data = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    chunks = [(b"IHDR", header), (b"IDAT", data), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


def encode(pixels: NDArray[np.uint8], suffix: str) -> bytes:
    lossless = [cv2.IMWRITE_WEBP_QUALITY, 101] if suffix == "webp" else []
    return bytes(cv2.imencode(f".{suffix}", pixels[..., ::-1], lossless)[1])


def decode(
    path: Path, height: int, width: int, channels: int = 3, resize: str = "stretch"
) -> NDArray[np.uint8]:
    pixels = np.full((height, width, channels), 99, np.uint8)
    decode_image(path, pixels, resize)
    return pixels


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "image.png"


def test_colour_comes_as_rgb(file: Path) -> None:
    file.write_bytes(png(CORNERS, colour_type=2))
    assert np.array_equal(decode(file, 2, 2), CORNERS)


def test_grey_weighs_the_colours(file: Path) -> None:
    file.write_bytes(png(CORNERS, colour_type=2))
    grey = decode(file, 2, 2, channels=1)
    np.testing.assert_allclose(grey[..., 0], [[76, 150], [29, 255]], atol=1)


def test_a_grey_file_gives_three_equal_channels(file: Path) -> None:
    grey = np.arange(6, dtype=np.uint8).reshape(2, 3, 1)
    file.write_bytes(png(grey, colour_type=0))
    assert np.array_equal(decode(file, 2, 3), np.repeat(grey, 3, axis=-1))
    assert np.array_equal(decode(file, 2, 3, channels=1), grey)


def test_sixteen_bits_become_eight(file: Path) -> None:
    values = np.array([0, 255, 256, 0x7FFF, 0x8000, 0xFFFF], np.uint16).reshape(2, 3, 1)
    file.write_bytes(png(values, colour_type=0))
    expected = np.array([[0, 1, 1], [127, 128, 255]])
    np.testing.assert_allclose(decode(file, 2, 3, channels=1)[..., 0], expected, atol=1)
    colour = np.repeat(values, 3, axis=-1)
    file.write_bytes(png(colour, colour_type=2))
    np.testing.assert_allclose(decode(file, 2, 3)[..., 1], expected, atol=1)


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format_is_read_in_rgb(tmp_path: Path, suffix: str) -> None:
    picture = np.kron(CORNERS, np.ones((16, 24, 1), np.uint8))
    file = tmp_path / f"image.{suffix}"
    file.write_bytes(encode(picture, suffix.lower()))
    assert is_image_name(file.name)
    decoded = decode(file, 32, 48)
    # In the middle of each quarter, where JPEG leaves the colour nearly as it was.
    np.testing.assert_allclose(decoded[8::16, 12::24].astype(int), CORNERS.astype(int), atol=6)


ORIENTED = {
    1: lambda upright: upright,
    2: np.fliplr,
    3: lambda upright: np.rot90(upright, 2),
    4: np.flipud,
    5: lambda upright: np.swapaxes(upright, 0, 1),
    6: lambda upright: np.rot90(upright, 1),
    7: lambda upright: np.rot90(np.swapaxes(upright, 0, 1), 2),
    8: lambda upright: np.rot90(upright, -1),
}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("orientation", ORIENTED)
def test_exif_orientation_is_applied(tmp_path: Path, orientation: int, channels: int) -> None:
    upright = np.kron(CORNERS, np.ones((16, 24, 1), np.uint8))
    stored = np.ascontiguousarray(ORIENTED[orientation](upright))
    tag = struct.pack(">HHIHH", 0x0112, 3, 1, orientation, 0)  # Orientation, one SHORT
    exif = b"Exif\0\0" + b"MM\0*" + struct.pack(">IH", 8, 1) + tag + struct.pack(">I", 0)
    jpeg = encode(stored, "jpg")
    file = tmp_path / "image.jpg"
    file.write_bytes(jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:])
    decoded = decode(file, 32, 48, channels)[8::16, 12::24].astype(int)
    expected = CORNERS if channels == 3 else np.array([[[76], [150]], [[29], [255]]])
    np.testing.assert_allclose(decoded, expected.astype(int), atol=6)


@pytest.mark.parametrize("suffix", ["png", "webp", "tiff"])
@pytest.mark.parametrize("orientation", ORIENTED)
def test_exif_orientation_is_applied_in_every_format_that_has_one(
    tmp_path: Path, orientation: int, suffix: str
) -> None:
    upright = np.kron(CORNERS, np.ones((16, 24, 1), np.uint8))
    stored = Image.fromarray(np.ascontiguousarray(ORIENTED[orientation](upright)))
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = tmp_path / f"image.{suffix}"
    stored.save(file, exif=exif, lossless=True)
    assert np.array_equal(decode(file, 32, 48), upright)


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "webp", "tiff"])
@pytest.mark.parametrize("channels", [1, 3])
def test_fit_shows_the_whole_picture_on_black(tmp_path: Path, suffix: str, channels: int) -> None:
    file = tmp_path / f"wide.{suffix}"
    file.write_bytes(encode(np.kron(CORNERS, np.full((20, 40, 1), 1, np.uint8)), suffix))
    pixels = decode(file, 40, 40, channels, resize="fit")
    assert np.array_equal(pixels[10:30], decode(file, 20, 40, channels))
    assert not pixels[:10].any()
    assert not pixels[30:].any()
    tall = decode(file, 11, 90, channels, resize="fit")
    assert np.array_equal(tall[:, 34:56], decode(file, 11, 22, channels))
    assert not tall[:, :34].any()
    assert not tall[:, 56:].any()


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "webp", "tiff"])
@pytest.mark.parametrize("channels", [1, 3])
def test_crop_shows_the_middle(tmp_path: Path, suffix: str, channels: int) -> None:
    stripes = np.repeat(np.arange(0, 240, 30, dtype=np.uint8), 16)  # 8 stripes of 16 columns
    picture = np.tile(stripes[:, None], (64, 1, 3))
    file = tmp_path / f"stripes.{suffix}"
    file.write_bytes(encode(picture, suffix))
    pixels = decode(file, 64, 64, channels, resize="crop")
    assert np.array_equal(pixels, decode(file, 64, 128, channels)[:, 32:96])
    np.testing.assert_allclose(pixels[32, 8::16, 0], [60, 90, 120, 150], atol=2)
    small = decode(file, 16, 16, channels, resize="crop")
    np.testing.assert_allclose(small[8, 2::4, 0], [60, 90, 120, 150], atol=2)
    low = decode(file, 16, 128, channels, resize="crop")
    assert np.array_equal(low, decode(file, 64, 128, channels)[24:40])


def test_an_unknown_policy_is_named(file: Path) -> None:
    file.write_bytes(png(CORNERS, colour_type=2))
    with pytest.raises(SpoonfulError, match="resize='pad': expected one of stretch, fit, crop"):
        decode(file, 3, 4, resize="pad")


@pytest.mark.parametrize("channels", [1, 3])
def test_a_file_larger_than_one_read_is_whole(tmp_path: Path, channels: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (400, 500, 3), dtype=np.uint8)
    for suffix in ("png", "bmp"):
        file = tmp_path / f"large.{suffix}"
        file.write_bytes(encode(pixels, suffix))
        assert file.stat().st_size > 1 << 16
        if channels == 3:
            assert np.array_equal(decode(file, 400, 500), pixels)
        assert read_bytes(file) == file.read_bytes()


@pytest.mark.parametrize("num_bytes", [0, 1, (1 << 16) - 1, 1 << 16, (1 << 16) + 1, 3 << 20])
def test_a_file_is_read_to_its_end(tmp_path: Path, num_bytes: int) -> None:
    content = np.random.default_rng(0).bytes(num_bytes)
    (tmp_path / "x").write_bytes(content)
    assert read_bytes(tmp_path / "x") == content
    assert read_bytes(str(tmp_path / "x")) == content


def test_shrinking_averages_areas(file: Path) -> None:
    checks = np.tile(np.array([[0, 255], [255, 0]], np.uint8), (4, 4))[..., None]
    file.write_bytes(png(checks, colour_type=0))
    assert set(decode(file, 4, 4, channels=1).ravel().tolist()) <= {127, 128}


def test_growing_stays_within_the_colours(file: Path) -> None:
    file.write_bytes(png(np.array([[[10], [200]]], np.uint8), colour_type=0))
    row = decode(file, 1, 8, channels=1)[0, :, 0].astype(int)
    assert (row[0], row[-1]) == (10, 200)
    assert np.all(np.diff(row) >= 0)


def test_the_image_is_stretched_to_height_and_width(file: Path) -> None:
    file.write_bytes(png(CORNERS, colour_type=2))
    tall = decode(file, 40, 6)
    assert np.array_equal(tall[[0, 0, -1, -1], [0, -1, 0, -1]], CORNERS.reshape(4, 3))


@pytest.mark.parametrize("name", ["zwölf Äpfel.png", "猫.jpg", 'a\'b "c" %d {0}.bmp', "x.tar.png"])
def test_any_file_name_is_read(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_bytes(encode(np.full((2, 2, 3), 77, np.uint8), file.suffix[1:]))
    assert np.array_equal(decode(file, 2, 2), np.full((2, 2, 3), 77))


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "webp", "tiff"])
@pytest.mark.parametrize("kept", [0.0, 0.01, 0.5, 0.95])
def test_a_cut_off_file_is_named(tmp_path: Path, suffix: str, kept: float) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (48, 48, 3), dtype=np.uint8)
    file = tmp_path / f"broken.{suffix}"
    whole = encode(pixels, suffix)
    file.write_bytes(whole[: int(len(whole) * kept)])
    for side in (48, 5):
        with pytest.raises(SpoonfulError) as caught:
            decode(file, side, side)
        assert str(file) in str(caught.value)
        assert f"({int(len(whole) * kept)} bytes)" in str(caught.value)


def test_a_file_of_something_else_is_named(file: Path) -> None:
    file.write_text("not an image at all, however long it is" * 100)
    with pytest.raises(SpoonfulError, match="a text ") as caught:
        decode(file, 2, 2)
    assert str(file) in str(caught.value)


def test_a_missing_file_and_a_folder_are_named(file: Path) -> None:
    with pytest.raises(SpoonfulError, match="No such file") as caught:
        decode(file, 2, 2)
    assert str(file) in str(caught.value)
    file.mkdir()
    with pytest.raises(SpoonfulError, match="directory") as caught:
        decode(file, 2, 2)
    assert str(file) in str(caught.value)


@pytest.mark.parametrize("name", [".hidden.png", "._a.jpg", "a.txt", "png", "a.png.part", "a.heic"])
def test_other_files_are_no_images(name: str) -> None:
    assert not is_image_name(name)
