"""What a finished training left, and whether two left the same."""

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scratch import Scratch

from spoonful.fitting.checkpoints.checkpoint import STATE_NAME, Checkpoint, read_checkpoint
from spoonful.tracking.store import quiet_mlflow

if TYPE_CHECKING:
    from mlflow.entities import Run

Series = dict[str, list[tuple[int, float]]]

_WATCH = "EpochWatch"  # the trainer's callback that keeps time
# What differs from run to run: what `EpochResult` measures, and the machine's.
_PERFORMANCE = (
    "images_per_s",
    "epoch_train_s",
    "epoch_val_s",
    "input_wait_s",
    "input_wait_fraction",
    "peak_rss_mb",
    "train_time_s",
)
_SYSTEM = "system/"
_TAGS = ("digest.train", "digest.val", "train_key", "fingerprint.train", "fingerprint.val")


@dataclass(frozen=True)
class Outcome:
    """What one run left.

    Attributes:
        files: of models/train, by name.
        finished: the checkpoint of the finished training, with the optimizer's state.
        run: its run in MLflow.
        series: each metric of that run, (step, value).
        models: the status of each model of that run.
        ending_s: from the checkpoint of the training's end to the end of the run in MLflow.
    """

    files: dict[str, bytes]
    finished: Checkpoint
    run: "Run"
    series: Series
    models: list[str]
    ending_s: float

    @property
    def num_epochs(self) -> int:
        """How many epochs were trained."""
        return len(self.finished.state["history"])

    @property
    def is_recorded_well(self) -> bool:
        """Whether the run is FINISHED, has one model, and no metric twice at a step."""
        once = all(len({step for step, _ in found}) == len(found) for found in self.series.values())
        return self.run.info.status == "FINISHED" and self.models == ["READY"] and once


class Store:
    """The project's runs in MLflow."""

    def __init__(self, scratch: Scratch) -> None:
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # read when it is imported
        from mlflow.tracking import MlflowClient

        quiet_mlflow()
        self._client = MlflowClient(scratch.store)

    def run_ids(self) -> list[str]:
        """Return the ids of all runs."""
        experiments = [e.experiment_id for e in self._client.search_experiments()]
        return [run.info.run_id for run in self._client.search_runs(experiments)]

    def status(self, run_id: str) -> str:
        """Return a run's status."""
        return str(self._client.get_run(run_id).info.status)

    def outcome(self, run_id: str, scratch: Scratch, kept: Path) -> Outcome:
        """Return what a run that has just finished left.

        Args:
            run_id: of the run.
            scratch: where it was trained.
            kept: a copy of the checkpoint of its end.
        """
        run = self._client.get_run(run_id)
        history = self._client.get_metric_history
        models = self._client.search_logged_models(
            [run.info.experiment_id], filter_string=f"source_run_id = '{run_id}'"
        )
        return Outcome(
            {path.name: path.read_bytes() for path in sorted(scratch.trained.iterdir())},
            read_checkpoint(kept),
            run,
            {n: [(m.step, m.value) for m in history(run_id, n)] for n in run.data.metrics},
            [str(model.status) for model in models],
            run.info.end_time / 1000 - (kept / STATE_NAME).stat().st_mtime,
        )


def is_of_this_machine(metric: str) -> bool:
    """Say whether a metric differs from run to run."""
    return metric in _PERFORMANCE or metric.startswith(_SYSTEM)


def compare(reference: Outcome, other: Outcome) -> dict[str, bool]:
    """Say of each part of two outcomes whether it is the same to the bit."""
    then, now = reference.finished, other.finished
    return {
        "weights": reference.files["model.keras"] == other.files["model.keras"]
        and _same_arrays(then.arrays, now.arrays, "model/"),
        "optimizer": _same_arrays(then.arrays, now.arrays, "optimizer/"),
        "callbacks": _same_arrays(then.arrays, now.arrays, "callbacks/")
        and _without_times(then.state["callbacks"]) == _without_times(now.state["callbacks"]),
        "history": reference.files["history.csv"] == other.files["history.csv"]
        and then.state["history"] == now.state["history"],
        "ledger": reference.files["ledger.csv"] == other.files["ledger.csv"]
        and then.state["ledger"] == now.state["ledger"],
        "files": reference.files == other.files,
        "mlflow": other.is_recorded_well and _learned(reference) == _learned(other),
    }


def _without_times(callbacks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out what the trainer's watch remembers: how long the epochs took, which varies."""
    return [state for state in callbacks if state["class"] != _WATCH]


def differences(reference: Outcome, other: Outcome) -> list[str]:
    """Name what differs, for a person who looks for the cause."""
    then, now = reference.finished.arrays, other.finished.arrays
    found = [f"array {n}" for n in sorted({*then, *now}) if not _same(then.get(n), now.get(n))]
    names = sorted({*reference.files, *other.files})
    found += [f"file {n}" for n in names if reference.files.get(n) != other.files.get(n)]
    for name, series in other.series.items():
        twice = [step for step, count in Counter(s for s, _ in series).items() if count > 1]
        found += [f"metric {name} is recorded more than once at the steps {twice}"] if twice else []
    old, new = _learned(reference), _learned(other)
    found += [f"MLflow's {n}: {old.get(n)}, {new.get(n)}" for n in old if old[n] != new.get(n)]
    return [*found, f"status {other.run.info.status}, models {other.models}"]


def _learned(outcome: Outcome) -> dict[str, Any]:
    """Return what MLflow has of a run that must be the same in another."""
    tags = {name: outcome.run.data.tags.get(name) for name in _TAGS}
    metrics = {
        name: sorted(series)
        for name, series in outcome.series.items()
        if not is_of_this_machine(name)
    }
    return {**tags, **metrics}


def _same_arrays(
    then: Mapping[str, NDArray[Any]], now: Mapping[str, NDArray[Any]], prefix: str
) -> bool:
    names = {name for name in {*then, *now} if name.startswith(prefix)}
    return bool(names) and all(_same(then.get(name), now.get(name)) for name in names)


def _same(then: NDArray[Any] | None, now: NDArray[Any] | None) -> bool:
    """Compare as bytes: not a number equals itself, and 0 is not -0."""
    if then is None or now is None:
        return False
    alike = (then.shape, then.dtype) == (now.shape, now.dtype)
    return alike and np.ascontiguousarray(then).tobytes() == np.ascontiguousarray(now).tobytes()
