"""How long `spoonful train` takes to its first step and first line, beside importing TensorFlow.

    python experiments/throughput/start_time.py [--pairs 5] [--publish]

Trains in this project, whose data must be split and packed (`spoonful fetch`, `split`, `pack`).
Medians of pairs: the first one may have to read from the disk. Processor times are those of all
threads: on a machine that does something else they are the better measure.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from machine import hardware

from spoonful.files.tables import markdown, put_between
from spoonful.project import project_root

_HERE = Path(__file__).resolve().parent
_TRAIN = ("train", "callbacks.first={_target_: first_step.FirstStep}")
_LIMIT_S = 900


@dataclass(frozen=True)
class Start:
    """One process, in s.

    Attributes:
        line: until its first line of output; 0: there was none.
        wall: until its end.
        processor: processor time until its end.
    """

    line: float
    wall: float
    processor: float


def started(*command: str, **environment: str) -> Start:
    """Run Python with arguments until its end."""
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow", "PYTHONPATH": str(_HERE)}
    begin, spent = time.time(), _processor_s()
    process = subprocess.Popen(
        [sys.executable, *command],
        cwd=project_root(),
        env={**os.environ, **quiet, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    line = time.time() - begin
    rest, _ = process.communicate(timeout=_LIMIT_S)
    if process.returncode:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}:\n{first}{rest}")
    return Start(line if first else 0.0, time.time() - begin, _processor_s() - spent)


def _processor_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def training() -> Start:
    """Start a training, and end it after its first step."""
    with tempfile.TemporaryDirectory() as folder:
        noted = Path(folder) / "first_step"
        start = started("-m", "spoonful", *_TRAIN, FIRST_STEP=str(noted))
        if not noted.is_file():
            sys.exit("the training ended before its first step")
        return start


def importing() -> Start:
    """Import TensorFlow in a process of its own."""
    return started("-c", "import tensorflow, os; os._exit(0)")


def phases(imported: float) -> str:
    """Return a table of the processor time of each part of a start."""
    with tempfile.TemporaryDirectory() as folder:
        noted = Path(folder) / "phases"
        started(
            str(_HERE / "start_phases.py"),
            *_TRAIN,
            FIRST_STEP=str(Path(folder) / "first_step"),
            PHASES=str(noted),
        )
        spent: dict[str, float] = json.loads(noted.read_text())
    together = spent.pop("together")
    spent["all else"] = together - sum(spent.values())
    spent["together"] = together
    rows = [(words, f"{taken:.2f}", f"{taken / imported:.2f}") for words, taken in spent.items()]
    return markdown(("part, in its order", "processor s", "of `import tensorflow`"), rows)


def table(pairs: list[tuple[Start, Start]]) -> str:
    """Return the tables of trainings, each with an import."""
    line, wall, processor = (
        statistics.median(getattr(start, name) for start, _ in pairs)
        for name in ("line", "wall", "processor")
    )
    of_import = {
        name: statistics.median(getattr(one, name) for _, one in pairs)
        for name in ("wall", "processor")
    }
    rows = [
        ("`import tensorflow`", f"{of_import['wall']:.2f}", f"{of_import['processor']:.2f}"),
        ("`spoonful train`: first line", f"{line:.2f}", ""),
        ("`spoonful train`: first step", f"{wall:.2f}", f"{processor:.2f}"),
        (
            "first step / import",
            f"{wall / of_import['wall']:.2f}",
            f"{processor / of_import['processor']:.2f}",
        ),
    ]
    found = markdown(("from the start of the process", "s", "processor s"), rows)
    found += f"\n\nMedians of {len(pairs)} pairs. {hardware()}."
    return f"{found}\n\n{phases(of_import['processor'])}"


def main() -> None:
    """Print both times and their ratio, and publish them if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--publish", action="store_true", help="write the table of the README")
    arguments = parser.parse_args()
    pairs = []
    for _ in range(arguments.pairs):
        pairs.append((training(), importing()))
        print(*pairs[-1], flush=True)
    found = table(pairs)
    print(found)
    if arguments.publish:
        put_between(_HERE / "README.md", "start", found)


if __name__ == "__main__":
    main()
