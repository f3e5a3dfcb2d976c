"""Standard output and error that never stop the work: closed, full, or without a reader."""

import contextlib
import errno
import io
import os
import select
import sys
from pathlib import Path
from typing import Any

_TERMINAL = Path("/dev/tty")  # of this process, even if its output is redirected
_lost: dict[int, OSError] = {}  # by descriptor: why writing has failed


def guard() -> None:
    """Let the process continue if stdout or stderr cannot be written; call once, at the start.

    A closed descriptor is opened on /dev/null, so that no file opened later gets its number. Once a
    write fails, the descriptor leads to /dev/null, also for C code and threads.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError as error:
            _lost[descriptor] = error
            _to_nowhere(descriptor)
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        present, first = getattr(sys, name), getattr(sys, f"__{name}__")
        if present is not first:  # replaced by a notebook or a test
            continue
        if present is not None:
            _flush(present)
        guarded = io.TextIOWrapper(
            io.BufferedWriter(_GuardedFile(descriptor, "w", closefd=False)),
            encoding=getattr(present, "encoding", "utf-8"),
            errors="backslashreplace",
            line_buffering=descriptor == 2 or getattr(present, "line_buffering", False),
        )
        setattr(sys, name, guarded)


def lost(descriptor: int) -> OSError | None:
    """Return why stdout (1) or stderr (2) could not be written, or None."""
    return _lost.get(descriptor)


def flush() -> None:
    """Flush stdout and stderr."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            _flush(stream)


def say(text: str) -> None:
    """Print a line of the program's own on stderr."""
    print(f"spoonful: {text}", file=sys.stderr, flush=True)


def say_last(text: str) -> None:
    """Print important text on stderr, or on the terminal if stderr has no reader.

    With `spoonful train 2>&1 | tee log`, Ctrl-C ends tee as well.
    """
    print(text, file=sys.stderr, flush=True)
    if lost(2) is None:
        return
    # A job of a batch system or cron has no terminal.
    with contextlib.suppress(OSError), _TERMINAL.open("w", encoding="utf-8") as terminal:
        print(text, file=terminal)


def _flush(stream: Any) -> None:
    with contextlib.suppress(OSError, ValueError):
        stream.flush()


class _GuardedFile(io.FileIO):
    """A descriptor whose writes always succeed."""

    def write(self, data: Any, /) -> int:
        """Write to the descriptor, or nowhere once that has failed."""
        try:
            while (written := super().write(data)) is None:  # non-blocking, and full
                select.select([], [self], [])
            return written
        except OSError as error:
            _note(self.fileno(), error)
            return memoryview(data).nbytes


def _note(descriptor: int, error: OSError) -> None:
    """Let a descriptor lead nowhere; report why, unless its reader has just closed."""
    _lost[descriptor] = error
    _to_nowhere(descriptor)
    if descriptor == 1 and error.errno != errno.EPIPE:
        print(
            f"spoonful: standard output cannot be written ({error.strerror}): "
            "continuing without it",
            file=sys.stderr,
        )


def _to_nowhere(descriptor: int) -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    if nowhere != descriptor:
        os.dup2(nowhere, descriptor)
        os.close(nowhere)
