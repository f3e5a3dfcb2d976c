"""Resize policies: which part of a picture is shown, and where. Imports nothing heavy."""

from typing import NamedTuple

from spoonful.errors import SpoonfulError

RESIZES = ("stretch", "fit", "crop")


class Box(NamedTuple):
    """A rectangle in whole pixels, rows counted from the top and columns from the left."""

    top: int
    left: int
    height: int
    width: int


def checked_resize(resize: str) -> str:
    """Return the name of a resize policy.

    Raises:
        SpoonfulError: an invalid policy; names the valid ones.
    """
    if resize not in RESIZES:
        raise SpoonfulError(f"resize={resize!r}: expected one of {', '.join(RESIZES)}")
    return resize


def boxes(
    resize: str, height: int, width: int, target_height: int, target_width: int
) -> tuple[Box, Box]:
    """Return which box of a picture [height, width] fills which box of the target.

    - stretch: all of the picture fills all of the target; the aspect changes.
    - fit: all of the picture, its aspect kept, in the middle of the target; the rest is padding.
    - crop: the middle of the picture, as large as the target's aspect allows, fills the target.

    Where a margin is odd, the bottom or right one is a pixel wider. Each box has at least one
    pixel, so the aspect of a very thin picture is not kept exactly.

    Raises:
        SpoonfulError: an invalid policy.
    """
    picture, target = Box(0, 0, height, width), Box(0, 0, target_height, target_width)
    checked_resize(resize)
    if resize == "stretch" or height * target_width == width * target_height:
        return picture, target
    if resize == "fit":
        return picture, _inside(target, height, width)
    return _inside(picture, target_height, target_width), target


def _inside(outer: Box, height: int, width: int) -> Box:
    """Return the largest centred box of the aspect height:width inside a box at the origin."""
    if height * outer.width > width * outer.height:
        inner_height, inner_width = outer.height, _ratio(outer.height * width, height)
    else:
        inner_height, inner_width = _ratio(outer.width * height, width), outer.width
    top, left = (outer.height - inner_height) // 2, (outer.width - inner_width) // 2
    return Box(top, left, inner_height, inner_width)


def _ratio(numerator: int, denominator: int) -> int:
    """Divide, rounded to the nearest whole number from 1 on; halves up."""
    return max(1, (2 * numerator + denominator) // (2 * denominator))
