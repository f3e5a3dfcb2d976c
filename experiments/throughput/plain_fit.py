"""How much of the speed of arrays in RAM a plain `fit` on the generator keeps, with all it offers.

    python experiments/throughput/plain_fit.py [--only BATCH_SIZE ...] [--rounds 7] [--publish]

Trains a one-layer model on MNIST in turn on arrays in RAM and on the generator, in one process, and
prints medians of the images/s after each first epoch, and of the processor time (of all threads),
which tells more on a busy machine.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import numpy as np
from cases import STEPS_PER_EXECUTION
from contenders.fit import fit_as_trainer, one_layer_model, packed_generator
from layout import BenchData
from machine import hardware
from prepare import mnist_in_ram

from spoonful import BatchGenerator
from spoonful.files.tables import put_between
from spoonful.project import project_root

_README = Path(__file__).resolve().parent / "README.md"
_EPOCHS = 3  # the first one is not measured
_ARRAYS = "arrays in RAM"
_WEIGHTED_ARRAYS = "arrays in RAM, `class_weight`"
_CLASS_WEIGHT = {number: 1 + number / 10 for number in range(10)}
Speed = tuple[float, float]  # images/s; processor time in us per image


class OneByOne(BatchGenerator):
    """Batches that Keras reads one by one, because the class has its own `__getitem__`."""

    def __getitem__(self, index: int) -> Any:
        return super().__getitem__(index)


class _Meter(keras.callbacks.Callback):
    """Note the time and the processor time at each epoch's end."""

    def __init__(self) -> None:
        super().__init__()
        self._ends: list[Speed] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._ends.append((time.perf_counter(), time.process_time()))

    def speed(self, num_images: int) -> Speed:
        """Return the speed over the epochs after the first, of so many images each."""
        (begin, begin_processor), (end, end_processor) = self._ends[0], self._ends[-1]
        num_read = num_images * (len(self._ends) - 1)
        return num_read / (end - begin), 1e6 * (end_processor - begin_processor) / num_read


def ways(data: BenchData, batch_size: int) -> dict[str, Callable[[Any, _Meter], object]]:
    """Return the ways to train, by their titles; each fits a model."""
    images, labels = mnist_in_ram(data)
    targets = np.eye(10, dtype=np.float32)[labels]

    def fit(model: Any, meter: _Meter, *arrays: Any, **settings: Any) -> None:
        model.fit(*arrays, epochs=_EPOCHS, callbacks=[meter], verbose=0, **settings)

    def generator(kind: type[BatchGenerator] = BatchGenerator) -> BatchGenerator:
        return kind(packed_generator(data, "mnist", batch_size).source, batch_size)

    weights = {"class_weight": _CLASS_WEIGHT}
    size = {"batch_size": batch_size}
    return {
        _ARRAYS: lambda model, meter: fit(model, meter, images, targets, **size),
        "`fit(generator, shuffle=False)`": lambda model, meter: fit(
            model, meter, generator(), shuffle=False
        ),
        "the same, read one by one": lambda model, meter: fit(
            model, meter, generator(OneByOne), shuffle=False
        ),
        "`fit(generator)`, its batches permuted by Keras": lambda model, meter: fit(
            model, meter, generator()
        ),
        "as the trainer does": lambda model, meter: fit_as_trainer(
            model, generator(), _EPOCHS, meter
        ),
        _WEIGHTED_ARRAYS: lambda model, meter: fit(
            model, meter, images, targets, **size, **weights
        ),
        "`fit(generator, shuffle=False)`, `class_weight`": lambda model, meter: fit(
            model, meter, generator(), shuffle=False, **weights
        ),
    }


def measured(data: BenchData, batch_size: int, num_rounds: int) -> dict[str, list[Speed]]:
    """Train each way in turn."""
    found: dict[str, list[Speed]] = {}
    models = {}
    for number in range(num_rounds):
        for title, train in ways(data, batch_size).items():
            if title not in models:
                models[title] = one_layer_model(STEPS_PER_EXECUTION, (28, 28, 1))
            meter = _Meter()
            train(models[title], meter)
            found.setdefault(title, []).append(meter.speed(60_000))
            speed, processor = found[title][-1]
            print(f"{batch_size} {number} {title}: {speed:,.0f}, {processor:.2f}", flush=True)
    return found


def table(found: dict[str, list[Speed]]) -> list[str]:
    """Return the rows of one batch size: medians, and their ratios to those of arrays."""
    medians = {
        title: tuple(statistics.median(values) for values in zip(*speeds, strict=True))
        for title, speeds in found.items()
    }
    rows = []
    for title, (speed, processor) in medians.items():
        base = medians[_WEIGHTED_ARRAYS if "class_weight" in title else _ARRAYS]
        rows.append(f"| {title} | {speed:,.0f} | {speed / base[0]:.2f} | {processor:.1f} |")
    return rows


def main() -> None:
    """Print a table for each batch size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", type=int, default=[32, 128], metavar="BATCH_SIZE")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--publish", action="store_true", help="write the table of the README")
    parser.add_argument("--data", type=Path, default=project_root() / "data" / "bench")
    arguments = parser.parse_args()
    data = BenchData(arguments.data.resolve())
    rows = []
    for batch_size in arguments.only:
        found = measured(data, batch_size, arguments.rounds)
        rows += [
            f"| batch {batch_size}, trained on | images/s | / {_ARRAYS} | processor us an image |",
            "| --- | --: | --: | --: |",
            *table(found),
            "",
        ]
    rows.append(
        f"Medians of {arguments.rounds} rounds, in turn, {STEPS_PER_EXECUTION} steps an execution. "
        f"{hardware()}."
    )
    print("\n".join(rows))
    if arguments.publish:
        put_between(_README, "plain_fit", "\n".join(rows))


if __name__ == "__main__":
    main()
