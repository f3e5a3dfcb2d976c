"""A command under way, with all processes that it starts: killed, and watched after it."""

import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path
from random import Random

import psutil
from stage_cases import COMMAND, GROUP, Command

MARK = "KILL_RESUME_TRIAL"
# A process that was asked to end may be importing TensorFlow: 9 s on a machine under load.
MOST_ORPHAN_S = 20.0
_LIMIT_S = 600.0
_HEAVY_BYTES = 100 << 20  # a process that trains, not one that looks after others


_ALL: "list[Running]" = []


def clear_all() -> None:
    """End whatever a trial has started: it was ended itself."""
    for running in _ALL:
        running.clear()


class Running:
    """A command, in a session of its own.

    Args:
        command: and its arguments.
        folder: where it runs.
        log: what it says goes here.
    """

    def __init__(self, command: Command, folder: Path, log: Path) -> None:
        self._mark = uuid.uuid4().hex
        scripts = Path(sys.executable).parent
        environment = {
            **os.environ,
            MARK: self._mark,
            "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
            "DVC_NO_ANALYTICS": "1",
            "DVC_SITE_CACHE_DIR": str(folder.parent / "dvc-site"),
        }
        self.log = log
        with log.open("w") as file:
            self._process = subprocess.Popen(
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._begin = time.monotonic()
        _ALL.append(self)

    def wait(self, limit_s: float = _LIMIT_S) -> int | None:
        """Wait for its end; return the exit code, None where it runs on."""
        try:
            return self._process.wait(limit_s)
        except subprocess.TimeoutExpired:
            return None

    def finished(self) -> int:
        """Wait for its end and return the exit code.

        Raises:
            SystemExit: it hangs; nothing of it runs on.
        """
        code = self.wait()
        if code is None:
            self.clear()
            raise SystemExit(f"a command hung for {_LIMIT_S:g} s: {self.said()}")
        return code

    def age_s(self) -> float:
        """Return how long ago it was started, in s."""
        return time.monotonic() - self._begin

    def strike(self, victim: str, number: signal.Signals, random: Random) -> bool:
        """Send a signal; False: there was nobody to send it to."""
        if self._process.poll() is not None:
            return False
        if victim == COMMAND:
            self._process.send_signal(number)
        elif victim == GROUP:
            os.killpg(self._process.pid, number)
        else:
            workers = self._workers()
            if not workers:
                return False
            random.choice(workers).send_signal(number)
        return True

    def _workers(self) -> list[psutil.Process]:
        found = []
        for process in psutil.Process(self._process.pid).children(recursive=True):
            try:
                if process.memory_info().rss > _HEAVY_BYTES:
                    found.append(process)
            except psutil.Error:
                continue
        return sorted(found, key=lambda process: process.pid)

    def alive(self) -> list[psutil.Process]:
        """Return all processes that it has started and that live, whoever is their parent now."""
        mark = f"{MARK}={self._mark}".encode()
        found = []
        for path in Path("/proc").glob("[0-9]*/environ"):
            try:
                if mark in path.read_bytes().split(b"\0"):
                    process = psutil.Process(int(path.parent.name))
                    if process.status() != psutil.STATUS_ZOMBIE:
                        found.append(process)
            except (OSError, psutil.Error):
                continue
        return found

    def clear(self) -> None:
        """End all of its processes."""
        for process in self.alive():
            try:
                process.kill()
            except psutil.Error:
                continue
        self._process.wait()

    def said(self) -> str:
        """Return all that it has said."""
        return self.log.read_text(encoding="utf-8", errors="replace")


class OrphanWatch:
    """Looks, from the end of a command on, how long anything of it lives on.

    Args:
        running: a command that was killed.
    """

    def __init__(self, running: Running) -> None:
        self._running = running
        self.orphans: list[str] = []
        self.last_s = 0.0
        self._begin = time.monotonic()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def _look(self) -> None:
        while (age_s := time.monotonic() - self._begin) < MOST_ORPHAN_S:
            if not self._running.alive():
                return
            self.last_s = age_s
            time.sleep(0.1)
        for process in self._running.alive():
            try:
                self.orphans.append(" ".join(process.cmdline()[:6]))
            except psutil.Error:
                continue

    def result(self) -> list[str]:
        """Return the commands of what was alive after the limit; it is ended."""
        self._thread.join()
        self._running.clear()
        return self.orphans
