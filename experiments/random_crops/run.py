"""How fast random crops come: cropped while decoding, or decoded whole and cropped in the model.

    SPOONFUL_MIRROR=FOLDER python experiments/random_crops/run.py [--rounds 5] [--publish]

FOLDER holds clothing-dataset-small.tar. Each round measures all contenders, one after the other.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
sys.path.append(str(Path(__file__).resolve().parents[1] / "photos"))
sys.path.append(str(Path(__file__).resolve().parents[1] / "throughput"))

from crop_contenders import CONTENDERS
from layout import warm_page_cache
from machine import hardware
from photographs import photographs

from spoonful.files.tables import markdown, put_between, write_csv

_HERE = Path(__file__).resolve().parent
_OURS, _IN_THE_MODEL = list(CONTENDERS)[:2]
_WARM_S = 1.0


def images_per_s(batches: Iterator[Any], seconds: float) -> float:
    """Read for a time, and then measure for a time."""
    begin = time.perf_counter()
    while time.perf_counter() - begin < _WARM_S:
        next(batches)
    num_images, begin = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - begin) < seconds:
        num_images += len(next(batches))
    return num_images / elapsed


def measured(photos: Path, rounds: int, seconds: float) -> dict[str, list[float]]:
    """Return the images/s of each round, by contender."""
    found: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    for number in range(rounds):
        for name in list(CONTENDERS) if number % 2 else reversed(CONTENDERS):
            batches = CONTENDERS[name](photos)
            found[name].append(images_per_s(batches, seconds))
            del batches
            print(f"{found[name][-1]:8,.0f} images/s  {name}", flush=True)
    return found


def main() -> None:
    """Print the table and the ratio, and publish them if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--publish", action="store_true", help="write results and the README")
    arguments = parser.parse_args()
    photos = photographs("set SPOONFUL_MIRROR to the folder of clothing-dataset-small.tar")
    if photos is None:
        sys.exit(2)
    warm_page_cache(photos / "train")
    found = measured(photos / "train", arguments.rounds, arguments.seconds)
    speeds = {name: statistics.median(values) for name, values in found.items()}
    rows = [
        (name, f"{speed:,.0f}", f"{speeds[_OURS] / speed:.2f}", f"{min(found[name]):,.0f}")
        for name, speed in speeds.items()
    ]
    table = markdown(("", "images/s", "Spoonful's, times this", "slowest round"), rows)
    table += f"\n\nMedians of {arguments.rounds} rounds. {hardware()}."
    print(table)
    print(f"cropped while decoding / in the model: {speeds[_OURS] / speeds[_IN_THE_MODEL]:.2f}")
    if arguments.publish:
        results = _HERE / "results"
        results.mkdir(exist_ok=True)
        names = ("contender", *(f"round_{number + 1}" for number in range(arguments.rounds)))
        values = [(n, *(f"{speed:.0f}" for speed in found[n])) for n in found]
        write_csv(results / "images_per_s.csv", names, values)
        put_between(_HERE / "README.md", "crops", table)


if __name__ == "__main__":
    main()
