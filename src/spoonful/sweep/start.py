"""Find the sweep of a command: one to resume, or a new one."""

import hashlib
import shlex
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from spoonful.config.axes import Sweep
from spoonful.config.fields import AUTO
from spoonful.config.folders import typed_flags
from spoonful.config.schema import Config
from spoonful.errors import SpoonfulError
from spoonful.output import say
from spoonful.project import packed_dir, split_summary_path, sweeps_dir
from spoonful.quiet import import_tensorflow
from spoonful.secrets import redacted, to_type
from spoonful.sweep.folder import FAILED, SweepFolder, SweepRecord, sweep_folder, sweep_folders
from spoonful.workflow.foreign_code import foreign_code
from spoonful.workflow.train_record import sweep_tags, task_tags

# Where and how fast points are trained does not make a different sweep.
_NO_POINT_OF_IT = ("sweep.", "tracking.", "hydra.", "hydra/", "trainer.resume=")


def begun(
    config: Config, asked: Sweep, overrides: Sequence[str], configs: Sequence[Config]
) -> tuple[SweepFolder, SweepRecord]:
    """Return the sweep to resume, or a new one.

    Args:
        config: config of the first point.
        asked: the sweep.
        overrides: from the command line.
        configs: configs that together have each value of each axis.

    Raises:
        SpoonfulError: the sweep requested by its id cannot be resumed.
    """
    identity = _identity(config, asked, configs)
    found = _interrupted(config, identity)
    if found is not None:
        return found
    import_tensorflow()  # needed for the description of the hardware
    from spoonful.tracking.parent import begin_parent

    chosen = [text for text in overrides if text.startswith("experiment=")]
    experiment = chosen[-1].partition("=")[2] if chosen else None
    name = config.sweep.run_name or experiment or "sweep"
    command = f"`{redacted(shlex.join(['spoonful', 'sweep', *overrides]))}`"
    tags = {**sweep_tags(experiment, overrides), **task_tags(config)}
    run_id = begin_parent(config.tracking, name, asked.axes, asked.num_points, tags, command)
    folder = sweep_folder(run_id)
    record = SweepRecord(run_id, name, identity, asked.axes, asked.num_points)
    folder.write(record)
    return folder, record


def counted(folder: SweepFolder, record: SweepRecord) -> SweepRecord:
    """Record when the sweep starts and how many points are done; failed points start again."""
    for point in folder.points():
        if point.status == FAILED:
            (folder.path / f"{point.number}.json").unlink()
    record = replace(record, num_done=len(folder.points()), begun_s=time.time())
    folder.write(record)
    return record


def command_of(overrides: Sequence[str]) -> str:
    """Return the command for a sweep, and below it what is left out."""
    return to_type(["spoonful", "sweep", *typed_flags(), *overrides], "\n  ")


def _identity(config: Config, asked: Sweep, configs: Sequence[Config]) -> dict[str, Any]:
    """Return the identity of a sweep: its points, or how they are chosen, data and code."""
    files = [split_summary_path(), *sorted(packed_dir().glob("*/meta.json"))]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in files if path.is_file()))
    code = {n: digest for one in configs for n, digest in foreign_code(one).items()}
    data = {"data": digest.hexdigest(), **({"code": code} if code else {})}
    if asked.points is not None:
        points = [[redacted(t) for t in point if _decides(t)] for point in asked.points]
        return {"points": points, **data}
    sweep = config.sweep
    choice = [sweep.sampler, sweep.num_trials, sweep.sampler_seed, sweep.storage]
    pruning = [sweep.pruner, sweep.prune_after_epochs]
    return {
        "points": [[redacted(t) for t in asked.overrides if _decides(t)]],
        "sampler": [*choice, *pruning],
        **data,
    }


def _decides(override: str) -> bool:
    """Return whether an override affects what a sweep trains."""
    return not override.startswith(_NO_POINT_OF_IT)


def _interrupted(
    config: Config, identity: dict[str, Any]
) -> tuple[SweepFolder, SweepRecord] | None:
    """Return the unfinished sweep to resume."""
    wanted = config.sweep.resume
    if wanted is None:
        return None
    if wanted != AUTO:
        return _named(config, wanted, identity)
    on_other_data: SweepRecord | None = None
    for folder in sweep_folders():
        record = folder.record()
        if record is None or _without_data(record.identity) != _without_data(identity):
            continue
        if _status(config, record) in (None, "FINISHED"):  # seconds: MLflow is imported
            continue
        if record.identity == identity:
            return folder, record
        on_other_data = on_other_data or record
    if on_other_data is not None:
        say(
            f"warning: the unfinished sweep {on_other_data.run_id} trained on other data, so its "
            "points cannot be compared with new ones: a new sweep begins; with the same data as "
            "before, the same command continues the unfinished one"
        )
    return None


def _without_data(identity: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in identity.items() if name != "data"}


def _named(
    config: Config, wanted: str, identity: dict[str, Any]
) -> tuple[SweepFolder, SweepRecord]:
    """Return the unfinished sweep with a run's id."""
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
            "overrides and data, or sweep.resume=null to start a new sweep"
        )
    if status == "FINISHED":
        raise SpoonfulError(f"sweep.resume={wanted}: this sweep has finished")
    return folder, record


def _status(config: Config, record: SweepRecord) -> str | None:
    from spoonful.tracking.finding import run_status

    return run_status(config.tracking, record.run_id)
