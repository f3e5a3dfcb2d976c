"""Transparent pictures on one background."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from spoonful.errors import SpoonfulError

WHITE = (255, 255, 255)


def checked_background(background: Sequence[int]) -> tuple[int, int, int]:
    """Return a background as (red, green, blue), 0..255 each.

    Raises:
        SpoonfulError: it is not such a colour.
    """
    values = tuple(background)
    if len(values) != 3 or any(
        isinstance(v, bool) or not isinstance(v, (int, np.integer)) or not 0 <= v <= 255
        for v in values
    ):
        raise SpoonfulError(
            f"background={background!r}: expected red, green and blue, each 0..255, "
            "such as [255, 255, 255] for white"
        )
    return int(values[0]), int(values[1]), int(values[2])


def on_background(
    pixels: NDArray[np.uint8], background: Sequence[int], is_premultiplied: bool = False
) -> NDArray[np.uint8]:
    """Composite RGBA on a background, rounded to the nearest value.

    Args:
        pixels: uint8 [..., 4].
        background: (red, green, blue).
        is_premultiplied: the colours are already multiplied by alpha.

    Returns:
        RGB, uint8 [..., 3].
    """
    colours, alpha = pixels[..., :3].astype(np.uint16), pixels[..., 3:].astype(np.uint16)
    behind = np.array(background, np.uint16) * (255 - alpha)
    if is_premultiplied:  # a colour larger than its alpha would overflow
        mixed = np.minimum(colours, alpha) + (behind + 127) // 255
    else:
        mixed = (colours * alpha + behind + 127) // 255
    flat: NDArray[np.uint8] = np.minimum(mixed, 255).astype(np.uint8)
    return flat
