"""Check the memory that a source is to fill."""

import numpy as np
from numpy.typing import NDArray

from spoonful.errors import SpoonfulError


def check_target(
    images: NDArray[np.uint8], num_examples: int, image_shape: tuple[int, int, int]
) -> None:
    """Check that `images` is uint8 [num_examples, h, w, c], contiguous and writable.

    Raises:
        SpoonfulError: it is not.
    """
    expected = (num_examples, *image_shape)
    fits = images.shape == expected and images.dtype == np.uint8
    if not (fits and images.flags.c_contiguous and images.flags.writeable):
        raise SpoonfulError(
            f"images of shape {images.shape} and dtype {images.dtype}: expected writable, "
            f"contiguous uint8 of shape {expected}"
        )
