"""The batch that the group `preview` of a config chooses."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spoonful.config.schema import Config
from spoonful.errors import SpoonfulError
from spoonful.files.text import printable
from spoonful.output import say
from spoonful.sources import Source
from spoonful.workflow.data import open_train_and_val
from spoonful.workflow.image_size import with_image_size
from spoonful.workflow.shuffle_choice import shuffle_choice, with_shuffle

if TYPE_CHECKING:
    from spoonful.generator.plan import Plan


@dataclass(frozen=True)
class ChosenBatch:
    """A batch of training or validation.

    Attributes:
        config: the whole config.
        split: "train" or "val".
        source: what the batch is read from.
        plan: the examples of all steps.
        step: the number of the batch, from 0, over the whole training; for "val" over one
            validation.
    """

    config: Config
    split: str
    source: Source
    plan: "Plan"
    step: int

    @property
    def indices(self) -> NDArray[np.int64]:
        """The examples of the batch, int64 [b]."""
        return self.plan.indices(self.step)

    @property
    def epoch(self) -> int:
        """The epoch that the batch is in, from 1."""
        return self.plan.steps.epoch_of(self.step)[0] + 1

    @property
    def number(self) -> int:
        """The number of the batch in its epoch, from 0."""
        return self.plan.steps.epoch_of(self.step)[1]

    def label(self, index: int) -> str:
        """Return an example's label for a terminal or a figure."""
        return printable(self.config.task.caption(self.source, index))

    def name(self, index: int) -> str:
        """Return an example's id for a terminal or a figure."""
        return printable(self.source.example_id(index))


def chosen_batch(config: Config) -> ChosenBatch:
    """Open the data and return the chosen batch; it imports no framework.

    Raises:
        SpoonfulError: no such epoch or step, or the data is not there; names the key.
    """
    config = with_image_size(config)
    chosen, trainer = config.preview, config.trainer
    if chosen.epoch is not None and chosen.epoch > trainer.epochs:
        raise SpoonfulError(
            f"preview.epoch={chosen.epoch}: expected 1 to {trainer.epochs} (trainer.epochs)"
        )
    from spoonful.fitting.planning import training_steps, validation_steps
    from spoonful.generator.plan import make_plan

    train, val = open_train_and_val(config)
    choice = shuffle_choice(config, (train, val))
    config = with_shuffle(config, choice)
    if chosen.split == "val":
        plan = make_plan(val, **validation_steps(config, val))
        _check_step(chosen.step, plan.steps.per_epoch, "validation")
        return ChosenBatch(config, "val", val, plan, chosen.step)
    plan = make_plan(train, **training_steps(config, train))
    per_epoch, step = plan.steps.per_epoch, chosen.step
    if chosen.epoch is None:
        what = f"the training, {trainer.epochs} epochs of {per_epoch:,},"
        _check_step(step, trainer.epochs * per_epoch, what)
    else:
        _check_step(step, per_epoch, f"epoch {chosen.epoch}")
        step += (chosen.epoch - 1) * per_epoch
    if choice is not None:
        say(choice.line)
    return ChosenBatch(config, "train", train, plan, step)


def _check_step(step: int, num_steps: int, what: str) -> None:
    if step >= num_steps:
        raise SpoonfulError(
            f"preview.step={step}: {what} has {num_steps:,} steps, expected 0 to {num_steps - 1}"
        )
