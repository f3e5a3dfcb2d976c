"""Say on stderr what is going on: a bar on a terminal, lines anywhere else.

One thread does the saying: whatever the work waits for (an import, TensorFlow's tracing, a slow
disk), a line comes at least every 30 s, and the work itself only counts.
"""

import math
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any

from tqdm import tqdm

from spoonful import background
from spoonful.progress_bar import Bar, clock

# What lasts this long is worth a line: shorter commands say nothing but their results.
_SOON_S = 1.0
_EVERY_S = 20.0
_REFRESH_S = 1.0  # of a bar on a terminal, whose clock is to go on
SIDE_BY_SIDE = "side by side"  # the name of such a process
_POINTS = "spoonful sweep"  # what a process of its own works for


class _Activity:
    """Something that takes a while: words, or a bar."""

    def __init__(self, words: str, bar: Bar | None = None) -> None:
        self.bar = bar
        self.words = words
        self.begin = time.monotonic()
        self.due = self.begin + (_SOON_S if bar is None else _EVERY_S)
        self.num_said = 0

    def line(self) -> str:
        if self.bar is not None:
            return self.bar.line()
        passed = time.monotonic() - self.begin
        return f"{self.words} ..." + (f" {clock(passed)}" if self.num_said else "")


class _Voice:
    """What a command says of itself."""

    def __init__(self, prefix: str, is_drawing: bool) -> None:
        self.prefix = prefix
        self.label = ""
        self.is_drawing = is_drawing
        self.stream: IO[str] | None = None  # in place of stderr
        self.activities: list[_Activity] = []
        self.condition = threading.Condition(threading.RLock())
        self.is_over = False

    def watch(self) -> None:
        """Say a line whenever one is due."""
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
    """Say what a command does while the block runs; nothing is said outside of such a block.

    Args:
        command: stands before each line.
        activity: what it does where nothing more precise is known.
    """
    global _voice
    voice = _voice = _Voice(command, sys.stderr.isatty() and not _is_worker())
    thread = background.start(voice.watch, "spoonful-progress", voice.stop)
    try:
        with doing(activity):
            yield
    finally:
        voice.stop()
        thread.join(_SOON_S)
        _voice = None


@contextmanager
def told_of(label: str, activity: str) -> Iterator[None]:
    """Say of which part of a command all that is said in the block is; in its process or another.

    Args:
        label: stands in brackets before each line: points of a sweep are trained side by side.
        activity: what is done where nothing more precise is known.
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
    """Say that this is going on if it lasts longer than a second, and every 20 s again.

    Args:
        activity: such as "loading TensorFlow".
        at_once: say it before it begins: it may keep all threads of this process from running.
    """
    voice = _voice
    if voice is None:
        yield
        return
    one = _Activity(activity)
    with voice.condition:
        voice.activities.append(one)
        if at_once:
            voice.say(one)
        voice.condition.notify_all()
    try:
        yield
    finally:
        _end(voice, one)


@contextmanager
def silence() -> Iterator[None]:
    """Say nothing while the block runs: something else has the word."""
    voice = _voice
    if voice is None:
        yield
        return
    one = _Activity("")
    one.due = math.inf
    with voice.condition:
        voice.activities.append(one)
    try:
        yield
    finally:
        _end(voice, one)


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
    """Show how far something is while the block runs.

    Args:
        title: what is done.
        total: how many there are; None: not known.
        unit: what is counted.
        done: how many of them are done already.
        is_scaled: write 12.3M, not 12,345,678.
        detail: called with the present speed, in units a second, for what else to show.
    """
    voice = _voice
    is_drawn = voice is not None and voice.is_drawing
    shown = Bar(title, total, unit, done, is_scaled, detail, is_drawn)
    if voice is None:
        yield shown
        return
    one = _Activity(title, shown)
    with voice.condition:
        voice.activities.append(one)
        voice.condition.notify_all()
    try:
        yield shown
    finally:
        _end(voice, one)
        shown.close()


def result(text: str) -> None:
    """Print a line of results to stdout, above any bar."""
    label = "" if _voice is None else _voice.label
    with tqdm.external_write_mode(file=sys.stdout):
        print(f"{label}{text}", flush=True)


@contextmanager
def written_to(stream: IO[str]) -> Iterator[None]:
    """Say things elsewhere while the block runs, which has put something in place of stderr."""
    voice = _voice
    if voice is None:
        yield
        return
    voice.stream = stream
    try:
        yield
    finally:
        voice.stream = None


def _end(voice: _Voice, activity: Any) -> None:
    with voice.condition:
        voice.activities.remove(activity)
        if voice.activities:  # what goes on beneath has its second, too
            top = voice.activities[-1]
            top.due = max(top.due, time.monotonic() + _SOON_S)
        voice.condition.notify_all()


def _is_worker() -> bool:
    """Say whether this process is one of several that work side by side on one terminal."""
    import multiprocessing

    return multiprocessing.current_process().name == SIDE_BY_SIDE
