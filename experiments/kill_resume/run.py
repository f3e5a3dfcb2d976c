"""Kill and resume trainings, compare them with uninterrupted ones, and publish the tables.

    python experiments/kill_resume/run.py [--kills 112] [--case NAME ...] [--seed 0]

With --case nothing is published: the tables are left beside the scratch project.
"""

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

from cases import CASES, Case
from figure import write_figure
from moments import TERMINATION
from scratch import Scratch
from tables import publish, write_results
from trials import Result, Trials, plans

_HERE = Path(__file__).resolve().parent
_RUNS = 2
_TERMINATIONS = 5


def main() -> int:
    """Run the cases; 1 where anything differs from the uninterrupted run."""
    arguments = _arguments()
    cases = [case for case in CASES if arguments.case is None or case.name in arguments.case]
    is_whole = len(cases) == len(CASES)
    begin = time.monotonic()
    scratch = Scratch(arguments.data.resolve() / "project")
    scratch.make()
    results: list[Result] = []
    folder = _HERE / "results" if is_whole else arguments.data.resolve() / "results"
    folder.mkdir(parents=True, exist_ok=True)
    for number, case in enumerate(cases):
        num_kills = arguments.kills // len(cases) + (number < arguments.kills % len(cases))
        results.append(_result(case, scratch, num_kills, number < _TERMINATIONS, arguments.seed))
        print(f"{_totals(results)}, {(time.monotonic() - begin) / 60:.1f} min", flush=True)
    control = Trials(cases[0], scratch, arguments.seed).control()
    print(f"control, another seed: {control}", flush=True)
    write_results(folder, results, control)
    write_figure(folder)
    if is_whole:
        publish(folder, _HERE / "README.md", (time.monotonic() - begin) / 60)
    print(f"{(time.monotonic() - begin) / 60:.1f} min, tables in {folder}")
    return 0 if all(all(result.same.values()) for result in results) else 1


def _result(
    case: Case, scratch: Scratch, num_kills: int, has_termination: bool, seed: int
) -> Result:
    num_runs = min(_RUNS, max(1, num_kills // 4))
    return Trials(case, scratch, seed).result(plans(num_kills, num_runs, has_termination))


def _totals(results: list[Result]) -> str:
    kinds = Counter(kill.kind for result in results for kill in result.kills)
    killed = sum(count for kind, count in kinds.items() if kind != TERMINATION)
    return f"{killed} kills so far {dict(kinds)}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    names = [case.name for case in CASES]
    parser.add_argument("--kills", type=int, default=112, help="besides those after the last step")
    parser.add_argument("--case", nargs="+", choices=names, metavar="NAME", default=None)
    parser.add_argument("--seed", type=int, default=0, help="decides the moments of the kills")
    data = _HERE.parents[1] / "data" / "bench" / "kill_resume"
    parser.add_argument("--data", type=Path, default=data, help="holds the scratch project")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
