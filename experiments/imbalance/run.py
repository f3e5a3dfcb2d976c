"""Train on imbalanced photographs, with and without help for rare classes; publish the recalls.

    SPOONFUL_MIRROR=FOLDER python experiments/imbalance/run.py

FOLDER holds clothing-dataset-small.tar. Elsewhere put the photographs into data/photos first:
git clone https://github.com/alexeygrigorev/clothing-dataset-small data/photos

Arguments are passed on to the sweep: seed=0 trainer.epochs=2 shows in short that all of it works.
"""

import os
import subprocess
import sys
import tarfile
import time
from pathlib import Path

from longtail import make_imbalanced
from tables import SWEEP, publish

from spoonful.config.compose import compose_config
from spoonful.files.whole import replaced_folder
from spoonful.project import project_root, split_table_path, sweeps_dir
from spoonful.tracking.sweeps import read_sweep

_EXPERIMENT = "experiment=imbalance"
_ARCHIVE = "clothing-dataset-small.tar"
_HERE = Path(__file__).resolve().parent


def main() -> int:
    """Run everything; 2 where there are no photographs."""
    begin = time.monotonic()
    photos = project_root() / "data" / "photos"
    if not (photos / "train").is_dir() and not _unpacked(photos):
        return 2
    make_imbalanced(photos, project_root() / "data" / "imbalanced")
    for stage in ("fetch", "split", "pack"):
        _spoonful(stage, _EXPERIMENT)
    _spoonful("sweep", _EXPERIMENT, f"sweep.run_name={SWEEP}", *sys.argv[1:])
    run_id = read_sweep(compose_config([]).tracking, SWEEP).run_id
    for card in sorted((sweeps_dir() / run_id).glob("*/model.json")):
        _spoonful("evaluate", f"evaluation.model_dir={card.parent}")
    publishing = f"compare.publish={_HERE.relative_to(project_root())}"
    _spoonful("compare", f"compare.sweep={SWEEP}", publishing)
    minutes = (time.monotonic() - begin) / 60
    publish(_HERE, sweeps_dir() / run_id, split_table_path(), minutes)
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


def _spoonful(stage: str, *overrides: str) -> None:
    print("$", " ".join(["spoonful", stage, *overrides]), flush=True)
    command = [sys.executable, "-m", "spoonful", stage, *overrides]
    subprocess.run(command, cwd=project_root(), check=True)


if __name__ == "__main__":
    sys.exit(main())
