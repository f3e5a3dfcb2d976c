"""How many threads read: as many as keep the decoding busy while others wait for the storage."""

import math
import threading
import time
from collections.abc import Iterable

from spoonful.generator.pending import PendingChunk
from spoonful.generator.read_errors import Unit
from spoonful.sources.storage_wait import StorageWait

# Reads that may be under way. Tiny files take 30 us of a processor each: at 3 ms a read, 100
# threads keep it busy, at 10 ms more than 300. A thread that waits takes about 50 KiB of memory.
MAX_READS = 256
# Twice as many as the means say: waits differ, and with just enough threads decoding often has
# nothing to do. On a busy machine as many as the means say read tiny files faster at 3 ms (8.7 and
# 7.5 k a second) and as fast at 1 ms; at 10 ms they would not have been enough.
_SPARE = 2.0
_KEPT = 0.98  # of the sums, at each unit
# The number rises at once and falls slowly: by an eighth at most in this time. Otherwise a few
# quick units would end threads that are started again at once (800 a second were).
_FALL = 8
_FALL_S = 0.05
# A thread that has been in one unit for longer counts as stuck: another one takes its place.
STUCK_S = 0.2
_STUCK_TIMES = 4  # and for longer than this many times what the unit should take
# Where the storage is slow, images that a thread reads at a time take about this much processor
# time: handing over a unit takes 0.02 ms.
_UNIT_S = 1e-3
_MOST_IN_UNIT = 16
_FIRST_UNIT = 8


class ReadingThreads:
    """Decide how many threads read.

    By Little's law: a thread that waits w for the storage for each image, and computes c, needs
    1 + w/c threads to keep one processor (or Python's lock) busy.

    Args:
        num_useful: threads that are useful where nothing waits, 0..; the smallest number.
        max_threads: the largest number; the same where the number is fixed.
        wait: how long images wait for the storage; None: not measured.
    """

    def __init__(self, num_useful: int, max_threads: int, wait: StorageWait | None) -> None:
        self._num_useful = num_useful
        self._max_threads = max_threads
        self._wait = wait if max_threads > num_useful else None
        self._wanted = num_useful
        self._fell = 0.0  # when the number was last made smaller
        self._images = self._wall_s = self._cpu_s = 0.0
        # Of each thread: what it reads, since when, and its processor time then.
        self._units: dict[int, tuple[Unit, float, float]] = {}
        self._num_stuck = 0
        self._most = 0  # largest number since somebody last took it

    @property
    def is_slow(self) -> bool:
        """Whether storage answers slowly, or not at all."""
        return self._wanted > self._num_useful or self._num_stuck > 0

    @property
    def allowed(self) -> int:
        """How many threads there may be now; stuck ones do not count."""
        return min(self._wanted + self._num_stuck, self._max_threads)

    def note(self, num_images: int, wall_s: float, cpu_s: float, now: float) -> None:
        """Learn from a unit that was read.

        Args:
            num_images: how many images it had.
            wall_s: how long it took.
            cpu_s: processor time of its thread.
            now: when it ended, in s.
        """
        if self._wait is None:
            return
        self._images = self._images * _KEPT + num_images
        self._wall_s = self._wall_s * _KEPT + wall_s
        self._cpu_s = self._cpu_s * _KEPT + max(cpu_s, 1e-6)
        waits = self._wait.wait_s * self._images / self._cpu_s  # in times of computing
        target = math.ceil(self._num_useful * (1 + _SPARE * waits))
        target = min(target, self._max_threads)
        if target >= self._wanted:
            self._wanted, self._fell = target, now
        elif now - self._fell > _FALL_S:
            self._wanted = max(target, self._wanted - max(1, self._wanted // _FALL))
            self._fell = now

    @property
    def unit_size(self) -> int | None:
        """Images that a thread should read at a time; None: the storage is fast."""
        if self._wait is None:
            return None
        if not self._images:
            return _FIRST_UNIT
        if not self.is_slow:
            return None
        image_s = self._cpu_s / self._images
        return max(1, min(_MOST_IN_UNIT, int(_UNIT_S / image_s)))

    @property
    def patience_s(self) -> float:
        """After what time of waiting to look whether a thread is stuck, in s."""
        return math.inf if self._wait is None else STUCK_S

    def begin(self, unit: Unit) -> None:
        """Note that this thread begins with a unit."""
        begin = unit, time.monotonic(), time.thread_time()
        self._units[threading.get_ident()] = begin

    def end(self, ended: float, cpu_s: float) -> None:
        """Note that this thread has done its unit, and learn from it.

        Args:
            ended: when that was, on the clock of `time.monotonic`.
            cpu_s: the thread's processor time then.
        """
        unit, began, cpu_began = self._units.pop(threading.get_ident())
        if unit.chunk is not None:
            self.note(unit.stop - unit.start, ended - began, cpu_s - cpu_began, ended)

    def units(self) -> list[tuple[Unit, float]]:
        """Return what threads do, each with its start time."""
        return [(unit, began) for unit, began, _ in self._units.values()]

    def units_of(self, pending: PendingChunk) -> list[tuple[Unit, float]]:
        """Return what threads do for a chunk, each with its start time."""
        return [
            (unit, began)
            for unit, began in self.units()
            if unit.chunk is pending.chunk and unit.first_step == pending.first_step
        ]

    def units_before(self, pending: PendingChunk) -> list[tuple[Unit, float]]:
        """Return what a chunk waits for: what is done for it; all, if no thread is left for it."""
        units = self.units()
        return self.units_of(pending) or (units if len(units) >= self._max_threads else [])

    def has_stuck(self, pending: PendingChunk) -> bool:
        """Return whether a thread is stuck that reads a part of a chunk."""
        return self._num_stuck > 0 and self._count_stuck(self.units_of(pending)) > 0

    def count_stuck(self) -> None:
        """Find out how many threads are stuck."""
        if self._wait is not None:
            self._num_stuck = self._count_stuck(self.units())

    def _count_stuck(self, units: Iterable[tuple[Unit, float]]) -> int:
        now = time.monotonic()
        return sum(self._is_stuck(unit.stop - unit.start, now - began) for unit, began in units)

    def _is_stuck(self, num_images: int, elapsed_s: float) -> bool:
        if elapsed_s < STUCK_S:
            return False
        usual_s = self._wall_s / self._images if self._images else 0.0
        return elapsed_s > _STUCK_TIMES * num_images * usual_s

    def note_number(self, num_threads: int) -> None:
        """Keep the largest number of threads."""
        self._most = max(self._most, num_threads)

    def take_most(self) -> int:
        """Return and forget the largest number of threads."""
        most, self._most = self._most, 0
        return most
