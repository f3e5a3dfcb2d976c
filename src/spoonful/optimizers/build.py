"""Build an optimizer with its learning-rate schedule."""

import math
from typing import Any

import keras

from spoonful.errors import SpoonfulError


def build_optimizer(
    optimizer: Any, epochs: int, steps_per_epoch: int, batch_size: int
) -> keras.optimizers.Optimizer:
    """Build an optimizer with its learning-rate schedule.

    Args:
        optimizer: the component: an `Optimizer`, called with the learning rate or schedule.
        epochs: length of the training, which a schedule spans.
        steps_per_epoch: updates per epoch.
        batch_size: images per update, by which the learning rate may be scaled.

    Raises:
        SpoonfulError: the optimizer or its schedule refuses its arguments.
    """
    peak = peak_learning_rate(optimizer, batch_size)
    return optimizer(optimizer.schedule(peak, epochs, steps_per_epoch))


def peak_learning_rate(optimizer: Any, batch_size: int) -> float | None:
    """Return the learning rate for a batch size, the peak of its schedule.

    In proportion: Goyal et al., 2017, https://arxiv.org/abs/1706.02677, for SGD; as the square
    root, for Adam: Malladi et al., 2022, https://arxiv.org/abs/2205.10287.

    Raises:
        SpoonfulError: there is no learning rate to scale.
    """
    scaling = optimizer.learning_rate_scaling
    if optimizer.learning_rate is None:
        if scaling != "none":
            raise SpoonfulError(
                f"optimizer.learning_rate_scaling={scaling}: optimizer.learning_rate is not set; "
                "give it, or learning_rate_scaling=none"
            )
        return None
    ratio = batch_size / optimizer.base_batch_size
    factor = {"none": 1.0, "linear": ratio, "sqrt": math.sqrt(ratio)}
    return float(optimizer.learning_rate * factor[scaling])
