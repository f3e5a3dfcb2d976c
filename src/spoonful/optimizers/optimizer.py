"""The keys that every optimizer has."""

from dataclasses import dataclass

from spoonful.config.fields import Component, key


@dataclass
class Optimizer:
    """An optimizer; called with a learning rate or a schedule, it returns Keras' optimizer."""

    learning_rate: float = key("learning rate, the peak of its schedule", above=0)
    schedule: Component = key(
        "learning-rate schedule",
        offered=("initial_learning_rate", "decay_steps", "steps_per_epoch", "epochs"),
        needs=("__call__",),
        adapter="spoonful.optimizers.foreign_schedule.ForeignSchedule",
    )
    learning_rate_scaling: str = key(
        "how the learning rate grows with the batch size: not, in proportion, with its square root",
        choices=("none", "linear", "sqrt"),
    )
    base_batch_size: int = key(
        "batch size that learning_rate is meant for, where it is scaled", minimum=1
    )
