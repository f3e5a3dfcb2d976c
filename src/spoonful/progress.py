"""Report progress on stderr: a bar on a terminal, lines anywhere else.

One thread writes the reports: whatever the work waits for (an import, TensorFlow's tracing, a slow
disk), a line comes at least every 30 s, and the work itself only counts.
"""

import math
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO

from tqdm import tqdm

from spoonful import background
from spoonful.progress_bar import Bar, clock

# Work that takes this long gets a line: shorter commands print only their results.
_SOON_S = 1.0
# A command says earlier what it does: Python and our modules take 0.2 s before, and a command that
# is still reading its configuration a second after it was typed should not be silent.
_FIRST_S = 0.7
_EVERY_S = 20.0
_REFRESH_S = 1.0  # of a bar on a terminal, to keep its clock running
SIDE_BY_SIDE = "side by side"  # name of such a process
_POINTS = "spoonful sweep"  # the command that a worker process works for


class _Activity:
    """Something that takes a while: text, or a bar. It gets its first line after due_s."""

    def __init__(self, words: str, due_s: float, bar: Bar | None = None) -> None:
        self.bar = bar
        self.words = words
        self.begin = time.monotonic()
        self.due = self.begin + due_s
        self.num_said = 0

    def line(self) -> str:
        if self.bar is not None:
            return self.bar.line()
        passed = time.monotonic() - self.begin
        return f"{self.words} ..." + (f" {clock(passed)}" if self.num_said else "")


class _Voice:
    """The progress output of a command."""

    def __init__(self, prefix: str, is_drawing: bool) -> None:
        self.prefix = prefix
        self.label = ""
        self.is_drawing = is_drawing
        self.stream: IO[str] | None = None  # instead of stderr
        self.activities: list[_Activity] = []
        self.condition = threading.Condition(threading.RLock())
        self.is_over = False

    def watch(self) -> None:
        """Print a line whenever one is due."""
        with self.condition:
            while not self.is_over:
                self.condition.wait(self._wait_s())
                if self.is_over or not self.activities:
                    continue
                activity = self.activities[-1]
                if activity.bar is not None and self.is_drawing:
                    activity.bar.refresh()
                elif time.monotonic() >= activity.due:
                    self.say(activity)

    def _wait_s(self) -> float | None:
        if not self.activities:
            return None
        activity = self.activities[-1]
        if activity.bar is not None and self.is_drawing:
            return _REFRESH_S
        return min(max(0.0, activity.due - time.monotonic()), threading.TIMEOUT_MAX)

    def say(self, activity: _Activity) -> None:
        stream = self.stream or sys.stderr
        stream.write(f"{self.prefix}: {self.label}{activity.line()}\n")
        stream.flush()
        activity.num_said += 1
        activity.due = time.monotonic() + _EVERY_S

    def stop(self) -> None:
        with self.condition:
            self.is_over = True
            self.condition.notify_all()


_voice: _Voice | None = None


@contextmanager
def told(command: str, activity: str) -> Iterator[None]:
    """Report what a command does while the block runs; outside it, nothing is reported.

    Args:
        command: prefix of each line.
        activity: what it does if nothing more precise is known.
    """
    global _voice
    voice = _voice = _Voice(command, sys.stderr.isatty() and not _is_worker())
    thread = background.start(voice.watch, "spoonful-progress", voice.stop)
    try:
        with _on_top(_Activity(activity, _FIRST_S)):
            yield
    finally:
        voice.stop()
        thread.join(_SOON_S)
        _voice = None


@contextmanager
def told_of(label: str, activity: str) -> Iterator[None]:
    """Label all reports in the block with a part of a command; in its process or another.

    Args:
        label: put in brackets before each line: points of a sweep are trained side by side.
        activity: what is done if nothing more precise is known.
    """
    voice = _voice
    if voice is None:
        with told(_POINTS, activity), told_of(label, activity):
            yield
        return
    voice.label = f"[{label}] "
    try:
        with doing(activity):
            yield
    finally:
        voice.label = ""


@contextmanager
def doing(activity: str, at_once: bool = False) -> Iterator[None]:
    """Report an activity if it takes longer than a second, and again every 20 s.

    Args:
        activity: such as "loading TensorFlow".
        at_once: report it before it begins: it may block all threads of this process.
    """
    with _on_top(_Activity(activity, _SOON_S), at_once):
        yield


@contextmanager
def silence() -> Iterator[None]:
    """Report nothing while the block runs: something else prints."""
    with _on_top(_Activity("", math.inf)):
        yield


@contextmanager
def bar(
    title: str,
    total: int | None,
    unit: str,
    *,
    done: int = 0,
    is_scaled: bool = False,
    detail: Callable[[float], str] | None = None,
) -> Iterator[Bar]:
    """Show the progress of something while the block runs.

    Args:
        title: the activity.
        total: total number; None: unknown.
        unit: what is counted.
        done: number already done.
        is_scaled: write 12.3M, not 12,345,678.
        detail: called with the current speed, in units per second; returns further text to show.
    """
    is_drawn = _voice is not None and _voice.is_drawing
    shown = Bar(title, total, unit, done, is_scaled, detail, is_drawn)
    try:
        with _on_top(_Activity(title, _EVERY_S, shown)):
            yield shown
    finally:
        shown.close()


def result(text: str) -> None:
    """Print a line of results to stdout, above any bar."""
    label = "" if _voice is None else _voice.label
    with tqdm.external_write_mode(file=sys.stdout):
        print(f"{label}{text}", flush=True)


@contextmanager
def written_to(stream: IO[str]) -> Iterator[None]:
    """Report to another stream while the block runs, which has replaced stderr."""
    voice = _voice
    if voice is None:
        yield
        return
    voice.stream = stream
    try:
        yield
    finally:
        voice.stream = None


@contextmanager
def _on_top(activity: _Activity, at_once: bool = False) -> Iterator[None]:
    """Report one activity, above those that it is a part of, while the block runs."""
    voice = _voice
    if voice is None:
        yield
        return
    with voice.condition:
        voice.activities.append(activity)
        if at_once:
            voice.say(activity)
        voice.condition.notify_all()
    try:
        yield
    finally:
        with voice.condition:
            voice.activities.remove(activity)
            if voice.activities:  # the outer activity gets its full second, too
                top = voice.activities[-1]
                top.due = max(top.due, time.monotonic() + _SOON_S)
            voice.condition.notify_all()


def _is_worker() -> bool:
    """Return whether this process is one of several working side by side on one terminal."""
    import multiprocessing

    return multiprocessing.current_process().name == SIDE_BY_SIDE
