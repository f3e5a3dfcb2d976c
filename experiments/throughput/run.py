"""Measure everything and publish it: results/*.csv, figures, and the tables of the README.

    python experiments/throughput/run.py [--only CASE ...] [--repeats 5] [--quick]

Each measurement is a process of its own; the contenders of a case take turns. With --quick nothing
is published: a short look, without the large data, printed to the terminal.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from cases import CASES, Case
from figures import write_figures
from layout import BenchData
from machine import busy_warning, write_machine
from prepare import parts
from process import Runner
from tables import print_summary, publish, write_summary

from spoonful.files.tables import write_csv
from spoonful.project import project_root

_HERE = Path(__file__).resolve().parent
RESULTS = _HERE / "results"


def main() -> int:
    """Prepare, measure, publish; 1 where a contender gave no value."""
    arguments = _arguments()
    warning = busy_warning()
    if warning:
        print(f"warning: {warning}", flush=True)
    pythons = dict(entry.split("=", 1) for entry in arguments.python_for)
    cases = [case for case in CASES if arguments.only is None or case.name in arguments.only]
    data = arguments.data.resolve()
    if arguments.quick:
        cases = [case for case in cases if not case.large]
    results = data / "quick-results" if arguments.quick else RESULTS
    results.mkdir(parents=True, exist_ok=True)
    _prepare(data, pythons, arguments.quick)
    begin = time.perf_counter()
    runner = Runner(data, pythons, arguments.quick)
    if arguments.check:
        return _check(runner, cases, results)
    missing = [
        case.name for case in cases if not _measure(runner, case, arguments.repeats, results)
    ]
    write_machine(results)
    rows = write_summary(results)
    print_summary(rows, [case.name for case in cases])
    print(f"{(time.perf_counter() - begin) / 60:.1f} min")
    if not arguments.quick:
        write_figures(results)
        publish(results, _HERE / "README.md")
    return 1 if missing else 0


def _arguments() -> Any:
    parser = argparse.ArgumentParser(description=__doc__)
    names = [case.name for case in CASES]
    parser.add_argument("--only", nargs="+", choices=names, metavar="CASE", default=None)
    parser.add_argument("--repeats", type=int, default=None, help="5, or 1 with --quick")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--check", action="store_true", help="compare what one pass delivers")
    parser.add_argument("--data", type=Path, default=project_root() / "data" / "bench")
    parser.add_argument(
        "--python-for", nargs="+", default=[], metavar="PEER=PATH", help="a peer's interpreter"
    )
    arguments = parser.parse_args()
    arguments.repeats = arguments.repeats or (1 if arguments.quick else 5)
    return arguments


def _prepare(data: Path, pythons: dict[str, str], quick: bool) -> None:
    """Make what is missing; where that fails, the contenders that need it say so themselves."""
    for part in parts(BenchData(data)):
        if part.folder.exists() or (quick and part.large):
            continue
        python = pythons.get(part.peer or "", sys.executable)
        command = [python, str(_HERE / "prepare.py"), "--data", str(data), "--only", part.name]
        if subprocess.run(command, check=False).returncode != 0:
            print(f"{part.name}: could not be made", flush=True)


def _measure(runner: Runner, case: Case, repeats: int, results: Path) -> bool:
    """Measure a case, contender after contender, `repeats` rounds, and write its file."""
    rows = []
    absent: set[str] = set()
    for repeat in range(1, repeats + 1):
        for contender in case.contenders:
            if contender.name in absent:
                continue
            result = runner.result(case, contender)
            value = result.get("value")
            if value is None:
                absent.add(contender.name)
                print(f"{case.name}: {contender.name}: {result}", flush=True)
                continue
            rows.append((case.name, contender.name, repeat, f"{value:.6g}", case.unit))
            shown = (
                f"{value:>12,.4g} {case.unit}" if value < 1e4 else f"{value:>12,.0f} {case.unit}"
            )
            print(f"{case.name} {repeat}/{repeats} {shown}  {contender.name}", flush=True)
    write_csv(results / f"{case.name}.csv", ("case", "contender", "repeat", "value", "unit"), rows)
    return not absent


def _check(runner: Runner, cases: list[Case], results: Path) -> int:
    """Write what one pass of each contender holds: images, classes, sizes, mean pixel."""
    rows = []
    for case in cases:
        for contender in case.contenders if case.is_feed else ():
            content = runner.result(case, contender, "--check")
            print(case.name, contender.name, content, flush=True)
            rows.append({"case": case.name, "contender": contender.name, **content})
    names = ("case", "contender", "images", "a_class", "shape_of_last", "dtype", "mean_pixel")
    found = [[row.get(name, "") for name in names] for row in rows]
    write_csv(results / "checks.csv", names, found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
