"""Projects with data, made once for all tests of the stages."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def digits_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder data/ with the digits, split and packed."""
    folder = tmp_path_factory.mktemp("digits")
    shutil.copytree(CHECKOUT / "conf", folder / "conf")
    shutil.copy(CHECKOUT / "dvc.yaml", folder)
    for stage in ("fetch", "split", "pack"):
        command = [sys.executable, "-m", "spoonful", stage]
        subprocess.run(command, cwd=folder, timeout=120, check=True)
    return folder / "data"


@pytest.fixture
def digits(project: Path, digits_data: Path) -> Path:
    """A project with the digits, split and packed."""
    shutil.copytree(digits_data, project / "data")
    return project
