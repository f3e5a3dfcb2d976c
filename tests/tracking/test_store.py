"""The embedded store is created once and whole."""

import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mlflow.tracking import MlflowClient
from sqlalchemy import make_url

from spoonful.config.compose import compose_config
from spoonful.errors import SpoonfulError
from spoonful.project import project_root
from spoonful.record.tags import TRAIN_KEY_TAG
from spoonful.tracking import store
from spoonful.tracking.added import added_to_maker
from spoonful.tracking.beginning import experiment_id
from spoonful.tracking.finding import find_run
from spoonful.tracking.run import tracked_run
from spoonful.tracking.store import (
    artifact_location,
    open_store,
    prepare_store,
    sqlite_uri,
    tracking_uri,
)
from spoonful.tracking.sync import settle

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


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often the parts of opening a store were called."""
    found: Counter[str] = Counter()

    def counted(module: Any, name: str) -> None:
        function = getattr(module, name)

        def call(*arguments: Any, **named: Any) -> Any:
            found[name] += 1
            return function(*arguments, **named)

        monkeypatch.setattr(module, name, call)

    for name in ("check_database", "follow_project"):
        counted(store, name)
    counted(MlflowClient, "__init__")
    return found


@pytest.mark.usefixtures("in_project")
def test_a_command_opens_the_store_once(calls: Counter[str]) -> None:
    config = compose_config([]).tracking
    config = replace(config, system_metrics_interval_s=600)
    prepare_store(config, is_to_be_written=True)
    settle(config, print)
    with tracked_run(config, "run", {TRAIN_KEY_TAG: "key"}, "") as run:
        run.log_metrics({"loss": 1.0}, step=1)
    assert find_run(config, "key") == run.run_id
    with added_to_maker(config, "key") as added:
        assert added is not None
        added.log_metrics({"test_loss": 1.0})
    assert calls == {"check_database": 1, "follow_project": 1, "__init__": 1}


@pytest.mark.usefixtures("in_project")
def test_a_store_that_was_only_read_is_checked_before_it_is_written(calls: Counter[str]) -> None:
    config = compose_config([]).tracking
    client = open_store(config)
    assert open_store(config, is_to_be_written=True) is client
    open_store(config, is_to_be_written=True)
    open_store(config)
    assert calls == {"check_database": 2, "follow_project": 1, "__init__": 1}


@pytest.mark.usefixtures("in_project")
def test_another_file_at_the_place_of_a_store_is_checked(project: Path) -> None:
    config = compose_config([]).tracking
    prepare_store(config)
    (project / "other").write_text("no database " * 100)
    (project / "other").replace(project / "mlflow.db")
    with pytest.raises(SpoonfulError, match="the store of runs is damaged"):
        prepare_store(config)
    (project / "mlflow.db").unlink()
    prepare_store(config)  # made again
    assert (project / "mlflow.db").is_file()
