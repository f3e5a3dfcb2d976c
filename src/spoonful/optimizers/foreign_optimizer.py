"""An optimizer of Keras or of the user's own, in the form of ours."""

from dataclasses import dataclass, field
from typing import Any

from spoonful.config.fields import Component, key
from spoonful.config.targets import Target
from spoonful.optimizers.constant import Constant
from spoonful.optimizers.optimizer import SCALINGS, Optimizer


@dataclass
class ForeignOptimizer(Optimizer):
    """A target that makes an optimizer; the keys of every optimizer may be left out."""

    learning_rate: float | None = key(  # type: ignore[assignment]
        "learning rate, the peak of its schedule; null: the target's own", above=0, default=None
    )
    schedule: Component = key(
        "learning-rate schedule",
        offered=("initial_learning_rate", "decay_steps", "steps_per_epoch", "epochs"),
        needs=("__call__",),
        adapter="spoonful.optimizers.foreign_schedule.ForeignSchedule",
        default=Constant(),
    )
    learning_rate_scaling: str = key(
        "how the learning rate grows with the batch size: not, in proportion, with its square root",
        choices=SCALINGS,
        default="none",
    )
    base_batch_size: int = key(
        "batch size that learning_rate is meant for, where it is scaled", minimum=1, default=32
    )
    target: Target = field(default=None)  # type: ignore[assignment]  # set by the checker

    def __call__(self, learning_rate: Any) -> Any:
        """Return the optimizer with a learning rate or schedule; None: its own default.

        Raises:
            SpoonfulError: it refuses its arguments, or makes something else.
        """
        import keras

        from spoonful.errors import SpoonfulError

        offered = {} if learning_rate is None else {"learning_rate": learning_rate}
        made = self.target(**offered)
        if not isinstance(made, keras.optimizers.Optimizer):
            raise SpoonfulError(
                f"optimizer: {self.target.path} makes a {type(made).__name__}, expected a Keras "
                "optimizer such as keras.optimizers.Adam"
            )
        return made
