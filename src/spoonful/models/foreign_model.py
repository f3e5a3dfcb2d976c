"""A model of the user's own, or of Keras, in the form of ours: scaled pixels in, features out."""

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from spoonful.config.targets import Target

if TYPE_CHECKING:
    import keras


@dataclass
class ForeignModel:
    """A target that makes features.

    A function whose first argument has no default is called with the pixels and its arguments.
    Anything else, such as a class or a function of `keras.applications`, is called with its
    arguments; what it returns is called with the pixels.
    """

    target: Target = None  # type: ignore[assignment]  # set by the checker

    smallest_image: ClassVar[int] = 1

    def __call__(self, pixels: "keras.KerasTensor") -> "keras.KerasTensor":
        """Turn scaled pixels [b, h, w, c] into features [b, f].

        Raises:
            SpoonfulError: its code fails; says where.
        """
        target = self.target
        if not inspect.isclass(target.function) and target.first_needed() is not None:
            return target(pixels)
        network: Any = target()
        return target.tried(lambda: network(pixels))
