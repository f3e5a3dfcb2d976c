"""AdamW."""

from dataclasses import dataclass
from typing import Any

from spoonful.config.fields import key
from spoonful.optimizers.adam import Adam


@dataclass
class Adamw(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter, 2019)."""

    weight_decay: float = key("share of a weight taken off a step, times the rate", minimum=0)

    def __call__(self, learning_rate: Any) -> Any:
        """Return Keras' optimizer with a learning rate or schedule."""
        import keras

        return keras.optimizers.AdamW(
            learning_rate, beta_1=self.beta_1, beta_2=self.beta_2, weight_decay=self.weight_decay
        )
