"""Optimizers and learning-rate schedules from their configs."""

import math
from typing import Any

import keras

from spoonful.config.optimizer_schema import (
    AdamConfig,
    AdamwConfig,
    SgdConfig,
    WarmupCosineConfig,
)
from spoonful.errors import SpoonfulError


def build_optimizer(
    config: AdamConfig | AdamwConfig | SgdConfig,
    epochs: int,
    steps_per_epoch: int,
    batch_size: int,
) -> keras.optimizers.Optimizer:
    """Build an optimizer with its learning-rate schedule.

    Args:
        config: the optimizer.
        epochs: length of the training, which the cosine spans.
        steps_per_epoch: updates per epoch.
        batch_size: images per update, by which the learning rate may be scaled.

    Raises:
        SpoonfulError: a warm-up longer than the training.
    """
    rate = _scheduled(config, peak_learning_rate(config, batch_size), epochs, steps_per_epoch)
    if isinstance(config, AdamwConfig):
        return keras.optimizers.AdamW(
            rate, beta_1=config.beta_1, beta_2=config.beta_2, weight_decay=config.weight_decay
        )
    if isinstance(config, AdamConfig):
        return keras.optimizers.Adam(rate, beta_1=config.beta_1, beta_2=config.beta_2)
    return keras.optimizers.SGD(rate, momentum=config.momentum, nesterov=config.nesterov)


def peak_learning_rate(config: AdamConfig | AdamwConfig | SgdConfig, batch_size: int) -> float:
    """Return the learning rate for a batch size, the peak of its schedule.

    In proportion: Goyal et al., 2017, https://arxiv.org/abs/1706.02677, for SGD; as the square
    root, for Adam: Malladi et al., 2022, https://arxiv.org/abs/2205.10287.
    """
    ratio = batch_size / config.base_batch_size
    factor = {"none": 1.0, "linear": ratio, "sqrt": math.sqrt(ratio)}
    return config.learning_rate * factor[config.learning_rate_scaling]


def _scheduled(config: Any, peak: float, epochs: int, steps_per_epoch: int) -> Any:
    schedule = config.schedule
    if not isinstance(schedule, WarmupCosineConfig):
        return peak
    warmup_steps = round(schedule.warmup_epochs * steps_per_epoch)
    total_steps = epochs * steps_per_epoch
    if warmup_steps >= total_steps:
        raise SpoonfulError(
            f"optimizer.schedule.warmup_epochs={schedule.warmup_epochs}: the warm-up must be "
            f"shorter than the training of {epochs} epochs"
        )
    if warmup_steps == 0:
        return keras.optimizers.schedules.CosineDecay(
            peak, total_steps, alpha=schedule.final_fraction
        )
    return keras.optimizers.schedules.CosineDecay(
        0.0,
        total_steps - warmup_steps,
        alpha=schedule.final_fraction,
        warmup_target=peak,
        warmup_steps=warmup_steps,
    )
