"""Serve batches with no network: feeding.py NAME FOLDER SPLIT BATCH_SIZE SECONDS.

Measures speed and memory, ends with a line of JSON. Run by run.py, in a process of its own.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

from cases import EXPERIMENT
from contenders import make_generator
from digits import Digits
from memory import resident_mb

from spoonful.config.compose import compose_config

_LOOK_EVERY = 100  # batches between two looks at the memory


def main() -> None:
    """Serve and print what was found."""
    name, root, split, batch_size, seconds = sys.argv[1:]
    config = compose_config([EXPERIMENT, f"generator.batch_size={batch_size}"])
    before_mb = resident_mb()
    digits = Digits(Path(root))
    generator = make_generator(name, digits, split, config)
    data_mb = first_pass(generator) - before_mb
    found = {
        "images": digits.num_images(split),
        "data_mb": data_mb,
        "images_per_s": speed(generator, float(seconds)),
    }
    print(json.dumps(found))


def first_pass(generator: Any) -> float:
    """Serve an epoch; return the largest resident memory of the process meanwhile, in MiB."""
    largest = resident_mb()
    generator.on_epoch_begin()
    for index in range(len(generator)):
        generator[index]
        if index % _LOOK_EVERY == 0:
            largest = max(largest, resident_mb())
    largest = max(largest, resident_mb())
    generator.on_epoch_end()
    return largest


def speed(generator: Any, seconds: float) -> float:
    """Serve for a while, epoch after epoch; return images/s."""
    num_images, begin = 0, time.perf_counter()
    while True:
        generator.on_epoch_begin()
        for index in range(len(generator)):
            num_images += len(generator[index][1])
            if index % _LOOK_EVERY == 0 and time.perf_counter() - begin >= seconds:
                return num_images / (time.perf_counter() - begin)
        generator.on_epoch_end()


if __name__ == "__main__":
    main()
