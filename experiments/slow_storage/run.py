"""How fast are images read from storage that answers slowly, beside other loaders?

    python experiments/slow_storage/run.py [--rounds N] [--only CASE ...] [--publish]

Makes the library that delays reads (with gcc), measures every contender in a process of its own, in
turns, and prints the tables; `--publish` writes them into results/ and the README.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from feeds import CONTENDERS
from measure import DELAYS_MS

from spoonful.files.tables import markdown, put_between, read_csv, write_csv
from spoonful.project import project_root

_HERE = Path(__file__).resolve().parent
_FOLDERS = {"files": "tiles", "packed": "packed/photos-raw"}
_TITLES = {
    "files": "61,360 JPEG files of 32x32, batch 128; the delay is that of opening a file",
    "packed": "3,068 images of 224x224, packed raw, batch 32; the delay is that of a read",
}
_LIMIT_S = 240.0
_NOT_PACKED = ("Keras",)  # reads files only
Key = tuple[str, str, int, str]  # case, contender, delay in ms, settings


def main() -> None:
    """Measure in turns; print and publish."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=_FOLDERS, default=list(_FOLDERS))
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, default=list(CONTENDERS))
    parser.add_argument("--data", type=Path, default=project_root() / "data" / "bench")
    parser.add_argument("--measure-s", type=float, default=1.2)
    parser.add_argument("--publish", action="store_true")
    arguments = parser.parse_args()
    data = arguments.data.resolve()
    library = _library(data)
    values = _kept(arguments.only, arguments.contenders) if arguments.publish else {}
    for number in range(arguments.rounds):
        for case in arguments.only:
            for contender in arguments.contenders:
                if case == "packed" and contender in _NOT_PACKED:
                    continue
                for line in _measured(case, contender, data, library, arguments.measure_s):
                    key = case, contender, line["delay_ms"], json.dumps(line["settings"])
                    values.setdefault(key, []).append(line["value"])
                    print(number, *key, f"{line['value']:.0f}", flush=True)
        if arguments.publish:
            _publish(values)
    for case in arguments.only:
        print(f"{_TITLES[case]}\n\n{_table(case, values)}\n")


def _kept(cases: list[str], contenders: list[str]) -> dict[Key, list[float]]:
    """Return the published values of what is not measured this time."""
    path = _HERE / "results" / "slow_storage.csv"
    return {
        (row["case"], row["contender"], int(row["delay_ms"]), row["settings"]): [
            float(row["images_per_s"])
        ]
        for row in (read_csv(path) if path.is_file() else [])
        if row["case"] not in cases or row["contender"] not in contenders
    }


def _library(data: Path) -> Path:
    library = data / "slow_storage.so"
    source = str(_HERE / "slow_storage.c")
    command = ["gcc", "-O2", "-shared", "-fPIC", "-o", str(library), source, "-ldl", "-lpthread"]
    subprocess.run(command, check=True)
    return library


def _measured(
    case: str, contender: str, data: Path, library: Path, measure_s: float
) -> Iterator[dict[str, Any]]:
    """Yield what one process measured, at every delay and with all settings."""
    folder = data / _FOLDERS[case]
    command = [sys.executable, str(_HERE / "measure.py"), case, contender, str(folder)]
    command += ["--measure-s", str(measure_s)]
    environment = {**os.environ, "LD_PRELOAD": str(library), "SLOW_ROOT": str(folder)}
    process = subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # a peer's workers end with it
    )
    try:
        output, errors = process.communicate(timeout=_LIMIT_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, errors = process.communicate()
        errors += f"\nnot done after {_LIMIT_S:g} s"
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    if process.returncode:
        print(f"{case} {contender}: {errors[-500:]}", file=sys.stderr)
    for line in output.splitlines():
        if line.startswith("{"):
            yield json.loads(line)


def _best(values: dict[Key, list[float]], case: str, contender: str, delay: int) -> float | None:
    """Return the median of a contender's best setting."""
    medians = [
        statistics.median(found)
        for key, found in values.items()
        if key[:3] == (case, contender, delay)
    ]
    return max(medians, default=None)


def _table(case: str, values: dict[Key, list[float]]) -> str:
    names = [name for name in CONTENDERS if _best(values, case, name, 0) is not None]
    rows = []
    for delay in DELAYS_MS:
        found = {name: _best(values, case, name, delay) for name in names}
        others = [value for name, value in found.items() if name != "spoonful" and value]
        own = found.get("spoonful")
        ratio = f"{own / max(others):.2f}" if own and others else ""
        cells = [f"{value:,.0f}" if value else "" for value in found.values()]
        rows.append((f"{delay} ms", *cells, ratio))
    return markdown(("delay", *names, "spoonful / best other"), rows)


def _publish(values: dict[Key, list[float]]) -> None:
    rows = [
        (*key, f"{statistics.median(found):.6g}", f"{min(found):.6g}", f"{max(found):.6g}")
        for key, found in values.items()
    ]
    (_HERE / "results").mkdir(exist_ok=True)
    header = ("case", "contender", "delay_ms", "settings", "images_per_s", "lowest", "highest")
    write_csv(_HERE / "results" / "slow_storage.csv", header, rows)
    tables = [f"{_TITLES[case]}:\n\n{_table(case, values)}" for case in _FOLDERS]
    put_between(_HERE / "README.md", "tables", "\n\n".join(tables))


if __name__ == "__main__":
    main()
