"""The project that is trained in: a folder of its own, with digits."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from cases import EXPERIMENT

CHECKOUT = Path(__file__).resolve().parents[2]
_PARTS = ("conf", "dvc.yaml", "params.yaml", "requirements.lock")
SPOONFUL = (sys.executable, "-m", "spoonful")


@dataclass(frozen=True)
class Scratch:
    """A project's folder.

    Args:
        root: outside git; made anew by `make`.
    """

    root: Path

    def make(self, *overrides: str) -> None:
        """Make the project and its data, with nothing trained yet."""
        shutil.rmtree(self.root, ignore_errors=True)
        self.root.mkdir(parents=True)
        for name in _PARTS:
            part = CHECKOUT / name
            if part.is_dir():
                shutil.copytree(part, self.root / name)
            else:
                shutil.copy(part, self.root / name)
        for stage in ("fetch", "split", "pack"):
            command = [*SPOONFUL, stage, *(overrides or (EXPERIMENT,))]
            subprocess.run(command, cwd=self.root, check=True, stdout=subprocess.DEVNULL)

    @property
    def checkpoints(self) -> Path:
        """Where runs that have not finished keep their checkpoints, a folder a run."""
        return self.root / "models" / "checkpoints"

    @property
    def trained(self) -> Path:
        """Where a training leaves its model."""
        return self.root / "models" / "train"

    @property
    def store(self) -> str:
        """The URI of the MLflow store."""
        return f"sqlite:///{self.root / 'mlflow.db'}"
