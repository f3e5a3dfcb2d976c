"""A project of its own for each test: the same conf/, empty data, store and pipeline."""

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from spoonful.project import project_root
from spoonful.quiet import ONEDNN
from tests.processes import LIMIT_S, run_command

# Read when MLflow is imported; its telemetry looks up an outside host.
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
# As the stages have it: tests compare the bits of their own process with those of a stage.
os.environ.setdefault(ONEDNN, "1")

# Ignored in a shell's background and under nohup, and each process that a test starts and
# interrupts would inherit it.
for _number, _usual in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGHUP, signal.SIG_DFL),
):
    if signal.getsignal(_number) == signal.SIG_IGN:
        signal.signal(_number, _usual)

CHECKOUT = Path(__file__).resolve().parents[1]
# A user's folder may be called so, and Hydra, SQLAlchemy, DVC and shells each read some of it.
ANY_NAME = "ö '\"[=,$#: x"

Spoonful = Callable[..., "subprocess.CompletedProcess[str]"]


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """Make a folder of this name once for all workers of pytest-xdist; none may change it."""
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    with FileLock(folder.with_suffix(".lock"), timeout=LIMIT_S):
        if not folder.is_dir():
            made = folder.with_suffix(".made")
            made.mkdir()
            make(made)
            made.rename(folder)
    return folder


@pytest.fixture(autouse=True)
def no_store_from_the_environment() -> Iterator[None]:
    """mlflow.set_tracking_uri leaves it to all that comes after, fixtures of a module included."""
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    yield
    os.environ.pop("MLFLOW_TRACKING_URI", None)


@pytest.fixture(autouse=True)
def fresh_project_root() -> Iterator[None]:
    project_root.cache_clear()
    yield
    project_root.cache_clear()


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """mlflow.db as the first command leaves it: making one takes as long as a short training."""
    from spoonful.tracking.store import _create_database

    def make(folder: Path) -> None:
        _create_database(folder / "mlflow.db")

    return made_once(tmp_path_factory, "empty_store", make) / "mlflow.db"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """An empty project in a folder of any name: conf/ and dvc.yaml, no data, no runs."""
    folder = tmp_path / ANY_NAME
    folder.mkdir()
    shutil.copytree(CHECKOUT / "conf", folder / "conf")
    for name in ("dvc.yaml", "params.yaml", "requirements.lock"):
        shutil.copy(CHECKOUT / name, folder / name)
    return folder


@pytest.fixture
def spoonful(project: Path) -> Spoonful:
    """`spoonful(*arguments)` in the empty project."""

    def run(
        *arguments: str, environment: dict[str, str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        return run_command(project, *arguments, environment=environment)

    return run
