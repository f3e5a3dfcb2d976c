"""Find the settings that each peer is fastest with: results/tuning.csv.

    python experiments/throughput/tune.py [--only CASE ...]

`cases.py` holds the best of each; nothing else reads the file but the README's table.
"""

import argparse
import itertools
import json
import statistics
from pathlib import Path
from typing import Any

from cases import CASES, GRAIN_PILLOW, KERAS_LEGACY, TF_DATA, TORCH_OPENCV, TORCH_PILLOW
from process import Runner

from spoonful.files.tables import read_csv, write_csv
from spoonful.project import project_root

_REPEATS = 3
_WORKERS = (0, 1, 2)
_DIGIT_LOADERS = [
    {"num_workers": workers, "collate": collate}
    for workers, collate in itertools.product(_WORKERS, ("torch", "numpy"))
]
_PHOTO_LOADERS = [
    *({"num_workers": workers, "collate": "torch"} for workers in _WORKERS),
    {"num_workers": 2, "collate": "numpy"},
]
_READERS = [
    *({"num_threads": threads, "num_workers": 0} for threads in (1, 2, 4, 16)),
    {"num_threads": 1, "num_workers": 2},
]
_PHOTOS_TF = [
    {"dct_method": "INTEGER_FAST", "dtype": "uint8", "num_calls": None},
    {"dct_method": "INTEGER_FAST", "dtype": "uint8", "num_calls": 2},
    {"dct_method": "INTEGER_FAST", "dtype": "float32", "num_calls": None},
    {"dct_method": "INTEGER_ACCURATE", "dtype": "uint8", "num_calls": None},
]
_THREADS = [{"num_workers": threads} for threads in (1, 2, 4)]
_WORKERS_ONLY = [{"num_workers": workers} for workers in _WORKERS]

VARIANTS: dict[tuple[str, str], list[dict[str, Any]]] = {
    ("loose_mnist", TF_DATA): [
        {"deterministic": deterministic, "num_calls": calls}
        for deterministic, calls in itertools.product((False, True), (None, 2, 1))
    ],
    ("loose_mnist", TORCH_OPENCV): _DIGIT_LOADERS,
    ("loose_mnist", TORCH_PILLOW): _DIGIT_LOADERS,
    ("loose_mnist", "Grain + OpenCV"): _READERS,
    ("photos_224", TF_DATA): _PHOTOS_TF,
    ("photos_224", TORCH_PILLOW): _PHOTO_LOADERS,
    ("photos_224", TORCH_OPENCV): _PHOTO_LOADERS,
    ("photos_224", GRAIN_PILLOW): _READERS,
    ("photos_224", KERAS_LEGACY): _THREADS,
    ("photos_224", "WebDataset + Pillow"): _WORKERS_ONLY,
    ("photos_224", "LitData + Pillow"): _WORKERS_ONLY,
    ("loose_tiles", KERAS_LEGACY): _THREADS,
    ("photos_160", TF_DATA): [{"ratio": ratio} for ratio in (1, 2)],
    ("packed_mnist", "FFCV, arrays"): _WORKERS_ONLY[1:],
}


def main() -> None:
    """Measure each variant a few times, in turns, and write the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", default=None, metavar="CASE")
    parser.add_argument("--data", type=Path, default=project_root() / "data" / "bench")
    parser.add_argument("--repeats", type=int, default=_REPEATS)
    arguments = parser.parse_args()
    runner = Runner(arguments.data.resolve(), {})
    path = Path(__file__).resolve().parent / "results" / "tuning.csv"
    path.parent.mkdir(exist_ok=True)
    kept = _read(path)
    for (name, contender), variants in VARIANTS.items():
        if arguments.only is None or name in arguments.only:
            kept[name, contender] = _tuned(runner, name, contender, variants, arguments.repeats)
            _write(path, kept)


def _write(path: Path, kept: dict[tuple[str, str], list[tuple[str, str]]]) -> None:
    rows = ((*key, *row) for key in VARIANTS for row in kept.get(key, []))
    write_csv(path, ("case", "contender", "settings", "value"), rows)


def _tuned(
    runner: Runner, name: str, contender_name: str, variants: list[dict[str, Any]], repeats: int
) -> list[tuple[str, str]]:
    case = next(case for case in CASES if case.name == name)
    contender = case.contender(contender_name)
    values: dict[str, list[float]] = {}
    for _ in range(repeats):
        for variant in variants:
            words = ", ".join(f"{key} {json.dumps(value)}" for key, value in variant.items())
            result = runner.result(case, contender.changed(variant))
            print(name, contender_name, words, result, flush=True)
            if "value" in result:
                values.setdefault(words, []).append(result["value"])
    medians = {words: statistics.median(found) for words, found in values.items()}
    ranked = sorted(medians.items(), key=lambda item: -item[1])
    return [(words, f"{value:.6g}") for words, value in ranked]


def _read(path: Path) -> dict[tuple[str, str], list[tuple[str, str]]]:
    kept: dict[tuple[str, str], list[tuple[str, str]]] = {}
    if path.is_file():
        for row in read_csv(path):
            key = row["case"], row["contender"]
            kept.setdefault(key, []).append((row["settings"], row["value"]))
    return kept


if __name__ == "__main__":
    main()
