"""The photographs of clothing, and commands of the pipeline that train on them."""

import os
import subprocess
import sys
import tarfile
from pathlib import Path

from spoonful.config.compose import compose_config
from spoonful.files.whole import replaced_folder
from spoonful.project import project_root, sweeps_dir
from spoonful.tracking.sweeps import read_sweep

_ARCHIVE = "clothing-dataset-small.tar"


def photographs(usage: str | None) -> Path | None:
    """Return data/photos, unpacked from the mirror if it is not there.

    Args:
        usage: printed where there are no photographs.

    Returns:
        None: neither the folder nor the mirror has them.
    """
    photos = project_root() / "data" / "photos"
    if (photos / "train").is_dir():
        return photos
    mirror = os.environ.get("SPOONFUL_MIRROR")
    archive = Path(mirror or ".") / _ARCHIVE
    if mirror is None or not archive.is_file():
        print(f"no photographs: {usage}", file=sys.stderr)
        return None
    with replaced_folder(photos) as folder, tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    return photos


def run_spoonful(stage: str, *overrides: str) -> None:
    """Run a command in the project, and print it before."""
    print("$", " ".join(["spoonful", stage, *overrides]), flush=True)
    command = [sys.executable, "-m", "spoonful", stage, *overrides]
    subprocess.run(command, cwd=project_root(), check=True)


def evaluate_sweep(name: str) -> Path:
    """Evaluate all models of a sweep on the photographs that are packed now; return its folder."""
    run_id = read_sweep(compose_config([]).tracking, name).run_id
    for card in sorted((sweeps_dir() / run_id).glob("*/model.json")):
        run_spoonful("evaluate", f"evaluation.model_dir={card.parent}")
    return sweeps_dir() / run_id
