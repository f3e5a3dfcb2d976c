"""A small project whose files are damaged: every stage has run in it, by its own command."""

import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from spoonful.files.checked_json import write_checked
from spoonful.fitting.checkpoints.checkpoint import Checkpoint
from spoonful.fitting.checkpoints.folder import CheckpointFolder

# Where it lies; each process works in a copy.
PROJECT_NAME = "project"
_CHECKOUT = Path(__file__).resolve().parents[2]
_PARTS = ("conf", "dvc.yaml", "params.yaml", "requirements.lock")
_NUM_IMAGES = 20  # of each class
_CLASSES = ("cat", "dog")
STEPS = (40, 50)
RUN_ID = "5eed" * 8
IDENTITY = {"settings": {"seed": 0, "model": "mlp"}, "fingerprint": {"train": "aa"}}
PHOTOS = "photos"


def overrides(root: Path, encoding: str = "raw") -> list[str]:
    """Return what the stages run with."""
    return ["experiment=fuzz", f"dataset.path='{root / PHOTOS}'", f"pack={encoding}"]


def make_project(root: Path) -> None:
    """Make the project: images, split, both kinds of store, a trained model and its run."""
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    for name in _PARTS:
        copy = shutil.copytree if (_CHECKOUT / name).is_dir() else shutil.copy
        copy(_CHECKOUT / name, root / name)
    _write_images(root / PHOTOS)
    for stage, encoding in (
        ("fetch", "raw"),
        ("split", "raw"),
        ("pack", "jpeg"),
        ("pack", "raw"),
        ("train", "raw"),
    ):
        if (stage, encoding) == ("pack", "raw"):
            (root / "data" / "packed").rename(root / "data" / "packed-jpeg")
        command = [sys.executable, "-m", "spoonful", stage, *overrides(root, encoding)]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"spoonful {stage} ended with {done.returncode}: {done.stderr}")
    _write_checkpoints(root / "models" / "checkpoints" / RUN_ID)


def copy_project(source: Path, root: Path) -> None:
    """Copy a project to where a process of its own damages it; its runs' files move with it."""
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(source, root, symlinks=True)
    with sqlite3.connect(root / "mlflow.db") as database:
        for table, column in (("experiments", "artifact_location"), ("runs", "artifact_uri")):
            database.execute(
                f"UPDATE {table} SET {column} = REPLACE({column}, ?, ?)",
                (str(source), str(root)),
            )
    database.close()


def _write_images(root: Path) -> None:
    random = np.random.default_rng(0)
    for label, name in enumerate(_CLASSES):
        (root / name).mkdir(parents=True)
        for number in range(_NUM_IMAGES):
            pixels = random.integers(90 * label, 90 * label + 120, (14, 16, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / name / f"{number:02}.png")


def _write_checkpoints(folder: Path) -> None:
    checkpoints = CheckpointFolder(folder)
    for step in STEPS:
        arrays = {
            "kernel": np.full((6, 8), step, np.float32),
            "seed": np.arange(2, dtype=np.uint32),
        }
        checkpoints.write(Checkpoint(step, {"epoch": 1, "loss": step / 7}, arrays))
    write_checked(folder / "run.json", {"run_id": RUN_ID, "identity": IDENTITY})
