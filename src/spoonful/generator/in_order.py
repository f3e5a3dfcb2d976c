"""Serve the batches of an epoch in order, whatever their consumer asks for."""

import threading

from spoonful.generator.chunks import Chunk


class InOrder:
    """Count through the steps of an epoch, and keep the digests of those that were read.

    Args:
        first_step: the epoch's first global step.
        position: number of the first step to serve in its epoch.
        num_steps: steps of the epoch.
    """

    def __init__(self, first_step: int, position: int, num_steps: int) -> None:
        self.is_in_epoch = False  # Keras has begun the epoch that this is for
        self._position = position
        self._num_steps = num_steps
        self._first_step = first_step
        self._next_step = first_step + position
        self._digests: dict[int, bytes] = {}
        self._lock = threading.Lock()

    @property
    def num_batches(self) -> int:
        """Number of batches for Keras to read: the rest of an epoch until it begins, then all.

        An earlier fit may have ended inside a short epoch, which fit counts before its first one.
        """
        with self._lock:
            is_begun = self._next_step > self._first_step + self._position
        return self._num_steps if is_begun else self._num_steps - self._position

    def next_step(self) -> int:
        """Return the global step to serve, and advance the count."""
        with self._lock:
            step = self._next_step
            self._next_step += 1
            return step

    def note(self, chunk: Chunk) -> None:
        """Keep the digests of a chunk that has begun."""
        digests = chunk.digests()
        with self._lock:
            self._digests.update(enumerate(digests, start=chunk.first_step))

    def take_digests(self, first: int, count: int) -> list[bytes]:
        """Return and forget the digests of the epoch's steps from number `first` on.

        Raises:
            KeyError: a step was not read, or more steps were read than the epoch has: something
                else read batches that are now missing.
        """
        start = self._first_step + first
        with self._lock:
            if self._next_step > self._first_step + self._num_steps:
                raise KeyError(self._next_step - 1)
            return [self._digests.pop(step) for step in range(start, start + count)]
