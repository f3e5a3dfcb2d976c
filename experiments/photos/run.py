"""Train on photographs of two sizes, from files and packed, in every order; publish the tables.

    SPOONFUL_MIRROR=FOLDER python experiments/photos/run.py

FOLDER holds clothing-dataset-small.tar. Elsewhere put the photographs into data/photos first:
git clone https://github.com/alexeygrigorev/clothing-dataset-small data/photos
"""

import os
import subprocess
import sys
import tarfile
import time
from pathlib import Path

from tables import INPUT, INPUTS, SIZES, publish, sweep_name

from spoonful.config.compose import compose_config
from spoonful.files.whole import replaced_folder
from spoonful.project import project_root, sweeps_dir
from spoonful.tracking.sweeps import read_sweep

_EXPERIMENT = "experiment=photos"
_ARCHIVE = "clothing-dataset-small.tar"
_HERE = Path(__file__).resolve().parent
_SHORT = "trainer.epochs=3"  # speed shows after the first epoch


def main() -> int:
    """Run everything; 2 where there are no photographs."""
    begin = time.monotonic()
    photos = project_root() / "data" / "photos"
    if not (photos / "train").is_dir() and not _unpacked(photos):
        return 2
    _spoonful("fetch")
    _spoonful("split")
    for size in SIZES:
        at_size = f"dataset.image_size=[{size},{size}]"
        for source in INPUTS:
            _measure_input(source, size, at_size)
        # Packed as pixels last, which the sweeps read.
        only = [] if size == SIZES[0] else ["generator.shuffle=full"]
        _spoonful("sweep", f"sweep.run_name={sweep_name(size)}", at_size, *only)
        _evaluate(sweep_name(size))
    publishing = f"compare.publish={_HERE.relative_to(project_root())}"
    _spoonful("compare", f"compare.sweep={sweep_name(SIZES[0])}", publishing)
    publish(_HERE, (time.monotonic() - begin) / 60)
    return 0


def _unpacked(photos: Path) -> bool:
    """Unpack the photographs, if they are there."""
    mirror = os.environ.get("SPOONFUL_MIRROR")
    archive = Path(mirror or ".") / _ARCHIVE
    if mirror is None or not archive.is_file():
        print(f"no photographs: {__doc__}", file=sys.stderr)
        return False
    with replaced_folder(photos) as folder, tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    return True


def _measure_input(source: str, size: int, at_size: str) -> None:
    """Train for a short while on photographs from files, or packed in one of the two ways."""
    choice = ["source=folder"] if source == "folder" else ["source=packed", f"pack={source}"]
    if source != "folder":
        _spoonful("pack", at_size, f"pack={source}")
    point = [f"sweep.run_name={INPUT}", f"sweep.point={source}-{size}"]
    _spoonful("train", at_size, _SHORT, *point, *choice)


def _evaluate(sweep: str) -> None:
    """Judge the sweep's models on the test photographs, while these are packed at their size."""
    run_id = read_sweep(compose_config([]).tracking, sweep).run_id
    for card in sorted((sweeps_dir() / run_id).glob("*/model.json")):
        _spoonful("evaluate", f"evaluation.model_dir={card.parent}")


def _spoonful(stage: str, *overrides: str) -> None:
    command = [sys.executable, "-m", "spoonful", stage]
    command += overrides if stage in ("compare", "evaluate") else [_EXPERIMENT, *overrides]
    print("$", " ".join(["spoonful", *command[3:]]), flush=True)
    subprocess.run(command, cwd=project_root(), check=True)


if __name__ == "__main__":
    sys.exit(main())
