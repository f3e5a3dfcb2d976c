"""An optimizer of Keras or of the user's own, in the form of ours."""

from dataclasses import dataclass
from typing import Any

from spoonful.config.fields import Component, key
from spoonful.config.targets import Target
from spoonful.errors import SpoonfulError
from spoonful.optimizers.constant import Constant
from spoonful.optimizers.optimizer import Optimizer


def _optional(name: str, default: Any) -> Any:
    """Declare a key of every optimizer, with a value where it is missing."""
    return key(**{**Optimizer.__dataclass_fields__[name].metadata, "default": default})


@dataclass
class ForeignOptimizer(Optimizer):
    """A target that makes an optimizer; the keys of every optimizer may be left out."""

    learning_rate: float | None = key(  # type: ignore[assignment]
        "learning rate, the peak of its schedule; null: the target's own", above=0, default=None
    )
    schedule: Component = _optional("schedule", Constant())
    learning_rate_scaling: str = _optional("learning_rate_scaling", "none")
    base_batch_size: int = _optional("base_batch_size", 32)
    target: Target = None  # type: ignore[assignment]  # set by the checker

    def __call__(self, learning_rate: Any) -> Any:
        """Return the optimizer with a learning rate or schedule; None: its own default.

        Raises:
            SpoonfulError: it refuses its arguments, or makes something else.
        """
        import keras

        offered = {} if learning_rate is None else {"learning_rate": learning_rate}
        made = self.target(**offered)
        if not isinstance(made, keras.optimizers.Optimizer):
            raise SpoonfulError(
                f"optimizer: {self.target.path} makes a {type(made).__name__}, expected a Keras "
                "optimizer such as keras.optimizers.Adam"
            )
        return made
