"""Train on 1,000 classes in three orders at several batch sizes, and publish the table.

python experiments/many_classes/run.py [--jobs N] [--folder DATA]
"""

import argparse
import itertools
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from images import NUM_CLASSES, make_folders
from tables import publish
from training import ORDERS

from spoonful import FolderSource, pack
from spoonful.files.tables import write_csv

_HERE = Path(__file__).resolve().parent
_BATCH_SIZES = (32, 128, 512)
_SEEDS = range(5)
_EPOCHS = 10
_LIMIT_S = 3_600  # of one training
_HEADER = ("order", "batch_size", "seed", "val_accuracy", "seconds")

Point = tuple[str, int, int]


def main() -> int:
    """Make the data, train every point, write results/ and the README's table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=1, help="trainings at a time")
    parser.add_argument("--folder", type=Path, default=Path("data/many_classes"))
    parser.add_argument("--quick", action="store_true", help="a short look; publishes nothing")
    args = parser.parse_args()
    begin = time.monotonic()
    _make_data(args.folder, 50 if args.quick else NUM_CLASSES)
    points = list(itertools.product(ORDERS, _BATCH_SIZES, [0] if args.quick else _SEEDS))
    with ThreadPoolExecutor(args.jobs) as threads:
        rows = list(threads.map(lambda point: _row(args.folder, point), points))
    minutes = (time.monotonic() - begin) / 60
    if not args.quick:
        path = _HERE / "results" / "points.csv"
        write_csv(path, _HEADER, rows)
        publish(path, _HERE / "README.md")
    print(f"{minutes:.0f} min")
    return 0


def _make_data(folder: Path, num_classes: int) -> None:
    make_folders(folder / "images", num_classes)
    train = FolderSource(folder / "images" / "train", image_size=(32, 32))
    for order in ("mixed", "class"):
        pack(train, folder / "packed" / order, order=order)
    validation = FolderSource(folder / "images" / "validation", image_size=(32, 32))
    pack(validation, folder / "packed" / "validation", order="class")


def _row(folder: Path, point: Point) -> tuple[object, ...]:
    """Train one point in a process of its own."""
    words = [str(word) for word in (folder, *point, _EPOCHS)]
    done = subprocess.run(
        [sys.executable, str(_HERE / "training.py"), *words],
        env={**os.environ, "XLA_PYTHON_CLIENT_PREALLOCATE": "false"},  # trainings share a GPU
        stdout=subprocess.PIPE,
        text=True,
        timeout=_LIMIT_S,
        check=True,
    )
    found = json.loads(done.stdout.splitlines()[-1])
    print(*point, f"{found['val_accuracy']:.4f}  {found['seconds']:.0f} s", flush=True)
    return (*point, round(found["val_accuracy"], 4), round(found["seconds"]))


if __name__ == "__main__":
    sys.exit(main())
