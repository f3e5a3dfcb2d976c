"""Read damaged images, stores and stage files in watched processes, and publish what came of it.

    python experiments/fuzz/run.py [--images 40000] [--files 10000] [--seed 0] [--only images|files]
    python experiments/fuzz/run.py --only images --number 12345

With --only, --number, another seed or other counts nothing is published: the tables are left in
the scratch folder. --number reads one input, keeps it there and says what became of it.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from outcome import Outcome
from project import PROJECT_NAME, make_project
from tables import publish, write_results
from watch import Watched, outcomes

_HERE = Path(__file__).resolve().parent
SOURCES = {"images": ("images", "Images"), "files": ("files", "Files")}
_COUNTS = {"images": 40_000, "files": 10_000}
_SHOWN = 20
_TOLD_EVERY = 500


def look(
    name: str, numbers: Iterable[int], seed: int, folder: Path, num_processes: int
) -> list[Outcome]:
    """Read inputs; return what became of each, by number."""

    def make(process: int) -> Watched:
        return Watched(SOURCES[name], seed, folder / f"{name}-{process}")

    found: list[Outcome] = []
    for outcome in outcomes(make, numbers, num_processes):
        found.append(outcome)
        if len(found) % _TOLD_EVERY == 0:
            findings = sum(one.is_finding for one in found)
            print(f"{name}: {len(found):,} read, {findings} findings", flush=True)
    return sorted(found, key=lambda outcome: outcome.number)


def main() -> int:
    """Read all; 1 where there is a finding."""
    arguments = _arguments()
    counts = {"images": arguments.images, "files": arguments.files}
    names = list(SOURCES) if arguments.only is None else [arguments.only]
    found: dict[str, list[Outcome]] = {}
    first = time.monotonic()
    for name in names:
        numbers = range(counts[name]) if arguments.number is None else [arguments.number]
        if name == "files":
            make_project(arguments.data / PROJECT_NAME)
        begin = time.monotonic()
        found[name] = look(name, numbers, arguments.seed, arguments.data, arguments.processes)
        passed_s = time.monotonic() - begin
        _show(name, found[name], passed_s)
    is_whole = found.keys() == SOURCES.keys() and counts == _COUNTS
    is_whole &= arguments.number is None and arguments.seed == 0
    results = _HERE / "results" if is_whole else arguments.data / "results"
    write_results(results, found, time.monotonic() - first)
    if is_whole:
        publish(results, _HERE / "README.md")
    print(f"tables in {results}")
    return int(any(outcome.is_finding for each in found.values() for outcome in each))


def _show(name: str, found: list[Outcome], seconds: float) -> None:
    """Print the counts, and some findings of each kind."""
    print(f"{name}: {len(found):,} in {seconds:.0f} s")
    for (group, end), count in sorted(Counter((o.case.group, o.end) for o in found).items()):
        print(f"  {group:14} {end:40} {count:7,}")
    shown: Counter[str] = Counter()
    for outcome in found:
        if outcome.is_finding or len(found) == 1:
            shown[outcome.end] += 1
            if shown[outcome.end] <= _SHOWN:
                case = outcome.case
                print(
                    f"{name} {outcome.number}: {outcome.end}: {case.group}, {case.variant}, "
                    f"{case.damage}: {outcome.detail} ({outcome.seconds:.2f} s, "
                    f"{outcome.peak_mib:.0f} MiB)"
                )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=_COUNTS["images"])
    parser.add_argument("--files", type=int, default=_COUNTS["files"], help="of stores and stages")
    parser.add_argument("--seed", type=int, default=0, help="decides the damage")
    parser.add_argument("--only", choices=SOURCES, default=None)
    parser.add_argument("--number", type=int, default=None, help="of a single input")
    parser.add_argument("--processes", type=int, default=2)
    data = _HERE.parents[1] / "data" / "bench" / "fuzz"
    parser.add_argument("--data", type=Path, default=data, help="holds what is read")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
