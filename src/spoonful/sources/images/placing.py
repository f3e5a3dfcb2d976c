"""Put a decoded picture upright into the memory of an example."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spoonful.sources.images.cut import Crop, cut_of
from spoonful.sources.images.exif import is_turned, mirrored, stored_box, turn_upright
from spoonful.sources.images.resize import Box, boxes
from spoonful.sources.images.scale import part, scale


class Placing(NamedTuple):
    """Which box of the stored picture fills which box of the target.

    Attributes:
        source: box of the stored picture, before it is turned upright.
        target: box of the example.
        turn: the EXIF orientation, 1..8; of a crop that mirrors, the one that mirrors, too.
        height: rows of the stored picture that the target needs, before turning.
        width: columns, likewise.
    """

    source: Box
    target: Box
    turn: int
    height: int
    width: int


def placing(
    resize: str,
    size: tuple[int, int],
    turn: int,
    target_size: tuple[int, int],
    crop: Crop | None = None,
) -> Placing:
    """Return how a stored picture of `size` (height, width) is placed.

    Args:
        resize: the policy for whole pictures.
        size: height and width of the stored picture.
        turn: its EXIF orientation, 1..8.
        target_size: height and width of the example.
        crop: what the example shows instead.

    Raises:
        SpoonfulError: an invalid resize policy, or a crop outside the picture.
    """
    upright = size[::-1] if is_turned(turn) else size
    shown, target = boxes(resize, *upright, *target_size)
    is_mirrored = False
    if crop is not None:
        shown, is_mirrored = cut_of(crop, *upright)
        target = Box(0, 0, *target_size)
    source = stored_box(shown, *upright, turn)
    if is_mirrored:
        turn = mirrored(turn)
    height, width = target.height, target.width
    if is_turned(turn):
        height, width = width, height
    return Placing(source, target, turn, height, width)


def put(
    image: NDArray[np.uint8], where: Placing, pixels: NDArray[np.uint8], reduction: int = 1
) -> None:
    """Scale and turn a picture into place.

    Args:
        image: [h, w] or [h, w, 1] grey, or [h, w, 3].
        where: the boxes, in pixels of the file's own size.
        pixels: uint8 [h, w, 1] or [h, w, 3]; padding is left unchanged.
        reduction: how many times smaller than the file's own size `image` is.
    """
    if pixels.shape[2] == 1:
        pixels, image = pixels[..., 0], image.reshape(image.shape[:2])
    target = part(pixels, where.target)
    image = part(image, _reduced(where.source, reduction, *image.shape[:2]))
    height, width = where.source.height / reduction, where.source.width / reduction
    if where.turn == 1:
        scale(image, target, height, width)
        return
    stored = np.empty((where.height, where.width, *pixels.shape[2:]), np.uint8)
    scale(image, stored, height, width)
    turn_upright(stored, where.turn, target)


def _reduced(box: Box, reduction: int, height: int, width: int) -> Box:
    """Return where a box of the file's picture is in the reduced one [height, width]."""
    top, left, rows, columns = (round(side / reduction) for side in box)
    # Rounded up, a box at the edge would end a pixel outside.
    return Box(min(top, height - rows), min(left, width - columns), rows, columns)


def cut(picture: NDArray[np.uint8], crop: Crop, pixels: NDArray[np.uint8]) -> None:
    """Cut a decoded, upright picture into place.

    Args:
        picture: [h, w, 1] grey or [h, w, 3].
        crop: what of it.
        pixels: as many channels, of another size or the same; filled.

    Raises:
        SpoonfulError: the crop is outside the picture.
    """
    put(picture, placing("stretch", picture.shape[:2], 1, pixels.shape[:2], crop), pixels)
