"""Optimizers and learning-rate schedules from their configs."""

from typing import Any

import keras

from spoonful.config.schema import AdamConfig, AdamwConfig, SgdConfig, WarmupCosineConfig
from spoonful.errors import SpoonfulError


def build_optimizer(
    config: AdamConfig | AdamwConfig | SgdConfig, epochs: int, steps_per_epoch: int
) -> keras.optimizers.Optimizer:
    """Build an optimizer with its learning-rate schedule.

    Args:
        config: the optimizer.
        epochs: length of the training, which the cosine spans.
        steps_per_epoch: updates an epoch.

    Raises:
        SpoonfulError: a warm-up longer than the training.
    """
    rate = _learning_rate(config, epochs, steps_per_epoch)
    if isinstance(config, AdamwConfig):
        return keras.optimizers.AdamW(
            rate, beta_1=config.beta_1, beta_2=config.beta_2, weight_decay=config.weight_decay
        )
    if isinstance(config, AdamConfig):
        return keras.optimizers.Adam(rate, beta_1=config.beta_1, beta_2=config.beta_2)
    return keras.optimizers.SGD(rate, momentum=config.momentum, nesterov=config.nesterov)


def _learning_rate(config: Any, epochs: int, steps_per_epoch: int) -> Any:
    schedule = config.schedule
    if not isinstance(schedule, WarmupCosineConfig):
        return config.learning_rate
    warmup_steps = round(schedule.warmup_epochs * steps_per_epoch)
    total_steps = epochs * steps_per_epoch
    if warmup_steps >= total_steps:
        raise SpoonfulError(
            f"optimizer.schedule.warmup_epochs={schedule.warmup_epochs}: the warm-up must be "
            f"shorter than the training of {epochs} epochs"
        )
    if warmup_steps == 0:
        return keras.optimizers.schedules.CosineDecay(
            config.learning_rate, total_steps, alpha=schedule.final_fraction
        )
    return keras.optimizers.schedules.CosineDecay(
        0.0,
        total_steps - warmup_steps,
        alpha=schedule.final_fraction,
        warmup_target=config.learning_rate,
        warmup_steps=warmup_steps,
    )
