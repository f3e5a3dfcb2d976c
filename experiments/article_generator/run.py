"""Train on the article's generator, its corrected form, Keras' and ours; publish what is found.

    SPOONFUL_MIRROR=FOLDER python experiments/article_generator/run.py [--seeds 3] [--quick]

With --quick a tenth of MNIST is trained on for two epochs, and nothing is published.
"""

import argparse
import itertools
import operator
import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from cases import (
    BATCH_SIZE,
    FAULTS_NAME,
    FEEDING_NAME,
    FILES_NAME,
    LARGE,
    LARGE_BATCH_SIZE,
    NAMES,
    OURS_FILES,
    QUICK,
    TRAIN,
    TRAINING_NAME,
    WHOLE,
    Amount,
)
from digits import Digits
from machine import load_average, write_machine
from process import measured
from readme import publish

from spoonful.errors import SpoonfulError
from spoonful.files.tables import write_csv

_HERE = Path(__file__).resolve().parent


def main() -> int:
    """Measure everything; 2 where MNIST cannot be had."""
    arguments = _arguments()
    amount = QUICK if arguments.quick else WHOLE
    amount = replace(amount, num_seeds=arguments.seeds or amount.num_seeds)
    load, begin = load_average(), time.monotonic()
    root = arguments.data.resolve() / ("quick" if arguments.quick else "whole")
    digits = Digits(root)
    try:
        digits.make(amount.share)
    except SpoonfulError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"images written in {time.monotonic() - begin:.0f} s", flush=True)
    results = root / "results" if arguments.quick else _HERE / "results"
    results.mkdir(parents=True, exist_ok=True)
    _write(results / FILES_NAME, measured("files.py")["found"])
    _write(results / FAULTS_NAME, _faults(root))
    _write(results / FEEDING_NAME, _feeding(root, amount))
    _write(results / TRAINING_NAME, _trainings(root, amount))
    measured("figure.py", str(results), str(root))
    minutes = (time.monotonic() - begin) / 60
    write_machine(results, load, minutes)
    if not arguments.quick:
        publish(results, _HERE / "README.md")
    print(f"{minutes:.1f} min, tables in {results}")
    return 0


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    write_csv(path, list(rows[0]), (list(row.values()) for row in rows))


def _faults(root: Path) -> list[dict[str, Any]]:
    found = []
    for name in NAMES:
        found.append({"generator": name, **measured("faults.py", name, str(root))})
        print(f"faults of {found[-1]}", flush=True)
    return found


def _feeding(root: Path, amount: Amount) -> list[dict[str, Any]]:
    """Measure the generators alone: with another batch size, and with more images."""
    found = []
    settings = ((TRAIN, BATCH_SIZE), (TRAIN, LARGE_BATCH_SIZE), (LARGE, BATCH_SIZE))
    for (split, batch_size), name in itertools.product(settings, (*NAMES, OURS_FILES)):
        values = measured("feeding.py", name, str(root), split, str(batch_size), str(amount.feed_s))
        row = {"generator": name, "batch_size": batch_size, **values}
        found.append({key: _rounded(value) for key, value in row.items()})
        print(f"feeding {found[-1]}", flush=True)
    return found


def _trainings(root: Path, amount: Amount) -> list[dict[str, Any]]:
    """Train each generator's network with each seed, in turns."""
    found = []
    for seed in range(amount.num_seeds):
        begun_with = set()
        for name in NAMES:
            overrides = (f"seed={seed}", *amount.overrides)
            values = measured("training.py", name, str(root), *overrides)
            begun_with.add(values["initial_weights"])
            found.append(_training_row(name, seed, values))
            print(f"training {found[-1]}", flush=True)
        if len(begun_with) != 1:
            raise SystemExit(f"seed {seed}: the networks did not begin with the same weights")
    return found


def _training_row(name: str, seed: int, values: dict[str, Any]) -> dict[str, Any]:
    epoch_s, steps_s = values.pop("epoch_s"), values.pop("steps_s")
    num_images = values.pop("images_an_epoch")
    # The first epoch also builds the graph.
    median_s = statistics.median(steps_s[1:] or steps_s)
    row = {
        "generator": name,
        "seed": seed,
        "epochs": len(epoch_s),
        "images_an_epoch": num_images,
        "images_per_s": num_images / median_s,
        "train_s": sum(epoch_s),
        "longest_wait_s": max(map(operator.sub, epoch_s, steps_s)),
        **values,
    }
    return {key: _rounded(value) for key, value in row.items()}


def _rounded(value: Any) -> Any:
    return f"{value:.5g}" if isinstance(value, float) else value


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=None, help="trainings of each generator")
    parser.add_argument("--quick", action="store_true", help="a tenth of it, not published")
    data = _HERE.parents[1] / "data" / "bench" / "article_generator"
    parser.add_argument("--data", type=Path, default=data, help="holds the images, 1.6 GB")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
