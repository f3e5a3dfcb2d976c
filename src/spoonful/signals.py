"""Ctrl-C, SIGTERM and SIGHUP: each unwinds the process, so that runs are marked and files put away.

Imports of large packages may swallow what a signal raises, or make another error of it: so it is
remembered that one came.
"""

import signal
from types import FrameType

INTERRUPTED = 130
_EXIT_BASE = 128  # a shell's exit code of a process that a signal ended
_arrived: int | None = None


class Terminated(SystemExit):
    """SIGTERM or SIGHUP arrived; unwinds like Ctrl-C."""


def install() -> None:
    """Handle the signals, but for those that this process is told to ignore (as nohup does)."""
    global _arrived
    _arrived = None
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _handle)


def hurry() -> None:
    """Let the next signal end the process without a word: its last seconds are TensorFlow's."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


def arrived() -> str | None:
    """Return the name of the last signal that arrived, or None."""
    return None if _arrived is None else signal.Signals(_arrived).name


def raise_arrived() -> None:
    """Raise what the signal that arrived should have raised, if one did."""
    if _arrived is not None:
        _raise(_arrived)


def _handle(number: int, frame: FrameType | None) -> None:
    global _arrived
    _arrived = number
    _raise(number)


def _raise(number: int) -> None:
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise Terminated(_EXIT_BASE + number)
