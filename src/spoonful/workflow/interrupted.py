"""Find the interrupted run to resume, and lock it while it trains."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from spoonful.config.settings import differences
from spoonful.errors import SpoonfulError
from spoonful.files.checked_json import read_checked, write_checked
from spoonful.files.documents import unexpected
from spoonful.files.lock import Lock, locked, try_lock
from spoonful.fitting.checkpoints.folder import CheckpointFolder
from spoonful.project import checkpoints_dir, shown_path

AUTO = "auto"
_RECORD_NAME = "run.json"
_LOCK_NAME = "lock"
_REMOVED = ".removed-"

# The status of a run in MLflow; None: no such run.
StatusOf = Callable[[str], str | None]


@dataclass(frozen=True)
class _Record:
    run_id: str
    identity: dict[str, Any]


@dataclass(frozen=True)
class RunFolder:
    """The folder of an unfinished run: models/checkpoints/<run id>.

    Attributes:
        run_id: the run in MLflow.
        identity: what determines the bits of the run, by the names of the config keys.
        is_resumed: it was interrupted before.
    """

    run_id: str
    identity: dict[str, Any]
    is_resumed: bool

    @cached_property  # it remembers which checkpoints are damaged
    def checkpoints(self) -> CheckpointFolder:
        """The run's checkpoints."""
        return CheckpointFolder(_path(self.run_id))


def remove_run_folder(run_id: str) -> None:
    """Remove the folder of a run; if killed meanwhile, the rest is not taken for the run."""
    folder = _path(run_id)
    away = folder.with_name(f"{_REMOVED}{run_id}")
    with suppress(FileNotFoundError):
        folder.rename(away)
    for leftover in checkpoints_dir().glob(f"{_REMOVED}*"):
        shutil.rmtree(leftover, ignore_errors=True)


@contextmanager
def new_run_folder(run_id: str, identity: dict[str, Any]) -> Iterator[RunFolder]:
    """Keep a run findable while it trains, and after it was killed."""
    _path(run_id).mkdir(parents=True, exist_ok=True)
    with locked(_lock_of(run_id), f"run {run_id} is being trained"):
        write_checked(_path(run_id) / _RECORD_NAME, {"run_id": run_id, "identity": identity})
        yield RunFolder(run_id, identity, is_resumed=False)


@contextmanager
def interrupted_run(
    resume: str | None,
    identity: dict[str, Any],
    status_of: StatusOf,
    note: Callable[[str], object],
) -> Iterator[RunFolder | None]:
    """Yield the run to resume, locked against other processes; None: begin a new one.

    Args:
        resume: "auto", a run id, or None.
        identity: identity of the requested training.
        status_of: asks MLflow.
        note: called with why a candidate run is not resumed.

    Raises:
        SpoonfulError: the requested run cannot be resumed; names each field that differs.
    """
    if resume is None:
        yield None
    elif resume == AUTO:
        run_id, lock = _newest(identity, status_of, note)
        with lock or nullcontext():
            yield None if run_id is None else RunFolder(run_id, identity, is_resumed=True)
    else:
        _check(resume, identity, status_of)
        with locked(_lock_of(resume), f"trainer.resume={resume}: this run is being trained"):
            yield RunFolder(resume, identity, is_resumed=True)


def _newest(
    identity: dict[str, Any], status_of: StatusOf, note: Callable[[str], object]
) -> tuple[str | None, Lock | None]:
    """Return the newest interrupted run of this identity, and the lock on it."""
    for run_id in _run_ids():
        try:
            record = _record(run_id)
        except SpoonfulError as error:
            note(f"skipping an interrupted run: {error}")
            continue
        if record is None or _without_data(record) != _without_data(identity):
            continue
        lock = try_lock(_lock_of(run_id))
        if lock is None:
            continue  # another process trains it, or it has just finished
        # FINISHED: killed between the end of the run and the removal of its checkpoints. The last
        # one holds the whole training: nothing is trained again, and its model is restored.
        if status_of(run_id) is None:
            note(f"the interrupted run {run_id} is not in this MLflow store: starting a new run")
        elif different := differences(record, identity):
            note(
                f"the interrupted run {run_id} read other data ({different[0]}): starting a new run"
            )
        else:
            return run_id, lock
        lock.release()
    return None, None


def _check(run_id: str, identity: dict[str, Any], status_of: StatusOf) -> None:
    """Check that a run can be resumed; raise SpoonfulError."""
    asked = f"trainer.resume={run_id}"
    record = _record(run_id)
    status = status_of(run_id)
    if status is None:
        known = ", ".join(_run_ids()) or "none"
        raise SpoonfulError(
            f"{asked}: MLflow has no such run; expected auto, null or the id of an interrupted "
            f"run ({known})"
        )
    if status == "FINISHED" and record is None:
        raise SpoonfulError(f"{asked}: this run has finished, there is nothing to resume")
    if record is None:
        raise SpoonfulError(
            f"{asked}: {shown_path(_path(run_id))} holds no checkpoints of it; use "
            "trainer.resume=null to start a new run"
        )
    if different := differences(record, identity):
        raise SpoonfulError(
            f"{asked}: the run was trained otherwise: {', '.join(different)}; give the saved "
            "values and data, or trainer.resume=null to start a new run"
        )


def _record(run_id: str) -> dict[str, Any] | None:
    """Return the identity of an interrupted run; None: there is no record of it."""
    path = _path(run_id) / _RECORD_NAME
    if not path.exists():
        return None
    remake = f"remove {path.parent} to give this run up"
    identity = read_checked(path, _Record, remake).identity
    if not isinstance(identity.get("settings"), dict):
        raise unexpected(path, "a key identity.settings", "none", remake)
    return identity


def _without_data(identity: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in identity.items() if name != "fingerprint"}


def _run_ids() -> list[str]:
    """Return the runs that have a folder, newest first."""
    records = checkpoints_dir().glob(f"*/{_RECORD_NAME}")
    newest_first = sorted(records, key=_time, reverse=True)
    return [r.parent.name for r in newest_first if not r.parent.name.startswith(_REMOVED)]


def _time(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # finished meanwhile
        return 0.0


def _lock_of(run_id: str) -> Path:
    return _path(run_id) / _LOCK_NAME


def _path(run_id: str) -> Path:
    return checkpoints_dir() / run_id
