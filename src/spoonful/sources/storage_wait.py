"""Find out while reading whether reads wait for the storage."""

from typing import Any

# Longer than reads from the page cache take (5-10 us), shorter than any disk or network needs.
_SLOW_S = 100e-6
# Of the last 128 samples about 5 must be slow: where ten processes share two processors, a thread
# loses its own in the middle of 1 to 3 of 100 reads.
_WEIGHT = 1 / 128
_LEAST = 0.04
# A smaller difference is chance, where many threads wait for Python's lock.
_LEAST_SHARE = 0.3
_EVERY = 4  # reads; a sample costs 1 us, and reading and decoding a tiny file 30


class StorageWait:
    """Tell waiting for the storage from waiting for Python's lock and for a processor.

    The time of a read says little: in the page cache, 64 threads that wait for Python's lock look
    like 64 that wait for a disk. So each sampled read is compared with a call that gives up the
    lock in the same way and needs no storage (lseek). Of reads that took long, the share that such
    calls do not explain waited for the storage.

    Counts are updated by many threads without a lock: losing one does no harm.
    """

    def __init__(self) -> None:
        self._num_reads = 0
        self._slow_reads = 0.0  # share of the last samples
        self._slow_others = 0.0

    def is_due(self) -> bool:
        """Count a read, and return whether to take a sample of it."""
        self._num_reads += 1
        return self._num_reads % _EVERY == 0

    def note(self, read_s: float, other_s: float) -> None:
        """Take a sample.

        Args:
            read_s: duration of a system call that may wait for the storage, in s.
            other_s: duration of one that does not.
        """
        self._slow_reads += ((read_s > _SLOW_S) - self._slow_reads) * _WEIGHT
        self._slow_others += ((other_s > _SLOW_S) - self._slow_others) * _WEIGHT

    @property
    def share(self) -> float:
        """Which share of the time that reads wait they wait for the storage, 0..1."""
        if self._slow_reads < _LEAST:
            return 0.0
        share = 1.0 - self._slow_others / self._slow_reads
        return share if share > _LEAST_SHARE else 0.0

    def __reduce__(self) -> tuple[Any, ...]:
        """Begin anew in another process, which may read from another storage."""
        return StorageWait, ()
