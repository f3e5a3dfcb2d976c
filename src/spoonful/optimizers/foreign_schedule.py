"""A learning-rate schedule of Keras or of the user's own, in the form of ours."""

from dataclasses import dataclass
from typing import Any

from spoonful.config.targets import Target


@dataclass
class ForeignSchedule:
    """A target that makes a schedule.

    It gets, where it takes them and they are not among its own arguments: `initial_learning_rate`,
    `decay_steps` (steps of the whole training), `epochs` and `steps_per_epoch`.
    """

    target: Target = None  # type: ignore[assignment]  # set by the checker

    def __call__(self, peak: float | None, epochs: int, steps_per_epoch: int) -> Any:
        """Return the schedule of a training, or a learning rate.

        Raises:
            SpoonfulError: it refuses its arguments.
        """
        offered = {"initial_learning_rate": peak} if peak is not None else {}
        return self.target(
            **offered,
            decay_steps=epochs * steps_per_epoch,
            epochs=epochs,
            steps_per_epoch=steps_per_epoch,
        )
