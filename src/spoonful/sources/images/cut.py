"""Cut a part out of a picture, resize it to an example, and mirror it."""

from collections.abc import Callable
from typing import NamedTuple

from spoonful.errors import SpoonfulError
from spoonful.sources.images.resize import Box


class Cut(NamedTuple):
    """What of an upright picture an example shows.

    Attributes:
        box: the part that is resized to the example.
        is_mirrored: whether left and right are swapped then.
    """

    box: Box
    is_mirrored: bool


# Called with the height and width of an upright picture in pixels. The same numbers must always
# give the same cut.
Crop = Callable[[int, int], Cut]


def cut_of(crop: Crop, height: int, width: int) -> Cut:
    """Return what a crop shows of a picture [height, width].

    Raises:
        SpoonfulError: its box is not inside the picture, or is empty.
    """
    cut = crop(height, width)
    top, left, rows, columns = cut.box
    is_inside = min(top, left) >= 0 and top + rows <= height and left + columns <= width
    if not is_inside or min(rows, columns) < 1:
        raise SpoonfulError(
            f"a crop of a picture of {height}x{width} px returned {cut.box}: expected a box of at "
            "least one pixel inside the picture"
        )
    return cut
