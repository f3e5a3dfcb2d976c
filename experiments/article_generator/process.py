"""Run one measurement in a process of its own, so that none finds what another left in memory."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from spoonful.quiet import ONEDNN

_HERE = Path(__file__).resolve().parent
_LIMIT_S = 1800.0


def measured(script: str, *arguments: str) -> dict[str, Any]:
    """Run a script of this folder and return the JSON that its last line holds.

    Raises:
        SystemExit: it failed, or took too long; with what it said.
    """
    command = [sys.executable, str(_HERE / script), *arguments]
    modes = {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow", ONEDNN: "1"}
    environment = {**os.environ, **modes}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=_LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise SystemExit(f"{' '.join(command)}: not done after {_LIMIT_S:g} s") from error
    lines = done.stdout.splitlines()
    if done.returncode != 0 or not lines:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr}")
    result: dict[str, Any] = json.loads(lines[-1])
    return result
