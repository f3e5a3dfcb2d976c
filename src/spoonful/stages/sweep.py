"""`spoonful sweep`: train every point of a sweep; what is done is not done again."""

import hashlib
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from spoonful.config.axes import Sweep, check_overrides, sweep_of
from spoonful.config.compose import compose_config
from spoonful.config.schema import Config
from spoonful.config.settings import with_absolute_paths
from spoonful.errors import SpoonfulError
from spoonful.output import say_last
from spoonful.project import packed_dir, split_summary_path, sweeps_dir
from spoonful.quiet import import_tensorflow
from spoonful.secrets import redacted
from spoonful.stages.data import open_train_and_val
from spoonful.stages.interrupted import AUTO
from spoonful.stages.sweep_folder import (
    FAILED,
    SweepFolder,
    SweepRecord,
    sweep_folder,
    sweep_folders,
)
from spoonful.stages.train_record import sweep_tags
from spoonful.stages.unsent import end_if_unsent, kept_for_the_server, settle_store
from spoonful.tracking.store import where_recorded

POINT_FAILED = 1
# Where and how fast points are trained makes no other sweep of it.
_NO_POINT_OF_IT = ("sweep.", "tracking.", "hydra.", "hydra/", "trainer.resume=")
# What has no say in which data is read; a generator's name has.
_NO_DATA = ("model", "optimizer", "trainer", "generator.", "seed=")

_NOT_IN_A_SWEEP = {
    "trainer.resume": "a sweep goes on by sweep.resume",
    "sweep.point": "it makes one `spoonful train` a point, a sweep's points are numbered",
}

# Trains all points of the overrides given.
Launch = Callable[[list[str]], object]


def sweep(overrides: list[str], launch: Launch) -> None:
    """Train every point; exit with 1 where one failed.

    Args:
        overrides: of the command line; with those of the overlay they name the axes.
        launch: trains the points, each by `spoonful.stages.point`.

    Raises:
        SpoonfulError: bad overrides, at any point; no data that any point could train on; a sweep
            to go on with that is not there.
    """
    asked = sweep_of(overrides)
    if asked.points is not None:
        check_overrides(list(asked.overrides), multirun=True)
    for key, why in _NOT_IN_A_SWEEP.items():
        if any(text.startswith(f"{key}=") for text in overrides):
            raise SpoonfulError(f"{key}: {why}; leave it out")
    _check_data(asked)
    fixed = [text for text in overrides if text.partition("=")[0] not in asked.axes]
    first = list(asked.points[0]) if asked.points else fixed
    config = with_absolute_paths(compose_config(first))
    print(f"recording in {where_recorded(config.tracking, overrides)}", flush=True)
    settle_store(config.tracking)
    folder, record = _begun(config, asked, overrides)
    with folder.held():
        record = _counted(folder, record)
        _run(config, asked, folder, record, overrides, launch)


def _check_data(asked: Sweep) -> None:
    """Check that the data is there, and as some point asks for it.

    What a sampler will choose is not known: there a point finds out by itself.

    Raises:
        SpoonfulError: no point can train; says why the first cannot.
    """
    first_error: SpoonfulError | None = None
    points = ([t for t in point if not t.startswith(_NO_DATA)] for point in asked.points or ())
    # Composing a config takes 70 ms, and a sweep may have hundreds of points.
    for point in dict.fromkeys(map(tuple, points)):
        try:
            open_train_and_val(with_absolute_paths(compose_config(list(point))))
        except SpoonfulError as error:
            first_error = first_error or error
        else:
            return
    if first_error is not None:
        raise first_error


def _begun(
    config: Config, asked: Sweep, overrides: Sequence[str]
) -> tuple[SweepFolder, SweepRecord]:
    """Return the sweep to go on with, or a new one."""
    identity = _identity(asked)
    found = _interrupted(config, identity, asked.is_repeatable)
    if found is not None:
        return found
    import_tensorflow()  # the hardware's description asks it
    from spoonful.tracking.parent import begin_parent

    experiment = _experiment(overrides)
    name = config.sweep.run_name or experiment or "sweep"
    command = f"`{_command(overrides)}`"
    tags = sweep_tags(experiment, overrides)
    run_id = begin_parent(config.tracking, name, asked.axes, asked.num_points, tags, command)
    folder = sweep_folder(run_id)
    record = SweepRecord(run_id, name, identity, asked.axes, asked.num_points)
    folder.write(record)
    return folder, record


def _identity(asked: Sweep) -> dict[str, Any]:
    """Return what makes two sweeps the same: their points and the data."""
    is_grid = asked.points is not None
    points = asked.points if asked.points is not None else (asked.overrides,)
    files = [split_summary_path(), *sorted(packed_dir().glob("*/meta.json"))]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in files if path.is_file()))
    return {
        "points": [[redacted(t) for t in point if _decides(t, is_grid)] for point in points],
        "data": digest.hexdigest(),
    }


def _decides(override: str, is_grid: bool) -> bool:
    """Say whether an override is part of what a sweep trains: also of what chooses its points."""
    if not is_grid and override.startswith(("hydra.sweeper.", "hydra/sweeper")):
        return True
    return not override.startswith(_NO_POINT_OF_IT)


def _interrupted(
    config: Config, identity: dict[str, Any], is_repeatable: bool
) -> tuple[SweepFolder, SweepRecord] | None:
    """Return the unfinished sweep to go on with."""
    wanted = config.sweep.resume
    if not is_repeatable and wanted not in (None, AUTO):
        raise SpoonfulError(
            f"sweep.resume={wanted}: begun again, the sampler draws other points; only sweeps "
            "with hydra.sweeper.sampler.seed=NUMBER can go on"
        )
    if wanted is None or not is_repeatable:
        return None
    if wanted != AUTO:
        return _named(config, wanted, identity)
    for folder in sweep_folders():
        record = folder.record()
        if record is None or record.identity != identity:
            continue
        if _status(config, record) not in (None, "FINISHED"):  # seconds: MLflow is imported
            return folder, record
    return None


def _named(
    config: Config, wanted: str, identity: dict[str, Any]
) -> tuple[SweepFolder, SweepRecord]:
    """Return the unfinished sweep of a run's id."""
    folder = sweep_folder(wanted)
    record = folder.record()
    status = None if record is None else _status(config, record)
    if record is None or status is None:
        known = ", ".join(folder.run_id for folder in sweep_folders()) or "none"
        raise SpoonfulError(
            f"sweep.resume={wanted}: expected auto, null or the id of a sweep's run with a folder "
            f"in {sweeps_dir()} ({known})"
        )
    what = [name for name in identity if record.identity.get(name) != identity[name]]
    if what:
        raise SpoonfulError(
            f"sweep.resume={wanted}: that sweep has other {' and '.join(what)}; give the same "
            "overrides and data, or sweep.resume=null to begin anew"
        )
    if status == "FINISHED":
        raise SpoonfulError(f"sweep.resume={wanted}: this sweep has finished")
    return folder, record


def _status(config: Config, record: SweepRecord) -> str | None:
    from spoonful.tracking.run import run_status

    return run_status(config.tracking, record.run_id)


def _counted(folder: SweepFolder, record: SweepRecord) -> SweepRecord:
    """Note when the sweep begins, and with how many points done; those that failed begin anew."""
    for point in folder.points():
        if point.status == FAILED:
            (folder.path / f"{point.number}.json").unlink()
    record = replace(record, num_done=len(folder.points()), begun_s=time.time())
    folder.write(record)
    return record


def _run(
    config: Config,
    asked: Sweep,
    folder: SweepFolder,
    record: SweepRecord,
    overrides: list[str],
    launch: Launch,
) -> None:
    """Launch the points, and leave the sweep's run with the right status."""
    from spoonful.tracking.parent import mark_parent

    of_all = f"{record.num_points} points" if record.num_points else "points as they are chosen"
    how = f"going on, {record.num_done} of them finished" if record.num_done else of_all
    print(f"sweep {record.name}, run {record.run_id}: {how}", flush=True)
    mark_parent(config.tracking, record.run_id, "RUNNING")
    try:
        launch([*overrides, f"hydra.sweep.dir={folder.path}"])
    except (KeyboardInterrupt, SystemExit):
        mark_parent(config.tracking, record.run_id, "KILLED")
        ended = f"sweep ended after {len(folder.points())} of {record.num_points} points"
        how = f"; go on with\n  {_command(overrides)}" if asked.is_repeatable else ""
        say_last(f"spoonful: {ended}{how}")
        raise
    except BaseException:
        mark_parent(config.tracking, record.run_id, "FAILED")
        raise
    failed = [point for point in folder.points() if point.status == FAILED]
    mark_parent(config.tracking, record.run_id, "FAILED" if failed else "FINISHED")
    _summarise(folder, record, overrides if asked.is_repeatable else None)
    if failed:
        sys.exit(POINT_FAILED)
    end_if_unsent(kept_for_the_server())


def _summarise(folder: SweepFolder, record: SweepRecord, overrides: Sequence[str] | None) -> None:
    """Say what came of the sweep; `overrides` try again what failed."""
    from spoonful.study.wording import counted_noun

    points = folder.points()
    failed = [point for point in points if point.status == FAILED]
    finished = counted_noun(len(points) - len(failed), "point")
    print(
        f"sweep {record.name}, run {record.run_id}: {finished} finished"
        + (f", {len(failed)} failed" if failed else "")
    )
    for point in failed:
        print(f"  failed: {point.label}: {point.error}")
    if failed and overrides is not None:
        print(f"try them again: {_command(overrides)}")
    print(f"compare them: spoonful compare compare.sweep={record.run_id}", flush=True)


def _command(overrides: Sequence[str]) -> str:
    return redacted(shlex.join(["spoonful", "sweep", *overrides]))


def _experiment(overrides: Sequence[str]) -> str | None:
    chosen = [text for text in overrides if text.startswith("experiment=")]
    return chosen[-1].partition("=")[2] if chosen else None
