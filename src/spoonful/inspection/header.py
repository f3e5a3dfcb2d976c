"""What an image file says of itself before it is decoded: format, mode, channels and size."""

import io
from typing import NamedTuple

import simplejpeg
from PIL import Image, TiffImagePlugin

from spoonful.sources.images.exif import exif_orientation, is_turned, orientation
from spoonful.sources.images.jpeg import JPEG_START
from spoonful.sources.images.tiff import TIFF_STARTS

_WEBP = b"WEBP"
# Those that `decode.py` reads, apart from JPEG. Pillow's other readers are not asked.
_FORMATS = ("PNG", "GIF", "BMP", "WEBP", "AVIF", "JPEG2000", "PPM", "TIFF", "DIB")
_JPEG_MODES = {"Gray": "L", "CMYK": "CMYK", "YCCK": "CMYK"}
_WIDTH, _HEIGHT, _ORIENTATION = 256, 257, 274


class Header(NamedTuple):
    """The header of an image file.

    Attributes:
        format: Pillow's name of it, such as "JPEG".
        mode: Pillow's name of the colours, such as "RGBA"; for others "RGB;16" by their bits.
        channels: numbers per pixel of the file; a palette has 1.
        width: columns of the upright picture.
        height: its rows.
    """

    format: str
    mode: str
    channels: int
    width: int
    height: int


def header_of(encoded: bytes) -> Header | None:
    """Return the header of a file that can be decoded; None where it cannot be read. Never raises.

    No memory for pixels is taken, except by Pillow for WebP: ask for those only once decoded.
    """
    try:
        if encoded.startswith(JPEG_START):
            return _of_jpeg(encoded)
        return _of_other(encoded)
    except Exception:  # Pillow raises nearly anything; what is wrong with the file, decoding says
        return _of_rare_tiff(encoded) if encoded.startswith(TIFF_STARTS) else None


def is_webp(encoded: bytes) -> bool:
    """Return whether a file begins as WebP does."""
    return encoded[8:12] == _WEBP


def _of_jpeg(encoded: bytes) -> Header:
    try:
        height, width, colours, _ = simplejpeg.decode_jpeg_header(encoded)
    except (ValueError, KeyError):  # stray bytes between its segments
        with Image.open(io.BytesIO(encoded), formats=("JPEG",)) as image:
            (width, height), colours = image.size, {"L": "Gray"}.get(image.mode, image.mode)
    if is_turned(orientation(encoded) or 1):
        height, width = width, height
    mode = _JPEG_MODES.get(colours, "RGB")
    return Header("JPEG", mode, {"L": 1, "CMYK": 4}.get(mode, 3), width, height)


def _of_other(encoded: bytes) -> Header:
    with Image.open(io.BytesIO(encoded), formats=_FORMATS) as image:
        width, height = image.size
        if isinstance(image, TiffImagePlugin.TiffImageFile):
            # As stored: of these files alone, `size` is already that of the upright picture.
            width, height = image.tag_v2[_WIDTH], image.tag_v2[_HEIGHT]
            turn = image.tag_v2.get(_ORIENTATION, 1)
        else:
            exif = image.info.get("exif", b"")
            turn = exif_orientation(exif if isinstance(exif, bytes) else b"")
        if isinstance(turn, int) and 5 <= turn <= 8:
            height, width = width, height
        channels = len(image.getbands())
        return Header(str(image.format), image.mode, channels, width, height)


def _of_rare_tiff(encoded: bytes) -> Header | None:
    """Return the header of a TIFF file that Pillow does not know, such as 16 bits RGB."""
    from tifffile import PHOTOMETRIC, TiffFile

    try:
        with TiffFile(io.BytesIO(encoded)) as file:
            page = file.pages.first
            turn = page.tags.valueof(_ORIENTATION, 1)
            height, width = int(page.imagelength), int(page.imagewidth)
            if isinstance(turn, int) and 5 <= turn <= 8:
                height, width = width, height
            mode = f"{PHOTOMETRIC(page.photometric).name};{page.bitspersample}"
            return Header("TIFF", mode, int(page.samplesperpixel), width, height)
    except Exception:  # as above
        return None
