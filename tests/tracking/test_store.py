"""The embedded store is created once and whole."""

import shutil
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient
from sqlalchemy import make_url

from spoonful.config.compose import compose_config
from spoonful.errors import SpoonfulError
from spoonful.project import project_root
from spoonful.tracking.beginning import experiment_id
from spoonful.tracking.store import artifact_location, prepare_store, sqlite_uri, tracking_uri

CHECKOUT = Path(__file__).resolve().parents[2]
PREPARE = """
from spoonful.config.compose import compose_config
from spoonful.tracking.store import prepare_store
prepare_store(compose_config([]).tracking)
"""


@pytest.mark.slow
def test_four_processes_on_a_missing_store_make_one(project: Path) -> None:
    command = [sys.executable, "-c", PREPARE]
    processes = [subprocess.Popen(command, cwd=project) for _ in range(4)]
    assert [process.wait(timeout=240) for process in processes] == [0, 0, 0, 0]
    with sqlite3.connect(project / "mlflow.db") as database:
        tables = {row[0] for row in database.execute("select name from sqlite_master")}
    assert {"experiments", "runs", "metrics", "alembic_version"} <= tables
    leftovers = [p.name for p in project.iterdir() if p.name.endswith((".tmp.db", "-journal"))]
    assert leftovers == []


def test_the_store_lies_in_the_project(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project / "conf")
    config = compose_config([]).tracking
    assert make_url(tracking_uri(config)).database == str(project / "mlflow.db")
    assert artifact_location(config, "a/b") == (project / "mlruns" / "a_b").as_uri()


def test_a_server_keeps_its_own_artifacts() -> None:
    config = compose_config(["tracking.uri=http://127.0.0.1:9"]).tracking
    assert artifact_location(config, "digits") is None


@pytest.mark.parametrize("uri", ["file:///somewhere", "nonsense", "http://127.0.0.1:9"])
def test_a_store_that_cannot_be_used_is_named(uri: str) -> None:
    config = compose_config([f"tracking.uri={uri}"]).tracking
    with pytest.raises(SpoonfulError, match=r"tracking\.uri=") as caught:
        prepare_store(config)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["ö '\"[=,$#{: x.db", "a%41b?c.db"])
def test_a_store_that_the_user_names_is_checked_at_any_path(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("no database " * 100)
    config = replace(compose_config([]).tracking, uri=sqlite_uri(tmp_path / name))
    with pytest.raises(SpoonfulError, match="the store of runs is damaged") as caught:
        prepare_store(config)
    assert str(caught.value).startswith(f"{tmp_path / name}: ")


@pytest.mark.parametrize("name", ["ö '\"[=,$#{: x", "a%41b?c"])
def test_a_store_lies_in_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    shutil.copytree(CHECKOUT / "conf", tmp_path / name / "conf")
    shutil.copy(CHECKOUT / "dvc.yaml", tmp_path / name)
    monkeypatch.chdir(tmp_path / name)
    project_root.cache_clear()
    config = compose_config([]).tracking
    client = MlflowClient(prepare_store(config))
    run_id = client.create_run(experiment_id(config, client)).info.run_id
    client.log_text(run_id, "kept", "a.txt")
    assert (tmp_path / name / "mlflow.db").is_file()
    (kept,) = (tmp_path / name / "mlruns").rglob("a.txt")
    assert kept.read_text() == "kept"
