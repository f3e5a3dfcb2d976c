"""How many steps are read together, and how many images a thread reads at a time."""

from spoonful.generator.limits import Limits
from spoonful.generator.reading_threads import ReadingThreads

# Where reading is slow, a chunk is read in more units than threads, to shorten the wait for the
# slowest. Where it is fast, each thread reads its own chunk: MNIST in batches of 32 came at 7.7 M
# images/s with two threads, and at 6.6 M in halves.
_SLOW_UNITS_A_THREAD = 2
# Chunks grow while a chunk is read within this time: where reading is slow, one batch makes the
# cost of handing it over small enough, and arrives sooner.
_CHUNK_S = 0.01


class ChunkSizes:
    """Decide the sizes of chunks and of their units.

    Args:
        limits: how far to read ahead, and in how many threads.
        reading: how many threads read.

    Attributes:
        chunk_s: time from planning the last chunk to its end, in s.
    """

    def __init__(self, limits: Limits, reading: ReadingThreads) -> None:
        self._limits = limits
        self._reading = reading
        self._num_steps = 1
        self.chunk_s = 0.0

    @property
    def num_steps(self) -> int:
        """Number of steps of the next chunk: as many as can be read in about _CHUNK_S.

        Few at first, so that the first one comes soon. One where the storage answers slowly: it
        comes sooner, and waits for no other one.
        """
        return 1 if self._reading.is_slow else self._num_steps

    def advance(self) -> None:
        """Adapt the size, after a chunk was planned."""
        if self._reading.is_slow:
            self._num_steps = 1
        elif self.chunk_s < _CHUNK_S:
            self._num_steps = min(2 * self._num_steps, self._limits.chunk_steps)
        elif self.chunk_s > 4 * _CHUNK_S:
            self._num_steps = max(1, self._num_steps // 2)

    def restart(self) -> None:
        """Begin with a small chunk."""
        self._num_steps = 1

    def units(self, num_images: int) -> list[tuple[int, int]]:
        """Return the ranges of a chunk's images that threads read, each start and stop."""
        size = self._reading.unit_size
        if size is None:
            is_slow = self.chunk_s > _CHUNK_S
            num_units = self._limits.num_threads * _SLOW_UNITS_A_THREAD if is_slow else 1
            size = -(-num_images // num_units)
        return [(start, min(start + size, num_images)) for start in range(0, num_images, size)]
