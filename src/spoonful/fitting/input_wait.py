"""Measure how long training waits for its input."""

import threading
import time
from collections.abc import Callable

import keras

from spoonful.stream import Batch


class MeteredDataset(keras.utils.PyDataset):
    """Batches that note when each was ready, and keep the error that ended them.

    TensorFlow reports a failure inside its input pipeline as an error of its own, with the cause
    only as text: `error` is the cause itself.

    Args:
        dataset: the batches.
        clock: seconds, growing; the one that the times given to `input_wait_s` come from.
    """

    def __init__(
        self, dataset: keras.utils.PyDataset, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        super().__init__(workers=1, use_multiprocessing=False)
        self.error: Exception | None = None
        self._dataset = dataset
        self._clock = clock
        self._lock = threading.Lock()
        self._ready_times: dict[int, float] = {}

    @property
    def num_batches(self) -> int | None:
        """Steps an epoch; None: the stream has no end."""
        number: int | None = self._dataset.num_batches
        return number

    def __getitem__(self, index: int) -> Batch:
        try:
            batch: Batch = self._dataset[index]
        except Exception as error:
            self.error = error
            raise
        with self._lock:
            self._ready_times[index] = self._clock()
        return batch

    def take_ready_times(self, first: int, count: int) -> list[float | None]:
        """Return and forget when the batches first..first + count - 1 were ready; None: unseen."""
        with self._lock:
            return [self._ready_times.pop(first + i, None) for i in range(count)]


def input_wait_s(begin: float, end: float, ready_times: list[float | None]) -> float:
    """Return how many of the seconds begin..end were spent waiting for batches.

    A call into TensorFlow runs k steps, each of which needs its batch; only the whole call can be
    timed. If every step computes for c seconds, the call ends at the latest of begin + k c and
    ready_j + (k - j) c; solved for c, the rest of the time was waiting.

    Args:
        begin: when the call began, in s.
        end: when it ended, in s.
        ready_times: for each of its k steps when the batch was ready; None counts as in time.

    Returns:
        0 <= wait <= end - begin.
    """
    num_steps = len(ready_times)
    duration = max(end - begin, 0.0)
    if num_steps == 0:
        return 0.0
    compute_s = duration / num_steps
    for position, ready in enumerate(ready_times):
        if ready is not None:
            compute_s = min(compute_s, max(end - ready, 0.0) / (num_steps - position))
    return duration - num_steps * compute_s
