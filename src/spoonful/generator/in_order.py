"""The batches of an epoch in their order, whatever their consumer asks for."""

import threading

from spoonful.generator.chunks import Chunk


class InOrder:
    """Count through the steps of an epoch, and keep the digests of those that were read.

    Args:
        first_step: the epoch's first global step.
        position: number of the first step to serve in its epoch.
    """

    def __init__(self, first_step: int, position: int) -> None:
        self.position = position
        self._first_step = first_step
        self._next_step = first_step + position
        self._digests: dict[int, bytes] = {}
        self._lock = threading.Lock()

    def next_step(self) -> int:
        """Return the global step to serve, and count on."""
        with self._lock:
            step = self._next_step
            self._next_step += 1
            return step

    def note(self, chunk: Chunk) -> None:
        """Keep the digests of a chunk that is begun."""
        digests = chunk.digests()
        with self._lock:
            self._digests.update(enumerate(digests, start=chunk.first_step))

    def take_digests(self, first: int, count: int) -> list[bytes]:
        """Return and forget the digests of the epoch's steps from number `first` on."""
        start = self._first_step + first
        with self._lock:
            return [self._digests.pop(step) for step in range(start, start + count)]
