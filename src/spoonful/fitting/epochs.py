"""Watch training: time each epoch, show it, and hand it on."""

import math
import sys
import time
from collections.abc import Callable
from typing import Any

import keras
from tqdm import tqdm

from spoonful.errors import SpoonfulError
from spoonful.fitting.handover import EpochBatches
from spoonful.fitting.input_wait import input_wait_s
from spoonful.fitting.peak_memory import peak_rss_mb
from spoonful.fitting.report import EpochReport, epoch_line
from spoonful.fitting.resumable import Resumable


class EpochWatch(keras.callbacks.Callback):
    """Report each epoch; show it where a person watches.

    Args:
        batches: what training reads; asked how long training waited.
        resumable: knows where in its epoch training began, and the epoch's digests.
        steps_per_epoch: updates an epoch.
        images_per_epoch: images an epoch.
        num_epochs: how many were asked for.
        shuffle_quality: called with an epoch, from 0, for how well it was mixed.
        on_epoch: called with the report of each epoch.
    """

    def __init__(
        self,
        batches: EpochBatches,
        resumable: Resumable,
        steps_per_epoch: int,
        images_per_epoch: int,
        num_epochs: int,
        shuffle_quality: Callable[[int], dict[str, float]],
        on_epoch: Callable[[EpochReport], None],
    ) -> None:
        super().__init__()
        self._batches = batches
        self._resumable = resumable
        self._steps_per_epoch = steps_per_epoch
        self._images_per_epoch = images_per_epoch
        self._num_epochs = num_epochs
        self._shuffle_quality = shuffle_quality
        self._on_epoch = on_epoch
        self._bar: Any = None
        self._earlier = (0.0, 0.0)  # trained and waited in this epoch before it was interrupted, s
        self._train_s: float | None = None  # of this epoch, once its training part is over
        self._train_time_s = 0.0  # of all epochs that are over
        self._is_between = True

    def get_state(self) -> dict[str, float]:
        """Return how long this epoch trained and waited so far, and the others trained, in s."""
        earlier = {"train_time_s": self._train_time_s}
        if self._is_between:
            return {"train_s": 0.0, "wait_s": 0.0, **earlier}
        train_s = time.perf_counter() - self._begin if self._train_s is None else self._train_s
        return {"train_s": train_s, "wait_s": self._wait_s, **earlier}

    def set_state(self, state: dict[str, float]) -> None:
        """Count on from what `get_state` returned, in the epoch that begins."""
        self._earlier = (state["train_s"], state["wait_s"])
        self._train_time_s = state["train_time_s"]

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Start the epoch's clock and its bar."""
        earlier_s, self._wait_s = self._earlier
        self._earlier = (0.0, 0.0)
        self._is_between = False
        self._train_s = None
        self._train_end = time.perf_counter()
        self._begin = self._train_end - earlier_s
        self._done = self._resumable.position
        self._bar = tqdm(
            total=self._steps_per_epoch,
            initial=self._done,
            desc=f"epoch {epoch + 1}/{self._num_epochs}",
            unit=" steps",
            leave=False,
            disable=not sys.stderr.isatty(),
        )

    def on_train_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Note when an execution begins."""
        self._batch_begin = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Tell how long the execution waited for its batches."""
        end = time.perf_counter()
        # The last execution of an epoch may have fewer steps than Keras says.
        done = min(self._resumable.position + batch + 1, self._steps_per_epoch)
        ready_times = self._batches.take_ready_times(self._done, done - self._done)
        # The first execution of all begins with making its graph, before it asks for a batch.
        begin = max(self._batch_begin, self._batches.asked_time)
        self._wait_s += input_wait_s(begin, end, ready_times)
        self._train_end = end
        self._bar.update(done - self._done)
        self._done = done

    def on_test_begin(self, logs: dict[str, float] | None = None) -> None:
        """End the training part of the epoch: validation begins."""
        self._train_s = self._train_end - self._begin

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Report the epoch; raise SpoonfulError where its loss is not finite."""
        end = time.perf_counter()
        self._bar.close()
        train_s = self._train_end - self._begin if self._train_s is None else self._train_s
        self._is_between = True
        self._train_time_s += train_s
        metrics = {name: float(value) for name, value in (logs or {}).items()}
        metrics["learning_rate"] = _last_learning_rate(self.model.optimizer)
        report = EpochReport(
            epoch=epoch + 1,
            num_epochs=self._num_epochs,
            metrics=metrics,
            train_s=train_s,
            val_s=end - self._begin - train_s,
            images_per_s=self._images_per_epoch / train_s,
            input_wait_s=self._wait_s,
            peak_rss_mb=peak_rss_mb(),
            digests=self._resumable.digests,
            shuffle=self._shuffle_quality(epoch),  # after the epoch's clock was read
            images_seen=(epoch + 1) * self._images_per_epoch,
            train_time_s=self._train_time_s,
        )
        self._on_epoch(report)
        if sys.stdout.isatty():
            print(epoch_line(report), flush=True)
        if not math.isfinite(metrics["loss"]):
            raise SpoonfulError(
                f"the loss is {metrics['loss']} after epoch {epoch + 1}: training has diverged; "
                "try a smaller optimizer.learning_rate or trainer.precision=float32"
            )

    def close(self) -> None:
        """Take the progress bar away, also when training was cut short."""
        if self._bar is not None:
            self._bar.close()


def _last_learning_rate(optimizer: Any) -> float:
    """Return the learning rate of the last update."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)  # under loss scaling
    schedule = inner._learning_rate
    if isinstance(schedule, keras.optimizers.schedules.LearningRateSchedule):
        return float(schedule(max(int(inner.iterations) - 1, 0)))
    return float(inner.learning_rate)
