"""Runs that a process records into, each noted in a file that the process locks.

A killed process cannot mark the run that it began, nor remove an artifact that it copied in part.
The file stays, its lock does not, and the next command finds this. The file exists before the run,
with a token that the run gets as a tag: MLflow chooses the run's id, and a process may be killed
before it knows the id.
"""

import contextlib
import os
import socket
import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import psutil
from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from spoonful.config.schema import TrackingConfig
from spoonful.errors import SpoonfulError
from spoonful.files.checked_json import read_checked, write_checked
from spoonful.files.lock import Lock, try_lock, try_lock_content
from spoonful.files.unfinished import remove_leftovers, unfinished_folder
from spoonful.project import open_runs_dir
from spoonful.record.tags import TOKEN_TAG
from spoonful.tracking.finding import all_experiments
from spoonful.tracking.mlflow_private import half_copied
from spoonful.tracking.store import is_server, named_address

_REMAKE = "remove it, and set the run's status in MLflow"
_CLOCK_S = 2.0  # the start of the same process may differ after the clock was set


@dataclass(frozen=True)
class _Noted:
    """What is noted about a run; `is_added_to`: it was finished, and its status is kept."""

    run_id: str | None
    store: str
    host: str
    pid: int
    started_s: float
    experiment: str | None = None
    is_added_to: bool = False


@dataclass
class OpenRun:
    """One run of this process.

    Attributes:
        token: the run's tag.
    """

    token: str
    _lock: Lock

    def close(self) -> None:
        """Record that the run has ended with the correct status."""
        _remove(open_runs_dir() / f"{self.token}.json")
        self._lock.release()


def open_run(
    config: TrackingConfig,
    experiment: str | None = None,
    run_id: str | None = None,
    is_added_to: bool = False,
) -> OpenRun:
    """Note a run before it begins, or before anything is added to it.

    Args:
        config: where it is recorded.
        experiment: id of its experiment; None: not known.
        run_id: its id; None: not known yet.
        is_added_to: its status does not change, whatever happens to this process.
    """
    token = uuid.uuid4().hex
    folder = open_runs_dir()
    folder.mkdir(parents=True, exist_ok=True)
    lock = try_lock(folder / f"{token}.lock")
    if lock is None:
        raise RuntimeError(f"{folder}: the new token {token} is held by another process")
    noted = _Noted(
        run_id,
        named_address(config),
        host=socket.gethostname(),
        pid=os.getpid(),
        started_s=psutil.Process().create_time(),
        experiment=experiment,
        is_added_to=is_added_to,
    )
    write_checked(folder / f"{token}.json", asdict(noted))
    return OpenRun(token, lock)


def mark_dead_runs(
    config: TrackingConfig, client: MlflowClient, say: Callable[[str], object]
) -> None:
    """Mark the runs KILLED whose processes on this machine are dead.

    Args:
        config: where they are recorded.
        client: client of that store.
        say: called with each that is marked, or cannot be because its note is damaged.
    """
    remove_leftovers(_artifacts())
    for path in sorted(open_runs_dir().glob("*.json")):
        try:
            lock = try_lock_content(path.with_suffix(".lock"))
        except OSError:  # of another user
            continue
        if lock is None:  # its process lives, or it has just ended
            continue
        with lock:
            noted = _of_the_dead(path, config, say)
            if noted is None:
                continue
            run = _run_of(client, path.stem, noted)
            if run is not None and not noted.is_added_to and run.info.status == "RUNNING":
                client.set_terminated(run.info.run_id, "KILLED")
                say(f"run {run.info.run_id} was killed: it is marked so")
            if run is not None and not is_server(config):
                _remove_half_copied(run)
            _remove(path)


@contextlib.contextmanager
def artifact_folder() -> Iterator[Path]:
    """Yield a folder for artifacts on their way into the store, removed at the end.

    It is in the project: leftovers of a killed process in the system's folder are never removed.
    """
    open_runs_dir().mkdir(parents=True, exist_ok=True)
    with unfinished_folder(_artifacts()) as folder:
        yield folder


def _artifacts() -> Path:
    return open_runs_dir() / "artifacts"


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.with_suffix(".lock").unlink(missing_ok=True)


def has_left_runs() -> bool:
    """Return whether any run is noted, alive or dead."""
    return any(open_runs_dir().glob("*.json"))


def _of_the_dead(path: Path, config: TrackingConfig, say: Callable[[str], object]) -> _Noted | None:
    """Return the note of a run; None: it is not to be marked here."""
    if not path.exists():
        return None
    try:
        noted = read_checked(path, _Noted, _REMAKE)
    except SpoonfulError as error:
        say(f"a run that has ended may still be marked RUNNING: {error}")
        return None
    return noted if noted.store == named_address(config) and _is_dead(noted) else None


def run_of_token(client: MlflowClient, token: str, experiment: str | None) -> Run | None:
    """Return the run with a token; None: there is none.

    Args:
        client: client of the store.
        token: the run's token.
        experiment: the run's experiment; None: any.
    """
    experiments = [experiment] if experiment else all_experiments(client)
    found = client.search_runs(experiments, f"tags.`{TOKEN_TAG}` = '{token}'")
    return found[0] if found else None


def _run_of(client: MlflowClient, token: str, noted: _Noted) -> Run | None:
    if noted.run_id is None:
        return run_of_token(client, token, noted.experiment)
    try:
        return client.get_run(noted.run_id)
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":  # deleted since
            return None
        raise


def _remove_half_copied(run: Run) -> None:
    """Remove the partial copy of an artifact that MLflow left when its process was killed."""
    place = urlsplit(run.info.artifact_uri)
    folder = url2pathname(place.path) if place.scheme == "file" else run.info.artifact_uri
    for path in half_copied(Path(folder)):
        path.unlink(missing_ok=True)


def _is_dead(noted: _Noted) -> bool:
    """Return whether a process is known to be dead: it ran on this machine and is gone."""
    if noted.host != socket.gethostname():
        return False
    try:
        started_s: float = psutil.Process(noted.pid).create_time()
        return abs(started_s - noted.started_s) > _CLOCK_S
    except psutil.NoSuchProcess:
        return True
    except (psutil.Error, OverflowError):
        return False
