"""Train on photographs of two sizes, from files and packed, in every order; publish the tables.

    SPOONFUL_MIRROR=FOLDER python experiments/photos/run.py

FOLDER holds clothing-dataset-small.tar. Elsewhere put the photographs into data/photos first:
git clone https://github.com/alexeygrigorev/clothing-dataset-small data/photos
"""

import sys
import time
from pathlib import Path

from photographs import evaluate_sweep, photographs, run_spoonful
from tables import INPUT, INPUTS, SIZES, publish, sweep_name

from spoonful.project import project_root

_EXPERIMENT = "experiment=photos"
_HERE = Path(__file__).resolve().parent
_SHORT = "trainer.epochs=3"  # speed shows after the first epoch


def main() -> int:
    """Run everything; 2 where there are no photographs."""
    begin = time.monotonic()
    if photographs(__doc__) is None:
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
        evaluate_sweep(sweep_name(size))
    publishing = f"compare.publish={_HERE.relative_to(project_root())}"
    run_spoonful("compare", f"compare.sweep={sweep_name(SIZES[0])}", publishing)
    publish(_HERE, (time.monotonic() - begin) / 60)
    return 0


def _measure_input(source: str, size: int, at_size: str) -> None:
    """Train for a short while on photographs from files, or packed in one of the two ways."""
    choice = ["source=folder"] if source == "folder" else ["source=packed", f"pack={source}"]
    if source != "folder":
        _spoonful("pack", at_size, f"pack={source}")
    point = [f"sweep.run_name={INPUT}", f"sweep.point={source}-{size}"]
    _spoonful("train", at_size, _SHORT, *point, *choice)


def _spoonful(stage: str, *overrides: str) -> None:
    run_spoonful(stage, _EXPERIMENT, *overrides)


if __name__ == "__main__":
    sys.exit(main())
