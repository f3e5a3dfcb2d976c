"""Stochastic gradient descent."""

from dataclasses import dataclass
from typing import Any

from spoonful.config.fields import key
from spoonful.optimizers.optimizer import Optimizer


@dataclass
class Sgd(Optimizer):
    """Stochastic gradient descent with momentum."""

    momentum: float = key("share of the last update kept", minimum=0, maximum=0.9999)
    nesterov: bool = key("look ahead along the momentum")

    def __call__(self, learning_rate: Any) -> Any:
        """Return Keras' optimizer with a learning rate or schedule."""
        import keras

        return keras.optimizers.SGD(learning_rate, momentum=self.momentum, nesterov=self.nesterov)
