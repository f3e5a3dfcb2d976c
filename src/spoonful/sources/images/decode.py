"""One image file to pixels."""

import os
import stat
from collections.abc import Callable, Sequence
from time import perf_counter

import cv2
import numpy as np
from numpy.typing import NDArray

from spoonful.errors import SpoonfulError
from spoonful.files.regular_file import READ, changed_size, irregular, unreadable
from spoonful.sources.images.background import WHITE
from spoonful.sources.images.cut import Crop
from spoonful.sources.images.jpeg import JPEG_START, decode_jpeg
from spoonful.sources.images.limits import MAX_PIXELS, RefusedError, max_file_bytes
from spoonful.sources.images.pillow_image import decode_other
from spoonful.sources.images.placing import placing, put
from spoonful.sources.images.tiff import TIFF_STARTS, decode_tiff

# The pixels of an image must not depend on how many threads the machine has, and for images of this
# size OpenCV's own threads cost more than they save.
cv2.setNumThreads(1)

# Sizes of block devices are multiples of it; those of character devices are 0.
_DEVICE_BYTES = 512
# A small file is read without asking for its size: each system call gives up Python's lock, and the
# thread waits for it again where others have it.
_SMALL_BYTES = 16 << 10


def decode_image(
    path: str | os.PathLike[str],
    pixels: NDArray[np.uint8],
    resize: str = "stretch",
    background: Sequence[int] = WHITE,
    max_pixels: int = MAX_PIXELS,
) -> None:
    """Read an image file into place, resized to the size of `pixels`.

    The EXIF orientation is applied. Colour is RGB; transparent parts show the background. Shrinking
    averages pixels, growing interpolates linearly. Any complaint of the decoder is an error: no
    pixel is made up.

    Args:
        path: an image file of one of the formats that `names.py` lists.
        pixels: uint8 [h, w, 1] for grey or [h, w, 3] for colour, filled in.
        resize: "stretch" to the size; "fit" the whole image, its aspect kept, centred on black; or
            "crop", the aspect kept, the centre that fills the size.
        background: (red, green, blue), 0..255 each.
        max_pixels: the limit for height x width of the file's picture.

    Raises:
        SpoonfulError: the file is missing, not a regular file, not an image, damaged or too large;
            names the file, what it is and what to do. An invalid policy.
    """
    decode_bytes(read_bytes(path, max_pixels), path, pixels, resize, background, max_pixels)


def read_bytes(
    path: str | os.PathLike[str],
    max_pixels: int = MAX_PIXELS,
    note: Callable[[float, float], object] | None = None,
) -> bytes:
    """Return a regular file's bytes.

    Args:
        path: the file.
        max_pixels: the limit for height x width of the file's picture.
        note: receives how long the two system calls took that may wait for the storage, in s; None:
            nobody asks.

    Raises:
        SpoonfulError: the file cannot be read, is not a regular file, or has more bytes than an
            image within the limit needs; names it and the reason.
    """
    try:
        begin = perf_counter() if note is not None else 0.0
        descriptor = os.open(path, READ)
        try:
            opened = perf_counter() if note is not None else 0.0
            encoded = os.pread(descriptor, _SMALL_BYTES, 0)
            if note is not None:
                note(opened - begin, perf_counter() - opened)
            # Of a regular file, fewer bytes than were asked for are all that it has.
            if not 0 < len(encoded) < _SMALL_BYTES:
                encoded = _read_large(path, descriptor, max_pixels)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise unreadable(path, error) from error
    return encoded


def _read_large(path: str | os.PathLike[str], descriptor: int, max_pixels: int) -> bytes:
    """Return the bytes of a file that is not small, or no regular file."""
    # Pipes, sockets and terminals have no end to seek to; a directory cannot be read.
    size = os.lseek(descriptor, 0, os.SEEK_END)
    if not size % _DEVICE_BYTES or size > max_file_bytes(max_pixels):
        _check_size(path, descriptor, max_pixels)
    # One byte more than the size: a file that grows is noticed, and never read endlessly.
    encoded = os.pread(descriptor, size + 1, 0)
    if len(encoded) != size:
        raise changed_size(path, size, len(encoded))
    return encoded


def _check_size(path: str | os.PathLike[str], descriptor: int, max_pixels: int) -> None:
    """Check a file whose size is that of a device, or too large."""
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        raise irregular(path, found.st_mode)
    if found.st_size > max_file_bytes(max_pixels):
        raise SpoonfulError(
            f"{path}: {found.st_size:,} bytes, more than an image of "
            f"dataset.max_pixels={max_pixels} needs; shrink or remove it, or raise "
            "dataset.max_pixels"
        )


def decode_bytes(
    encoded: bytes,
    path: str | os.PathLike[str],
    pixels: NDArray[np.uint8],
    resize: str = "stretch",
    background: Sequence[int] = WHITE,
    max_pixels: int = MAX_PIXELS,
    crop: Crop | None = None,
) -> None:
    """Decode a file's bytes into place, as `decode_image` does; `path` is for the messages.

    With a crop, its part of the upright picture fills `pixels`, whatever `resize` is.
    """
    if resize == "fit" and crop is None:
        pixels[...] = 0
    try:
        if encoded.startswith(JPEG_START):
            decode_jpeg(encoded, pixels, resize, max_pixels, crop)
            return
        decode = decode_tiff if encoded.startswith(TIFF_STARTS) else decode_other
        image, turn = decode(encoded, pixels.shape[2], background, max_pixels)
        put(image, placing(resize, image.shape[:2], turn, pixels.shape[:2], crop), pixels)
    except RefusedError as refused:
        raise SpoonfulError(
            f"{path}: {refused.reason} ({_bytes(len(encoded))}); {refused.remedy}"
        ) from refused


def _bytes(number: int) -> str:
    return "1 byte" if number == 1 else f"{number} bytes"
