"""Runs that a process records into, each noted in a file that the process holds.

Killed, a process cannot mark the run that it began, nor remove the artifact that it half copied.
The file stays, its lock does not, and the next command finds both. It is there before the run is,
with a token that the run gets as a tag: MLflow chooses the run's id, and a process may be killed
before it knows it.
"""

import contextlib
import fcntl
import json
import os
import socket
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import psutil
from mlflow.entities import Run, RunStatus
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from mlflow.utils.file_utils import local_file_uri_to_path

from spoonful.config.schema import TrackingConfig
from spoonful.files import write_json
from spoonful.project import open_runs_dir
from spoonful.tracking.store import is_server, named_address

TOKEN_TAG = "begun_as"
_CLOCK_S = 2.0  # the same process' start may be told otherwise after the clock was set
_COPIED_TO = ".artifact.uploading."  # as mlflow.store.artifact.local_artifact_repo names it
_RUNNING = RunStatus.to_string(RunStatus.RUNNING)
_KILLED = RunStatus.to_string(RunStatus.KILLED)


@dataclass
class OpenRun:
    """One run of this process.

    Attributes:
        token: which the run has as a tag.
    """

    token: str
    _lock: IO[str]

    @property
    def _path(self) -> Path:
        return open_runs_dir() / f"{self.token}.json"

    def close(self) -> None:
        """Note that the run has ended with its right status."""
        self._path.unlink(missing_ok=True)
        self._path.with_suffix(".lock").unlink(missing_ok=True)
        self._lock.close()


def open_run(config: TrackingConfig, experiment: str, run_id: str | None = None) -> OpenRun:
    """Note a run before it begins.

    Args:
        config: where it is recorded.
        experiment: id of its experiment.
        run_id: None: it is not known yet.
    """
    return _noted(config, {"experiment": experiment, "run_id": run_id})


def added_run(config: TrackingConfig, run_id: str) -> OpenRun:
    """Note a run, perhaps of another process, before anything is added to it.

    Args:
        config: where it is recorded.
        run_id: its id; its status is not changed by whatever happens to this process.
    """
    return _noted(config, {"run_id": run_id, "is_added_to": True})


def _noted(config: TrackingConfig, about: dict[str, Any]) -> OpenRun:
    token = uuid.uuid4().hex
    folder = open_runs_dir()
    folder.mkdir(parents=True, exist_ok=True)
    lock = (folder / f"{token}.lock").open("a")
    fcntl.flock(lock, fcntl.LOCK_EX)
    facts = {**about, "store": named_address(config), **_this_process()}
    write_json(folder / f"{token}.json", facts)
    return OpenRun(token, lock)


def mark_dead_runs(config: TrackingConfig, client: MlflowClient) -> list[str]:
    """Mark the runs KILLED whose processes on this machine are dead; return their ids."""
    marked = []
    for path in sorted(open_runs_dir().glob("*.json")):
        with _left_by_the_dead(path, config) as facts:
            if facts is None:
                continue
            run = _run_of(client, path.stem, facts)
            is_own = "is_added_to" not in facts
            if run is not None and is_own and run.info.status == _RUNNING:
                client.set_terminated(run.info.run_id, _KILLED)
                marked.append(run.info.run_id)
            if run is not None and not is_server(config):
                _remove_half_copied(run)
            path.unlink(missing_ok=True)
            path.with_suffix(".lock").unlink(missing_ok=True)
    return marked


def has_left_runs() -> bool:
    """Say whether any run is noted, alive or dead."""
    return any(open_runs_dir().glob("*.json"))


@contextlib.contextmanager
def _left_by_the_dead(path: Path, config: TrackingConfig) -> Iterator[dict[str, Any] | None]:
    """Give what is noted of a run, held against other commands; None: it is not ours to mark."""
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        lock = path.with_suffix(".lock").open("r+")
    except (OSError, ValueError):  # it has just ended
        yield None
        return
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # its process lives
            yield None
            return
        is_ours = facts.get("store") == named_address(config)
        yield facts if is_ours and _is_dead(facts) else None


def _run_of(client: MlflowClient, token: str, facts: dict[str, Any]) -> Run | None:
    if facts["run_id"] is None:
        found = client.search_runs([facts["experiment"]], f"tags.`{TOKEN_TAG}` = '{token}'")
        return found[0] if found else None
    try:
        return client.get_run(facts["run_id"])
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":  # deleted since
            return None
        raise


def _remove_half_copied(run: Run) -> None:
    """Remove what MLflow copied an artifact to when its process was killed, before the rename."""
    folder = Path(local_file_uri_to_path(run.info.artifact_uri))
    for path in folder.rglob(f"{_COPIED_TO}*"):
        path.unlink(missing_ok=True)


def _this_process() -> dict[str, Any]:
    started_s = psutil.Process().create_time()
    return {"host": socket.gethostname(), "pid": os.getpid(), "started_s": started_s}


def _is_dead(facts: dict[str, Any]) -> bool:
    """Say whether a process is known to be dead: it was on this machine and is not there."""
    if facts.get("host") != socket.gethostname():
        return False
    try:
        started_s: float = psutil.Process(facts["pid"]).create_time()
        return abs(started_s - float(facts["started_s"])) > _CLOCK_S
    except psutil.NoSuchProcess:
        return True
    except (psutil.Error, KeyError, TypeError):
        return False
