"""Train the recipe's network for a moment in float32 and in bfloat16; publish how fast each is.

    python experiments/recipe/precision.py

In turn, a process each, on made-up images: no data is needed. Run by run.sh.
"""

import json
import subprocess
import sys
from pathlib import Path
from statistics import median

import numpy as np
from tables import PRECISION_NAME, PRECISIONS, publish_precision

from spoonful.config.compose import compose_config
from spoonful.files.tables import write_csv
from spoonful.quiet import import_tensorflow

_HERE = Path(__file__).resolve().parent
_NUM_IMAGES = 2_048
_NUM_TURNS = 3
_NUM_EPOCHS = 2  # the first also builds the graph
_LIMIT_S = 1_800


def main() -> int:
    """Measure both in turn and write the table."""
    speeds: dict[str, list[float]] = {precision: [] for precision in PRECISIONS}
    for turn in range(_NUM_TURNS):
        for precision in PRECISIONS:
            speeds[precision].append(_in_a_process(precision))
            print(f"turn {turn + 1}: {precision} {speeds[precision][-1]:,.0f} images/s", flush=True)
    import_tensorflow()
    from spoonful.fitting.modes import emulates_bfloat16
    from spoonful.tracking.environment import hardware

    machine = hardware()
    has_bfloat16 = "no" if emulates_bfloat16() else "yes"
    where = [machine["hardware.num_cores"], machine["hardware.cpu"], has_bfloat16]
    header = ["precision", "images_per_s", "lowest", "highest", "cores", "processor", "bfloat16"]
    rows = [[name, median(own), min(own), max(own), *where] for name, own in speeds.items()]
    write_csv(_HERE / "results" / PRECISION_NAME, header, rows)
    publish_precision(_HERE)
    return 0


def _in_a_process(precision: str) -> float:
    command = [sys.executable, __file__, precision]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=_LIMIT_S, check=True)
    return float(json.loads(done.stdout.splitlines()[-1]))


def _measured(precision: str) -> float:
    """Return the images/s of training, of the epoch after the first."""
    import_tensorflow()
    from spoonful import ArraySource
    from spoonful.fitting.epoch_result import EpochResult
    from spoonful.fitting.train import train

    settings = ["experiment=recipe", f"trainer.precision={precision}"]
    config = compose_config([*settings, f"trainer.epochs={_NUM_EPOCHS}"])
    shape = (_NUM_IMAGES, *config.dataset.image_size, config.dataset.num_channels)
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    source = ArraySource(images, np.arange(_NUM_IMAGES) % 10)
    few = ArraySource(images[:64], np.arange(64) % 10)
    reports: list[EpochResult] = []
    train(config, source, few, reports.append)
    return reports[-1].images_per_s


if __name__ == "__main__":
    if sys.argv[1:]:
        print(json.dumps(_measured(sys.argv[1])))
        sys.exit(0)
    sys.exit(main())
