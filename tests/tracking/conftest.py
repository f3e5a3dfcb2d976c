"""A store that is made once: MLflow takes seconds to make one."""

import shutil
from pathlib import Path

import pytest

from spoonful.tracking.store import _create_database


@pytest.fixture(scope="session")
def made_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty store."""
    path = tmp_path_factory.mktemp("made") / "mlflow.db"
    _create_database(path)
    return path


@pytest.fixture
def in_project(project: Path, made_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test runs in a project of its own, whose store is there."""
    shutil.copy(made_store, project / "mlflow.db")
    monkeypatch.chdir(project)
