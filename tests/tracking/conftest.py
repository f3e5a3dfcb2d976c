"""A project with an empty store: MLflow takes seconds to make one."""

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def in_project(project: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test runs in a project of its own, whose store is there."""
    shutil.copy(empty_store, project / "mlflow.db")
    monkeypatch.chdir(project)
