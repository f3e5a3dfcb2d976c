"""Sources: where examples come from. A source knows nothing of orders, batches or Keras."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class Source(Protocol):
    """What every source offers.

    Attributes:
        labels: int64 [n], indices into `class_names`.
        class_names: one name a class, in label order.
        image_shape: (height, width, channels) in pixels, the same for every example.
        fingerprint: hex digest of what the source would serve: ids, labels, sizes and content.
    """

    @property
    def labels(self) -> NDArray[np.int64]: ...
    @property
    def class_names(self) -> tuple[str, ...]: ...
    @property
    def image_shape(self) -> tuple[int, int, int]: ...
    @property
    def fingerprint(self) -> str: ...
    def __len__(self) -> int: ...
    def read(self, indices: Sequence[int] | NDArray[Any]) -> NDArray[np.uint8]:
        """Read examples, uint8 [k, h, w, c] for k indices, in the order asked for."""
        ...
