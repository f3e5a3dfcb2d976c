"""Projects in which DVC runs the pipeline, as a user's clone."""

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from tests.forked_commands import commands_folder
from tests.processes import command_environment

CHECKOUT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 400


def sh(folder: Path, *command: str) -> str:
    """Run a command in a project and return all it printed; fail with it when it fails.

    `spoonful` is a fork there, see tests/forked_commands.py.
    """
    environment = command_environment()
    environment["PATH"] = f"{commands_folder()}{os.pathsep}{environment['PATH']}"
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(command)} exited with {done.returncode}\n{done.stdout}"
    return done.stdout


def new_project(folder: Path, *sweeps: str) -> Path:
    """Copy the checkout's files, shorten the training, and commit, as in a fresh clone."""
    listed = sh(CHECKOUT, "git", "ls-files", "-co", "--exclude-standard", "-z")
    for name in filter(None, listed.split("\0")):
        if (CHECKOUT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(CHECKOUT / name, folder / name)
    params = (folder / "params.yaml").read_text()
    start = params.index("train:")
    short = params[start:].replace('overrides: ""', 'overrides: "model=mlp trainer.epochs=2"')
    short = short.replace("trainer.epochs=5", "trainer.epochs=1")
    short = short.replace("[32, 256]", "[32]").replace("[none, full]", "[full]")
    short = short.replace("names: []", f"names: [{', '.join(sweeps)}]")
    (folder / "params.yaml").write_text(params[:start] + short)
    sh(folder, "git", "init", "-q")
    sh(folder, "git", "config", "user.email", "test@example.org")
    sh(folder, "git", "config", "user.name", "test")
    sh(folder, "git", "add", "-A")
    sh(folder, "git", "commit", "-qm", "start")
    return folder


def copy_of(first: Path, tmp_path: Path) -> Path:
    """Copy a project without its runs: MLflow keeps absolute paths to their artifacts."""
    folder = tmp_path / "copy"
    ignored = shutil.ignore_patterns("mlruns", "mlflow.db")
    shutil.copytree(first, folder, symlinks=True, ignore=ignored)
    return folder


def stages_run(output: str) -> list[str]:
    return [line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage")]


def runs_of(folder: Path) -> list[Run]:
    client = MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    return list(client.search_runs([e.experiment_id for e in client.search_experiments()]))


def imported(path: Path) -> Any:
    """Import a script of the checkout as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def parents(runs: list[Run]) -> list[Run]:
    """Return the runs that are sweeps."""
    return [run for run in runs if "sweep.num_points" in run.data.tags]


def children(runs: list[Run]) -> list[Run]:
    """Return the runs that are points of a sweep."""
    return [run for run in runs if "mlflow.parentRunId" in run.data.tags]
