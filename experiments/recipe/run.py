"""Choose between recipes on validation, train the chosen one for 30 minutes, judge it; publish.

    SPOONFUL_MIRROR=FOLDER python experiments/recipe/run.py [--only-recipe]

FOLDER holds MNIST's four files; without it they are downloaded. --only-recipe trains and judges the
recipe, and leaves the tables of what it was chosen by as they are.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from tables import publish

from spoonful.project import project_root

_NAME = "recipe"
_EXPERIMENT = f"experiment={_NAME}"
_PRECISION = f"{_NAME}_precision"
_HERE = Path(__file__).resolve().parent
_SHORT = "trainer.epochs=8"  # for choosing; the recipe itself trains longer
_SHORTEST = "trainer.epochs=3"  # for what precision costs in speed


def main() -> None:
    """Run everything."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--only-recipe", action="store_true")
    arguments = parser.parse_args()
    for stage in ("fetch", "split", "pack"):
        _spoonful(stage, _EXPERIMENT)
    if not arguments.only_recipe:
        _spoonful("sweep", _EXPERIMENT, _SHORT)
        _compare(_NAME)
        _spoonful(
            "sweep",
            _EXPERIMENT,
            _SHORTEST,
            f"sweep.run_name={_PRECISION}",
            "trainer.precision=float32,mixed_bfloat16",
            "trainer=augmented_digits",
            "optimizer/schedule=warmup_cosine",
        )
        _compare(_PRECISION)
    _spoonful("train", _EXPERIMENT)
    _spoonful("evaluate")
    publish(_HERE)


def _compare(sweep: str) -> None:
    publishing = f"compare.publish={_HERE.relative_to(project_root())}"
    _spoonful("compare", f"compare.sweep={sweep}", publishing)


def _spoonful(stage: str, *overrides: str) -> None:
    command = [sys.executable, "-m", "spoonful", stage, *overrides]
    print("$", " ".join(["spoonful", *command[3:]]), flush=True)
    subprocess.run(command, cwd=project_root(), check=True)


if __name__ == "__main__":
    sys.exit(main())
