"""JPEG bytes to pixels with libjpeg-turbo, decoding no larger than the target needs."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

from spoonful.sources.images.cut import Crop
from spoonful.sources.images.exif import orientation
from spoonful.sources.images.jpeg_stray import without_stray_bytes
from spoonful.sources.images.limits import RefusedError, check_pixels, damaged
from spoonful.sources.images.placing import placing, put

JPEG_START = b"\xff\xd8\xff"
_CMYK = ("CMYK", "YCCK")
# A progressive CMYK picture takes 12 bytes per pixel, one of 3 colours 9.
_CMYK_WEIGHT = 4 / 3
_BAND_ROWS = 64
# Those that libjpeg-turbo has fast code for. From 533x400 to 224x224, the next step would be 5/8:
# it took 0.80 ms, full size 0.59 ms, 1/2 0.39 ms.
_REDUCTIONS = (8, 4, 2)
# Photographs store colour at half size. Repeating it instead of interpolating it saves 0.05 ms of
# 0.59; shrunk from 533x400 to 224x224, the pixels differ by 0.24 of 255 (PSNR 52 dB).
_REPEAT_COLOUR_FACTOR = 1.5


def decode_jpeg(
    encoded: bytes,
    pixels: NDArray[np.uint8],
    resize: str,
    max_pixels: int,
    crop: Crop | None = None,
) -> None:
    """Decode a JPEG file into place, upright and resized.

    An eighth, a quarter or half of the file's size is decoded where that still covers the target in
    both directions. At 160x160, the pixels of 300 photographs of about 533x400 differ by 0.30 of
    255 on average (PSNR 52 dB, worst 41) from full decoding with the same scaling, and by 1.2 (41
    dB) from decoding fully and averaging areas; Pillow's antialiased bilinear filter differs from
    that by 1.15 (42 dB). "crop" cuts between whole pixels of what is decoded.

    Any complaint of libjpeg is an error, except about stray bytes; see `jpeg_stray.py`.

    Args:
        encoded: the file's bytes.
        pixels: uint8 [h, w, 1] or [h, w, 3]; padding is left unchanged.
        resize: "stretch", "fit" or "crop".
        max_pixels: the limit for height x width.
        crop: the part of the picture that is shown, instead of what `resize` shows.

    Raises:
        RefusedError: the file is damaged, of an unsupported kind, or too large. The content of
            `pixels` is then undefined.
    """
    try:
        _decode(encoded, pixels, resize, max_pixels, crop)
        return
    except ValueError as error:
        sound = without_stray_bytes(encoded)
        if sound is None:
            raise _refusal(encoded, error) from error
    try:
        _decode(sound, pixels, resize, max_pixels, crop)
    except ValueError as error:
        raise _refusal(sound, error) from error


def check_jpeg(encoded: bytes) -> None:
    """Check that libjpeg decodes a whole JPEG file without a complaint.

    Raises:
        RefusedError: it does not.
    """
    try:
        *_, colours, _ = _header(encoded)
        space = "CMYK" if colours in _CMYK else "GRAY"
        simplejpeg.decode_jpeg(encoded, space, min_height=1, min_width=1, min_factor=8)
    except (ValueError, RefusedError) as error:
        raise _refusal(encoded, error) from error


def _header(encoded: bytes) -> tuple[int, int, str, str]:
    try:
        height, width, colours, sampling = simplejpeg.decode_jpeg_header(encoded)
    except KeyError as error:  # a colour sampling that it has no name for
        raise RefusedError(
            f"a JPEG image with an unusual sampling of its colours ({error})",
            "convert it, for example with Pillow",
        ) from error
    return height, width, colours, sampling


def _decode(
    encoded: bytes,
    pixels: NDArray[np.uint8],
    resize: str,
    max_pixels: int,
    crop: Crop | None,
) -> None:
    turn = orientation(encoded)
    if turn is None:
        raise ValueError("its segments are not in order")
    height, width, colours, _ = _header(encoded)
    is_cmyk = colours in _CMYK
    check_pixels(height, width, max_pixels, "a JPEG image", _CMYK_WEIGHT if is_cmyk else 1)
    where = placing(resize, (height, width), turn, pixels.shape[:2], crop)
    factor = min(where.source.height / where.height, where.source.width / where.width)
    reduction = next((step for step in _REDUCTIONS if factor >= step), 1)
    options = {
        "colorspace": "CMYK" if is_cmyk else "GRAY" if pixels.shape[2] == 1 else "RGB",
        "fastupsample": factor >= _REPEAT_COLOUR_FACTOR,
        "min_height": -(-height // reduction) if reduction > 1 else 0,
        "min_width": -(-width // reduction) if reduction > 1 else 0,
    }
    if is_cmyk:
        put(_from_cmyk(encoded, options, pixels.shape[2]), where, pixels, reduction)
        return
    whole = where.source == where.target == (0, 0, height, width)
    if where.turn == 1 and whole and pixels.flags.c_contiguous:
        simplejpeg.decode_jpeg(encoded, buffer=pixels, **options)
        return
    put(simplejpeg.decode_jpeg(encoded, **options), where, pixels, reduction)


def _from_cmyk(encoded: bytes, options: dict[str, Any], channels: int) -> NDArray[np.uint8]:
    """Decode four inks, stored inverted as Adobe does, and turn them into RGB or grey as Pillow."""
    inks = simplejpeg.decode_jpeg(encoded, **options)
    height, width = inks.shape[:2]
    image = np.empty((height, width, channels), np.uint8)
    for top in range(0, height, _BAND_ROWS):
        band = np.ascontiguousarray(255 - inks[top : top + _BAND_ROWS])
        cmyk = Image.frombuffer("CMYK", (width, len(band)), band, "raw", "CMYK", 0, 1)
        mixed = cmyk.convert("RGB")
        shown = np.asarray(mixed.convert("L") if channels == 1 else mixed)
        image[top : top + _BAND_ROWS] = shown.reshape(len(band), width, channels)
    return image


def _refusal(encoded: bytes, error: Exception) -> RefusedError:
    """Say what is wrong with a JPEG file that libjpeg does not accept."""
    frame = _frame(encoded)
    if frame is not None:
        marker, precision = frame
        if precision != 8:
            return RefusedError(
                f"a JPEG image of {precision} bits a colour, expected 8",
                "convert it to 8 bits",
            )
        if marker not in (0xC0, 0xC1, 0xC2, 0xC9, 0xCA):
            return RefusedError(
                "a lossless or hierarchical JPEG image, which libjpeg-turbo does not decode",
                "convert it, for example to PNG",
            )
    return damaged("JPEG", str(error).removeprefix("Corrupt JPEG data: "))


def _frame(encoded: bytes) -> Sequence[int] | None:
    """Return the marker of the frame header and its bits per colour; None if none is found."""
    position = 2
    while position + 5 <= len(encoded) and encoded[position] == 0xFF:
        marker = encoded[position + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return marker, encoded[position + 4]
        position += 2 + int.from_bytes(encoded[position + 2 : position + 4], "big")
    return None
