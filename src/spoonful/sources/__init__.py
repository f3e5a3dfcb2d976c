"""Sources: where examples come from. A source knows nothing about orders, batches or Keras."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class Source(Protocol):
    """The interface of every source.

    Attributes:
        labels: whole numbers [n], indices into `class_names`.
        class_names: one name per class, in label order.
        image_shape: (height, width, channels) in pixels, the same for every example.
        fingerprint: hex digest of what the source serves: ids, labels, sizes and content.
        max_useful_threads: largest number of reading threads that is useful, >= 1.
    """

    @property
    def labels(self) -> NDArray[np.integer[Any]]: ...
    @property
    def class_names(self) -> tuple[str, ...]: ...
    @property
    def image_shape(self) -> tuple[int, int, int]: ...
    @property
    def fingerprint(self) -> str: ...
    @property
    def max_useful_threads(self) -> int: ...
    def __len__(self) -> int: ...
    def read(self, indices: Sequence[int] | NDArray[Any]) -> NDArray[np.uint8]:
        """Read examples, uint8 [k, h, w, c] for k indices, in the order of the indices."""
        ...

    def read_into(self, indices: Sequence[int] | NDArray[Any], images: NDArray[np.uint8]) -> None:
        """Read examples into place: `images` is uint8 [k, h, w, c], contiguous."""
        ...

    def example_id(self, index: int) -> str:
        """Return the name of an example for messages."""
        ...
