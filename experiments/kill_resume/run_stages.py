"""Kill the other commands and run them again, compare with undisturbed ones, publish the tables.

    python experiments/kill_resume/run_stages.py [--case NAME ...] [--seed 0] [--publish]

Without --publish the tables are left beside the scratch project; with it, what is published of
cases that are not run stays.
"""

import argparse
import atexit
import signal
import sys
import time
from pathlib import Path

from command import clear_all
from stage_cases import STAGE_CASES
from stage_tables import publish, write_results
from stage_trials import StageResult, StageTrials

_HERE = Path(__file__).resolve().parent


def main() -> int:
    """Run the cases; 1 where anything differs from the undisturbed run."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # as in a shell's background
        signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(143))
    atexit.register(clear_all)
    arguments = _arguments()
    cases = [c for c in STAGE_CASES if arguments.case is None or c.name in arguments.case]
    data = arguments.data.resolve()
    folder = _HERE / "results" if arguments.publish else data / "results"
    folder.mkdir(parents=True, exist_ok=True)
    begin = time.monotonic()
    results: list[StageResult] = []
    for case in cases:
        trials = StageTrials(case, data / "stage-project", arguments.seed)
        results.append(trials.result(arguments.share))
        minutes = (time.monotonic() - begin) / 60
        total = sum(len(result.kills) for result in results)
        print(f"{case.name}: {results[-1].same}; {total} kills, {minutes:.1f} min", flush=True)
        write_results(folder, results)
    if arguments.publish:
        publish(folder, _HERE / "README.md")
    print(f"tables in {folder}")
    return 0 if all(all(result.same.values()) for result in results) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    names = [case.name for case in STAGE_CASES]
    parser.add_argument("--case", nargs="+", choices=names, metavar="NAME", default=None)
    parser.add_argument("--seed", type=int, default=0, help="decides the moments of the kills")
    parser.add_argument("--share", type=float, default=1.0, help="of the kills, more than 0")
    parser.add_argument("--publish", action="store_true", help="write results/ and README.md")
    data = _HERE.parents[1] / "data" / "bench" / "kill_resume"
    parser.add_argument("--data", type=Path, default=data, help="holds the scratch project")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
