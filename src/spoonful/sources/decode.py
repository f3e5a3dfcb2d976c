"""One image file to pixels."""

import os
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from spoonful.errors import SpoonfulError

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff")

# The pixels of an image must not depend on how many threads the machine has, and for images of
# this size OpenCV's own threads cost more than they give.
cv2.setNumThreads(1)


def is_image_name(name: str) -> bool:
    """Tell by its ending whether a file is an image that can be read; hidden files are not."""
    return name.lower().endswith(IMAGE_SUFFIXES) and not name.startswith(".")


def decode_image(path: str | os.PathLike[str], pixels: NDArray[np.uint8]) -> None:
    """Read an image file into place, stretched to the size of `pixels`.

    The EXIF orientation is applied. Colour is RGB; an alpha channel is dropped. Shrinking averages
    areas (no aliasing), growing interpolates linearly.

    Args:
        path: a png, jpg, bmp, webp or tiff file.
        pixels: uint8 [h, w, 1] for grey or [h, w, 3] for colour, filled in.

    Raises:
        SpoonfulError: the file is missing, empty or not an image; names the file.
    """
    height, width, channels = pixels.shape
    try:
        encoded = np.fromfile(path, dtype=np.uint8)
    except OSError as error:
        raise SpoonfulError(f"{path}: cannot be read ({error.strerror or error})") from error
    flag = cv2.IMREAD_GRAYSCALE if channels == 1 else cv2.IMREAD_COLOR_RGB
    image = None
    if encoded.size:
        try:
            image = cv2.imdecode(encoded, flag)
        except cv2.error:
            image = None
    if image is None:
        raise SpoonfulError(
            f"{path}: not a readable {Path(path).suffix.lstrip('.')} image ({encoded.size} bytes); "
            "mend or remove the file"
        )
    if image.shape[:2] != (height, width):
        shrinks = image.shape[0] >= height and image.shape[1] >= width
        method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        image = cv2.resize(image, (width, height), interpolation=method)
    pixels[...] = image.reshape(pixels.shape)
