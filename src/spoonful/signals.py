"""Ctrl-C, SIGTERM and SIGHUP: each unwinds the process, to mark runs and clean up files.

Imports of large packages may swallow the exception of a signal, or turn it into another error, so
the arrival of a signal is remembered.
"""

import signal
from types import FrameType

INTERRUPTED = 130
_EXIT_BASE = 128  # base of a shell's exit code for a process ended by a signal
_arrived: int | None = None


class Terminated(SystemExit):
    """SIGTERM or SIGHUP arrived; unwinds like Ctrl-C."""


def install() -> None:
    """Handle the signals, except those that this process is told to ignore (as by nohup)."""
    global _arrived
    _arrived = None
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _handle)


def hurry() -> None:
    """Let the next signal end the process silently, during TensorFlow's final seconds."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


def arrived() -> str | None:
    """Return the name of the last signal that arrived, or None."""
    return None if _arrived is None else signal.Signals(_arrived).name


def raise_arrived() -> None:
    """Raise the exception of a signal that has arrived, if any."""
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
