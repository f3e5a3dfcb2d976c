"""Sweeps as a store would give them back."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from spoonful.compare.runs import PointRun, Setting, SweepRuns

MakeSweep = Callable[..., SweepRuns]
NUM_EPOCHS = 3
NUM_IMAGES = 1000


def make_run(
    number: int, settings: Mapping[str, Setting], accuracy: float, **changes: Any
) -> PointRun:
    """A finished run of three epochs, of which the second was kept."""
    epochs = range(1, NUM_EPOCHS + 1)
    metrics = {
        "loss": {epoch: 2.0 / epoch for epoch in epochs},
        "val_loss": {epoch: 2.2 / epoch + (1 - accuracy) for epoch in epochs},
        "val_accuracy": {1: accuracy - 0.1, 2: accuracy, 3: accuracy - 0.01},
        "images_per_s": {1: 100.0, 2: 1000.0, 3: 1100.0},
        "train_time_s": {epoch: 1.5 * epoch + number / 100 for epoch in epochs},
        "peak_rss_mb": {1: 500.0, 2: 640.0, 3: 600.0},
        "input_wait_fraction": {1: 0.5, 2: 0.02, 3: 0.04},
        "images_seen": {epoch: float(NUM_IMAGES * epoch) for epoch in epochs},
    }
    made: dict[str, Any] = {
        "run_id": f"{number:032x}",
        "name": f"run-{number}",
        "status": "FINISHED",
        "started": number,
        "settings": dict(settings),
        "metrics": metrics,
        "scalars": {"best_val_accuracy": accuracy, "best_val_loss": 1 - accuracy},
        "url": f"http://127.0.0.1:5000/#/experiments/1/runs/{number:032x}",
    }
    return PointRun(**{**made, **changes})


def make_sweep(
    axes: Mapping[str, Sequence[Setting]],
    accuracy: Callable[..., float],
    seeds: Sequence[int] = (0, 1, 2),
    **changes: Any,
) -> SweepRuns:
    """A whole grid.

    Args:
        axes: values by key, without the seed.
        accuracy: of a run, from its values and its seed.
        seeds: of each point.
        changes: other fields of the sweep.
    """
    runs: list[PointRun] = []
    for *values, seed in itertools.product(*axes.values(), seeds):
        settings = {**dict(zip(axes, values, strict=True)), "seed": seed}
        runs.append(make_run(len(runs) + 1, settings, accuracy(*values, seed)))
    made: dict[str, Any] = {
        "run_id": "ab" * 16,
        "name": "sizes",
        "status": "FINISHED",
        "axes": (*axes, "seed"),
        "num_points": len(runs),
        "description": "`spoonful sweep generator.batch_size=16,64`",
        "runs": tuple(runs),
        "url": f"http://127.0.0.1:5000/#/experiments/1/runs/{'ab' * 16}",
        "points_url": "http://127.0.0.1:5000/#/experiments/1/runs?searchFilter=points",
    }
    return SweepRuns(**{**made, **changes})


SIZES: dict[str, Sequence[Setting]] = {"generator.batch_size": (16, 64, 256)}
GRID: dict[str, Sequence[Setting]] = {**SIZES, "generator.shuffle": ("full", "none")}
NOISE = {0: 0.0, 1: 0.003, 2: -0.004}
OWN_NOISE = {16: 0.0, 64: 0.0011, 256: -0.0007}


def grid_accuracy(batch_size: int, shuffle: str, seed: int) -> float:
    """16 is better than 64, 64 than 256, and full far better than none; noise of each seed."""
    worth = {16: 0.95, 64: 0.94, 256: 0.93}[batch_size] - (0.0 if shuffle == "full" else 0.5)
    return worth + NOISE[seed] + OWN_NOISE[batch_size] * seed


@pytest.fixture
def grid() -> SweepRuns:
    """3 batch sizes x 2 shuffles x 3 seeds."""
    return make_sweep(GRID, grid_accuracy)


@pytest.fixture
def sweep_of() -> MakeSweep:
    """`sweep_of(axes, accuracy, seeds)`."""
    return make_sweep


@pytest.fixture
def run_of() -> Callable[..., PointRun]:
    """`run_of(number, settings, accuracy, **changes)`."""
    return make_run
