"""Count what is wrong with the batches of a generator: faults.py NAME FOLDER.

Ends with a line of JSON. Run by run.py, in a process of its own.
"""

import json
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
from cases import EXPERIMENT, LARGE_BATCH_SIZE, OURS, TEST, TRAIN
from contenders import make_generator, served_rows
from digits import Digits

from spoonful.config.compose import compose_config

NUM_EPOCHS = 10  # the article's
EPOCHS_BEFORE = 2  # the restart that resumed_order is about


def main() -> None:
    """Count and print what was found."""
    name, root = sys.argv[1:]
    print(json.dumps(found(name, Digits(Path(root)))))


def found(name: str, digits: Digits) -> dict[str, float]:
    """Return each fault's size."""
    config = compose_config([EXPERIMENT])
    large = compose_config([EXPERIMENT, f"generator.batch_size={LARGE_BATCH_SIZE}"])
    images, _ = digits.arrays(TRAIN)
    generator = make_generator(name, digits, TRAIN, config)
    num_right, num_black = scales(generator, images)
    validation = make_generator(name, digits, TEST, config)
    num_validated = len(np.unique(served_rows(validation)))
    num_test = len(digits.arrays(TEST)[0])
    return {
        "train_images": len(images),
        "test_images": num_test,
        "validations": NUM_EPOCHS,
        "right_images": num_right,
        "black_images": num_black,
        "left_out": len(images) - len(np.unique(served_rows(generator))),
        "left_out_of_large_batches": len(images)
        - len(np.unique(served_rows(make_generator(name, digits, TRAIN, large)))),
        "left_out_of_validation": num_test - num_validated,
        "left_out_at_times": ever_left_out(validation, num_test),
        "same_order": same_order(name, digits),
        "resumed_order": resumed_order(name, digits),
    }


def scales(generator: Any, images: Any) -> tuple[int, int]:
    """Serve an epoch; count the images that reach the network as they are, and those all black."""
    rescaled = keras.layers.Rescaling(1 / 255)  # what the network does with bytes
    num_right = num_black = 0
    rows = served_rows(generator)
    position = 0
    for index in range(len(generator)):
        x, _ = generator[index]
        pixels = np.asarray(rescaled(x) if x.dtype == np.uint8 else x)[..., 0]
        expected = images[rows[position : position + len(x)]] / 255
        position += len(x)
        num_right += int(np.isclose(pixels, expected, atol=1e-6).all(axis=(1, 2)).sum())
        num_black += int((pixels == 0).all(axis=(1, 2)).sum())
    return num_right, num_black


def ever_left_out(validation: Any, num_images: int) -> int:
    """Return how many images at least one of NUM_EPOCHS validations did not judge."""
    is_missing = np.zeros(num_images, bool)
    for _ in range(NUM_EPOCHS):
        validation.on_epoch_begin()
        is_served = np.zeros(num_images, bool)
        is_served[served_rows(validation)] = True
        is_missing |= ~is_served
        validation.on_epoch_end()
    return int(is_missing.sum())


def same_order(name: str, digits: Digits) -> float:
    """Draw one number elsewhere before the first epoch; return the share of places unchanged."""
    orders = []
    for num_draws in (0, 1):
        config = compose_config([EXPERIMENT])
        keras.utils.set_random_seed(config.seed)
        np.random.random(num_draws)
        orders.append(served_rows(make_generator(name, digits, TRAIN, config)))
    return float(np.mean(orders[0] == orders[1]))


def resumed_order(name: str, digits: Digits) -> float:
    """Start the program again before an epoch; return the share of its places unchanged.

    Ours is asked for the steps of that epoch. The others can only be made anew, with the same seed:
    nothing tells them how many epochs there were.
    """
    config = compose_config([EXPERIMENT])
    keras.utils.set_random_seed(config.seed)
    whole = make_generator(name, digits, TRAIN, config)
    for _ in range(EPOCHS_BEFORE):
        served_rows(whole)
        whole.on_epoch_end()
    keras.utils.set_random_seed(config.seed)
    again = make_generator(name, digits, TRAIN, config)
    epoch = EPOCHS_BEFORE if name == OURS else 0
    return float(np.mean(served_rows(whole, epoch) == served_rows(again, epoch)))


if __name__ == "__main__":
    main()
