"""What a generator asks of crops: which part of each example a step shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from spoonful.errors import SpoonfulError
from spoonful.order import Indices, order_identity
from spoonful.sources.images.cut import Crop


class CropPolicy(Protocol):
    """Draws parts of examples: a pure function, called in any sequence from several threads."""

    def draw(self, seed: int, epoch: int, positions: Indices) -> Sequence[Crop]:
        """Return the crops of the examples at positions [k] of an epoch, over all processes."""


@dataclass(frozen=True)
class Cropping:
    """The parts that each step shows.

    Args:
        policy: what draws them.
        seed: 0..2**32 - 1.

    Raises:
        SpoonfulError: the policy has no `draw`.
    """

    policy: CropPolicy
    seed: int

    def __post_init__(self) -> None:
        if not callable(getattr(self.policy, "draw", None)):
            raise SpoonfulError(
                f"crop={self.policy!r}: expected None, spoonful.RandomCrop(...) or an object with "
                "a method draw(seed, epoch, positions)"
            )

    def of(self, epoch: int, positions: Indices) -> Sequence[Crop]:
        """Return the crops of positions of an epoch, over all processes, [k].

        Raises:
            SpoonfulError: the policy returned another number of them.
        """
        crops = self.policy.draw(self.seed, epoch, positions)
        if len(crops) != len(positions):
            raise SpoonfulError(
                f"{type(self.policy).__name__}.draw returned {len(crops)} crops for "
                f"{len(positions)} positions: expected one for each"
            )
        return crops

    @property
    def identity(self) -> dict[str, Any]:
        """What tells it from others, as JSON types: its class and its fields."""
        return order_identity(self.policy)
