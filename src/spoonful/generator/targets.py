"""y of a batch: what the labels of its examples become."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spoonful.generator.buffers import BufferPool
from spoonful.order import Indices
from spoonful.sources import Source
from spoonful.sources.labels import LabelKind, kind_of


class Targets:
    """Make y from labels that `check_labels` has accepted.

    Args:
        source: its labels, and how many classes there are.
        one_hot: for classes, rows of the identity instead of their numbers.
    """

    def __init__(self, source: Source, one_hot: bool) -> None:
        self.labels = np.asarray(source.labels)  # [n] or [n, k]
        # y of each class, [classes, ...]; None: y is the labels as float32.
        self._table: NDArray[Any] | None = None
        if kind_of(self.labels) is LabelKind.CLASSIFICATION:
            count = len(source.class_names)
            self._table = np.eye(count, dtype=np.float32) if one_hot else np.arange(count)

    def of(self, indices: Indices, pool: BufferPool) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return labels and y of examples.

        Returns:
            For classes, labels int64 [k] and a row of the table for each. Otherwise, twice the
            values as float32, [k] or [k, columns].
        """
        found = self.labels[indices]
        if self._table is None:
            y = pool.empty(found.shape, np.float32)
            y[...] = found
            return y, y
        labels = np.asarray(found, dtype=np.int64)
        y = pool.empty((len(labels), *self._table.shape[1:]), self._table.dtype)
        # "raise" would copy y; the labels were checked before.
        np.take(self._table, labels, axis=0, out=y, mode="clip")
        return labels, y
