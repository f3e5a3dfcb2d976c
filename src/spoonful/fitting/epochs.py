"""Watch training: time each epoch, show it, and pass it on."""

import contextlib
import math
import time
from collections.abc import Callable
from typing import Any

import keras

from spoonful import progress
from spoonful.errors import SpoonfulError
from spoonful.fitting.epoch_result import EpochResult, epoch_line
from spoonful.fitting.handover import EpochBatches
from spoonful.fitting.input_wait import input_wait_s
from spoonful.fitting.keras_private import last_learning_rate
from spoonful.fitting.peak_memory import peak_rss_mb
from spoonful.fitting.resumable import Resumable
from spoonful.record.metrics import LEARNING_RATE


class EpochWatch(keras.callbacks.Callback):
    """Report each epoch, and show its progress on a terminal.

    Args:
        batches: read by training; gives how long training waited.
        resumable: knows where in its epoch training began, and the epoch's digests.
        images_per_epoch: images per epoch.
        num_epochs: requested number of epochs.
        val_steps: steps per validation.
        shuffle_quality: called with an epoch, from 0; returns how well it was mixed.
        on_epoch: called with the result of each epoch.
        score: the metric that is shown beside the loss.
    """

    def __init__(
        self,
        batches: EpochBatches,
        resumable: Resumable,
        images_per_epoch: int,
        num_epochs: int,
        val_steps: int,
        shuffle_quality: Callable[[int], dict[str, float]],
        on_epoch: Callable[[EpochResult], None],
        score: str,
    ) -> None:
        super().__init__()
        self._batches = batches
        self._resumable = resumable
        self._steps_per_epoch = batches.steps_per_epoch
        self._images_per_epoch = images_per_epoch
        self._num_epochs = num_epochs
        self._val_steps = val_steps
        self._shuffle_quality = shuffle_quality
        self._on_epoch = on_epoch
        self._score = score
        self._bar: Any = None
        self._shown = contextlib.ExitStack()  # the bar, until the next one
        self._loss: float | None = None  # of this epoch so far
        self._train_end = 0.0  # of its last execution
        self._earlier = (0.0, 0.0)  # trained and waited in this epoch before it was interrupted, s
        self._train_s: float | None = None  # of this epoch, once its training part is over
        self._train_time_s = 0.0  # of all epochs that are over
        self._is_between = True

    def get_state(self) -> dict[str, float]:
        """Return how long this epoch trained and waited so far, and earlier ones trained, in s."""
        earlier = {"train_time_s": self._train_time_s}
        if self._is_between:
            return {"train_s": 0.0, "wait_s": 0.0, **earlier}
        train_s = time.perf_counter() - self._begin if self._train_s is None else self._train_s
        return {"train_s": train_s, "wait_s": self._wait_s, **earlier}

    def set_state(self, state: dict[str, float]) -> None:
        """Continue from the result of `get_state`, in the epoch that begins or has begun."""
        self._train_time_s = state["train_time_s"]
        if self._is_between:
            self._earlier = (state["train_s"], state["wait_s"])
        else:
            self._begin, self._wait_s = self._train_end - state["train_s"], state["wait_s"]

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Start the epoch's clock and its bar."""
        earlier_s, self._wait_s = self._earlier
        self._earlier = (0.0, 0.0)
        first_s = self._taken_wait_s()  # for the epoch's first batch, before this call
        self._wait_s += first_s
        self._is_between = False
        self._train_s = None
        self._train_end = time.perf_counter()
        self._begin = self._train_end - earlier_s - first_s
        self._done = self._resumable.position
        self._loss = None
        self._title = f"epoch {epoch + 1}/{self._num_epochs}"
        self._show(self._title, self._steps_per_epoch, self._done, self._detail)

    def on_train_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Record when an execution begins."""
        self._batch_begin = time.perf_counter() - self._taken_wait_s()

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Record how long the execution waited for its batches."""
        end = time.perf_counter()
        # The last execution of an epoch may have fewer steps than Keras reports.
        done = min(batch + 1, self._steps_per_epoch)
        ready_times = self._batches.take_ready_times(self._done, done - self._done)
        # The very first execution builds its graph before it requests a batch.
        begin = max(self._batch_begin, self._batches.asked_time)
        self._wait_s += input_wait_s(begin, end, ready_times)
        self._train_end = end
        # Keras has already converted the logs to numbers: showing the loss costs nothing.
        self._loss = (logs or {}).get("loss")
        self._bar.update(done - self._done)
        self._done = done

    def on_test_begin(self, logs: dict[str, float] | None = None) -> None:
        """End the training part of the epoch: validation begins."""
        self._train_s = self._train_end - self._begin
        self._show(f"{self._title} validation", self._val_steps, 0, None)

    def on_test_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Count validation's steps."""
        self._bar.update(min(batch + 1, self._val_steps) - self._bar.done)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Report the epoch; raise SpoonfulError if its loss is not finite."""
        end = time.perf_counter()
        self._shown.close()
        train_s = self._train_end - self._begin if self._train_s is None else self._train_s
        self._is_between = True
        self._train_time_s += train_s
        metrics = {name: float(value) for name, value in (logs or {}).items()}
        metrics[LEARNING_RATE] = last_learning_rate(self.model.optimizer)
        epoch_result = EpochResult(
            epoch=epoch + 1,
            num_epochs=self._num_epochs,
            metrics=metrics,
            train_s=train_s,
            val_s=end - self._begin - train_s,
            images_per_s=self._images_per_epoch / train_s,
            input_wait_s=self._wait_s,
            reading_threads=self._batches.take_most_threads(),
            peak_rss_mb=peak_rss_mb(),
            digests=self._resumable.digests,
            shuffle=self._shuffle_quality(epoch),  # after the epoch's clock was read
            images_seen=(epoch + 1) * self._images_per_epoch,
            train_time_s=self._train_time_s,
        )
        self._on_epoch(epoch_result)
        progress.result(epoch_line(epoch_result, self._score))
        if not math.isfinite(metrics["loss"]):
            raise SpoonfulError(
                f"the loss is {metrics['loss']} after epoch {epoch + 1}: training has diverged; "
                "try a smaller optimizer.learning_rate or trainer.precision=float32"
            )

    def _taken_wait_s(self) -> float:
        """Return how long training waited for a batch before it began an execution, in s."""
        waited_s, self._batches.waited_s = self._batches.waited_s, 0.0
        return waited_s

    def close(self) -> None:
        """Remove the progress bar, also if training ended early."""
        self._shown.close()

    def _show(
        self, title: str, total: int, done: int, detail: Callable[[float], str] | None
    ) -> None:
        self._shown.close()
        shown = progress.bar(title, total, "steps", done=done, detail=detail)
        self._bar = self._shown.enter_context(shown)

    def _detail(self, steps_per_s: float) -> str:
        if self._loss is None:
            return "making TensorFlow's graph"
        images_per_s = steps_per_s * self._images_per_epoch / self._steps_per_epoch
        return f"loss {self._loss:.4f}  {images_per_s:,.0f} images/s"
