"""A store that cannot be used is one clear line; one that was moved follows its project."""

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from spoonful.config.compose import compose_config
from spoonful.config.schema import TrackingConfig
from spoonful.errors import SpoonfulError
from spoonful.project import project_root
from spoonful.tracking.beginning import experiment_id
from spoonful.tracking.finding import find_run
from spoonful.tracking.store import prepare_store


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a store without runs: making its tables takes seconds."""
    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    prepare_store(TrackingConfig(f"sqlite:///{path}", "digits", None, {}, 5, 60, 5000))
    MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def store(project: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> TrackingConfig:
    """The project's own store."""
    monkeypatch.chdir(project)
    shutil.copy(empty_store, project / "mlflow.db")
    (project / "mlruns").mkdir()
    return compose_config([]).tracking


def replace_by_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def make_newer(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (replace_by_a_folder, "found a folder"),
        (cut, "is damaged"),
        (lambda path: path.write_bytes(b"no database " * 1000), "is damaged"),
        (make_newer, "another version of MLflow"),
    ],
)
def test_a_store_that_cannot_be_read_is_one_line(
    store: TrackingConfig, project: Path, damage: Callable[[Path], object], words: str
) -> None:
    damage(project / "mlflow.db")
    with pytest.raises(SpoonfulError, match=words) as caught:
        find_run(store, "key")
    assert "\n" not in str(caught.value)
    assert "mlflow.db" in str(caught.value) or "tracking.uri" in str(caught.value)


def test_a_store_that_another_process_holds_is_one_line(
    store: TrackingConfig, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spoonful.tracking.database._LOCK_LIMIT_S", 0.2)
    holder = sqlite3.connect(project / "mlflow.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(SpoonfulError, match="locked for 0"):
        prepare_store(store, is_to_be_written=True)
    holder.close()
    prepare_store(store, is_to_be_written=True)


WRITE = """
from spoonful.config.compose import compose_config
from spoonful.errors import SpoonfulError
from spoonful.tracking.store import prepare_store
try:
    prepare_store(compose_config([]).tracking, is_to_be_written=True)
except SpoonfulError as error:
    print(error)
"""


@pytest.mark.skipif(
    os.getuid() != 0 or shutil.which("setpriv") is None, reason="becomes another user as root"
)
@pytest.mark.parametrize("what", ["mlflow.db", ".", "mlruns"])
def test_a_store_without_rights_is_one_line(
    store: TrackingConfig, project: Path, what: str
) -> None:
    command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", sys.executable]
    with tempfile.TemporaryDirectory() as outside:  # pytest's own folders are closed to others
        Path(outside).chmod(0o755)
        open_to_all = Path(shutil.copytree(project, Path(outside) / "project"))
        for path in (open_to_all, *open_to_all.rglob("*")):
            path.chmod(0o777 if path.is_dir() else 0o666)
        closed = open_to_all / what
        closed.chmod(0o555 if closed.is_dir() else 0o444)
        done = subprocess.run(
            [*command, "-c", WRITE], cwd=open_to_all, capture_output=True, text=True, timeout=120
        )
    assert "cannot be written (Permission denied)" in done.stdout, done.stderr
    assert len(done.stdout.splitlines()) == 1


@pytest.mark.parametrize("is_copied", [False, True])
def test_a_project_that_was_moved_keeps_its_artifacts(
    store: TrackingConfig,
    project: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    is_copied: bool,
) -> None:
    client = MlflowClient(prepare_store(store))
    run_id = client.create_run(experiment_id(store, client)).info.run_id
    # By hand: MLflow remembers in this process where it wrote.
    kept = project / "mlruns" / "digits" / run_id / "artifacts" / "kept.txt"
    kept.parent.mkdir(parents=True)
    kept.write_text("kept")
    # Blanks, letters and percent signs are written otherwise in an address.
    place = tmp_path / "else where ö 100%" / "project"
    place.parent.mkdir()
    (shutil.copytree if is_copied else shutil.move)(project, place)
    monkeypatch.chdir(place)
    project_root.cache_clear()
    client = MlflowClient(prepare_store(compose_config([]).tracking))
    (run,) = client.search_runs([client.get_experiment_by_name("digits").experiment_id])
    assert run.info.artifact_uri.startswith((place / "mlruns" / "digits").as_uri())
    read = client.download_artifacts(run.info.run_id, "kept.txt", str(tmp_path))
    assert Path(read).read_text() == "kept"
    client.log_text(run.info.run_id, "new", "new.txt")
    assert list(place.rglob("new.txt"))
    assert not list(project.rglob("new.txt"))


def test_artifacts_that_lie_where_the_user_chose_stay_there(
    store: TrackingConfig, project: Path, tmp_path: Path
) -> None:
    client = MlflowClient(prepare_store(store))
    chosen = (tmp_path / "chosen").as_uri()
    experiment = client.create_experiment("own", artifact_location=chosen)
    prepare_store(store)
    assert client.get_experiment(experiment).artifact_location == chosen
