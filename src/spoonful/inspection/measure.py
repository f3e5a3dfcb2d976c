"""Decode one image file, once, and keep what an inspection needs of it."""

import json
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version

import cv2
import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from spoonful.errors import SpoonfulError
from spoonful.inspection.header import header_of, is_webp
from spoonful.sources.images.background import WHITE
from spoonful.sources.images.decode import decode_bytes
from spoonful.sources.images.scale import PIXELS_VERSION

# Increase this with every change of what is measured: results kept by earlier versions are then
# not used.
_MEASURE_VERSION = 2
_DECODERS = ("imagecodecs", "imagehash", "opencv-python-headless", "pillow", "simplejpeg")
# Larger pictures are measured at this size: of a photograph of 533x400, a quarter of the pixels is
# decoded, and mean and deviation change by less than 1 of 255.
_SIDE_PX = 128
# Side of the colour thumbnail by which two pictures are compared, see `copies.py`.
THUMBNAIL_PX = 16
THUMBNAIL_BYTES = 3 * THUMBNAIL_PX**2
# The hash is made of 32x32 pixels; of a smaller picture, it would be one of the interpolation.
_SMALLEST_HASHED_PX = 32


@dataclass(frozen=True, slots=True)
class Measured:
    """What is known of one image file.

    Attributes:
        num_bytes: size of the file.
        sha256: hex digest of its bytes; None: it cannot be read.
        format: such as "JPEG"; None, as all below: it cannot be decoded.
        mode: Pillow's name of the file's colours.
        channels: numbers per pixel of the file.
        width: columns of the upright picture.
        height: its rows.
        mean: of all its colours on white, 0..255.
        std: their standard deviation.
        phash: perceptual hash, 64 bits; None for a picture with a side below 32 px.
        fault: why it cannot be read or decoded, and what to do; None: it can.
        thumbnail: RGB, uint8 [16, 16, 3]; empty for a file that cannot be decoded.
    """

    num_bytes: int = 0
    sha256: str | None = None
    format: str | None = None
    mode: str | None = None
    channels: int | None = None
    width: int | None = None
    height: int | None = None
    mean: float | None = None
    std: float | None = None
    phash: int | None = None
    fault: str | None = None
    thumbnail: bytes = b""


def measure_version() -> str:
    """Return what decides, besides the file and max_pixels, what is measured."""
    parts = [f"{_MEASURE_VERSION}.{PIXELS_VERSION}"]
    return " ".join([*parts, *(f"{name}-{version(name)}" for name in _DECODERS)])


def measure(encoded: bytes, sha256: str, max_pixels: int) -> Measured:
    """Decode a file's bytes as training does, and measure the picture. Never raises.

    Args:
        encoded: the file's bytes.
        sha256: their hex digest.
        max_pixels: the limit for height x width.
    """
    plain = Measured(len(encoded), sha256)
    header = None if is_webp(encoded) else header_of(encoded)
    height, width = _SIDE_PX, _SIDE_PX
    if header is not None and 1 <= header.height <= _SIDE_PX and 1 <= header.width <= _SIDE_PX:
        height, width = header.height, header.width
    pixels = np.empty((height, width, 3), np.uint8)
    try:
        decode_bytes(encoded, "", pixels, "stretch", WHITE, max_pixels)
    except SpoonfulError as error:
        return replace(plain, fault=str(error).removeprefix(": "))
    header = header or header_of(encoded)
    mean, std = cv2.meanStdDev(pixels.reshape(-1, 1))
    size = (THUMBNAIL_PX, THUMBNAIL_PX)
    return replace(
        plain,
        format=header.format if header else "unknown",
        mode=header.mode if header else None,
        channels=header.channels if header else None,
        width=header.width if header else None,
        height=header.height if header else None,
        mean=round(float(mean[0, 0]), 3),
        std=round(float(std[0, 0]), 3),
        phash=_phash(pixels) if header and _is_hashed(header.height, header.width) else None,
        thumbnail=cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).tobytes(),
    )


def to_bytes(measured: Measured) -> bytes:
    """Write a result for the cache: a line of JSON, and the thumbnail."""
    values = asdict(measured)
    thumbnail: bytes = values.pop("thumbnail")
    return json.dumps(values).encode() + b"\n" + thumbnail


def from_bytes(kept: bytes) -> Measured | None:
    """Read a result back; None: it is damaged, or of another version."""
    line, _, thumbnail = kept.partition(b"\n")
    try:
        measured = Measured(**json.loads(line), thumbnail=thumbnail)
    except (ValueError, TypeError, RecursionError):
        return None
    length = 0 if measured.fault is not None else THUMBNAIL_BYTES
    return measured if len(thumbnail) == length else None


def _is_hashed(height: int, width: int) -> bool:
    return min(height, width) >= _SMALLEST_HASHED_PX


def _phash(pixels: NDArray[np.uint8]) -> int:
    bits = imagehash.phash(Image.fromarray(pixels)).hash
    return int.from_bytes(np.packbits(bits).tobytes(), "big")
