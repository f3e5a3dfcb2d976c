"""A constant learning rate."""

from dataclasses import dataclass


@dataclass
class Constant:
    """The same learning rate at every step."""

    def __call__(self, peak: float, epochs: int, steps_per_epoch: int) -> float:
        """Return the learning rate."""
        return peak
