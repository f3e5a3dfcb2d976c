"""Projects with data, made once for all tests of the stages."""

import shutil
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from tests.conftest import made_once
from tests.processes import ForkedSpoonful, StartedSpoonful, command_environment, run_spoonful

CHECKOUT = Path(__file__).resolve().parents[2]
LIMIT_S = 240


class Processes:
    """`spoonful` in a project: started, watched, ended by signals.

    Args:
        project: the folder.
    """

    def __init__(self, project: Path) -> None:
        self._project = project

    def start(self, *arguments: str) -> ForkedSpoonful:
        return ForkedSpoonful(arguments, self._project, command_environment())

    def start_command(self, *arguments: str, mark: str = "") -> StartedSpoonful:
        """Start a whole command, where the way the interpreter ends is what is tested.

        `mark` is the variable MARK in its environment and that of all processes that it starts.
        """
        return StartedSpoonful(arguments, self._project, {**command_environment(), "MARK": mark})

    def wait_for(
        self,
        condition: Callable[[], object],
        process: ForkedSpoonful | StartedSpoonful,
        what: str,
    ) -> bool:
        """Wait for a condition; False: the process ended before."""
        end = time.monotonic() + LIMIT_S
        while not condition():
            if process.poll() is not None:
                return False
            if time.monotonic() > end:
                pytest.fail(f"no {what} within {LIMIT_S} s\n{self._state(process)}")
            time.sleep(0.01)
        return True

    def _state(self, process: ForkedSpoonful | StartedSpoonful) -> str:
        """Describe what a process has said and left in the project: why does it hang?"""
        folders = [self._project / "models" / name for name in ("checkpoints", "sweeps")]
        files = [path for folder in folders for path in sorted(folder.rglob("*"))]
        named = [f"{path}: {path.stat().st_size}" for path in files if path.is_file()]
        output, errors = process.read()
        return "\n".join([*named, output[-5000:], errors[-5000:]])

    def checkpoint_steps(self) -> list[int]:
        found = (self._project / "models" / "checkpoints").glob("*/step-*")
        return sorted(int(path.name.removeprefix("step-")) for path in found)

    def have_moved(self, before: list[int]) -> bool:
        """Say whether there are other checkpoints than before."""
        return self.checkpoint_steps() != before

    def interrupted_by(self, number: int, *overrides: str) -> tuple[int, str, str]:
        """Start training, send a signal at its first checkpoint; return code, output, errors."""
        before = self.checkpoint_steps()
        process = self.start("train", *overrides)
        try:
            assert self.wait_for(partial(self.have_moved, before), process, "checkpoint")
            process.send_signal(number)
            output, errors = process.communicate(timeout=60)
        finally:
            process.kill()
        return process.wait(), output, errors

    def runs(self) -> list[Run]:
        """Return the runs of the project, the newest first."""
        client = MlflowClient(f"sqlite:///{self._project / 'mlflow.db'}")
        return list(client.search_runs([e.experiment_id for e in client.search_experiments()]))


@pytest.fixture
def spoonful(project: Path) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """`spoonful(*arguments)` in the empty project; what trains is a fork."""
    return partial(run_spoonful, project)


@pytest.fixture(scope="session")
def digits_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder data/ with the digits, split and packed."""

    def make(folder: Path) -> None:
        shutil.copytree(CHECKOUT / "conf", folder / "conf")
        shutil.copy(CHECKOUT / "dvc.yaml", folder)
        for stage in ("fetch", "split", "pack"):
            done = run_spoonful(folder, stage)
            assert done.returncode == 0, done.stderr

    return made_once(tmp_path_factory, "digits", make) / "data"


@pytest.fixture
def digits(project: Path, digits_data: Path, empty_store: Path) -> Path:
    """A project with the digits, split and packed, and an empty store."""
    shutil.copytree(digits_data, project / "data")
    shutil.copy(empty_store, project)
    return project


@pytest.fixture
def processes(digits: Path) -> Processes:
    """`spoonful` in the project with the digits."""
    return Processes(digits)
