"""The EXIF orientation of an image file, and how it turns a picture upright."""

import struct

import cv2
import numpy as np
from numpy.typing import NDArray

from spoonful.sources.images.resize import Box

_EXIF = b"Exif\0\0"
_APP1, _START_OF_SCAN, _END_OF_IMAGE = 0xE1, 0xDA, 0xD9
_ALONE = range(0xD0, 0xD9)  # markers without a length
_FIRST_MARKER = 0xC0  # below are TEM, which no file has and Pillow refuses, and non-markers
_ORIENTATION, _ENTRY_BYTES = 0x0112, 12
_WHOLE_NUMBERS = {1: "B", 3: "H", 4: "I"}  # by the TIFF type
# For each orientation, the mirroring (OpenCV's code) after rows and columns are swapped, from 5 on;
# None: none.
_MIRROR = {1: None, 2: 1, 3: -1, 4: 0, 5: None, 6: 1, 7: -1, 8: 0}
# Each orientation, and the one that also swaps left and right of the upright picture.
_MIRRORED = {1: 2, 2: 1, 3: 4, 4: 3, 5: 6, 6: 5, 7: 8, 8: 7}


def orientation(jpeg: bytes) -> int | None:
    """Return the orientation 1..8 that a JPEG file specifies; 1 where it specifies none.

    None: the file's segments are not in order. Never raises for any bytes.
    """
    position = 2
    while position + 4 <= len(jpeg):
        if jpeg[position] != 0xFF:
            return None
        marker = jpeg[position + 1]
        if marker == 0xFF:  # padding between segments
            position += 1
        elif marker < _FIRST_MARKER:
            return None
        elif marker in _ALONE:
            position += 2
        elif marker in (_START_OF_SCAN, _END_OF_IMAGE):
            return 1
        else:
            length = (jpeg[position + 2] << 8) + jpeg[position + 3]
            start = position + 4
            if marker == _APP1 and jpeg[start : start + len(_EXIF)] == _EXIF:
                return exif_orientation(jpeg[start : position + 2 + length])
            position += 2 + length
    return None


def exif_orientation(exif: bytes) -> int:
    """Return the orientation 1..8 in the first directory of EXIF data; 1 where it has none.

    Damaged EXIF data does not affect the pixels: the picture is used as stored. Never raises.
    """
    tiff = exif.removeprefix(_EXIF)
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return 1
    try:
        (directory,) = struct.unpack_from(f"{order}I", tiff, 4)
        (num_entries,) = struct.unpack_from(f"{order}H", tiff, directory)
        for number in range(num_entries):
            place = directory + 2 + _ENTRY_BYTES * number
            tag, kind, count = struct.unpack_from(f"{order}HHI", tiff, place)
            if tag == _ORIENTATION and kind in _WHOLE_NUMBERS and count == 1:
                (value,) = struct.unpack_from(order + _WHOLE_NUMBERS[kind], tiff, place + 8)
                return value if value in _MIRROR else 1
    except struct.error:
        return 1
    return 1


def is_turned(orientation: int) -> bool:
    """Return whether rows of the stored picture are columns of the upright one."""
    return orientation >= 5


def mirrored(orientation: int) -> int:
    """Return the orientation that turns a picture upright and then swaps left and right."""
    return _MIRRORED[orientation]


def stored_box(box: Box, height: int, width: int, orientation: int) -> Box:
    """Return where a box of the upright picture [height, width] is in the stored one."""
    mirror = _MIRROR[orientation]
    top, left = box.top, box.left
    if mirror in (0, -1):
        top = height - top - box.height
    if mirror in (1, -1):
        left = width - left - box.width
    if is_turned(orientation):
        return Box(left, top, box.width, box.height)
    return Box(top, left, box.height, box.width)


def turn_upright(stored: NDArray[np.uint8], orientation: int, upright: NDArray[np.uint8]) -> None:
    """Turn stored pixels [h, w] or [h, w, 3] upright, into place."""
    image = np.asarray(cv2.transpose(stored)) if is_turned(orientation) else stored
    mirror = _MIRROR[orientation]
    upright[...] = image if mirror is None else cv2.flip(image, mirror)
