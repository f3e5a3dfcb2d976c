"""How long `spoonful train` takes to its first step and first line, beside importing TensorFlow.

    python experiments/throughput/start_time.py [--pairs 5] [--profile 15] [--publish]

Trains in this project, whose data must be split and packed (`spoonful fetch`, `split`, `pack`). The
first pair warms the disk's cache and is not counted.
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from machine import hardware

from spoonful.files.tables import markdown, put_between
from spoonful.project import project_root

_HERE = Path(__file__).resolve().parent
_TRAIN = ("-m", "spoonful", "train", "callbacks.first={_target_: first_step.FirstStep}")
_IMPORTED = re.compile(r"import time: +(\d+) \| +\d+ \| +([^\s.]+)")
_LIMIT_S = 600


@dataclass(frozen=True)
class Start:
    """Seconds from the start of the process.

    Attributes:
        first_line: until the first line of output.
        first_step: until the first step of the training is done.
    """

    first_line: float
    first_step: float


def _environment(**more: str) -> dict[str, str]:
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}
    return {**os.environ, **quiet, "PYTHONPATH": str(_HERE), **more}


def train_start() -> Start:
    """Start a training, and end it after its first step."""
    with tempfile.TemporaryDirectory() as folder:
        noted = Path(folder) / "first_step"
        begin = time.time()
        process = subprocess.Popen(
            [sys.executable, *_TRAIN],
            cwd=project_root(),
            env=_environment(FIRST_STEP=str(noted)),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout is not None
        first = process.stdout.readline()
        first_line = time.time() - begin
        rest, _ = process.communicate(timeout=_LIMIT_S)
        if not noted.is_file():
            sys.exit(f"the training ended before its first step:\n{first}{rest}")
        return Start(first_line, float(noted.read_text()) - begin)


def tensorflow_import() -> float:
    """Return how long a process takes that imports TensorFlow, in s."""
    begin = time.time()
    command = [sys.executable, "-c", "import tensorflow, os; os._exit(0)"]
    subprocess.run(command, env=_environment(), check=True, capture_output=True, timeout=_LIMIT_S)
    return time.time() - begin


def profile(count: int) -> str:
    """Return a table of the packages whose modules take longest to import until the first step."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-X", "importtime", *_TRAIN],
            cwd=project_root(),
            env=_environment(FIRST_STEP=str(Path(folder) / "first_step")),
            capture_output=True,
            text=True,
            timeout=_LIMIT_S,
            check=True,
        )
    seconds: dict[str, float] = defaultdict(float)
    for microseconds, package in _IMPORTED.findall(done.stderr):
        seconds[package] += int(microseconds) / 1e6
    longest = sorted(seconds.items(), key=lambda item: -item[1])
    rows = [(name, f"{taken:.2f}") for name, taken in longest[:count]]
    rows.append(("all others", f"{sum(taken for _, taken in longest[count:]):.2f}"))
    rows.append(("together", f"{sum(seconds.values()):.2f}"))
    return markdown(("package, with its own modules alone", "s"), rows)


def main() -> None:
    """Print both times and their ratio, and publish them if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--profile", type=int, default=0, help="list so many packages")
    parser.add_argument("--publish", action="store_true", help="write the tables of the README")
    arguments = parser.parse_args()
    starts, imports = [], []
    for number in range(arguments.pairs + 1):
        start, imported = train_start(), tensorflow_import()
        print(f"{start}, importing TensorFlow {imported:.2f} s", flush=True)
        if number:
            starts.append(start)
            imports.append(imported)
    imported = statistics.median(imports)
    first_step = statistics.median(start.first_step for start in starts)
    first_line = statistics.median(start.first_line for start in starts)
    rows = [
        ("`import tensorflow`", f"{imported:.2f}", "1.00"),
        ("`spoonful train`, first line", f"{first_line:.2f}", f"{first_line / imported:.2f}"),
        ("`spoonful train`, first step", f"{first_step:.2f}", f"{first_step / imported:.2f}"),
    ]
    table = markdown(("from the start of the process to", "s", "ratio"), rows)
    table += f"\n\nMedians of {arguments.pairs} pairs. {hardware()}."
    if arguments.profile:
        table += f"\n\n{profile(arguments.profile)}"
    print(table)
    if arguments.publish:
        put_between(_HERE / "README.md", "start", table)


if __name__ == "__main__":
    main()
