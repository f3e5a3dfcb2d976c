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
_EVERY = 4  # images; a sample costs 1 us, and reading and decoding a tiny file 30
_MEAN_WEIGHT = 1 / 32
_LONGEST_S = 1.0  # counts as this long: one read that was stuck is not the usual case


class StorageWait:
    """Tell waiting for the storage from waiting for Python's lock and for a processor.

    The time of a read says little: in the page cache, 64 threads that wait for Python's lock look
    like 64 that wait for a disk. So each sampled read is compared with a call that gives up the
    lock in the same way and needs no storage (lseek). Of reads that took long, the share that such
    calls do not explain waited for the storage.

    Means are updated by many threads without a lock: losing a sample does no harm.
    """

    def __init__(self) -> None:
        self._num_images = 0
        self._slow_reads = 0.0  # share of the last samples
        self._slow_others = 0.0
        self._mean_s = 0.0  # for an image, longer than the calls that need no storage

    def is_due(self) -> bool:
        """Count an image, and return whether to take a sample of its reads."""
        self._num_images += 1
        return self._num_images % _EVERY == 0

    def note(self, other_s: float, *reads_s: float) -> None:
        """Take a sample.

        Args:
            other_s: duration of a system call that does not wait for the storage, in s.
            reads_s: durations of all that may, for one image.
        """
        slow_others, waited_s = other_s > _SLOW_S, 0.0
        for read_s in reads_s:
            self._slow_reads += ((read_s > _SLOW_S) - self._slow_reads) * _WEIGHT
            self._slow_others += (slow_others - self._slow_others) * _WEIGHT
            waited_s += read_s - other_s
        self._mean_s += (min(waited_s, _LONGEST_S) - self._mean_s) * _MEAN_WEIGHT

    @property
    def wait_s(self) -> float:
        """How long an image waits for the storage, in s; 0 where it is about as fast as memory."""
        if self._slow_reads < _LEAST:
            return 0.0
        is_explained = self._slow_reads - self._slow_others < _LEAST_SHARE * self._slow_reads
        return 0.0 if is_explained else max(0.0, self._mean_s)

    def __reduce__(self) -> tuple[Any, ...]:
        """Begin anew in another process, which may read from another storage."""
        return StorageWait, ()
