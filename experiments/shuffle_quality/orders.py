"""The orders that are compared, on the labels of data sorted by class."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spoonful.config.compose import compose_config
from spoonful.order import Order, make_order

_EXPERIMENT = "experiment=shuffle_quality"
# MNIST's 60,000 training images, of which a split leaves nine tenths of each class.
_MNIST = (5331, 6068, 5362, 5518, 5258, 4879, 5326, 5638, 5266, 5354)


@dataclass(frozen=True)
class Case:
    """One shuffle and its settings.

    Attributes:
        name: of the row in the tables.
        overrides: of the experiment's config.
    """

    name: str
    overrides: tuple[str, ...]


CASES = (
    Case("none", ("generator.shuffle=none",)),
    Case("buffer 1,000", ("generator.shuffle=buffer", "generator.buffer_size=1000")),
    Case("buffer 10,000", ("generator.shuffle=buffer", "generator.buffer_size=10000")),
    Case("block", ("generator.shuffle=block",)),
    Case("full", ("generator.shuffle=full",)),
    Case("balanced", ("generator.shuffle=balanced",)),
)


def order_of(case: Case, labels: NDArray[Any]) -> Order:
    """Return the order that training with this shuffle would read."""
    settings = compose_config([_EXPERIMENT, *case.overrides]).generator
    return make_order(
        settings.shuffle,
        len(labels),
        settings.seed,
        labels=labels,
        block_size=settings.block_size,
        window_blocks=settings.window_blocks,
        buffer_size=settings.buffer_size,
    )


def mnist_labels() -> NDArray[Any]:
    """Return the labels of MNIST's training images, as a folder of class folders sorts them."""
    return np.repeat(np.arange(len(_MNIST), dtype=np.uint8), _MNIST)


def imagenet_labels() -> NDArray[Any]:
    """Return as many labels as ImageNet has: 1,281,167 in 1,000 classes of almost equal size."""
    return np.sort(np.arange(1_281_167) % 1_000).astype(np.uint16)
