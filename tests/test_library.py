"""`pip install spoonful`: the library by itself, in an environment of its own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

PROGRAM = """
import sys
from importlib.util import find_spec
from pathlib import Path
import numpy as np

folder = Path(sys.argv[1])
assert not [name for name in ("dvc", "hydra", "mlflow", "sklearn", "matplotlib") if find_spec(name)]

import spoonful
from spoonful import ArraySource, BatchGenerator, ExactResume
print(*dir(spoonful))

import keras

images = np.random.default_rng(0).integers(0, 256, (40, 4, 4, 1), dtype=np.uint8)
source = ArraySource(images, np.arange(40) % 2)

def trained(epochs, name, **settings):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Rescaling(1 / 255),
                              keras.layers.Flatten(), keras.layers.Dense(2, "softmax")])
    model.compile("adam", "categorical_crossentropy")
    generator = BatchGenerator(source, 8, seed=1)
    resume = ExactResume(folder / name, generator, **settings)
    model.fit(generator, epochs=epochs, callbacks=[resume], verbose=0)
    return [np.asarray(v).tobytes() for v in model.variables]

whole = trained(4, "whole")
trained(2, "resumed", delete_checkpoint=False)
assert trained(4, "resumed") == whole
"""


def install(folder: Path, *packages: str) -> Path:
    """Make an environment with the versions of requirements.lock; return its folder of programs."""
    given = [*packages, "--constraint", str(folder / "versions.txt")]
    # Without hashes: pip would ask for one of what is built here, too.
    lines = (CHECKOUT / "requirements.lock").read_text().splitlines()
    pinned = [line.removesuffix(" \\") for line in lines if line[:1].isalnum()]
    (folder / "versions.txt").write_text("\n".join(pinned))
    programs = folder / "environment" / "bin"
    if uv := shutil.which("uv"):
        commands = [
            [uv, "venv", "--quiet", "--python", sys.executable, str(programs.parent)],
            [uv, "pip", "install", "--quiet", "--python", str(programs / "python"), *given],
        ]
    else:
        commands = [
            [sys.executable, "-m", "venv", str(programs.parent)],
            [str(programs / "python"), "-m", "pip", "install", "--quiet", *given],
        ]
    for command in commands:
        subprocess.run(command, check=True, cwd=folder)
    return programs


def test_the_library_needs_nothing_of_the_pipeline(tmp_path: Path) -> None:
    programs = install(tmp_path, str(CHECKOUT), "tensorflow")
    script = tmp_path / "script.py"
    script.write_text(PROGRAM)
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [programs / "python", script, tmp_path],
        cwd=tmp_path,
        env=kept,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert {"ArraySource", "BatchGenerator", "ExactResume", "PackedSource", "Source", "pack"} < set(
        done.stdout.split()
    )
    command = subprocess.run(
        [programs / "spoonful", "train"],
        cwd=tmp_path,
        env=kept,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (command.returncode, command.stdout) == (2, "")
    assert command.stderr.startswith("spoonful: the command line needs dvc, hydra, ")
    assert command.stderr.endswith("install spoonful[pipeline]\n")
    assert command.stderr.count("\n") == 1
