"""One point of a sweep: train it unless it is done; keep a failure from ending the others."""

import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from spoonful.config.schema import Config
from spoonful.config.settings import run_name
from spoonful.errors import SpoonfulError
from spoonful.stages.interrupted import AUTO
from spoonful.stages.job import Job, SweepPoint, current_job, worst_value
from spoonful.stages.sweep_folder import FAILED, FINISHED, PointRecord, SweepFolder
from spoonful.stages.train import Trained, train_and_record
from spoonful.study.points import short_names
from spoonful.study.runs import SEED

# What `run_name` tells.
_NAMED_BY_ITSELF = (SEED, "generator.batch_size", "generator.shuffle", "model", "optimizer")


def run(config: Config) -> float:
    """Train the point that Hydra has come to; return what its sweeper makes large or small."""
    job = current_job()
    if job.sweep_dir is None:
        raise SpoonfulError("a point of a sweep is trained by `spoonful sweep`")
    folder = SweepFolder(job.sweep_dir.parent)
    done = folder.point(int(job.sweep_dir.name))
    if done is not None and done.status == FINISHED and done.overrides == job.overrides:
        return done.value
    with folder.joined():
        return _trained(config, job, job.sweep_dir, folder)


def _trained(config: Config, job: Job, out_dir: Path, folder: SweepFolder) -> float:
    sweep = folder.record()
    axes = () if sweep is None else sweep.axes
    label = _label(axes, job.overrides)
    job = replace(
        job,
        point=SweepPoint(folder.run_id, _label([a for a in axes if a != SEED], job.overrides)),
        name=_name(config, axes, job.overrides),
    )
    config = replace(config, trainer=replace(config.trainer, resume=AUTO))
    begin = time.monotonic()
    trained: Trained | None = None
    error: str | None = None
    try:
        trained = train_and_record(config, job, out_dir)
    except Exception as cause:  # the run in MLflow keeps the traceback
        error = str(cause).splitlines()[0] if str(cause) else type(cause).__name__
        if not isinstance(cause, SpoonfulError):
            error = f"{type(cause).__name__}: {error}"
    metrics = {} if trained is None else trained.metrics
    record = PointRecord(
        number=int(out_dir.name),
        label=label,
        overrides=job.overrides,
        status=FAILED if trained is None else FINISHED,
        run_id=None if trained is None else trained.run_id,
        value=metrics.get(config.trainer.early_stopping.metric, worst_value()),
        metrics=metrics,
        error=error,
        duration_s=time.monotonic() - begin,
    )
    folder.write_point(record)
    _say(folder, record)
    return record.value


def _say(folder: SweepFolder, record: PointRecord) -> None:
    """Say how a point ended, and how long the rest takes."""
    sweep = folder.record()
    if sweep is None:
        return
    ended, width = len(folder.points()), len(str(sweep.num_points))
    if record.error is None:
        outcome = f"val_accuracy {record.metrics['val_accuracy']:.4f}"
    else:
        outcome = f"failed: {record.error}"
    left = round(folder.left_s(sweep))
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
