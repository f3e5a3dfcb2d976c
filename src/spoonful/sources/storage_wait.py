"""Find out while reading how long reads wait for the storage."""

import resource
import time
from collections.abc import Callable
from functools import partial
from typing import Any

_THREAD: int | None = getattr(resource, "RUSAGE_THREAD", None)  # macOS has none
# Longer than reads from the page cache take (5-10 us), not longer than a disk or network needs.
_SLOW_S = 100e-6
_EVERY = 8  # images; a sample costs 2 us, and reading and decoding a tiny file 30
_SAMPLES = 128
_LEAST_SAMPLES = 4
# Of the last samples at least this share must be slow, and take twice as long as the pause that
# follows: all else is chance.
_LEAST = 0.04
_TIMES = 2.0
_WEIGHT = 1 / 32
_LONGEST_S = 1.0  # counts as this long: one read that was stuck is not the usual case


class StorageWait:
    """Tell waiting for the storage from waiting for Python's lock and for a processor.

    The time of a read says little: in the page cache, 64 threads that wait for Python's lock look
    like 64 that wait for a disk. So after a sampled read that was slow, the thread pauses for as
    long as the fastest storage takes. After a pause, too, it must wait for the lock and a processor
    as long as others have them. What a read takes longer than that was the storage. A read in which
    the system took the processor away says nothing.

    Means are updated by many threads without a lock: losing a sample does no harm.
    """

    def __init__(self) -> None:
        self._num_images = self._num_samples = 0
        self._slow = 0.0  # share of the last samples with a slow read
        self._read_s = self._pause_s = 0.0  # means of the slow ones

    def sample(self) -> Callable[..., None] | None:
        """Count an image, and begin a sample of its reads; None: none is due.

        Returns:
            To be called after the reads with their durations, in s.
        """
        self._num_images += 1
        return partial(self.note, num_preempted()) if self._num_images % _EVERY == 0 else None

    def note(self, num_before: int, *reads_s: float) -> None:
        """Take a sample, right after it was read.

        Args:
            num_before: the result of `num_preempted` before the reads.
            reads_s: durations of the system calls of one image that may wait for the storage, in s.
        """
        slow = [read_s for read_s in reads_s if read_s > _SLOW_S]
        if slow and num_preempted() != num_before:
            slow = []
        self._num_samples += 1
        self._slow += (bool(slow) - self._slow) / min(self._num_samples, _SAMPLES)
        if slow:
            begin = time.perf_counter()
            time.sleep(_SLOW_S / 10)  # the system makes it about as long as _SLOW_S
            self.note_slow(sum(slow), len(slow) * (time.perf_counter() - begin))

    def note_slow(self, read_s: float, pause_s: float) -> None:
        """Take the times of slow reads, and of as many pauses, in s."""
        weight = _WEIGHT if self._read_s else 1.0
        self._read_s += (min(read_s, _LONGEST_S) - self._read_s) * weight
        self._pause_s += (min(pause_s, _LONGEST_S) - self._pause_s) * weight

    @property
    def wait_s(self) -> float:
        """How long an image waits for the storage, in s; 0 where it is about as fast as memory."""
        is_seldom = self._num_samples < _LEAST_SAMPLES or self._slow < _LEAST
        if is_seldom or self._read_s < _TIMES * self._pause_s:
            return 0.0
        return self._slow * (self._read_s - self._pause_s)

    def __reduce__(self) -> tuple[Any, ...]:
        """Start without samples in another process, which may read from another storage."""
        return StorageWait, ()


def num_preempted() -> int:
    """Return how often the system took the processor away from this thread; 0 where unknown."""
    return 0 if _THREAD is None else resource.getrusage(_THREAD).ru_nivcsw
