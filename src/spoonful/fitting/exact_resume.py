"""Exact resume in a plain Keras script: a callback for `model.fit`."""

import gc
import os
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from spoonful.errors import SpoonfulError
from spoonful.fitting.cadence import Cadence
from spoonful.fitting.callback_state import is_stateful, put_states, unkept
from spoonful.fitting.checkpoints.checkpoint import Checkpoint
from spoonful.fitting.checkpoints.folder import CheckpointFolder
from spoonful.fitting.keras_private import begin_with_epoch, validation_data
from spoonful.fitting.model_state import Arrays, metric_arrays, model_arrays, set_model
from spoonful.fitting.resumable import Resumable
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
        stopping = keras.callbacks.EarlyStopping()
        resume = spoonful.ExactResume("checkpoints", generator, callbacks=[stopping])
        model.fit(generator, epochs=10, callbacks=[resume])

    It calls the other callbacks, and keeps their state: that of Keras' own, and that of yours if
    they have the methods `get_state()` and `set_state(state)`. A callback that is passed to `fit`
    beside it is an error. Epoch `e` of fit reads epoch `e` of the generator in order, whatever
    fit's `shuffle` says; the same holds for a BatchGenerator given as `validation_data`. Other
    validation data must be the same each time. The global random generators (Python's, NumPy's,
    Keras', TensorFlow's) and optimizers besides `model.optimizer` are not resumed.

    Args:
        path: folder of the checkpoints, one for each fit; created if missing.
        generator: the same object that fit reads.
        callbacks: all other callbacks of the training, in the order in which they are called.
        checkpoint_every_steps: write after this many steps, >= 1; None: not by steps.
        checkpoint_every_minutes: write after this many minutes, > 0; None: not by time. At the end
            of an epoch one is also written if writing takes less than 1 % of the time.
        delete_checkpoint: remove the checkpoints when fit ends, also if a callback stopped it.
            False: keep the last one, so that running the script again trains nothing and gives the
            same model and history, or continues if it asks for more epochs.

    Raises:
        SpoonfulError: an argument outside its range; while fitting, a checkpoint of another
            generator, model or list of callbacks, a fit that reads something else, or one that has
            further callbacks.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        generator: BatchGenerator,
        callbacks: Iterable[keras.callbacks.Callback] = (),
        *,
        checkpoint_every_steps: int | None = None,
        checkpoint_every_minutes: float | None = 5.0,
        delete_checkpoint: bool = True,
    ) -> None:
        if not isinstance(generator, BatchGenerator):
            raise SpoonfulError(
                f"generator is a {type(generator).__name__}: give ExactResume the BatchGenerator "
                "that model.fit reads (itself, not a stream of it)"
            )
        others = _checked(callbacks)
        self._checkpoints = CheckpointFolder(Path(path))
        super().__init__(
            self._checkpoints,
            generator,
            feed_of(generator),
            None,
            Cadence(checkpoint_every_steps, checkpoint_every_minutes),
            lambda: {"has_stopped": self.model.stop_training},
        )
        self.conduct(others)
        self._is_deleting = delete_checkpoint
        self._end_arrays: Arrays | None = None  # what the last epoch ended with

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Restore the checkpoint, if any, and let fit begin with its epoch."""
        self._check_fit()
        self._num_reached = int(self.model.steps_per_execution)  # it may not end early
        history = getattr(self.model, "history", None)
        self.companions = [one for one in (*self.others, history) if is_stateful(one)]
        for words in unkept(self.others, "ExactResume does"):
            warnings.warn(words, stacklevel=2)
        self._start = self._end_arrays = self._train_logs = None
        self._is_pending, self.ledger, self._short_epoch = False, Ledger(), ShortEpoch()
        start = self._checkpoints.newest(warnings.warn)
        if start is not None:
            self.go_on_from(start)
            self._check_epochs(start)
        super().on_train_begin(logs)
        begin_with_epoch(self.model, None if start is None else self._first_epoch(start))

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Begin an epoch at its position; write the checkpoint of the previous epoch."""
        begin_with_epoch(self.model, None)  # the next fit, should this one end by an exception
        start = self._start
        if start is not None and epoch != start.state["epoch"]:
            raise SpoonfulError(
                f"initial_epoch={epoch}: {self._checkpoints.path} holds a checkpoint of epoch "
                f"{start.state['epoch']}, counted from 0; leave initial_epoch out, or remove it"
            )
        super().on_epoch_begin(epoch, logs)

    def on_test_begin(self, logs: dict[str, float] | None = None) -> None:
        """Let validation read the order of this epoch, whatever it read before."""
        validation = validation_data(self.model)
        self.reading.val = None
        if isinstance(validation, BatchGenerator):
            self.reading.val = feed_of(validation)
            self.reading.val.serve_from(self._epoch)
        super().on_test_begin(logs)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Complete the epoch's logs before other callbacks read them."""
        super().on_epoch_end(epoch, logs)
        if self.model.stop_training or epoch + 1 >= self.params["epochs"]:
            self._end_arrays = {**model_arrays(self.model), **metric_arrays(self.model)}

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Remove the checkpoints, or write the last one."""
        self._complete(logs)
        begin_with_epoch(self.model, None)
        start, self._start = self._start, None
        if start is not None:  # fit had no epoch left to run
            put_states(self.companions, start.state["callbacks"], start.arrays)
        feed_of(self._generator).serve_as_asked()
        end = start if self._is_deleting or self._end_arrays is None else self._end()
        super().on_train_end(logs)
        if start is not None and start.state["is_finished"]:
            set_model(self.model, {**start.arrays, **_at_end(start.arrays)})
        if self._is_deleting:
            self._checkpoints.remove()
        elif end is not None:
            arrays = {**end.arrays, **_changed(model_arrays(self.model), end.arrays)}
            state = {**end.state, "is_finished": True}
            self._checkpoints.write(replace(end, state=state, arrays=arrays))

    def _end(self) -> Checkpoint:
        """Return a checkpoint from which training would continue with another epoch."""
        step = self._step
        self._epoch, self._done = self._epoch + 1, 0
        end = self._checkpoint(step, is_finished=True)
        # Of the epoch's end: fit has since put averages of the weights in their place.
        return replace(end, arrays={**end.arrays, **(self._end_arrays or {})})

    def _first_epoch(self, start: Checkpoint) -> int:
        has_stopped = start.state["is_finished"] and start.state["has_stopped"]
        epoch: int = self.params["epochs"] if has_stopped else start.state["epoch"]
        return epoch

    def _check_fit(self) -> None:
        others = _siblings(self)
        if others:
            names = ", ".join(dict.fromkeys(type(other).__name__ for other in others))
            raise SpoonfulError(
                f"fit is given ExactResume and {names}: give fit ExactResume alone, once, and the "
                "others to it, ExactResume(path, generator, callbacks=[...]), which keeps their "
                "state"
            )
        if self.params is None:
            raise SpoonfulError(
                "ExactResume is called by something else than fit: put it into "
                "model.fit(callbacks=[...])"
            )
        steps = self.params.get("steps")
        if steps != len(self._generator):
            raise SpoonfulError(
                f"fit reads {steps or 'any number of'} steps an epoch, the generator given to "
                f"ExactResume has {len(self._generator)}: pass model.fit that very generator "
                "(itself, not a stream of it) without steps_per_epoch"
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


def _checked(callbacks: Iterable[keras.callbacks.Callback]) -> list[keras.callbacks.Callback]:
    """Return the callbacks as a list; raise SpoonfulError if one can't be called beside it."""
    if not isinstance(callbacks, Iterable):
        raise SpoonfulError(
            f"callbacks is of type {type(callbacks).__name__}: expected a list of Keras' callbacks"
        )
    listed = list(callbacks)
    for callback in listed:
        name = type(callback).__name__
        if isinstance(callback, (keras.callbacks.BackupAndRestore, Resumable)):
            raise SpoonfulError(
                f"callbacks contains {name}: only one callback can say where training continues; "
                "leave it out"
            )
        if not isinstance(callback, keras.callbacks.Callback):
            raise SpoonfulError(
                f"callbacks contains an object of type {name}: expected Keras' callbacks"
            )
    return listed


def _siblings(callback: keras.callbacks.Callback) -> list[Any]:
    """Return the other callbacks of the running fit, without those that Keras adds by itself.

    Keras tells a callback nothing about the others. But `fit` builds a CallbackList, which passes
    its `params` to each of them, so it is known by that dict among all objects (0.1 s once a fit).
    This finds a mistake of the user; nothing else may depend on it.
    """
    added = (keras.callbacks.History, keras.callbacks.ProgbarLogger)
    for found in gc.get_objects():
        if not issubclass(type(found), keras.callbacks.CallbackList):
            continue
        is_of_this_fit = getattr(found, "params", None) is callback.params
        if is_of_this_fit and any(one is callback for one in found.callbacks):
            others = list(found.callbacks)
            others.remove(callback)
            return [other for other in others if not isinstance(other, added)]
    return []


def _changed(now: Arrays, before: Mapping[str, Any]) -> Arrays:
    """Return the arrays that have changed, under the names of a finished training."""
    return {f"{_AT_END}{k}": v for k, v in now.items() if not np.array_equal(v, before[k])}


def _at_end(arrays: Arrays) -> Arrays:
    """Return the arrays from `_changed`, under their own names."""
    return {k.removeprefix(_AT_END): v for k, v in arrays.items() if k.startswith(_AT_END)}
