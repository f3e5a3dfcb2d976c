"""y of a batch: what the labels of its examples become."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spoonful.generator.buffers import BufferPool
from spoonful.order import Indices
from spoonful.sources import Source
from spoonful.sources.labels import LabelKind, kind_of


@dataclass(frozen=True)
class Targets:
    """Make y from labels that `check_labels` has accepted.

    Args:
        labels: of all examples, [n] or [n, k].
        table: y of each class, [classes, ...]; None: labels are not classes, and y is the labels as
            float32.
    """

    labels: NDArray[Any]
    table: NDArray[Any] | None

    def of(self, indices: Indices, pool: BufferPool) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return labels and y of examples.

        Returns:
            For classes, labels int64 [k] and a row of the table for each. Otherwise, twice the
            values as float32, [k] or [k, columns].
        """
        found = self.labels[indices]
        if self.table is None:
            y = pool.empty(found.shape, np.float32)
            y[...] = found
            return y, y
        labels = np.asarray(found, dtype=np.int64)
        y = pool.empty((len(labels), *self.table.shape[1:]), self.table.dtype)
        # "raise" would copy y; the labels were checked before.
        np.take(self.table, labels, axis=0, out=y, mode="clip")
        return labels, y


def make_targets(source: Source, one_hot: bool) -> Targets:
    """Return the targets of a source with checked labels.

    Args:
        source: its labels, and how many classes there are.
        one_hot: for classes, rows of the identity instead of their numbers.
    """
    labels = np.asarray(source.labels)
    if kind_of(labels) is not LabelKind.CLASSIFICATION:
        return Targets(labels, None)
    num_classes = len(source.class_names)
    return Targets(
        labels, np.eye(num_classes, dtype=np.float32) if one_hot else np.arange(num_classes)
    )
