"""Which examples each step takes: an order, cut into steps. It needs neither pixels nor Keras."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from spoonful.errors import SpoonfulError
from spoonful.generator.steps import Steps, checked_whole
from spoonful.order import (
    CustomOrder,
    Indices,
    Order,
    SequentialOrder,
    StoredOrder,
    make_order,
    shuffle_name,
)
from spoonful.sources import Source, check_source
from spoonful.sources.labels import check_labels

CUSTOM = "custom"  # the name of a shuffle that is the user's own order
# Pixels of a block of shuffle="block" when block_size is not given: long enough for disks to read
# at full speed, small enough for two windows of 16 of them to fit any memory: training inside
# 576 MiB, of which TensorFlow left 180, ran at 91 % of its speed, with blocks of 4 MiB at 38 %.
BLOCK_BYTES = 2 << 20


@dataclass(frozen=True)
class Plan:
    """The examples of all steps: a pure function of (source, seed, global step).

    Attributes:
        shuffle: name of the order.
        order: which example is at which position of which epoch.
        steps: which positions a step takes.
    """

    shuffle: str
    order: Order
    steps: Steps

    def indices(self, step: int) -> Indices:
        """Return the examples of a global step, int64 [b], for this process."""
        step = checked_whole("step", step, 0)
        epoch, _ = self.steps.epoch_of(step)
        return self.order(epoch, *self.steps.positions(step))[self.steps.share(step)]


def stored_order(source: Source) -> Order:
    """Return the order in which all examples of a source are read in the shortest time."""
    placement = source.placement
    return SequentialOrder(len(source)) if placement is None else StoredOrder(placement)


def make_plan(
    source: Source,
    batch_size: int,
    *,
    shuffle: str | bool = "full",
    order: Order | None = None,
    seed: int = 0,
    drop_remainder: bool = False,
    max_steps_per_epoch: int | None = None,
    process_index: int = 0,
    process_count: int = 1,
    block_size: int | None = None,
    window_blocks: int = 16,
    buffer_size: int = 1000,
) -> Plan:
    """Check a source and its labels, and plan its steps.

    Args:
        source: where the examples are.
        batch_size: the others are arguments of `BatchGenerator`, with the same meaning.

    Raises:
        SpoonfulError: an argument outside its range; names it, the allowed values and the fix.
    """
    check_source(source)
    is_cut = bool(drop_remainder)
    num_examples = len(source)
    steps = Steps(
        num_examples, batch_size, is_cut, process_index, process_count, max_steps_per_epoch
    )
    check_labels(source.labels, num_examples, source.class_names, source.example_id)
    if block_size is None:
        block_size = max(1, BLOCK_BYTES // math.prod(source.image_shape))
    sizes: dict[str, Any] = {
        "block_size": block_size,
        "window_blocks": window_blocks,
        "buffer_size": buffer_size,
    }
    if order is None:
        name = shuffle_name(shuffle)
        labels, placement = np.asarray(source.labels), source.placement
        made = make_order(name, num_examples, seed, labels=labels, placement=placement, **sizes)
        return Plan(name, made, steps)
    if shuffle is not True and shuffle != "full":
        raise SpoonfulError(
            f"shuffle={shuffle!r} and order={order!r}: expected one of them; leave out shuffle to "
            "use your own order"
        )
    make_order("none", num_examples, seed, **sizes)  # checks the rest
    return Plan(CUSTOM, CustomOrder(order, num_examples), steps)
