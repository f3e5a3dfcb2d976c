"""`pip install spoonful`: the library by itself, in an environment of its own, on each Python."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

# Versions of Python, as pyproject.toml names them: "3.11".
VERSIONS = re.findall(
    r"Python :: (3\.\d+)",
    "\n".join(tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]["classifiers"]),
)

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


def version_of(python: Path | str) -> str | None:
    """Return "3.11" for an interpreter of it; None where none starts, as with pyenv's shims."""
    asked = [python, "-c", "import sys; print(*sys.version_info[:2], sep='.')"]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def find_python(version: str) -> str:
    """Return an interpreter of a version: this one, one on PATH or one of pyenv; skip without."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    on_path = shutil.which(f"python{version}")
    for python in (sys.executable, on_path, *sorted(pyenv.glob(f"{version}.*/bin/python"))):
        if python is not None and version_of(python) == version:
            return str(python)
    pytest.skip(f"there is no Python {version}, neither on PATH nor in {pyenv}")


def install(folder: Path, python: str, *packages: str) -> Path:
    """Make an environment with the versions of requirements.lock; return its folder of programs."""
    given = [*packages, "--constraint", str(folder / "versions.txt")]
    # Without hashes: pip would ask for one of what is built here, too.
    lines = (CHECKOUT / "requirements.lock").read_text().splitlines()
    pinned = [line.removesuffix(" \\") for line in lines if line[:1].isalnum()]
    (folder / "versions.txt").write_text("\n".join(pinned))
    programs = folder / "environment" / "bin"
    if uv := shutil.which("uv"):
        commands = [
            [uv, "venv", "--quiet", "--python", python, str(programs.parent)],
            [uv, "pip", "install", "--quiet", "--python", str(programs / "python"), *given],
        ]
    else:
        commands = [
            [python, "-m", "venv", str(programs.parent)],
            [str(programs / "python"), "-m", "pip", "install", "--quiet", *given],
        ]
    for command in commands:
        subprocess.run(command, check=True, cwd=folder)
    return programs


def test_the_running_python_is_one_of_the_versions() -> None:
    running = "{}.{}".format(*sys.version_info)
    assert running in VERSIONS
    assert find_python(running) == sys.executable


@pytest.mark.parametrize("version", VERSIONS)
def test_the_library_needs_nothing_of_the_pipeline(tmp_path: Path, version: str) -> None:
    programs = install(tmp_path, find_python(version), str(CHECKOUT), "tensorflow")
    assert version_of(programs / "python") == version
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
