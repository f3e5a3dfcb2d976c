"""One point of a sweep: train it unless it is done; keep a failure from ending the others."""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from spoonful import progress
from spoonful.config.schema import Config
from spoonful.config.settings import run_name
from spoonful.errors import SpoonfulError
from spoonful.stages.interrupted import AUTO, remove_run_folder
from spoonful.stages.job import Job, SweepPoint, current_job, worst_value
from spoonful.stages.sweep_folder import (
    FAILED,
    FINISHED,
    PointRecord,
    SweepFolder,
    SweepRecord,
)
from spoonful.stages.train import Trained, train_and_record
from spoonful.study.points import short_names
from spoonful.study.runs import SEED

# What `run_name` tells.
_NAMED_BY_ITSELF = (SEED, "generator.batch_size", "generator.shuffle", "model", "optimizer")


@dataclass(frozen=True)
class _Place:
    """The point that Hydra has come to, and the sweep that it belongs to."""

    job: Job
    folder: SweepFolder
    sweep: SweepRecord
    out_dir: Path


def run(config: Config) -> float:
    """Train the point that Hydra has come to; return what its sweeper makes large or small."""
    place = _place()
    with progress.told_of(place.out_dir.name, "preparing the training"):
        return _ran(config, place)


def _ran(config: Config, place: _Place) -> float:
    done = place.folder.point(int(place.out_dir.name))
    if done is not None and done.status == FINISHED and done.overrides == place.job.overrides:
        if done.run_id is not None:
            remove_run_folder(done.run_id)  # where it was killed before it could
        return done.value
    with place.folder.joined():
        begin = time.monotonic()
        trained, error = _trained(config, place)
        metrics = {} if trained is None else trained.metrics
        value = metrics.get(config.trainer.early_stopping.metric, worst_value())
        run_id = None if trained is None else trained.run_id
        _end(place, metrics, value, time.monotonic() - begin, run_id, error)
        if trained is not None:
            trained.put_away()
    return value


def refused(error: SpoonfulError) -> float:
    """Note that the values of the point cannot be trained together, and go on with the others."""
    place = _place()
    with place.folder.joined():
        _end(place, {}, worst_value(), 0.0, None, str(error))
    return worst_value()


def _place() -> _Place:
    job = current_job()
    if job.sweep_dir is None:
        raise SpoonfulError("a point of a sweep is trained by `spoonful sweep`")
    folder = SweepFolder(job.sweep_dir.parent)
    sweep = folder.record()
    if sweep is None:
        raise SpoonfulError(f"{folder.path} lacks the record of its sweep: begin the sweep again")
    return _Place(job, folder, sweep, job.sweep_dir)


def _trained(config: Config, place: _Place) -> tuple[Trained | None, str | None]:
    """Train the point; return what came of it, or why it failed in one line."""
    overrides, axes = place.job.overrides, place.sweep.axes
    job = replace(
        place.job,
        point=SweepPoint(place.folder.run_id, _label([a for a in axes if a != SEED], overrides)),
        name=_name(config, axes, overrides),
    )
    config = replace(config, trainer=replace(config.trainer, resume=AUTO))
    try:
        return train_and_record(config, job, place.out_dir), None
    except Exception as cause:  # the run in MLflow keeps the traceback
        error = str(cause).splitlines()[0] if str(cause) else type(cause).__name__
        if isinstance(cause, SpoonfulError):
            return None, error
        return None, f"{type(cause).__name__}: {error}"


def _end(
    place: _Place,
    metrics: dict[str, float],
    value: float,
    duration_s: float,
    run_id: str | None,
    error: str | None,
) -> None:
    """Keep how the point ended, and say it."""
    record = PointRecord(
        number=int(place.out_dir.name),
        label=_label(place.sweep.axes, place.job.overrides),
        overrides=place.job.overrides,
        status=FINISHED if error is None else FAILED,
        run_id=run_id,
        value=value,
        metrics=metrics,
        error=error,
        duration_s=duration_s,
    )
    place.folder.write_point(record)
    _say(place, record)


def _say(place: _Place, record: PointRecord) -> None:
    """Say how a point ended, and how long the rest takes."""
    sweep = place.sweep
    ended, width = len(place.folder.points()), len(str(sweep.num_points))
    if record.error is None:
        outcome = f"val_accuracy {record.metrics['val_accuracy']:.4f}"
    else:
        outcome = f"failed: {record.error}"
    left = round(sweep.left_s(ended))
    print(
        f"[{ended:>{width}}/{sweep.num_points or '?'}] {record.label}: {outcome}, "
        f"{record.duration_s:.0f} s" + (f"; left {left // 60}:{left % 60:02d}" if left else ""),
        file=sys.stderr if record.error else sys.stdout,
        flush=True,
    )


def _label(axes: Sequence[str], overrides: Sequence[str]) -> str:
    """Write the values of the axes, such as "batch_size=32 shuffle=full"."""
    values = dict(text.split("=", 1) for text in overrides)
    names = short_names(tuple(axes))
    return " ".join(f"{names[key]}={values[key]}" for key in axes if key in values)


def _name(config: Config, axes: Sequence[str], overrides: Sequence[str]) -> str:
    """Return the name of the point's run: a single training's, and the axes that it leaves out."""
    others = [key for key in axes if key not in _NAMED_BY_ITSELF]
    more = _label(others, overrides).replace(" ", "-")
    return "-".join(filter(None, (run_name(config), more)))
