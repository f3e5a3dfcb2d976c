"""Ctrl-C, SIGTERM and SIGHUP during training: the first ends it cleanly, the second at once."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Protocol

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_FIRST = (
    "spoonful: stopping after this execution, with a checkpoint; a second signal stops at once, "
    "without one"
)
# How long marking the run may take when the user does not want to wait.
_ABORT_LIMIT_S = 3.0
# One request may arrive twice: `timeout` signals its child and then its group.
_ECHO_S = 0.2
_EXIT_BASE = 128  # base of a shell's exit code for a process ended by a signal


class Stop(Protocol):
    """A request of the user to end training."""

    @property
    def is_wanted(self) -> bool: ...

    def now(self) -> None:
        """End training by an exception."""


class Interruption:
    """The user's request to end training.

    Attributes:
        is_wanted: a signal has arrived.
    """

    def __init__(self) -> None:
        self.is_wanted = False
        self._number: int | None = None
        self._handlers: dict[int, Any] = {}

    def now(self) -> None:
        """Do what the signal would have done otherwise: raise in the main thread."""
        if self._number is None:
            return
        handler = self._handlers.get(self._number)
        if callable(handler):
            handler(self._number, None)
        raise KeyboardInterrupt


@contextmanager
def interruption(on_abort: Callable[[], object]) -> Iterator[Interruption]:
    """Handle SIGINT, SIGTERM and SIGHUP while the block runs.

    Python runs its handlers between two bytecodes: a call into TensorFlow may take long. A waiting
    thread sees the second signal, whatever the main thread does.

    Args:
        on_abort: called, for at most 3 s, before the process ends at the second signal.
    """
    wish = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield wish  # only the main thread handles signals
        return
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    watcher = threading.Thread(
        target=_watch, args=(read_end, on_abort), name="spoonful-signals", daemon=True
    )

    def handle(number: int, frame: FrameType | None) -> None:
        wish._number, wish.is_wanted = number, True

    for one in _SIGNALS:
        # An ignored signal, as in background jobs of shell scripts, stays ignored.
        if signal.getsignal(one) != signal.SIG_IGN:
            wish._handlers[one] = signal.signal(one, handle)
    old_descriptor = signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
    watcher.start()
    try:
        yield wish
        if wish.is_wanted:  # too late for the block to notice it
            wish.now()
    finally:
        signal.set_wakeup_fd(old_descriptor)
        for number, handler in wish._handlers.items():
            signal.signal(number, handler)
        os.close(write_end)
        watcher.join(_ABORT_LIMIT_S)


def _watch(read_end: int, on_abort: Callable[[], object]) -> None:
    """Read the numbers of arriving signals; end the process at the second one."""
    first_time: float | None = None
    try:
        while numbers := os.read(read_end, 16):
            now = time.monotonic()
            for number in numbers:
                if number not in _SIGNALS:
                    continue
                if first_time is None:
                    first_time = now
                    print(_FIRST, file=sys.stderr, flush=True)
                elif now - first_time > _ECHO_S:
                    _abort(number, on_abort)
    finally:
        os.close(read_end)


def _abort(number: int, on_abort: Callable[[], object]) -> None:
    marking = threading.Thread(target=on_abort, daemon=True)
    marking.start()
    marking.join(_ABORT_LIMIT_S)
    print("spoonful: stopped at once", file=sys.stderr, flush=True)
    os._exit(_EXIT_BASE + number)
