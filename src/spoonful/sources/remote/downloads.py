"""Threads that download what is needed, soonest first."""

import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Sequence

from spoonful import background
from spoonful.errors import SpoonfulError

# A thread with nothing to do ends after this time.
IDLE_S = 0.5
_LOOK_S = 0.5


class Downloads:
    """Run downloads of numbered files in a few threads.

    What a reader waits for comes first, then what was asked for ahead, in its order.

    Args:
        work: downloads the file of a number, if it is not here; called in the threads.
        is_here: whether the file of a number is here.
        name_of: the name of the file of a number, for messages.
        num_threads: largest number of downloads at the same time.
        stop: makes `work` return soon.
    """

    def __init__(
        self,
        work: Callable[[int], object],
        is_here: Callable[[int], bool],
        name_of: Callable[[int], str],
        num_threads: int,
        stop: Callable[[], object],
    ) -> None:
        self._work, self._is_here, self._name_of = work, is_here, name_of
        self._num_threads = num_threads
        self._stop_work = stop
        self.last_byte = 0.0  # when bytes arrived last, as time.monotonic
        self.num_bytes = 0  # that arrived so far
        self._reset()
        _all.add(self)

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._has_work = threading.Condition(self._lock)
        self._has_ended = threading.Condition(self._lock)
        self._urgent: deque[int] = deque()
        self._ahead: deque[int] = deque()
        self._running: set[int] = set()
        self._errors: dict[int, Exception] = {}
        self._threads: set[threading.Thread] = set()
        self.is_stopped = False

    def stop(self) -> None:
        """End all downloads soon; for the end of the process."""
        self.is_stopped = True
        self._stop_work()
        with self._lock:
            self._has_work.notify_all()
            self._has_ended.notify_all()

    def note_bytes(self, num_bytes: int) -> None:
        """Note that bytes arrived."""
        if num_bytes:
            with self._lock:
                self.last_byte = time.monotonic()
                self.num_bytes += num_bytes

    def ahead(self, numbers: Iterable[int]) -> None:
        """Download these files when no reader waits, in this order, instead of those before.

        One that failed is left for a reader to ask for.
        """
        with self._lock:
            self._ahead = deque(n for n in numbers if n not in self._errors)
            self._start(len(self._ahead))

    def wait(self, numbers: Sequence[int], limit_s: float) -> None:
        """Wait until these files were downloaded.

        Args:
            numbers: the files; those that are here are looked at again.
            limit_s: longest time without a byte of any file.

        Raises:
            SpoonfulError: one cannot be downloaded, or no byte came within the limit; names it.
        """
        with self._lock:
            for number in numbers:
                if number not in self._running:
                    self._errors.pop(number, None)
                    if number not in self._urgent:
                        self._urgent.append(number)
            self._start(len(self._urgent))
            began = time.monotonic()
            while waiting := [n for n in numbers if n in self._running or n in self._urgent]:
                if any(number in self._errors for number in numbers):
                    break
                if self.is_stopped:
                    raise SpoonfulError("the process is ending: nothing is downloaded any more")
                if time.monotonic() - max(began, self.last_byte) >= limit_s:
                    raise SpoonfulError(
                        f"{self._name_of(waiting[0])}: no byte of it came within {limit_s:g} s; "
                        "is the store or the network gone?"
                    )
                self._has_ended.wait(_LOOK_S)
            for number in numbers:
                if number in self._errors:
                    raise SpoonfulError(str(self._errors[number])) from self._errors[number]

    def waited_for(self) -> str | None:
        """Return the name of a file that is being downloaded; None: there is none."""
        with self._lock:
            return next((self._name_of(number) for number in sorted(self._running)), None)

    def _start(self, num_waiting: int) -> None:
        num_idle = len(self._threads) - len(self._running)
        num_free = self._num_threads - len(self._threads)
        for _ in range(min(num_waiting - num_idle, num_free)):
            if not self.is_stopped:
                self._threads.add(background.start(self._run, "spoonful-download", self.stop))
        self._has_work.notify(max(num_waiting, 0))

    def _run(self) -> None:
        me = threading.current_thread()
        with self._lock:
            try:
                while (number := self._next()) is not None:
                    self._do(number)
            finally:
                self._threads.discard(me)

    def _next(self) -> int | None:
        """Wait for a file to download; None: the thread should end."""
        deadline = time.monotonic() + IDLE_S
        while not self.is_stopped:
            for queue in (self._urgent, self._ahead):
                while queue:
                    number = queue.popleft()
                    if number not in self._running and not (
                        queue is self._ahead and self._is_here(number)
                    ):
                        return number
            if (time_left := deadline - time.monotonic()) <= 0:
                return None
            self._has_work.wait(time_left)
        return None

    def _do(self, number: int) -> None:
        """Download a file outside the lock."""
        self._running.add(number)
        self._lock.release()
        failure: Exception | None = None
        try:
            self._work(number)
        except Exception as error:
            failure = error
        finally:
            self._lock.acquire()
            self._running.discard(number)
        if failure is not None:
            # Its traceback refers to this thread, whose stack would stay.
            self._errors[number] = failure.with_traceback(None)
        self._has_ended.notify_all()


_all: "weakref.WeakSet[Downloads]" = weakref.WeakSet()


def _reset_after_fork() -> None:
    for downloads in list(_all):
        downloads._reset()


os.register_at_fork(after_in_child=_reset_after_fork)
