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
from spoonful.project import packed_dir, split_summary_path, sweeps_dir
from spoonful.quiet import import_tensorflow
from spoonful.stages.interrupted import AUTO
from spoonful.stages.sweep_folder import (
    FAILED,
    SweepFolder,
    SweepRecord,
    sweep_folder,
    sweep_folders,
)
from spoonful.stages.train_record import sweep_tags

POINT_FAILED = 1
# Where and how fast points are trained makes no other sweep of it.
_NO_POINT_OF_IT = ("sweep.", "tracking.", "hydra.", "hydra/", "trainer.resume=")

# Trains all points of the overrides given.
Launch = Callable[[list[str]], object]


def sweep(overrides: list[str], launch: Launch) -> None:
    """Train every point; exit with 1 where one failed.

    Args:
        overrides: of the command line; with those of the overlay they name the axes.
        launch: trains the points, each by `spoonful.stages.point`.

    Raises:
        SpoonfulError: bad overrides, at any point; a sweep to go on with that is not there.
    """
    asked = sweep_of(overrides)
    if asked.points is not None:
        check_overrides(list(asked.overrides), multirun=True)
    if any(text.startswith("trainer.resume=") for text in overrides):
        raise SpoonfulError("trainer.resume: a sweep goes on by sweep.resume; leave it out")
    first = list(asked.points[0]) if asked.points else []
    config = with_absolute_paths(compose_config(first))
    folder, record = _begun(config, asked, overrides)
    with folder.held():
        record = _counted(folder, record)
        _run(config, folder, record, overrides, launch)


def _begun(
    config: Config, asked: Sweep, overrides: Sequence[str]
) -> tuple[SweepFolder, SweepRecord]:
    """Return the sweep to go on with, or a new one."""
    identity = _identity(asked)
    found = _interrupted(config, identity)
    if found is not None:
        return found
    import_tensorflow()  # the hardware's description asks it
    from spoonful.tracking.parent import begin_parent

    experiment = _experiment(overrides)
    name = config.sweep.run_name or experiment or "sweep"
    command = f"`{shlex.join(['spoonful', 'sweep', *overrides])}`"
    tags = sweep_tags(experiment, overrides)
    run_id = begin_parent(config.tracking, name, asked.axes, asked.num_points, tags, command)
    folder = sweep_folder(run_id)
    record = SweepRecord(run_id, name, identity, asked.axes, asked.num_points)
    folder.write(record)
    return folder, record


def _identity(asked: Sweep) -> dict[str, Any]:
    """Return what makes two sweeps the same: their points and the data."""
    points = asked.points if asked.points is not None else (asked.overrides,)
    files = [split_summary_path(), *sorted(packed_dir().glob("*/meta.json"))]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in files if path.is_file()))
    return {
        "points": [[t for t in point if not t.startswith(_NO_POINT_OF_IT)] for point in points],
        "data": digest.hexdigest(),
    }


def _interrupted(
    config: Config, identity: dict[str, Any]
) -> tuple[SweepFolder, SweepRecord] | None:
    """Return the unfinished sweep to go on with."""
    wanted = config.sweep.resume
    if wanted is None:
        return None
    from spoonful.tracking.run import run_status

    for folder in sweep_folders() if wanted == AUTO else [sweep_folder(wanted)]:
        record = folder.record()
        status = None if record is None else run_status(config.tracking, record.run_id)
        if record is not None and status is not None and record.identity == identity:
            if status != "FINISHED":
                return folder, record
            if wanted != AUTO:
                raise SpoonfulError(f"sweep.resume={wanted}: this sweep has finished")
        elif wanted != AUTO:
            raise SpoonfulError(_why_not(wanted, record, status, identity))
    return None


def _why_not(
    wanted: str, record: SweepRecord | None, status: str | None, identity: dict[str, Any]
) -> str:
    if record is None or status is None:
        known = ", ".join(folder.run_id for folder in sweep_folders()) or "none"
        return (
            f"sweep.resume={wanted}: expected auto, null or the id of a sweep's run with a folder "
            f"in {sweeps_dir()} ({known})"
        )
    what = [name for name in identity if record.identity.get(name) != identity[name]]
    return (
        f"sweep.resume={wanted}: that sweep has other {' and '.join(what)}; give the same "
        "overrides and data, or sweep.resume=null to begin anew"
    )


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
        print(
            f"spoonful: sweep ended after {len(folder.points())} of {record.num_points} points; go "
            f"on with\n  {shlex.join(['spoonful', 'sweep', *overrides])}",
            file=sys.stderr,
            flush=True,
        )
        raise
    except BaseException:
        mark_parent(config.tracking, record.run_id, "FAILED")
        raise
    failed = [point for point in folder.points() if point.status == FAILED]
    mark_parent(config.tracking, record.run_id, "FAILED" if failed else "FINISHED")
    _summarise(folder, record, overrides)
    if failed:
        sys.exit(POINT_FAILED)


def _summarise(folder: SweepFolder, record: SweepRecord, overrides: list[str]) -> None:
    points = folder.points()
    failed = [point for point in points if point.status == FAILED]
    print(
        f"sweep {record.name}, run {record.run_id}: {len(points) - len(failed)} points finished"
        + (f", {len(failed)} failed" if failed else "")
    )
    for point in failed:
        print(f"  failed: {point.label}: {point.error}")
    if failed:
        print(f"try them again: {shlex.join(['spoonful', 'sweep', *overrides])}")
    print(f"compare them: spoonful compare compare.sweep={record.run_id}", flush=True)


def _experiment(overrides: Sequence[str]) -> str | None:
    chosen = [text for text in overrides if text.startswith("experiment=")]
    return chosen[-1].partition("=")[2] if chosen else None
