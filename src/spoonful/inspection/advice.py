"""What follows from an inspection: image size, channels, resizing, sizes on disk and in memory."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from spoonful.errors import SpoonfulError
from spoonful.inspection.statistics import Columns
from spoonful.sources.images.background import WHITE
from spoonful.sources.images.decode import decode_bytes
from spoonful.sources.threads import num_processors

# Sides that networks are trained with; multiples of 32 are halved five times without a rest.
_SIDES = (32, 64, 96, 128, 160, 192, 224)
# Nine in ten images are then shrunk, not enlarged.
_SMALLER_SHARE = 0.1
# Up to this size, images that are all of one size are used as they are.
_LARGEST_AS_IS = 224
# Aspect ratios within 5 % of each other: stretching is not seen.
_SAME_ASPECT = 1.05
_QUALITY = 90  # conf/pack/jpeg.yaml
_NUM_SAMPLES = 64


@dataclass(frozen=True)
class Advice:
    """Recommended keys of the data set, and what they lead to.

    Attributes:
        image_size: height and width in px.
        num_channels: 1 if all images are grey, else 3.
        resize: "stretch" where all have one aspect ratio, else "crop".
        raw_bytes: size of all images packed as pixels; also what they take in memory.
        jpeg_bytes: size packed as JPEG, from a sample.
        images_per_s: decoded to that size here, with all processors, from a sample.
    """

    image_size: tuple[int, int]
    num_channels: int
    resize: str
    raw_bytes: int
    jpeg_bytes: int
    images_per_s: float


def advice_of(columns: Columns, read: Callable[[int], bytes], max_pixels: int) -> Advice | None:
    """Derive the recommendations; a sample of 64 images is read again. None: no readable image.

    Args:
        columns: of the table.
        read: returns the bytes of the image at a position.
        max_pixels: the limit for height x width.
    """
    good = np.flatnonzero(~columns.is_bad & np.isfinite(columns.numbers["width"]))
    if not len(good):
        return None
    width, height = columns.numbers["width"][good], columns.numbers["height"][good]
    size = recommended_size(width, height)
    aspects = width / height
    is_grey = bool((columns.numbers["channels"][good] == 1).all())
    num_channels = 1 if is_grey and not _has_palette(columns, good) else 3
    one_aspect = float(aspects.max() / aspects.min()) <= _SAME_ASPECT
    raw_bytes = len(good) * size[0] * size[1] * num_channels
    picked = good[np.linspace(0, len(good) - 1, min(_NUM_SAMPLES, len(good))).astype(np.int64)]
    jpeg_share, speed = _sampled(picked.tolist(), read, (*size, num_channels), max_pixels)
    resize = "stretch" if one_aspect else "crop"
    return Advice(size, num_channels, resize, raw_bytes, round(raw_bytes * jpeg_share), speed)


def recommended_size(width: NDArray[Any], height: NDArray[Any]) -> tuple[int, int]:
    """Return the recommended height and width in px.

    Args:
        width: of each readable image, in px [n], n >= 1.
        height: likewise.
    """
    is_one_size = width.min() == width.max() and height.min() == height.max()
    if is_one_size and max(width[0], height[0]) <= _LARGEST_AS_IS:
        return int(height[0]), int(width[0])
    shorter = float(np.quantile(np.minimum(width, height), _SMALLER_SHARE))
    side = max((side for side in _SIDES if side <= shorter), default=_SIDES[0])
    return side, side


def _has_palette(columns: Columns, rows: NDArray[np.int64]) -> bool:
    numbers, names = columns.texts["mode"]
    return any(names[number].startswith("P") for number in np.unique(numbers[rows]).tolist())


def _sampled(
    positions: list[int], read: Callable[[int], bytes], shape: tuple[int, int, int], max_pixels: int
) -> tuple[float, float]:
    """Return the size as JPEG relative to pixels, and the images decoded per second."""
    encoded = []
    for position in positions:
        try:
            encoded.append(read(position))
        except SpoonfulError:  # vanished since it was inspected
            continue
    if not encoded:
        return 0.0, 0.0
    images = np.zeros((len(encoded), *shape), np.uint8)

    def decode(number: int) -> None:
        with suppress(SpoonfulError):  # damaged since it was inspected
            decode_bytes(encoded[number], "", images[number], "stretch", WHITE, max_pixels)

    with ThreadPoolExecutor(num_processors()) as pool:
        begin = perf_counter()
        for _ in pool.map(decode, range(len(encoded))):
            pass  # raises what decoding raises
        seconds = perf_counter() - begin
    colours = "GRAY" if shape[2] == 1 else "RGB"
    num_bytes = sum(
        len(simplejpeg.encode_jpeg(image, _QUALITY, colours, "420")) for image in images
    )
    return num_bytes / images.nbytes, len(encoded) / max(seconds, 1e-9)
