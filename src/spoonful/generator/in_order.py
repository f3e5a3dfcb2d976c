"""Serve the steps of an epoch in order, and keep what is known of each until somebody takes it."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable

from spoonful.generator.chunks import Chunk


class InOrder(ABC):
    """The steps of an epoch from a position on, with their digests and the times they were ready.

    Batches are read ahead of the steps that use them, so a step's digest and time are kept until
    the step is done. Subclasses read the chunks, pass each to `note`, and have the last three
    members; one that can stop early overrides `stop`, too.

    Args:
        steps_per_epoch: number of steps per epoch.
        clock: returns increasing seconds; None: no times are kept.
    """

    def __init__(self, steps_per_epoch: int, clock: Callable[[], float] | None = None) -> None:
        self.steps_per_epoch = steps_per_epoch
        self.first_step = 0  # the epoch's first global step
        self.position = 0  # of the first step to serve, in its epoch
        self._clock = clock
        self._lock = threading.Lock()
        self._digests: dict[int, bytes] = {}
        self._ready_times: dict[int, float] = {}

    def serve_from(self, epoch: int, position: int = 0) -> None:
        """Serve the steps of an epoch in order from a position on; forget what was served before.

        Args:
            epoch: counted from 0.
            position: number of the first step in its epoch, 0..steps_per_epoch.
        """
        with self._lock:
            self.first_step, self.position = epoch * self.steps_per_epoch, position
        self.forget()

    def forget(self) -> None:
        """Forget what is kept of the steps."""
        with self._lock:
            self._digests.clear()
            self._ready_times.clear()

    def note(self, chunk: Chunk) -> None:
        """Keep the digests of a chunk that is served, and the time."""
        digests = chunk.digests()
        times = {} if self._clock is None else dict.fromkeys(chunk.steps, self._clock())
        with self._lock:
            self._digests.update(zip(chunk.steps, digests, strict=True))
            self._ready_times.update(times)

    def take_digests(self, first: int, count: int) -> list[bytes]:
        """Return and forget the digests of the epoch's steps from number `first` on.

        Raises:
            KeyError: a step was not served.
        """
        start = self.first_step + first
        with self._lock:
            return [self._digests.pop(step) for step in range(start, start + count)]

    def take_ready_times(self, first: int, count: int) -> list[float | None]:
        """Return and forget when the epoch's steps from number `first` on were ready.

        Returns:
            A time in s for each step; None: unknown.
        """
        start = self.first_step + first
        with self._lock:
            return [self._ready_times.pop(step, None) for step in range(start, start + count)]

    @property
    def stop(self) -> int:
        """Number of the first step that is not served: of one that cannot be read, or the end."""
        return self.steps_per_epoch

    @abstractmethod
    def reach(self, number: int, count: int) -> None:
        """Wait until steps of the epoch are here; all before them were done.

        Args:
            number: number of the first one in its epoch, 0..steps_per_epoch.
            count: how many.

        Raises:
            SpoonfulError: one of them cannot be read, as `LookAhead.take`.
        """

    @property
    @abstractmethod
    def is_checked(self) -> bool:
        """Whether all that was read is known to be as it was packed, or cannot be checked."""

    @abstractmethod
    def finish_check(self) -> None:
        """Wait until the check that runs during reading is complete.

        Raises:
            ShardChangedError: a shard has changed since packing; names it.
        """
