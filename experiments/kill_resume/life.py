"""One life of a training: a process, watched from outside until it is killed or ends."""

import contextlib
import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from scratch import SPOONFUL, Scratch

_POLL_S = 0.001
_LIMIT_S = 600.0
_MARKED = str(Path(__file__).with_name("marked.py"))
_BEGUN = re.compile(r"^(?:training|resuming) .*$", re.MULTILINE)
_RESUMED = re.compile(r"^resuming .*, run (\w+), after step ([\d,]+) ", re.MULTILINE)
_FINISHED = re.compile(r", run (\w+) has finished training", re.MULTILINE)


class Life:
    """A process that trains.

    Args:
        scratch: the project.
        arguments: of `spoonful`.
        kept: where a copy of the finished training's checkpoint is put, as soon as it exists.
        is_marked: whether validations are to be told.
    """

    def __init__(
        self, scratch: Scratch, arguments: tuple[str, ...], kept: Path, is_marked: bool = False
    ) -> None:
        self.write_times: list[float] = []  # how long each unfinished checkpoint was there, s
        self._scratch = scratch
        self._kept = kept
        self._log = scratch.root / "life.log"
        self._marker = scratch.root / "validating"
        self._marker.unlink(missing_ok=True)
        self._step_before = self.newest_step()
        self._leftovers = set(scratch.checkpoints.glob("*/.step-*.tmp"))
        self._seen_checkpoints: set[int] = set()  # by the time of writing, ns
        self._written: Path | None = None  # the unfinished checkpoint that is there now
        self._write_begin = 0.0
        self._folder: Path | None = None
        start = [sys.executable, _MARKED, str(self._marker)] if is_marked else SPOONFUL
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [*start, *arguments], cwd=scratch.root, stdout=log, stderr=subprocess.STDOUT
            )
        self._begin = time.monotonic()

    def wait_until(self, condition: Callable[[], bool]) -> bool:
        """Poll every millisecond until something is the case; False: the process ended before.

        Raises:
            SystemExit: neither came in time; nothing of the experiment runs on.
        """
        while True:
            self._look()
            if condition():
                return True
            if self._process.poll() is not None:
                self._look()
                return False
            if time.monotonic() - self._begin > _LIMIT_S:
                self._process.kill()
                raise SystemExit(f"a training hung for {_LIMIT_S:g} s:\n{self.log()}")
            time.sleep(_POLL_S)

    def wait_s(self, seconds: float) -> bool:
        """Wait; False: the process ended before."""
        end = time.monotonic() + seconds
        return self.wait_until(lambda: time.monotonic() >= end)

    def has_begun(self) -> bool:
        """Return whether it has said that it trains."""
        return _BEGUN.search(self.log()) is not None

    def is_writing(self) -> bool:
        """Return whether a checkpoint is there that is not whole yet."""
        return self._written is not None

    def is_validating(self) -> bool:
        """Return whether it validates."""
        return self._marker.exists()

    def has_finished(self) -> bool:
        """Return whether it has written the checkpoint of the finished training."""
        return self._kept.exists()

    def end(self, number: signal.Signals) -> int:
        """Send a signal; return the exit code, which is negative where the signal ended it."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)
        self.wait_until(lambda: False)
        return self._process.wait()

    def finish(self) -> int:
        """Wait for its end and return the exit code."""
        self.wait_until(lambda: False)
        return self._process.wait()

    def was_writing(self) -> bool:
        """Return whether it left the checkpoint unfinished that it wrote last."""
        return self._written is not None and self._written.exists()

    def age_s(self) -> float:
        """Return how long ago it was started, in s."""
        return time.monotonic() - self._begin

    def newest_step(self) -> int:
        """Return the step of the newest checkpoint; 0: there is none."""
        paths = self._scratch.checkpoints.glob("*/step-*")
        return max((int(path.name.removeprefix("step-")) for path in paths), default=0)

    def resumed(self) -> tuple[str, int] | None:
        """Return the run that it resumed, and after which step; None: it started a new one."""
        if (found := _FINISHED.search(self.log())) is not None:
            return found[1], self._step_before
        found = _RESUMED.search(self.log())
        return None if found is None else (found[1], int(found[2].replace(",", "")))

    def log(self) -> str:
        """Return all that it has said."""
        return self._log.read_text(encoding="utf-8")

    def _look(self) -> None:
        """Note what the run's folder holds."""
        names = self._names()
        writing = {
            name for name in names if name.startswith(".step-") and name.endswith(".tmp")
        } - {path.name for path in self._leftovers}
        now = next(iter(sorted(writing)), None)
        before = None if self._written is None else self._written.name
        if now != before:
            if before is not None:
                self.write_times.append(time.monotonic() - self._write_begin)
            self._write_begin = time.monotonic()
            self._written = None if now is None or self._folder is None else self._folder / now
        for name in names:
            if name.startswith("step-"):
                self._keep_if_finished(name)

    def _names(self) -> set[str]:
        """List the run's folder; the one run that there is."""
        if self._folder is None:
            records = list(self._scratch.checkpoints.glob("*/run.json"))
            self._folder = records[0].parent if records else None
        try:
            return set() if self._folder is None else {p.name for p in self._folder.iterdir()}
        except FileNotFoundError:
            return set()

    def _keep_if_finished(self, name: str) -> None:
        if self._folder is None or self._kept.exists():
            return
        with contextlib.suppress(FileNotFoundError):  # an older one, just removed
            # The last validation's checkpoint is of the same step: names do not tell them apart.
            path = self._folder / name / "state.json"
            written = path.stat().st_mtime_ns
            if written in self._seen_checkpoints:
                return
            text = path.read_text(encoding="utf-8")
            self._seen_checkpoints.add(written)
            if json.loads(text)["state"]["is_finished"]:
                beside = self._kept.with_name(f".{self._kept.name}")
                shutil.rmtree(beside, ignore_errors=True)
                shutil.copytree(self._folder / name, beside)
                beside.rename(self._kept)
