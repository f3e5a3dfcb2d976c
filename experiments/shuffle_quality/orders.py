"""The orders that are compared, on the labels of data sorted by class."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spoonful.config.compose import compose_config
from spoonful.order import Order, Placement, make_order
from spoonful.sources.packed.meta import MIXED

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
    Case("block, by class", ("generator.shuffle=block", "pack.order=class")),
    Case("full", ("generator.shuffle=full",)),
    Case("balanced", ("generator.shuffle=balanced",)),
)


@dataclass(frozen=True)
class Data:
    """Labels of data sorted by class.

    Attributes:
        name: as quality.csv has it.
        title: in the tables.
        labels: whole numbers [n].
        overrides: what the size of the images changes.
    """

    name: str
    title: str
    labels: NDArray[Any]
    overrides: tuple[str, ...] = ()


def order_of(case: Case, data: Data) -> Order:
    """Return the order that training with this shuffle would read from a packed split."""
    config = compose_config([_EXPERIMENT, *case.overrides, *data.overrides])
    settings = config.generator
    return make_order(
        settings.shuffle,
        len(data.labels),
        settings.seed,
        labels=data.labels,
        placement=Placement(len(data.labels)) if config.pack.order == MIXED else None,
        block_size=settings.block_size,
        window_blocks=settings.window_blocks,
        buffer_size=settings.buffer_size,
    )


def mnist() -> Data:
    """Return the labels of MNIST's training images, as a folder of class folders sorts them."""
    labels = np.repeat(np.arange(len(_MNIST), dtype=np.uint8), _MNIST)
    return Data("mnist", f"MNIST: {len(labels):,} images, 10 classes", labels)


def imagenet() -> Data:
    """Return as many labels as ImageNet has: 1,281,167 in 1,000 classes of almost equal size."""
    labels = np.sort(np.arange(1_281_167) % 1_000).astype(np.uint16)
    title = f"ImageNet: {len(labels):,} images of 224 px, 1,000 classes"
    # 2 MiB of pixels in a block, as null would make it.
    return Data("imagenet", title, labels, ("generator.block_size=13",))
