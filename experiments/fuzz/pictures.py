"""The undamaged images that are damaged: many ways to write a picture, made by code."""

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

# Files of a format, and the letters that end their names.
SUFFIXES = {
    "jpeg": ".jpg",
    "png": ".png",
    "webp": ".webp",
    "tiff": ".tif",
    "bmp": ".bmp",
    "gif": ".gif",
    "avif": ".avif",
    "jpeg2000": ".jp2",
}
_TURNED = 6  # EXIF: a quarter to the right
_ORIENTATION = 0x0112
_PREDICTOR = 317  # of a TIFF


@dataclass(frozen=True)
class Picture:
    """An undamaged image file.

    Attributes:
        format: a key of SUFFIXES.
        variant: how it was written, such as "progressive".
        size: (height, width) in pixels, upright.
        data: the file's bytes.
    """

    format: str
    variant: str
    size: tuple[int, int]
    data: bytes


def pictures() -> list[Picture]:
    """Return all of them, always the same ones: 24 to 200 pixels a side, 0.6 to 99 kB."""
    return [*_jpegs(), *_pngs(), *_webps(), *_tiffs(), *_bmps(), *_gifs(), *_newer()]


def _pixels(seed: int, height: int, width: int, noise: int = 9) -> NDArray[np.uint8]:
    """Return a smooth picture with edges and noise of up to so much, uint8 [height, width, 3]."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (5, 7, 3), dtype=np.uint8)
    smooth = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    pixels = np.asarray(smooth).astype(np.int16) + random.integers(
        -noise, noise + 1, (height, width, 3)
    )
    pixels[height // 4 : height // 3] = random.integers(0, 256, 3)
    pixels[:, width // 2 : width // 2 + 4] = random.integers(0, 256, 3)
    return np.clip(pixels, 0, 255).astype(np.uint8)


def _colour(seed: int, height: int = 72, width: int = 100) -> Image.Image:
    return Image.fromarray(_pixels(seed, height, width))


def _with_alpha(seed: int) -> Image.Image:
    image = _colour(seed)
    across = np.linspace(0, 255, image.width).astype(np.uint8)
    image.putalpha(Image.fromarray(np.tile(across, (image.height, 1))))
    return image


def _grey_16_bits(seed: int) -> Image.Image:
    grey = np.asarray(_colour(seed).convert("L")).astype(np.uint16)
    return Image.fromarray(grey * 257)


def _profile() -> bytes:
    """Return an sRGB profile, without the time that it was made at."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[24:36] = bytes(12)
    return bytes(profile)


def _written(variant: str, name: str, image: Image.Image, **options: Any) -> Picture:
    file = io.BytesIO()
    image.save(file, name, **options)
    is_turned = "exif" in options
    size = (image.width, image.height) if is_turned else (image.height, image.width)
    return Picture(name.lower(), variant, size, file.getvalue())


def _jpegs() -> Iterator[Picture]:
    exif = Image.Exif()
    exif[_ORIENTATION] = _TURNED
    small = _colour(1, 40, 56)
    yield _written("baseline", "JPEG", _colour(2), quality=90)
    yield _written("baseline 4:4:4", "JPEG", _colour(3), quality=85, subsampling=0)
    yield _written("baseline 4:2:2", "JPEG", _colour(4), quality=80, subsampling=1)
    yield _written("optimised", "JPEG", _colour(5), quality=75, optimize=True)
    yield _written("progressive", "JPEG", _colour(6), quality=88, progressive=True)
    yield _written("restart markers", "JPEG", _colour(7), quality=90, restart_marker_blocks=4)
    yield _written("restart rows", "JPEG", _colour(8), progressive=True, restart_marker_rows=1)
    yield _written("grey", "JPEG", _colour(9).convert("L"), quality=90)
    yield _written("CMYK", "JPEG", _colour(10).convert("CMYK"), quality=85)
    yield _written("turned", "JPEG", _colour(11), quality=85, exif=exif)
    yield _written("comment, profile", "JPEG", small, comment=b"x" * 300, icc_profile=_profile())
    yield _written("large", "JPEG", _colour(12, 150, 200), quality=92)


def _pngs() -> Iterator[Picture]:
    grey = _colour(20).convert("L")
    text = _colour(21, 40, 48)
    yield _written("colour", "PNG", _colour(22))
    yield _written("grey", "PNG", grey)
    yield _written("small grey", "PNG", _colour(23, 28, 28).convert("L"))
    yield _written("two grey levels", "PNG", grey.convert("1"))
    yield _written("palette", "PNG", _colour(24).quantize(61))
    yield _written("16 bits", "PNG", _grey_16_bits(25))
    yield _written("alpha", "PNG", _with_alpha(26))
    yield _written("grey with alpha", "PNG", _with_alpha(27).convert("LA"))
    yield _written("see-through palette", "PNG", _colour(28).quantize(32), transparency=3)
    yield _written("profile, resolution", "PNG", text, icc_profile=_profile(), dpi=(72, 72))
    frames = [_colour(31, 40, 40)]
    yield _written("two frames", "PNG", _colour(30, 40, 40), save_all=True, append_images=frames)
    yield Picture("png", "interlaced", (24, 30), _interlaced(_pixels(29, 24, 30)))


def _webps() -> Iterator[Picture]:
    frames = [_colour(41, 40, 40)]
    yield _written("lossy", "WEBP", _colour(42), quality=80)
    yield _written("lossless", "WEBP", _colour(43), lossless=True)
    yield _written("lossy with alpha", "WEBP", _with_alpha(44), quality=80)
    yield _written("lossless with alpha", "WEBP", _with_alpha(45), lossless=True)
    yield _written("two frames", "WEBP", _colour(46, 40, 40), save_all=True, append_images=frames)


def _tiffs() -> Iterator[Picture]:
    colour, large = _colour(60), Image.fromarray(_pixels(61, 150, 200, noise=1))
    strips = {"strip_size": 4000}
    yield _written("raw", "TIFF", colour)
    yield _written("raw grey", "TIFF", colour.convert("L"))
    yield _written("LZW", "TIFF", _colour(62), compression="tiff_lzw")
    yield _written("LZW in strips", "TIFF", large, compression="tiff_lzw", **strips)
    yield _written("deflate", "TIFF", _colour(63), compression="tiff_adobe_deflate")
    yield _written("deflate in strips", "TIFF", large, compression="tiff_adobe_deflate", **strips)
    yield _written("packbits", "TIFF", _flat(64), compression="packbits")
    yield _written("JPEG", "TIFF", _colour(65), compression="jpeg")
    yield _written("group 4", "TIFF", _colour(66).convert("1"), compression="group4")
    yield _written("palette", "TIFF", _colour(67).quantize(40), compression="tiff_lzw")
    yield _written("alpha", "TIFF", _with_alpha(68), compression="tiff_lzw")
    yield _written("16 bits", "TIFF", _grey_16_bits(69))
    yield _written("differences", "TIFF", large, compression="tiff_lzw", tiffinfo={_PREDICTOR: 2})
    yield Picture("tiff", "tiled", (48, 64), _tiled(_pixels(70, 48, 64)))


def _flat(seed: int) -> Image.Image:
    return _colour(seed).quantize(6, dither=Image.Dither.NONE).convert("RGB")


def _bmps() -> Iterator[Picture]:
    yield _written("colour", "BMP", _colour(80, 40, 51))
    yield _written("grey", "BMP", _colour(81).convert("L"))
    yield _written("palette", "BMP", _colour(82).quantize(16))
    yield _written("two colours", "BMP", _colour(83).convert("1"))


def _gifs() -> Iterator[Picture]:
    frames = [_colour(91, 40, 40)]
    yield _written("palette", "GIF", _colour(92).quantize(200))
    yield _written("interlaced", "GIF", _colour(93).quantize(64), interlace=1)
    yield _written("see-through", "GIF", _colour(94).quantize(32), transparency=3)
    yield _written("two frames", "GIF", _colour(95, 40, 40), save_all=True, append_images=frames)


def _newer() -> Iterator[Picture]:
    yield _written("lossy", "AVIF", _colour(100), quality=70)
    yield _written("grey", "AVIF", _colour(101, 40, 56).convert("L"), quality=70)
    yield _written("alpha", "AVIF", _with_alpha(102), quality=70)
    yield _written("lossless", "JPEG2000", _colour(110, 40, 56))
    yield _written("lossy", "JPEG2000", _colour(111), quality_layers=[20], irreversible=True)
    yield _written("grey in tiles", "JPEG2000", _colour(112).convert("L"), tile_size=(32, 32))


def _tiled(pixels: NDArray[np.uint8]) -> bytes:
    """Write a TIFF in tiles of 16x16, deflated, which Pillow cannot write."""
    height, width, side = *pixels.shape[:2], 16
    tiles = [
        zlib.compress(pixels[top : top + side, left : left + side].tobytes())
        for top in range(0, height, side)
        for left in range(0, width, side)
    ]
    count = len(tiles)
    tables = 8 + 2 + 12 * 11 + 4
    ends = tables + 6 + 8 * count + np.cumsum([len(tile) for tile in tiles])
    offsets = [int(end) - len(tile) for end, tile in zip(ends, tiles, strict=True)]
    short, long = 3, 4
    entries = (
        *((256, long, 1, width), (257, long, 1, height), (258, short, 3, tables)),
        *((259, short, 1, 8), (262, short, 1, 2), (277, short, 1, 3), (284, short, 1, 1)),
        *((322, long, 1, side), (323, long, 1, side)),
        *((324, long, count, tables + 6), (325, long, count, tables + 6 + 4 * count)),
    )
    directory = struct.pack("<H", len(entries))
    directory += b"".join(struct.pack("<HHII", *entry) for entry in entries) + bytes(4)
    lengths = [len(tile) for tile in tiles]
    values = struct.pack("<3H", 8, 8, 8) + struct.pack(f"<{2 * count}I", *offsets, *lengths)
    return b"II*\0" + struct.pack("<I", 8) + directory + values + b"".join(tiles)


def _interlaced(pixels: NDArray[np.uint8]) -> bytes:
    """Write a PNG in the seven passes of Adam7, which Pillow cannot write."""
    passes = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2))
    rows = b""
    for top, left, down, right in (*passes, (1, 0, 2, 1)):
        part = pixels[top::down, left::right]
        rows += b"".join(b"\0" + row.tobytes() for row in part) if part.size else b""
    height, width = pixels.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 1)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
