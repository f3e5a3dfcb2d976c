"""The config keys of optimizers and their learning rates."""

from dataclasses import dataclass
from typing import Any

from spoonful.config.fields import key

SCALINGS = ("none", "linear", "sqrt")
_SCALING = "how the learning rate grows with batch size: not, in proportion, or as its square root"
_BASE = "batch size that learning_rate is meant for, where it is scaled"


@dataclass
class ConstantConfig:
    """The same learning rate at every step."""

    name: str = key("learning-rate schedule", choices=("constant",))


@dataclass
class WarmupCosineConfig:
    """A linear rise from 0, then half a cosine down."""

    name: str = key("learning-rate schedule", choices=("warmup_cosine",))
    warmup_epochs: float = key("length of the rise in epochs", minimum=0)
    final_fraction: float = key("last learning rate as a share of the peak", minimum=0, maximum=1)


@dataclass
class AdamConfig:
    """Adam (Kingma and Ba, 2015)."""

    name: str = key("which optimizer", choices=("adam",))
    learning_rate: float = key("learning rate, the peak of its schedule", above=0)
    beta_1: float = key("decay of the mean gradient", minimum=0, maximum=0.9999)
    beta_2: float = key("decay of the mean squared gradient", minimum=0, maximum=0.999999)
    schedule: Any = key("learning-rate schedule")
    learning_rate_scaling: str = key(_SCALING, choices=SCALINGS)
    base_batch_size: int = key(_BASE, minimum=1)


@dataclass
class AdamwConfig(AdamConfig):
    """Adam with decoupled weight decay (Loshchilov and Hutter, 2019)."""

    name: str = key("which optimizer", choices=("adamw",))
    weight_decay: float = key("share of a weight taken off a step, times the rate", minimum=0)


@dataclass
class SgdConfig:
    """Stochastic gradient descent with momentum."""

    name: str = key("which optimizer", choices=("sgd",))
    learning_rate: float = key("learning rate, the peak of its schedule", above=0)
    momentum: float = key("share of the last update kept", minimum=0, maximum=0.9999)
    nesterov: bool = key("look ahead along the momentum")
    schedule: Any = key("learning-rate schedule")
    learning_rate_scaling: str = key(_SCALING, choices=SCALINGS)
    base_batch_size: int = key(_BASE, minimum=1)


SCHEDULES: dict[str | None, type] = {
    "constant": ConstantConfig,
    "warmup_cosine": WarmupCosineConfig,
}
