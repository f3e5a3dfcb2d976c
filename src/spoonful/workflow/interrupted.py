"""Find the interrupted run to resume, and lock it while it trains."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from spoonful.config.fields import AUTO
from spoonful.config.settings import differences
from spoonful.errors import SpoonfulError
from spoonful.files.checked_json import read_checked, write_checked
from spoonful.files.documents import unexpected
from spoonful.files.lock import Lock, locked, try_lock
from spoonful.fitting.checkpoints.folder import CheckpointFolder
from spoonful.project import checkpoints_dir, shown_path
from spoonful.workflow.changed_data import DataChange, layout_differences
from spoonful.workflow.shuffle_choice import ShuffleChoice, with_order_of

_RECORD_NAME = "run.json"
_LOCK_NAME = "lock"
_REMOVED = ".removed-"

# The status of a run in MLflow; None: no such run.
StatusOf = Callable[[str], str | None]


@dataclass(frozen=True)
class _Record:
    """The keys of run.json, of which earlier versions have the first two."""

    run_id: str
    identity: dict[str, Any]
    layout: dict[str, dict[str, Any]] = field(default_factory=dict)
    changes: list[DataChange] = field(default_factory=list)
    is_unreadable: bool = False
    choice: ShuffleChoice | None = None


@dataclass(frozen=True)
class Wanted:
    """The training that is asked for.

    Attributes:
        identity: what determines its bits, by the names of the config keys.
        layout: result of `layout_of` for train and val.
        accepts_changes: a run may continue although the contents of images have changed.
        choice: what was chosen here for generator.shuffle=auto; None: the config names an order.
    """

    identity: dict[str, Any]
    layout: dict[str, dict[str, Any]]
    accepts_changes: bool = False
    choice: ShuffleChoice | None = None

    def as_begun(self, record: "_Record") -> "Wanted":
        """Return it with the order that was chosen when a run began, if it asks for any."""
        if self.choice is None or record.choice is None:
            return self
        identity = with_order_of(self.identity, record.choice)
        return replace(self, identity=identity, choice=record.choice)


@dataclass(frozen=True)
class RunFolder:
    """The folder of an unfinished run: models/checkpoints/<run id>.

    Attributes:
        run_id: the run in MLflow.
        identity: what determines the bits of the run, by the names of the config keys.
        is_resumed: it was interrupted before.
        layout: of the data, as in `Wanted`.
        changes: where it continued with changed data before.
        left: the fingerprints of the data that it read until now, if they are others.
        choice: what was chosen for generator.shuffle=auto when it began, if that was asked for.
    """

    run_id: str
    identity: dict[str, Any]
    is_resumed: bool
    layout: dict[str, dict[str, Any]] = field(default_factory=dict)
    changes: list[DataChange] = field(default_factory=list)
    left: dict[str, str] | None = None
    choice: ShuffleChoice | None = None

    @cached_property  # it remembers which checkpoints are damaged
    def checkpoints(self) -> CheckpointFolder:
        """The run's checkpoints."""
        return CheckpointFolder(_path(self.run_id))

    def write(self, *, is_unreadable: bool = False) -> None:
        """Write its record; `is_unreadable`: it has ended at a batch that cannot be read."""
        content = {
            "run_id": self.run_id,
            "identity": self.identity,
            "layout": self.layout,
            "changes": [asdict(change) for change in self.changes],
            "is_unreadable": is_unreadable,
            "choice": None if self.choice is None else asdict(self.choice),
        }
        write_checked(_path(self.run_id) / _RECORD_NAME, content)


def remove_run_folder(run_id: str) -> None:
    """Remove the folder of a run; if killed meanwhile, the rest is not taken for the run."""
    folder = _path(run_id)
    away = folder.with_name(f"{_REMOVED}{run_id}")
    with suppress(FileNotFoundError):
        folder.rename(away)
    for leftover in checkpoints_dir().glob(f"{_REMOVED}*"):
        shutil.rmtree(leftover, ignore_errors=True)


@contextmanager
def new_run_folder(run_id: str, wanted: Wanted) -> Iterator[RunFolder]:
    """Keep a run findable while it trains, and after it was killed."""
    _path(run_id).mkdir(parents=True, exist_ok=True)
    with locked(_lock_of(run_id), f"run {run_id} is being trained"):
        folder = RunFolder(
            run_id, wanted.identity, is_resumed=False, layout=wanted.layout, choice=wanted.choice
        )
        folder.write()
        yield folder


@contextmanager
def interrupted_run(
    resume: str | None,
    wanted: Wanted,
    status_of: StatusOf,
    note: Callable[[str], object],
) -> Iterator[RunFolder | None]:
    """Yield the run to resume, locked against other processes; None: begin a new one.

    Args:
        resume: "auto", a run id, or None.
        wanted: the requested training.
        status_of: asks MLflow.
        note: called with why a candidate run is not resumed.

    Raises:
        SpoonfulError: the requested run cannot be resumed; names each field that differs.
    """
    if resume is None:
        yield None
    elif resume == AUTO:
        record, lock = _newest(wanted, status_of, note)
        with lock or nullcontext():
            yield None if record is None else _resumed(record, wanted)
    else:
        record = _checked(resume, wanted, status_of)
        with locked(_lock_of(resume), f"trainer.resume={resume}: this run is being trained"):
            yield _resumed(record, wanted)


def _resumed(record: _Record, wanted: Wanted) -> RunFolder:
    """Return the folder of a run that continues; where its data have changed, with the old ones."""
    wanted = wanted.as_begun(record)
    then, now = (identity.get("fingerprint") for identity in (record.identity, wanted.identity))
    return RunFolder(
        record.run_id,
        wanted.identity,
        is_resumed=True,
        layout=wanted.layout,
        changes=record.changes,
        left=None if then == now else then,
        choice=record.choice,
    )


def _newest(
    asked: Wanted, status_of: StatusOf, note: Callable[[str], object]
) -> tuple[_Record | None, Lock | None]:
    """Return the newest interrupted run of this identity, and the lock on it."""
    for run_id in _run_ids():
        try:
            record = _record(run_id)
        except SpoonfulError as error:
            note(f"skipping an interrupted run: {error}")
            continue
        if record is None:
            continue
        wanted = asked.as_begun(record)
        if _without_data(record.identity) != _without_data(wanted.identity):
            continue
        lock = try_lock(_lock_of(run_id))
        if lock is None:
            continue  # another process trains it, or it has just finished
        # FINISHED: killed between the end of the run and the removal of its checkpoints. The last
        # one holds the whole training: nothing is trained again, and its model is restored.
        if status_of(run_id) is None:
            note(f"the interrupted run {run_id} is not in this MLflow store: starting a new run")
        elif not (refused := _refusal(record, wanted)):
            return record, lock
        elif record.is_unreadable:
            lock.release()
            raise SpoonfulError(
                f"trainer.resume=auto: run {run_id} ended where its data could not be read, and "
                f"now they are others: {refused}"
            )
        else:
            first = differences(record.identity, wanted.identity)[0]
            note(f"the interrupted run {run_id} read other data ({first}): starting a new run")
        lock.release()
    return None, None


def _checked(run_id: str, wanted: Wanted, status_of: StatusOf) -> _Record:
    """Return the record of a run that can be resumed; raise SpoonfulError."""
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
    wanted = wanted.as_begun(record)
    if different := differences(record.identity, wanted.identity):
        if _without_data(record.identity) != _without_data(wanted.identity):
            give = "give the saved values and data, or trainer.resume=null to start a new run"
            words = f"{', '.join(different)}; {give}"
        else:
            words = _refusal(record, wanted)
        if words:
            raise SpoonfulError(f"{asked}: the run was trained otherwise: {words}")
    return record


def _record(run_id: str) -> _Record | None:
    """Return the record of an interrupted run; None: there is none."""
    path = _path(run_id) / _RECORD_NAME
    if not path.exists():
        return None
    remake = f"remove {path.parent} to give this run up"
    record = read_checked(path, _Record, remake)
    if not isinstance(record.identity.get("settings"), dict):
        raise unexpected(path, "a key identity.settings", "none", remake)
    return record


def _refusal(record: _Record, wanted: Wanted) -> str:
    """Return why a run does not continue with the present data; empty: it does.

    The configs are the same.
    """
    changed = differences(record.identity, wanted.identity)
    if not changed:
        return ""
    more = layout_differences(record.layout, wanted.layout)
    if more:
        return (
            f"{', '.join(changed)}; more than the contents of images has changed "
            f"({', '.join(more)}), so that its steps would be others; give the saved data, or "
            "trainer.resume=null to start a new run"
        )
    if wanted.accepts_changes:
        return ""
    return (
        f"{', '.join(changed)}; trainer.accept_changed_data=true continues with the present data, "
        "and records it; give the saved data, or trainer.resume=null to start a new run"
    )


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
