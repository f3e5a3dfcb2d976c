"""Image files of every format except JPEG and TIFF to pixels, with Pillow, which reports damage."""

import io
import re
import struct
import warnings
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    Jpeg2KImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    WebPImagePlugin,
)

from spoonful.sources.images.background import on_background
from spoonful.sources.images.exif import exif_orientation
from spoonful.sources.images.file_kinds import identify
from spoonful.sources.images.limits import RefusedError, check_pixels, damaged

# Pillow's warnings (a size, an animation that is not whole) do not name the file. What they report
# is checked here, or affects no pixels of the first picture.
warnings.filterwarnings("ignore", module=r"PIL\b")
# Pixels converted at a time, so that a large picture is not copied as a whole.
_BAND_PIXELS = 1 << 20
# Pillow scales 1, 2 and 4 bits to 0..255, but not the transparent value.
_SPREAD = {"L;2": 85, "L;4": 17}
_SIXTEEN_BITS = ("I;16", "I;16B", "I;16L", "I;16N", "I")


class _Format(NamedTuple):
    """How a format is read."""

    name: str
    is_start: Callable[[bytes], bool]  # recognises it by the first bytes of a file
    open: Callable[[io.BytesIO], ImageFile.ImageFile]
    weight: float  # memory per pixel, relative to a PNG; measured at the limit


# A BMP file without its file header, as Windows keeps pictures in memory and in .dib files, has no
# magic number: it begins with the size of its header, followed by width, height, 1 and the depth.
_DIB_HEADERS = (40, 52, 56, 64, 108, 124)
_DIB_DEPTHS = (1, 4, 8, 16, 24, 32)


def _is_dib(start: bytes) -> bool:
    if len(start) < 16:
        return False
    size, planes, depth = struct.unpack_from("<I8xHH", start)
    return size in _DIB_HEADERS and planes == 1 and depth in _DIB_DEPTHS


# As in Pillow: of two of the brands, those after it say that the file is not HEIC.
_AVIF = re.compile(rb".{4}ftyp(avi[fs]|(mif1|msf1).*avi[fs])", re.S)
_FORMATS = (
    _Format("PNG", lambda s: s.startswith(b"\x89PNG\r\n\x1a\n"), PngImagePlugin.PngImageFile, 1),
    _Format("GIF", lambda s: s[:6] in (b"GIF87a", b"GIF89a"), GifImagePlugin.GifImageFile, 1),
    _Format("BMP", lambda s: s.startswith(b"BM"), BmpImagePlugin.BmpImageFile, 1),
    _Format("BMP", _is_dib, BmpImagePlugin.DibImageFile, 1),
    _Format(
        "WebP",
        lambda s: s[:4] == b"RIFF" and s[8:12] == b"WEBP",
        WebPImagePlugin.WebPImageFile,
        1.5,
    ),
    _Format("AVIF", lambda s: _AVIF.match(s) is not None, AvifImagePlugin.AvifImageFile, 2),
    _Format(
        "JPEG 2000",
        lambda s: s.startswith((b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  \r\n\x87\n")),
        Jpeg2KImagePlugin.Jpeg2KImageFile,
        3,
    ),
    _Format(
        "PNM",
        lambda s: s[:1] == b"P" and s[1:2] in b"123456" and s[2:3].isspace(),
        PpmImagePlugin.PpmImageFile,
        1,
    ),
)


def decode_other(
    encoded: bytes, channels: int, background: Sequence[int], max_pixels: int
) -> tuple[NDArray[np.uint8], int]:
    """Decode a file, without transparency.

    Of 16 bits per colour, the upper 8 are used. Of an animation, the first picture is used.

    Args:
        encoded: the file's bytes.
        channels: 1 (grey) or 3 (RGB).
        background: (red, green, blue) behind transparent parts.
        max_pixels: the limit for height x width.

    Returns:
        Pixels as stored, uint8 [h, w, channels], and the EXIF orientation.

    Raises:
        RefusedError: it is no image, damaged, of an unsupported kind, or too large.
    """
    start = encoded[:64]
    form = next((form for form in _FORMATS if form.is_start(start)), None)
    if form is None:
        raise RefusedError(*identify(encoded))
    if ImageFile.LOAD_TRUNCATED_IMAGES:
        raise RefusedError(
            "not read, for PIL.ImageFile.LOAD_TRUNCATED_IMAGES is set, with which Pillow fills "
            "what is missing of a cut image",
            "set it to False",
        )
    if form.name == "WebP":  # Pillow allocates the memory when it opens one
        check_pixels(*_webp_size(encoded), max_pixels, "a WebP image", form.weight)
    try:
        return _decoded(encoded, form, channels, background, max_pixels)
    except RefusedError:
        raise
    except Exception as error:  # a damaged file makes Pillow raise nearly anything
        raise damaged(form.name, error) from error


def _decoded(
    encoded: bytes, form: _Format, channels: int, background: Sequence[int], max_pixels: int
) -> tuple[NDArray[np.uint8], int]:
    if form.name == "PNG":  # load() does not look at the checksums of the pixels
        form.open(io.BytesIO(encoded)).verify()
    with form.open(io.BytesIO(encoded)) as image:
        # GIF and PNM determine their mode later, but the size is known before memory is allocated.
        check_pixels(image.height, image.width, max_pixels, f"a {form.name} image", form.weight)
        _note_depth(image)
        image.load()
        if image.mode == "F" or (image.mode == "I" and form.name != "PNM"):
            raise RefusedError(
                f"a {form.name} image of 32-bit or floating-point pixels, expected 8 or 16 bits",
                "convert it to 8 bits",
            )
        exif = image.info.get("exif", b"")
        return (
            _without_alpha(image, channels, background),
            exif_orientation(exif if isinstance(exif, bytes) else b""),
        )


def _note_depth(image: ImageFile.ImageFile) -> None:
    """Scale a transparent value as Pillow scales the pixels."""
    raw_mode = image.tile[0].args if image.tile else None
    transparent = image.info.get("transparency")
    if transparent is None:
        return
    if raw_mode in _SPREAD:
        image.info["transparency"] = transparent * _SPREAD[str(raw_mode)]
    elif raw_mode == "RGB;16B":
        raise RefusedError(
            "a PNG image of 16 bits a colour with one transparent colour",
            "convert it to 8 bits or to an alpha channel",
        )


def _without_alpha(
    image: Image.Image, channels: int, background: Sequence[int]
) -> NDArray[np.uint8]:
    """Convert band by band to RGB or grey on the background, uint8 [h, w, channels]."""
    width, height = image.size
    rows = max(1, _BAND_PIXELS // width)
    if rows >= height:
        return _converted(image, channels, background)
    converted = np.empty((height, width, channels), np.uint8)
    for top in range(0, height, rows):
        band = image.crop((0, top, width, min(top + rows, height)))
        converted[top : top + rows] = _converted(band, channels, background)
    return converted


def _converted(image: Image.Image, channels: int, background: Sequence[int]) -> NDArray[np.uint8]:
    transparent = image.info.get("transparency")
    if image.mode in _SIXTEEN_BITS:
        image = _upper_bits(image, transparent)
        transparent = None
    if transparent is not None or image.mode in ("LA", "PA", "La", "RGBa", "RGBA"):
        rgba = np.asarray(image if image.mode == "RGBA" else image.convert("RGBA"))
        image = Image.fromarray(on_background(rgba, background))
    mode = "L" if channels == 1 else "RGB"
    plain = image if image.mode == mode else image.convert(mode)
    return np.asarray(plain).reshape(image.height, image.width, channels)


def _upper_bits(image: Image.Image, transparent: int | None) -> Image.Image:
    """Take the upper 8 of 16 bits of grey; with alpha where one value is transparent."""
    values = np.asarray(image)
    grey = np.clip(values.astype(np.int64) >> 8, 0, 255).astype(np.uint8)
    if transparent is None:
        return Image.fromarray(grey)
    alpha = np.where(values == transparent, 0, 255).astype(np.uint8)
    return Image.fromarray(np.dstack([grey, alpha]))


def _webp_size(encoded: bytes) -> tuple[int, int]:
    """Return height and width of a WebP file (RFC 9649)."""
    kind = encoded[12:16]
    try:
        if kind == b"VP8X":
            width = int.from_bytes(encoded[24:27], "little") + 1
            return int.from_bytes(encoded[27:30], "little") + 1, width
        if kind == b"VP8L":
            (bits,) = struct.unpack_from("<I", encoded, 21)
            return ((bits >> 14) & 0x3FFF) + 1, (bits & 0x3FFF) + 1
        if kind == b"VP8 ":
            width, height = struct.unpack_from("<HH", encoded, 26)
            return height & 0x3FFF, width & 0x3FFF
    except struct.error:
        pass
    raise damaged("WebP", "its header is not whole")
