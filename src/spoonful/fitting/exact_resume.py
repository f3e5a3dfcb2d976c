"""Exact resume in a plain Keras script: a callback for `model.fit`."""

import os
import sys
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from spoonful.errors import SpoonfulError
from spoonful.fitting.cadence import Cadence
from spoonful.fitting.callback_state import is_stateful, put_states, unkept_names
from spoonful.fitting.checkpoints.checkpoint import Checkpoint
from spoonful.fitting.checkpoints.folder import CheckpointFolder
from spoonful.fitting.model_state import Arrays, model_arrays, set_model
from spoonful.fitting.resumable import Feeds, Resumable
from spoonful.fitting.short_epoch import ShortEpoch
from spoonful.generator import BatchGenerator
from spoonful.generator.feed import feed_of
from spoonful.record.ledger import Ledger

# Variables that differ between the very end of fit and where training would continue: best weights
# put back, averages over the steps.
_AT_END = "end/"


class ExactResume(Resumable):
    """Resume a killed `model.fit` when its script is run again, to the same bits.

    Killed at any step, training ends with the same weights, optimizer, seed counters, metrics and
    history as without interruption::

        keras.utils.set_random_seed(0)
        tf.config.experimental.enable_op_determinism()
        generator = spoonful.BatchGenerator(source, batch_size=32)
        resume = spoonful.ExactResume("checkpoints", generator)
        model.fit(generator, epochs=10, callbacks=[resume])  # beside others, at any place

    The state of Keras' callbacks is kept; the state of your own callbacks is saved with
    `get_state()` and restored with `set_state(state)` if they have these methods. Epoch `e` of fit
    reads epoch `e` of the generator in order, whatever fit's `shuffle` says; the same holds for a
    BatchGenerator given as `validation_data`. Other validation data must be the same each time. The
    global random generators (Python's, NumPy's, Keras', TensorFlow's) and optimizers besides
    `model.optimizer` are not resumed.

    Args:
        path: folder of the checkpoints, one for each fit; created if missing.
        generator: the same object that fit reads.
        checkpoint_every_steps: write after this many steps, >= 1; None: not by steps.
        checkpoint_every_minutes: write after this many minutes, > 0; None: not by time. At the end
            of an epoch one is also written if writing takes less than 1 % of the time.
        delete_checkpoint: remove the checkpoints when fit ends, also if a callback stopped it.
            False: keep the last one, so that running the script again trains nothing and gives the
            same model and history, or continues if it asks for more epochs.

    Raises:
        SpoonfulError: an argument outside its range; while fitting, a checkpoint of another
            generator, model or list of callbacks, or a fit that reads something else.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        generator: BatchGenerator,
        checkpoint_every_steps: int | None = None,
        checkpoint_every_minutes: float | None = 5.0,
        delete_checkpoint: bool = True,
    ) -> None:
        if not isinstance(generator, BatchGenerator):
            raise SpoonfulError(
                f"generator is a {type(generator).__name__}: give ExactResume the BatchGenerator "
                "that model.fit reads (itself, no stream of it)"
            )
        self._checkpoints = CheckpointFolder(Path(path))
        super().__init__(
            self._checkpoints,
            Feeds(generator, feed_of(generator)),
            Cadence(checkpoint_every_steps, checkpoint_every_minutes),
            lambda: {"has_stopped": self.model.stop_training},
        )
        self._generator = generator
        self._is_deleting = delete_checkpoint
        self._list: Any = None  # Keras' list of all callbacks
        self._resumed: Checkpoint | None = None  # from which the epoch resumes, inside it
        self._end: Checkpoint | None = None  # checkpoint of the finished training
        self._last = keras.callbacks.LambdaCallback(
            on_train_begin=self._after_train_begin,
            on_epoch_begin=self._after_epoch_begin,
            on_train_batch_end=self._after_batch,
            on_epoch_end=self._after_epoch,
            on_train_end=self._after_training,
        )

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Take the first and the last place among the callbacks, and restore the checkpoint."""
        self._list = _calling_list(self)
        others = [c for c in self._list.callbacks if c is not self and c is not self._last]
        self._check_fit(others)
        self._list.callbacks[:] = [self, *others, self._last]
        self.companions = [callback for callback in others if is_stateful(callback)]
        _warn_of_unkept(others)
        self._number_from(0)
        self._start = self._resumed = self._end = self._train_logs = None
        self._is_pending, self.ledger, self._short_epoch = False, Ledger(), ShortEpoch()
        start = self._checkpoints.newest(warnings.warn)
        if start is not None:
            self.go_on_from(start)
            self._check_epochs(start)
        super().on_train_begin(logs)

    def _after_train_begin(self, logs: dict[str, float]) -> None:
        # Not public, but how Keras' own BackupAndRestore begins with a later epoch.
        self.model._initial_epoch = None
        if self._start is not None:
            state = self._start.state
            has_stopped = state["is_finished"] and state["has_stopped"]
            self.model._initial_epoch = self.params["epochs"] if has_stopped else state["epoch"]

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Begin an epoch at its position; write the checkpoint of the previous epoch."""
        self.model._initial_epoch = None  # for the next fit, should this one end by an exception
        start = self._start
        if start is not None and epoch != start.state["epoch"]:
            raise SpoonfulError(
                f"initial_epoch={epoch}: {self._checkpoints.path} holds a checkpoint of epoch "
                f"{start.state['epoch']}, counted from 0; leave initial_epoch out, or remove it"
            )
        if start is not None:
            set_model(self.model, start.arrays)  # other callbacks have begun the training again
        super().on_epoch_begin(epoch, logs)
        self._resumed = start if self.position else None
        self._number_from(self.position)

    def _after_epoch_begin(self, epoch: int, logs: dict[str, float]) -> None:
        start, self._resumed = self._resumed, None
        if start is not None:  # other callbacks have begun the epoch again
            set_model(self.model, start.arrays)
            put_states(self.companions, start.state["callbacks"], start.arrays)

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Do nothing yet: the work of other callbacks here belongs to the step."""

    def _after_batch(self, batch: int, logs: dict[str, float]) -> None:
        super().on_train_batch_end(batch - self.position, logs)

    def on_test_begin(self, logs: dict[str, float] | None = None) -> None:
        """Let validation read the order of this epoch, whatever it read before."""
        super().on_test_begin(logs)
        # Not public, but the one way from a callback to validation_data.
        iterator = getattr(self.model, "_eval_epoch_iterator", None)
        validation = getattr(getattr(iterator, "data_adapter", None), "py_dataset", None)
        if isinstance(validation, BatchGenerator):
            feed_of(validation).serve_from(self._epoch)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Complete the epoch's logs before other callbacks read them."""
        self._number_from(0)
        super().on_epoch_end(epoch, logs)

    def _after_epoch(self, epoch: int, logs: dict[str, float]) -> None:
        is_last = self.model.stop_training or epoch + 1 >= self.params["epochs"]
        if is_last and not self._is_deleting:
            step = self._step
            self._epoch, self._done = epoch + 1, 0
            self._end = self._checkpoint(step, is_finished=True)

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Restore the state of the callbacks if fit had no epoch left to run."""
        self._complete(logs)
        self.model._initial_epoch = None
        if self._start is not None:
            put_states(self.companions, self._start.state["callbacks"], self._start.arrays)
        feed_of(self._generator).serve_as_asked()

    def _after_training(self, logs: dict[str, float]) -> None:
        start, self._start = self._start, None
        if start is not None and start.state["is_finished"]:
            set_model(self.model, {**start.arrays, **_at_end(start.arrays)})
        end, self._end = self._end or start, None
        if self._is_deleting:
            self._checkpoints.remove()
        elif end is not None:
            arrays = {**end.arrays, **_changed(model_arrays(self.model), end.arrays)}
            state = {**end.state, "is_finished": True}
            self._checkpoints.write(replace(end, state=state, arrays=arrays))

    def _check_fit(self, others: list[Any]) -> None:
        for callback in others:
            if isinstance(callback, (keras.callbacks.BackupAndRestore, Resumable)):
                raise SpoonfulError(
                    f"fit is given ExactResume and {type(callback).__name__}: only one can say "
                    "where training continues; leave the other out"
                )
        steps = self.params["steps"]
        if steps != len(self._generator):
            raise SpoonfulError(
                f"fit reads {steps or 'any number of'} steps an epoch, the generator given to "
                f"ExactResume has {len(self._generator)}: pass model.fit that very generator "
                "(itself, no stream of it) without steps_per_epoch"
            )
        try:
            self._checkpoints.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SpoonfulError(
                f"no checkpoint can be written to {self._checkpoints.path} ({error}): give "
                "ExactResume the path of a folder, or of one that can be made"
            ) from error

    def _check_epochs(self, start: Checkpoint) -> None:
        num_begun = start.state["epoch"] + (start.state["position"] > 0)
        if num_begun > self.params["epochs"]:
            raise SpoonfulError(
                f"epochs={self.params['epochs']}: {self._checkpoints.path} holds a checkpoint of "
                f"epoch {num_begun}; ask for as many epochs or more, or remove it to start again"
            )

    def _number_from(self, position: int) -> None:
        """Let callbacks see each batch's number within its epoch: Keras counts from 0."""
        keras_list, kind, num_steps = self._list, type(self._list), self._num_steps
        for name in ("on_train_batch_begin", "on_train_batch_end"):
            vars(keras_list).pop(name, None)
        if not position:
            return

        def begin(batch: int, logs: Any = None) -> None:
            # Keras begins one more batch before it notices that the epoch is over.
            if batch + position < num_steps:
                kind.on_train_batch_begin(keras_list, batch + position, logs)

        def end(batch: int, logs: Any = None) -> None:
            kind.on_train_batch_end(keras_list, batch + position, logs)

        keras_list.on_train_batch_begin, keras_list.on_train_batch_end = begin, end


def _calling_list(callback: ExactResume) -> Any:
    """Return Keras' list of callbacks from the caller, since callbacks have no access to it."""
    frame = sys._getframe()
    while (caller := frame.f_back) is not None:
        frame = caller
        owner = frame.f_locals.get("self")
        if isinstance(owner, keras.callbacks.CallbackList):
            if sum(one is callback for one in owner.callbacks) == 1:
                return owner
            break
    raise SpoonfulError(
        "ExactResume is not among the callbacks that fit calls: put it, once, into the list that "
        "model.fit(callbacks=[...]) is given"
    )


def _warn_of_unkept(callbacks: list[Any]) -> None:
    for callback in callbacks:
        names = unkept_names(callback)
        if names:
            name = type(callback).__name__
            warnings.warn(
                f"ExactResume does not keep {', '.join(names)} of {name}: if training depends on "
                f"it, give {name} the methods get_state() and set_state(state)",
                stacklevel=3,
            )


def _changed(now: Arrays, before: Mapping[str, Any]) -> Arrays:
    """Return the arrays that have changed, under the names of a finished training."""
    return {f"{_AT_END}{k}": v for k, v in now.items() if not np.array_equal(v, before[k])}


def _at_end(arrays: Arrays) -> Arrays:
    """Return the arrays from `_changed`, under their own names."""
    return {k.removeprefix(_AT_END): v for k, v in arrays.items() if k.startswith(_AT_END)}
