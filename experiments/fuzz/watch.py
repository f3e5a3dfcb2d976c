"""Give numbered inputs to processes, and see what becomes of each: also of the process."""

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from outcome import CRASH, LIMIT_MIB, LIMIT_S, SLOW, Case, Outcome

_HERE = Path(__file__).resolve().parent
_START_S = 120  # TensorFlow and MLflow may have to be imported
_REFERENCE_S = 120  # of the second look, which is not ours


class HarnessError(RuntimeError):
    """The harness itself failed: what it would say means nothing."""


class Watched:
    """A process that reads inputs, one at a time; a new one takes its place when it ends.

    Args:
        source: (module, class) of the inputs.
        seed: of the damage.
        folder: to work in; the process' own.
        limit_s: how long an input may take.
        limit_mib: how much of the memory the process may have meanwhile.
        path: where modules are looked for first.
    """

    def __init__(
        self,
        source: tuple[str, str],
        seed: int,
        folder: Path,
        limit_s: float = LIMIT_S,
        limit_mib: int = LIMIT_MIB,
        path: Path = _HERE,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._command = [sys.executable, str(_HERE / "worker.py"), *source]
        self._command += [str(seed), str(folder), str(limit_mib)]
        self._environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(
                [str(path), str(_HERE), os.environ.get("PYTHONPATH", "")]
            ),
            "TF_CPP_MIN_LOG_LEVEL": "3",
        }
        self._errors = folder / "harness.txt"
        self._limit_s = limit_s
        self._process: subprocess.Popen[bytes] | None = None
        self._number = -1
        self._answers: list[dict[str, Any]] = []
        self._rest = b""
        self._deadline = 0.0

    def begin(self, number: int) -> None:
        """Give it an input."""
        self._number, self._answers = number, []
        if self._process is None:
            self._start()
        self._deadline = time.monotonic() + self._limit_s
        _pipe(self._process, "stdin").write(f"{number}\n".encode())
        _pipe(self._process, "stdin").flush()

    def fileno(self) -> int:
        """Return where its answers come, for a selector."""
        return int(_pipe(self._process, "stdout").fileno())

    def outcome(self) -> Outcome | None:
        """Return what became of the input; None: it is still being read."""
        is_over = self._take_answers()
        case = Case(**self._answers[0]["case"]) if self._answers else None
        if case is not None and len(self._answers) == 3:
            told = self._answers[2]
            end, detail, seconds = told["end"], told["detail"], told["seconds"]
            if seconds > self._limit_s:
                end, detail = SLOW, f"{seconds:.1f} s; {end}: {detail}"
            return Outcome(self._number, case, end, detail, seconds, told["peak_mib"])
        is_late = time.monotonic() > self._deadline
        if not is_over and not is_late:
            return None
        code = self.stop()
        if case is None or len(self._answers) == 2:
            where = "a reference" if self._answers else "making the input"
            raise HarnessError(
                f"input {self._number}: {where} ended with {code}{' late' if is_late else ''}: "
                f"{self._said()}"
            )
        if is_over:
            return Outcome(self._number, case, CRASH, _words(code), 0.0, 0.0)
        return Outcome(self._number, case, SLOW, "ended by the watcher", self._limit_s, 0.0)

    def _take_answers(self) -> bool:
        """Read the answers that have come; return whether the process is over."""
        content = os.read(self.fileno(), 1 << 16) if _is_readable(self.fileno()) else None
        if content:
            *lines, self._rest = (self._rest + content).split(b"\n")
            self._answers += [json.loads(line) for line in lines]
            if len(self._answers) == 2 and self._answers[1]["end"] == "served":
                self._deadline = time.monotonic() + _REFERENCE_S
        return content == b""

    def _said(self) -> str:
        """Return what the process wrote to stderr, before and after it began to listen."""
        paths = (self._errors, self._errors.with_name("noise"))
        texts = [path.read_text(errors="replace") for path in paths if path.exists()]
        return "".join(texts)[-2000:]

    def _start(self) -> None:
        self._rest = b""
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors.open("wb"),
            env=self._environment,
            start_new_session=True,
        )
        end = time.monotonic() + _START_S
        while not self._answers:
            if (_is_readable(self.fileno(), 1.0) and self._take_answers()) or (
                time.monotonic() > end
            ):
                code = self.stop()
                raise HarnessError(f"the reading process did not start ({code}): {self._said()}")
        self._answers = []

    def stop(self) -> int | None:
        """End the process; return its exit code."""
        process, self._process = self._process, None
        if process is None:
            return None
        if process.poll() is None:
            time.sleep(0.05)  # where its answers ended, it is about to end itself
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        code = process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        return code


def _pipe(process: "subprocess.Popen[bytes] | None", name: str) -> Any:
    if process is None:
        raise HarnessError("the reading process is over")
    return getattr(process, name)


def _is_readable(descriptor: int, wait_s: float = 0.0) -> bool:
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        return bool(selector.select(wait_s))


def _words(code: int | None) -> str:
    if code is not None and code < 0:
        return signal.Signals(-code).name
    return f"exit code {code}"


def outcomes(make: Callable[[int], Watched], numbers: Iterable[int], num: int) -> Iterator[Outcome]:
    """Give inputs to several processes; return what became of each as it is known.

    Args:
        make: a process by its number.
        numbers: of the inputs.
        num: how many processes.
    """
    left = iter(numbers)
    free, busy = [make(number) for number in range(num)], dict[Watched, None]()
    try:
        while True:
            while free and (number := next(left, None)) is not None:
                free[-1].begin(number)
                busy[free.pop()] = None
            if not busy:
                return
            _wait(busy)
            for watched in list(busy):
                outcome = watched.outcome()
                if outcome is not None:
                    del busy[watched]
                    free.append(watched)
                    yield outcome
    finally:
        for watched in (*free, *busy):
            watched.stop()


def _wait(busy: Iterable[Watched]) -> None:
    with selectors.DefaultSelector() as selector:
        for watched in busy:
            selector.register(watched, selectors.EVENT_READ)
        selector.select(0.2)
