"""Adam."""

from dataclasses import dataclass
from typing import Any

from spoonful.config.fields import key
from spoonful.optimizers.optimizer import Optimizer


@dataclass
class Adam(Optimizer):
    """Adam (Kingma and Ba, 2015)."""

    beta_1: float = key("decay of the mean gradient", minimum=0, maximum=0.9999)
    beta_2: float = key("decay of the mean squared gradient", minimum=0, maximum=0.999999)

    def __call__(self, learning_rate: Any) -> Any:
        """Return Keras' optimizer with a learning rate or schedule."""
        import keras

        return keras.optimizers.Adam(learning_rate, beta_1=self.beta_1, beta_2=self.beta_2)
