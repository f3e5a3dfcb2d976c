"""Write checkpoints while `fit` runs, and resume from one inside an epoch, to the same bits."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import keras
import numpy as np

from spoonful.errors import SpoonfulError
from spoonful.fitting.cadence import Cadence
from spoonful.fitting.callback_state import is_stateful, pack, put_states, take_states, unpack
from spoonful.fitting.checkpoints.checkpoint import Checkpoint
from spoonful.fitting.checkpoints.folder import CheckpointFolder
from spoonful.fitting.interruption import Stop
from spoonful.fitting.keras_private import build_all, epoch_results
from spoonful.fitting.model_state import (
    Arrays,
    as_numbers,
    metric_arrays,
    model_arrays,
    set_metrics,
    set_model,
    weights_digest,
)
from spoonful.fitting.reading import Reading
from spoonful.fitting.short_epoch import ShortEpoch
from spoonful.generator import BatchGenerator
from spoonful.generator.feed import feed_of
from spoonful.generator.in_order import InOrder
from spoonful.record.ledger import TRAIN, VAL, Ledger


class Resumable(keras.callbacks.Callback):
    """Keep checkpoints of a training, and restore one; `fit` is given it alone.

    It calls the other callbacks itself. Only so does it act before some of their work and after the
    rest of it: the checkpoint of a step holds what they did at the end of this step, and an epoch's
    logs are complete before they read them. Their state after an epoch is written when the next one
    begins. In a resumed epoch they see each batch's number in the epoch; Keras counts from 0.

    Args:
        folder: where checkpoints are kept; None: none are written.
        generator: generator of training; identifies what a checkpoint belongs to.
        train: the feed through which fit reads it.
        val: the feed of validation; None: its batches are not in the ledger.
        cadence: when to write.
        extra_state: returns further content of a checkpoint; JSON types only.
        stop: asked after every execution whether to stop.
    """

    def __init__(
        self,
        folder: CheckpointFolder | None,
        generator: BatchGenerator,
        train: InOrder,
        val: InOrder | None,
        cadence: Cadence,
        extra_state: Callable[[], dict[str, Any]],
        stop: Stop | None = None,
    ) -> None:
        super().__init__()
        self.others: Sequence[keras.callbacks.Callback] = ()  # as they are called
        self.companions: Sequence[Any] = ()  # callbacks whose state is kept
        self.ledger = Ledger()
        self.digests: dict[str, str] = {}  # of the streams of the last epoch
        self.position = 0  # number of fit's first step in its epoch
        self._folder = folder
        self._generator = generator
        self._train = train
        self._val = val
        self._cadence = cadence
        self._extra_state = extra_state
        self._stop = stop
        self.reading = Reading(folder, train, val, self._write)
        self._num_reached = 1  # steps that must be here before an execution begins
        self._start: Checkpoint | None = None
        self._num_steps = len(generator)
        self._done = 0  # steps of this epoch
        self._epoch = 0
        self._is_pending = False  # an epoch is over but its checkpoint is not written
        self._at_validation: tuple[Arrays, dict[str, Any]] | None = None
        self._train_logs: dict[str, Any] | None = None  # of an epoch whose training part was over
        self._batch_logs: dict[str, Any] = {}
        self._short_epoch = ShortEpoch()

    def conduct(self, callbacks: Sequence[keras.callbacks.Callback]) -> None:
        """Take over the other callbacks, in the order in which they are called."""
        self.others = list(callbacks)
        self.companions = [one for one in self.others if is_stateful(one)]

    def go_on_from(self, checkpoint: Checkpoint) -> None:
        """Let the next fit continue from a checkpoint, in its epoch.

        Raises:
            SpoonfulError: it belongs to another stream of batches; names each field.
        """
        self._generator.check_state(checkpoint.state["generator"])
        self._start = checkpoint

    def put_back(self, checkpoint: Checkpoint) -> None:
        """Restore the model, its optimizer and the ledger from a checkpoint."""
        x, y = feed_of(self._generator).empty_batch()
        size = self._generator.batch_size
        build_all(
            self.model,
            (np.zeros((size, *x.shape[1:]), x.dtype), np.zeros((size, *y.shape[1:]), y.dtype)),
        )
        set_model(self.model, checkpoint.arrays)
        self.ledger.restore(checkpoint.state["ledger"])

    def set_model(self, model: keras.Model) -> None:
        super().set_model(model)
        self._call("set_model", model)

    def set_params(self, params: dict[str, Any]) -> None:
        super().set_params(params)
        self._call("set_params", params)

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Restore the checkpoint that training resumes from, then let the others begin."""
        if self._start is not None:
            self.put_back(self._start)
        self._cadence.start(0 if self._start is None else self._start.step)
        self.reading.start = self._start
        self._call("on_train_begin", logs)

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Write the checkpoint of the previous epoch; begin this one at its position."""
        start, self._start = self._start, None
        if start is not None:
            set_model(self.model, start.arrays)  # the others have begun the training again
        self._epoch, self._done, self._at_validation, self._train_logs = epoch, 0, None, None
        if self._is_pending:  # now all callbacks have ended the previous epoch
            self._is_pending = False
            self._write_if(self._cadence.is_due_at_epoch_end())
        if start is not None:
            self._done = start.state["position"]
            self._train_logs = unpack(start.state["train_logs"], start.arrays)
            put_states(self.companions, start.state["callbacks"], start.arrays)
        if start is not None and self._done:
            set_metrics(self.model, start.arrays)  # fit has just reset them
        else:
            self.ledger.begin(TRAIN, epoch + 1, epoch * self._num_steps)
        self.position = self._done
        self._end_resumed_part()
        self._train.serve_from(epoch, self._done)
        self._reach_next()
        self._call("on_epoch_begin", epoch, logs)
        if start is not None and self.position:  # they have begun the epoch again
            set_model(self.model, start.arrays)
            put_states(self.companions, start.state["callbacks"], start.arrays)

    def on_train_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
        # In a resumed epoch, Keras begins one more batch before it notices that there are no more.
        if self.position + batch < self._num_steps:
            self._reach_next()
            self._call("on_train_batch_begin", self.position + batch, logs)

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Record the steps, with what other callbacks did at their end; write where due."""
        stop = self._train.stop
        done = min(self.position + batch + 1, stop)
        is_short = done == stop < self._num_steps  # the step that follows cannot be read
        self._call("on_train_batch_end", done - 1 if is_short else self.position + batch, logs)
        digests: list[bytes] = []
        with suppress(KeyError):
            digests = self._train.take_digests(self._done, done - self._done)
        if len(digests) < done - self._done:
            raise SpoonfulError(
                "fit does not read the generator given to ExactResume, or something else reads it, "
                "too: pass model.fit that very generator, look at a batch by generator.batch(step)"
            )
        self.ledger.add(TRAIN, digests)
        self._done, self._batch_logs = done, logs or {}
        self._end_resumed_part()
        # After the last step come validation and the epoch's end, when the metrics are complete.
        if is_short:
            self._reach_next()
        if done < self._num_steps:
            self._write_if(self._is_due())

    def on_test_begin(self, logs: dict[str, float] | None = None) -> None:
        """Keep the epoch's metrics: validation uses the same variables."""
        self._short_epoch.end(self.model)
        self._at_validation = (metric_arrays(self.model), self._train_logs or self._results())
        self._val_done = 0
        if self._val is not None:
            self._val.serve_from(0)
            self.ledger.begin(VAL, self._epoch + 1, 0)
        self._write_if(self._is_due())
        self._call("on_test_begin", logs)

    def on_test_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
        self.reading.reach_val(batch, self._num_reached, self._epoch)
        self._call("on_test_batch_begin", batch, logs)

    def on_test_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Record the steps of validation; end here if the user has requested it."""
        if self._val is not None:
            done = min(batch + 1, self._val.stop)
            self.ledger.add(VAL, self._val.take_digests(self._val_done, done - self._val_done))
            self._val_done = done
            if done < min(batch + 1, self._val.steps_per_epoch):
                self.reading.reach_val(done, self._num_reached, self._epoch)
        self._write_if(False)
        self._call("on_test_batch_end", batch, logs)

    def on_test_end(self, logs: dict[str, float] | None = None) -> None:
        self._call("on_test_end", logs)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Complete the epoch's logs and its ledger before other callbacks read them."""
        self._short_epoch.end(self.model)
        if self._done != self._num_steps and not self.model.stop_training:
            raise SpoonfulError(
                f"epoch {epoch + 1} ended after {self._done} of {self._num_steps} steps: pass "
                "model.fit the generator without steps_per_epoch"
            )
        self._complete(logs)
        self.digests = {TRAIN: self.ledger.end(TRAIN)}
        if self._val is not None:
            self.digests[VAL] = self.ledger.end(VAL)
        self.ledger.note_weights(epoch + 1, self._step, weights_digest(self.model))
        self._at_validation = None
        self._is_pending = True
        self._call("on_epoch_end", epoch, logs)

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        self._call("on_train_end", logs)

    def write_end(self) -> None:
        """Write a checkpoint of the finished training."""
        self._epoch, self._done, self._at_validation = self._epoch + 1, 0, None
        self._write(is_finished=True)

    def _reach_next(self) -> None:
        self.reading.reach_train(self._done, self._num_reached, self._step)

    def _call(self, hook: str, *arguments: Any) -> None:
        for callback in self.others:
            getattr(callback, hook)(*arguments)

    def _end_resumed_part(self) -> None:
        """Keep the results of the rest of a resumed epoch, once all its batches are done."""
        if self.position and self._done == self._num_steps:
            self._train_logs = self._train_logs or self._results()
            self._short_epoch.begin(self.model)

    def _complete(self, logs: dict[str, Any] | None) -> None:
        """Restore training's results in an epoch's logs if fit ran only its rest or validation."""
        if self._train_logs is not None and logs is not None:
            complete = sorted({**logs, **self._train_logs}.items())  # as Keras sorts them
            logs.clear()
            logs.update(complete)

    @property
    def _step(self) -> int:
        return self._epoch * self._num_steps + self._done

    def _is_due(self) -> bool:
        return not self.model.stop_training and self._cadence.is_due(self._step)

    def _write_if(self, is_due: bool) -> None:
        """Write a checkpoint if one is due or the user wants to stop, and stop then."""
        stop = self._stop if self._stop is not None and self._stop.is_wanted else None
        if is_due or stop is not None:
            self._write()
        if stop is not None:
            stop.now()

    def _write(self, is_finished: bool = False) -> None:
        if self._folder is None:
            return
        self._cadence.begin_write()
        self._folder.write(self._checkpoint(self._step, is_finished))
        self._cadence.end_write(self._step)

    def _checkpoint(self, step: int, is_finished: bool) -> Checkpoint:
        metrics, train_logs = self._at_validation or (metric_arrays(self.model), None)
        states, arrays = take_states(self.companions)
        # Validation starts again, and so does its part of the ledger.
        ledger = self.ledger.without(VAL, self._epoch + 1) if train_logs else self.ledger
        state = {
            "epoch": self._epoch,
            "position": self._done,
            "generator": self._generator.state(step),
            "train_logs": pack(train_logs, "train_logs", arrays),
            "callbacks": states,
            "ledger": ledger.state(),
            "is_checked": self.reading.is_checked,
            "is_finished": is_finished,
            **self._extra_state(),
        }
        return Checkpoint(step, state, {**model_arrays(self.model), **metrics, **arrays})

    def _results(self) -> dict[str, Any]:
        return as_numbers(epoch_results(self.model, self._batch_logs))
