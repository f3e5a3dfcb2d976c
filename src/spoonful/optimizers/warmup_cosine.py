"""A warm-up, then a cosine."""

from dataclasses import dataclass
from typing import Any

from spoonful.config.fields import key
from spoonful.errors import SpoonfulError


@dataclass
class WarmupCosine:
    """A linear rise from 0, then half a cosine down."""

    warmup_epochs: float = key("length of the rise in epochs", minimum=0)
    final_fraction: float = key("last learning rate as a share of the peak", minimum=0, maximum=1)

    def __call__(self, peak: float, epochs: int, steps_per_epoch: int) -> Any:
        """Return the schedule of a training.

        Raises:
            SpoonfulError: a warm-up longer than the training.
        """
        from keras.optimizers.schedules import CosineDecay

        warmup_steps = round(self.warmup_epochs * steps_per_epoch)
        total_steps = epochs * steps_per_epoch
        if warmup_steps >= total_steps:
            raise SpoonfulError(
                f"optimizer.schedule.warmup_epochs={self.warmup_epochs}: the warm-up must be "
                f"shorter than the training of {epochs} epochs"
            )
        if warmup_steps == 0:
            return CosineDecay(peak, total_steps, alpha=self.final_fraction)
        return CosineDecay(
            0.0,
            total_steps - warmup_steps,
            alpha=self.final_fraction,
            warmup_target=peak,
            warmup_steps=warmup_steps,
        )
