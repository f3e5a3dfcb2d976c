"""Train on imbalanced photographs, with and without help for rare classes; publish the recalls.

    SPOONFUL_MIRROR=FOLDER python experiments/imbalance/run.py

FOLDER holds clothing-dataset-small.tar. Elsewhere put the photographs into data/photos first:
git clone https://github.com/alexeygrigorev/clothing-dataset-small data/photos

Arguments are passed on to the sweep: seed=0 trainer.epochs=2 shows in short that all of it works.
"""

import sys
import time
from pathlib import Path

from longtail import make_imbalanced
from tables import SWEEP, publish

from spoonful.project import project_root, split_table_path

# The last place: both folders have a module `tables`, and this one's comes first.
sys.path.append(str(Path(__file__).resolve().parents[1] / "photos"))
from photographs import evaluate_sweep, photographs, run_spoonful

_EXPERIMENT = "experiment=imbalance"
_HERE = Path(__file__).resolve().parent


def main() -> int:
    """Run everything; 2 where there are no photographs."""
    begin = time.monotonic()
    photos = photographs(__doc__)
    if photos is None:
        return 2
    make_imbalanced(photos, project_root() / "data" / "imbalanced")
    for stage in ("fetch", "split", "pack"):
        run_spoonful(stage, _EXPERIMENT)
    run_spoonful("sweep", _EXPERIMENT, f"sweep.run_name={SWEEP}", *sys.argv[1:])
    models = evaluate_sweep(SWEEP)
    publishing = f"compare.publish={_HERE.relative_to(project_root())}"
    run_spoonful("compare", f"compare.sweep={SWEEP}", publishing)
    minutes = (time.monotonic() - begin) / 60
    publish(_HERE, models, split_table_path(), minutes)
    return 0


if __name__ == "__main__":
    sys.exit(main())
