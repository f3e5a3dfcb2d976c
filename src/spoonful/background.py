"""Threads of the package: each ends before the interpreter, however the script ends.

A daemon thread that is inside native code when the interpreter shuts down ends the process: the
system unwinds its stack when it requests the interpreter lock, and C++ does not allow that
("terminate called without an active exception", exit code 134; in a tenth to a half of scripts that
left a loop over photographs early). Functions registered with `atexit` run before that, on Python
3.11 to 3.13, after a return, an exception, `sys.exit` and Ctrl-C. A non-daemon thread would be
waited for without a limit.
"""

import atexit
import os
import sys
import threading
import time
from collections.abc import Callable
from weakref import WeakKeyDictionary

from spoonful.errors import SpoonfulError

# How long the end of a process waits for a running read: disks and networks that answer at all do
# so within this time.
LIMIT_S = 5.0


class _Running:
    """The threads of this process, and a function to end each."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.stops: WeakKeyDictionary[threading.Thread, Callable[[], object]] = WeakKeyDictionary()
        self.is_over = False


_running = _Running()


def start(work: Callable[[], object], name: str, stop: Callable[[], object]) -> threading.Thread:
    """Start a thread that ends before the interpreter.

    Args:
        work: what the thread does.
        name: name of the thread.
        stop: makes `work` return soon; called in another thread, and must not wait for this one.
            What it refers to must not refer to the thread: neither would ever be freed.

    Raises:
        SpoonfulError: the process is ending.
        RuntimeError: the system starts no more threads.
    """
    thread = threading.Thread(target=work, name=name, daemon=True)
    with _running.lock:
        if _running.is_over:
            raise SpoonfulError("the process is ending: nothing is read any more")
        _running.stops[thread] = stop
        try:
            thread.start()
        except RuntimeError:
            del _running.stops[thread]
            raise
    return thread


def _end_all() -> None:
    """End all threads, and wait for them for a limited time."""
    with _running.lock:
        _running.is_over = True
        stops = dict(_running.stops)
    deadline = time.monotonic() + LIMIT_S
    try:
        for stop in set(stops.values()):
            stop()
        for thread in stops:
            thread.join(max(0.0, deadline - time.monotonic()))
    except KeyboardInterrupt:
        return
    stuck = sum(thread.is_alive() for thread in stops)
    if stuck:
        print(
            f"spoonful: {stuck} reads did not end within {LIMIT_S:g} s: ending without them; is "
            "the disk or the network gone?",
            file=sys.stderr,
        )


def _reset_after_fork() -> None:
    """Forget the threads of the parent: a forked process has none of them."""
    global _running
    _running = _Running()


atexit.register(_end_all)
os.register_at_fork(after_in_child=_reset_after_fork)
