"""Have the system read the next window of shuffle="block" while this one is used."""

from typing import Any

from spoonful.generator.steps import Steps
from spoonful.order import BlockOrder
from spoonful.sources import Source


def fetch_ahead(
    source: Source, order: BlockOrder, steps: Steps, first_step: int, num_steps: int
) -> None:
    """Ask for the blocks that follow, where these steps begin a window of blocks.

    Inside a window the order is random: without this, a disk would be asked for single examples
    that lie anywhere in 16 blocks; with it, for whole blocks.

    Args:
        source: asked through its `prefetch(start, stop)`; one without it is left alone.
        order: whose windows are meant.
        steps: which positions a step takes.
        first_step: the first of the global steps that are planned.
        num_steps: how many, all in one epoch.
    """
    prefetch = getattr(source, "prefetch", None)
    if prefetch is None:
        return
    epoch, _ = steps.epoch_of(first_step)
    start, _ = steps.positions(first_step)
    _, stop = steps.positions(first_step + num_steps - 1)
    window = min(order.block_size, order.num_examples) * order.window_blocks
    first = -(-start // window) * window
    for begin in range(first, stop, window):
        if begin == 0 and epoch == 0:
            _fetch(prefetch, order, 0, 0)  # nobody could ask for the very first one before
        if begin + window < order.num_examples:
            _fetch(prefetch, order, epoch, begin + window)
        else:
            _fetch(prefetch, order, epoch + 1, 0)


def _fetch(prefetch: Any, order: BlockOrder, epoch: int, position: int) -> None:
    _, stretches = order.stretches(epoch, position)
    for start, stop in stretches:
        prefetch(start, stop)
