"""Image files whose header is damaged: what it no longer says must not be guessed."""

import io
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spoonful.errors import SpoonfulError
from spoonful.sources.images.decode import decode_image

BITS, COMPRESSION, PHOTOMETRIC = 258, 259, 262
ENTRY = 12


def colour_tiff(compression: str = "tiff_lzw") -> bytearray:
    file = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file, "TIFF", compression=compression)
    return bytearray(file.getvalue())


def entry_at(data: bytearray, tag: int) -> int:
    """The place of a tag's entry in the directory of a little-endian file."""
    (start,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, start)
    places = range(start + 2, start + 2 + ENTRY * count, ENTRY)
    return next(place for place in places if struct.unpack_from("<H", data, place)[0] == tag)


def without_photometric(data: bytearray) -> None:
    struct.pack_into("<H", data, entry_at(data, PHOTOMETRIC), 261)


def without_bits(data: bytearray) -> None:
    struct.pack_into("<H", data, entry_at(data, BITS), 257 + 260)


def grey_of_three_samples(data: bytearray) -> None:
    struct.pack_into("<H", data, entry_at(data, PHOTOMETRIC) + 8, 1)


def entry_of_no_type(data: bytearray) -> None:
    struct.pack_into("<H", data, entry_at(data, BITS) + 2, 77)


def photometric_of_a_float(data: bytearray) -> None:
    struct.pack_into("<H", data, entry_at(data, PHOTOMETRIC) + 2, 11)


def cut_in_the_directory(data: bytearray) -> None:
    (start,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, start)
    entries = data[start : start + 2 + ENTRY * count]
    struct.pack_into("<I", data, 4, len(data))
    data += entries  # and no place of the next directory behind them


@pytest.mark.parametrize(
    "damage",
    [
        without_photometric,
        without_bits,
        grey_of_three_samples,
        entry_of_no_type,
        photometric_of_a_float,
        cut_in_the_directory,
    ],
)
def test_a_damaged_directory_is_refused(
    damage: Callable[[bytearray], None], tmp_path: Path
) -> None:
    path, pixels = tmp_path / "picture.tif", np.empty((24, 32, 3), np.uint8)
    data = colour_tiff()
    path.write_bytes(data)
    decode_image(path, pixels)
    damage(data)
    path.write_bytes(data)
    with pytest.raises(SpoonfulError, match=r"picture\.tif: a.* TIFF image"):
        decode_image(path, pixels)


def test_fifteen_bits_a_sample_are_refused(tmp_path: Path) -> None:
    path, file = tmp_path / "picture.tif", io.BytesIO()
    values = np.random.default_rng(0).integers(0, 1 << 16, (24, 32)).astype(np.uint16)
    Image.fromarray(values).save(file, "TIFF")
    data = bytearray(file.getvalue())
    struct.pack_into("<H", data, entry_at(data, BITS) + 8, 15)
    path.write_bytes(data)
    with pytest.raises(SpoonfulError, match="samples of 15 bits"):
        decode_image(path, np.empty((24, 32, 1), np.uint8))


def test_a_size_above_pillows_limit_says_nothing_of_no_file(tmp_path: Path) -> None:
    path, file = tmp_path / "picture.gif", io.BytesIO()
    Image.new("P", (40, 30)).save(file, "GIF")
    data = bytearray(file.getvalue())
    frame = data.index(b",\0\0\0\0")  # the image descriptor
    struct.pack_into("<HH", data, frame + 5, 12_000, 10_000)
    path.write_bytes(data)
    code = (
        "import sys, numpy\n"
        "from spoonful.errors import SpoonfulError\n"
        "from spoonful.sources.images.decode import decode_image\n"
        "try:\n"
        "    decode_image(sys.argv[1], numpy.empty((30, 40, 3), numpy.uint8))\n"
        "except SpoonfulError as error:\n"
        "    print(error)\n"
    )
    command = [sys.executable, "-c", code, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert f"{path}: a GIF image of 12000x10000" in done.stdout
    assert done.stderr == ""


def test_an_avif_file_of_another_brand_is_refused(tmp_path: Path) -> None:
    path, file = tmp_path / "picture.avif", io.BytesIO()
    Image.new("RGB", (32, 24), "red").save(file, "AVIF")
    data, pixels = bytearray(file.getvalue()), np.empty((24, 32, 3), np.uint8)
    path.write_bytes(data)
    decode_image(path, pixels)
    data[8] ^= 1
    path.write_bytes(data)
    with pytest.raises(SpoonfulError, match=r"picture\.avif"):
        decode_image(path, pixels)
