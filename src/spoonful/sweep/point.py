"""Train one point of a sweep, and keep a failure from ending the others."""

import contextlib
import errno
import math
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from spoonful import progress
from spoonful.compare.points import short_names
from spoonful.compare.runs import SEED
from spoonful.config.compose import compose_point
from spoonful.config.fields import AUTO
from spoonful.config.schema import Config
from spoonful.config.settings import run_name, with_absolute_paths
from spoonful.errors import SpoonfulError
from spoonful.output import say
from spoonful.project import project_root
from spoonful.refusals import is_for_want_of_room, refusal_in
from spoonful.sweep.folder import (
    FAILED,
    FINISHED,
    PRUNED,
    PlannedPoint,
    PointRecord,
    SweepFolder,
    SweepRecord,
)
from spoonful.workflow.interrupted import remove_run_folder
from spoonful.workflow.job import Job, SweepPoint
from spoonful.workflow.shuffle_choice import with_shuffle
from spoonful.workflow.trained import Trained
from spoonful.workflow.training import train_and_record

NO_ROOM = errno.ENOSPC  # an exit code
_NUM_LONG = 12  # characters of a number that was not typed
# What `run_name` tells.
_NAMED_BY_ITSELF = (SEED, "generator.batch_size", "generator.shuffle", "model", "optimizer")


@dataclass(frozen=True)
class PlacedPoint:
    """A point that is to be trained, and the sweep that it belongs to.

    Attributes:
        planned: the point.
        sweep: the record of the sweep.
        folder: the folder of the sweep.
        typed_in: the folder where the command was typed, to which paths are relative.
    """

    planned: PlannedPoint
    sweep: SweepRecord
    folder: Path
    typed_in: Path

    @property
    def label(self) -> str:
        """The values of the axes."""
        return label_of(self.sweep.axes, self.planned.overrides)


def train_point(placed: PlacedPoint) -> None:
    """Train a point in its own process, and record how it ended.

    Exits with NO_ROOM if a disk is full: no other point would do better.
    """
    try:
        _train_and_keep(placed)
    except Exception as error:
        if not is_for_want_of_room(error):
            raise
        say(f"{placed.label}: {_words_for(error)}")
        sys.exit(NO_ROOM)


def _train_and_keep(placed: PlacedPoint) -> None:
    folder, number = SweepFolder(placed.folder), placed.planned.number
    with progress.told_of(placed.label, "preparing the training"), folder.joined(number):
        begin = time.monotonic()
        trained, record = _trained(placed)
        folder.write_point(replace(record, duration_s=time.monotonic() - begin))
        if trained is not None:
            remove_run_folder(trained.run_id)


def failed_record(placed: PlacedPoint, error: str) -> PointRecord:
    """Return the record of a point whose process could not write it."""
    return PointRecord(
        number=placed.planned.number,
        label=placed.label,
        overrides=placed.planned.overrides,
        status=FAILED,
        run_id=None,
        value=math.nan,
        metrics={},
        error=error,
        duration_s=0.0,
    )


def _trained(placed: PlacedPoint) -> tuple[Trained | None, PointRecord]:
    """Train the point; return its result, if it has one, and its record without the duration."""
    overrides, trial = placed.planned.overrides, placed.planned.trial
    try:
        with contextlib.chdir(placed.typed_in):
            config, experiment = compose_point(overrides)
            config = with_absolute_paths(config)
        metric = config.trainer.early_stopping.metric

        def is_hopeless(epoch: int, metrics: dict[str, float]) -> bool:
            num_epochs = config.trainer.epochs
            return trial is not None and trial.is_hopeless(epoch, num_epochs, metrics[metric])

        config = replace(config, trainer=replace(config.trainer, resume=AUTO))
        with contextlib.chdir(project_root()):  # MLflow creates ./mlruns in the current folder
            trained = train_and_record(
                config, _job(placed, config, experiment), _out_dir(placed), is_hopeless
            )
        return trained, PointRecord(
            number=placed.planned.number,
            label=placed.label,
            overrides=overrides,
            status=FINISHED if trained.pruned_after is None else PRUNED,
            run_id=trained.run_id,
            value=trained.metrics[metric],
            metrics=trained.metrics,
            error=None,
            duration_s=0.0,
            pruned_after=trained.pruned_after,
        )
    except Exception as cause:  # the run in MLflow keeps the traceback
        if is_for_want_of_room(cause):
            raise
        return None, failed_record(placed, _words_for(cause))


def _words_for(error: Exception) -> str:
    """Return an error in one line."""
    if not isinstance(error, SpoonfulError) and (refused := refusal_in(error)) is not None:
        return refused
    first = str(error).splitlines()[0] if str(error) else type(error).__name__
    return first if isinstance(error, SpoonfulError) else f"{type(error).__name__}: {first}"


def _job(placed: PlacedPoint, config: Config, experiment: str | None) -> Job:
    overrides, axes = placed.planned.overrides, placed.sweep.axes
    varied = label_of([axis for axis in axes if axis != SEED], overrides)
    choice = placed.sweep.choice if config.generator.shuffle == AUTO else None
    return Job(
        overrides=overrides,
        experiment=experiment,
        sweep_dir=_out_dir(placed),
        point=SweepPoint(placed.sweep.run_id, varied, placed.planned.number),
        name=_name(with_shuffle(config, choice), axes, overrides),
        choice=choice,
    )


def _out_dir(placed: PlacedPoint) -> Path:
    return placed.folder / str(placed.planned.number)


def label_of(axes: Sequence[str], overrides: Sequence[str]) -> str:
    """Write the values of the axes, such as "batch_size=32 shuffle=full"."""
    values = dict(text.split("=", 1) for text in overrides)
    names = short_names(tuple(axes))
    return " ".join(f"{names[key]}={_short(values[key])}" for key in axes if key in values)


def _short(text: str) -> str:
    """Write a number drawn by a sampler with four digits; anything else unchanged."""
    if len(text) < _NUM_LONG:
        return text
    try:
        return f"{float(text):.4g}"
    except ValueError:
        return text


def _name(config: Config, axes: Sequence[str], overrides: Sequence[str]) -> str:
    """Return the name of the point's run: that of a single training, and the axes missing in it."""
    others = [key for key in axes if key not in _NAMED_BY_ITSELF]
    more = label_of(others, overrides).replace(" ", "-")
    return "-".join(filter(None, (run_name(config), more)))
