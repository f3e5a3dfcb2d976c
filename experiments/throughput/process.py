"""Run one measurement in a process of its own."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cases import Case, Contender

_HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Runner:
    """How measurements are run.

    Attributes:
        data: the benchmark's data.
        pythons: the interpreter of each peer that has one of its own.
        quick: measure for a short time.
        timeout_s: after which a measurement is given up.
    """

    data: Path
    pythons: Mapping[str, str]
    quick: bool = False
    timeout_s: float = 300.0

    def result(self, case: Case, contender: Contender, *flags: str) -> dict[str, Any]:
        """Return {"value": ...}, or {"skipped": why}, or {"error": what}."""
        python = self.pythons.get(contender.peer, sys.executable)
        command = [python, str(_HERE / "measure.py"), case.name, contender.name]
        command += ["--data", str(self.data), "--settings", json.dumps(contender.settings)]
        command += [*(["--quick"] if self.quick else []), *flags]
        return self._run(command)

    def _run(self, command: list[str]) -> dict[str, Any]:
        # A session of its own, so that a peer's workers end with it.
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            output, _ = process.communicate(timeout=self.timeout_s)
        except subprocess.TimeoutExpired:
            return {"error": f"no result after {self.timeout_s:g} s"}
        finally:
            _end_session(process)
        lines = [line for line in output.splitlines() if line.startswith("{")]
        if not lines:
            return {"error": f"ended with code {process.returncode} and no result"}
        result: dict[str, Any] = json.loads(lines[-1])
        return result


def _end_session(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
