"""What is no readable image, and what is read rightly that used to be read wrongly."""

import io
import os
import re
import socket
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageFile

from spoonful.errors import SpoonfulError
from spoonful.files.content_hash import content_hash
from spoonful.sources.images.decode import decode_bytes, decode_image
from spoonful.sources.images.limits import damaged as damaged_error
from spoonful.sources.images.names import passed_over

RGBA = np.zeros((20, 20, 4), np.uint8)
RGBA[5:15, 5:15] = (0, 0, 0, 255)
NOISE = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)


def saved(image: Image.Image, form: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def read(encoded: bytes, height: int, width: int, channels: int = 3, **how: Any) -> NDArray[Any]:
    pixels = np.full((height, width, channels), 99, np.uint8)
    decode_bytes(encoded, "a.x", pixels, **how)
    return pixels


def reason(encoded: bytes, **how: Any) -> str:
    with pytest.raises(SpoonfulError) as caught:
        read(encoded, 8, 8, **how)
    assert str(caught.value).startswith("a.x: ")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def with_palette() -> bytes:
    image = Image.fromarray((RGBA[..., 3] // 255).astype(np.uint8), "P")
    image.putpalette([200, 10, 10, 0, 0, 0])
    return saved(image, "png", transparency=0)


TRANSPARENT = {
    "png": saved(Image.fromarray(RGBA), "png"),
    "webp": saved(Image.fromarray(RGBA), "webp", lossless=True),
    "tiff": saved(Image.fromarray(RGBA), "tiff"),
    "grey and alpha": saved(Image.fromarray(RGBA).convert("LA"), "png"),
    "palette": with_palette(),
    "gif": saved(Image.fromarray(RGBA), "gif"),
    "jp2": saved(Image.fromarray(RGBA), "jpeg2000"),
}


@pytest.mark.parametrize("kind", TRANSPARENT)
@pytest.mark.parametrize("channels", [1, 3])
def test_alpha_lies_on_the_background_in_every_format(kind: str, channels: int) -> None:
    for background, grey in (((255, 255, 255), 255), ((0, 0, 0), 0), ((9, 9, 9), 9)):
        pixels = read(TRANSPARENT[kind], 20, 20, channels, background=background)
        expected = np.full((20, 20, channels), grey)
        expected[5:15, 5:15] = 0
        assert np.array_equal(pixels, expected), kind


def test_premultiplied_tiff_is_not_multiplied_again() -> None:
    file = io.BytesIO()
    half = np.full((8, 8, 4), 100, np.uint8)
    half[..., 3] = 128
    tifffile.imwrite(file, half, photometric="rgb", extrasamples=["assocalpha"])
    assert set(read(file.getvalue(), 8, 8).ravel().tolist()) == {100 + 127}


@pytest.mark.parametrize("form", ["png", "tiff", "jpeg2000"])
def test_of_sixteen_bits_the_upper_eight_are_kept(form: str) -> None:
    values = np.linspace(0, 65535, 64, dtype=np.uint16).reshape(8, 8)
    found = read(saved(Image.fromarray(values), form), 8, 8, 1)[..., 0]
    assert np.array_equal(found, values >> 8)


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "jpeg"])
def test_a_cut_or_holed_tiff_is_refused(compression: str) -> None:
    whole = saved(Image.fromarray(NOISE), "tiff", compression=compression)
    read(whole, 64, 64)
    middle = len(whole) // 2
    for damaged in (whole[:middle], whole[:middle] + bytes(512) + whole[middle + 512 :]):
        assert "TIFF" in reason(damaged) or "JPEG" in reason(damaged)


@pytest.mark.parametrize("byteorder", "<>")
@pytest.mark.parametrize("bigtiff", [False, True])
def test_a_tiff_that_ends_before_its_directory_is_said_to_end_early(
    byteorder: Literal["<", ">"], bigtiff: bool
) -> None:
    target = io.BytesIO()
    with tifffile.TiffWriter(target, bigtiff=bigtiff, byteorder=byteorder) as file:
        file.write(NOISE, photometric="rgb")
    behind = bytearray(target.getvalue())
    size = 8 if bigtiff else 4  # of the first offset, and its place
    where = int.from_bytes(behind[size : 2 * size], "little" if byteorder == "<" else "big")
    assert "its data end early" in reason(bytes(behind[:where]))
    behind[size : 2 * size] = bytes(size)
    assert "its directory is missing" in reason(bytes(behind))


def test_a_picture_without_pixels_is_said_to_have_no_size() -> None:
    header = b"IHDR" + struct.pack(">IIBBBBB", 0, 0, 8, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header
    png += struct.pack(">I", zlib.crc32(header)) + saved(Image.fromarray(NOISE), "png")[33:]
    assert "its header gives no size" in reason(png)


@pytest.mark.parametrize("form", ["jpeg", "png", "gif", "bmp", "dib", "webp", "avif", "jpeg2000"])
def test_the_reason_for_a_cut_file_has_words(form: str) -> None:
    whole = saved(Image.fromarray(NOISE), form)
    for kept in (0.2, 0.5, 0.9):
        said = reason(whole[: int(kept * len(whole))])
        assert "driver" not in said
        assert "decoder object" not in said
        assert re.search(r"image: \w* ?[a-zA-Z]{3}", said), said


@pytest.mark.parametrize("fault", [KeyError(0), IndexError(), ValueError("-2"), "", "13"])
def test_a_number_alone_is_no_reason(fault: str | Exception) -> None:
    assert "a part of it is missing or altered" in damaged_error("TIFF", fault).reason


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "1"])
def test_a_bitmap_without_its_file_header_is_read(mode: str) -> None:
    picture = Image.fromarray(NOISE).convert(mode)
    dib = saved(picture, "dib")
    assert not dib.startswith(b"BM")
    assert np.array_equal(read(dib, 64, 64), read(saved(picture, "bmp"), 64, 64))


def test_one_byte_is_one() -> None:
    assert "a text (1 byte)" in reason(b"x")
    assert "a text (2 bytes)" in reason(b"xy")


def test_a_missing_strip_is_no_black_stripe() -> None:
    whole = saved(Image.fromarray(NOISE), "tiff", compression="tiff_lzw")
    with tifffile.TiffFile(io.BytesIO(whole)) as file:
        place = file.pages.first.tags[279].offset + 8
    assert "missing" in reason(whole[:place] + bytes(4) + whole[place + 4 :])


def test_floating_point_tiff_is_called_so() -> None:
    assert "floating-point" in reason(saved(Image.fromarray(np.zeros((8, 8), np.float32)), "tiff"))


def test_a_wrong_checksum_of_png_pixels_is_refused() -> None:
    whole = bytearray(saved(Image.fromarray(NOISE), "png", compress_level=0))
    whole[len(whole) // 2] ^= 1
    assert "damaged PNG" in reason(bytes(whole))


def test_cut_images_are_refused_whatever_pillow_is_told(monkeypatch: Any) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    assert "LOAD_TRUNCATED_IMAGES" in reason(saved(Image.fromarray(NOISE), "png")[:900])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "an empty file"),
        (bytes(4000), "zeros"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200), "HEIC"),
        (b"\xff\x0a" + bytes(99), "JPEG XL"),
        (b"<!DOCTYPE html><title>404</title>", "an HTML page"),
        (b'<?xml version="1.0"?>\n<svg xmlns="x"/>', "SVG"),
        (b'{"error": 404}', "JSON"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS pointer"),
        (b"\0\5\x16\7\0\2\0\0Mac OS X        ", "resource fork"),
        (b"8BPS\0\1" + bytes(20), "Photoshop"),
        (b"%PDF-1.7\n", "PDF"),
        (b"PK\3\4" + bytes(30), "zip"),
        (b"\0\0\0\x18ftypisom\0\0\2\0isomiso2", "video"),
        (b"Not Found", "a text"),
        (bytes(range(128, 256)), "no image of a format that is known"),
    ],
)
def test_what_is_no_image_is_called_by_its_name(content: bytes, words: str) -> None:
    assert words in reason(content)


def test_a_size_above_the_limit_is_named_before_memory_is_taken() -> None:
    header = b"IHDR" + struct.pack(">IIBBBBB", 30_000, 30_000, 8, 0, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header
    png += struct.pack(">I", zlib.crc32(header))
    body = b"IDAT" + zlib.compress(bytes(1000))
    png += struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    png += struct.pack(">I", 0) + b"IEND" + struct.pack(">I", zlib.crc32(b"IEND"))
    assert "30000x30000 = 900,000,000 pixels" in reason(png)
    for form in ("jpeg", "png", "gif", "bmp", "webp", "avif", "tiff", "jpeg2000", "ppm"):
        encoded = saved(Image.fromarray(NOISE), form)
        assert "64x64 = 4,096 pixels" in reason(encoded, max_pixels=1000)


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "zero.jpg").symlink_to("/dev/zero")
    (tmp_path / "null.jpg").symlink_to("/dev/null")
    (tmp_path / "folder.jpg").mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket.jpg"))
        for name, words in (
            ("pipe.jpg", "FIFO"),
            ("zero.jpg", "character device"),
            ("null.jpg", "character device"),
            ("folder.jpg", "a directory"),
            ("socket.jpg", "a socket"),
        ):
            with pytest.raises(SpoonfulError, match=words):
                decode_image(tmp_path / name, np.zeros((8, 8, 3), np.uint8))
            with pytest.raises(SpoonfulError, match=words):
                content_hash(tmp_path / name)


def test_no_decoder_writes_to_the_terminal(tmp_path: Path) -> None:
    for number, form in enumerate(("jpeg", "png", "gif", "webp", "avif", "tiff", "jpeg2000")):
        whole = saved(Image.fromarray(NOISE), form)
        middle = len(whole) // 2
        (tmp_path / f"{number}a").write_bytes(whole[:middle])
        (tmp_path / f"{number}b").write_bytes(whole[:middle] + bytes(90) + whole[middle + 90 :])
    code = (
        "import sys, pathlib, numpy as np\n"
        "from spoonful.sources.images.decode import decode_image\n"
        "for path in pathlib.Path(sys.argv[1]).iterdir():\n"
        "    try: decode_image(path, np.zeros((8, 8, 3), np.uint8))\n"
        "    except ValueError: pass\n"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")


def test_what_is_passed_over_is_counted_by_its_ending() -> None:
    found = passed_over(["a/1.HEIC", "a/2.heic", "b/notes.txt", "b/._x.jpg"])
    assert found.startswith("2 .heic (HEIC, convert with")
    assert "1 .txt" in found
    assert "1 hidden" in found
