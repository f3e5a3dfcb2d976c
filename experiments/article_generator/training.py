"""Train the article's network on one generator and judge it: training.py NAME FOLDER key=value ...

Ends with a line of JSON. Run by run.py, in a process of its own.
"""

import hashlib
import json
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
from cases import EXPERIMENT, OURS, TEST, TRAIN
from contenders import input_dtype, make_generator
from digits import Digits

from spoonful import PackedSource
from spoonful.config.compose import compose_config
from spoonful.config.schema import Config
from spoonful.fitting.modes import resolved_jit_compile, set_modes
from spoonful.fitting.peak_memory import peak_rss_mb
from spoonful.models.build import build_model
from spoonful.optimizers.build import build_optimizer


def main() -> None:
    """Train, judge and print what was found."""
    name, root, *overrides = sys.argv[1:]
    config = compose_config([EXPERIMENT, *overrides])
    print(json.dumps(trained(name, config, Digits(Path(root)))))


def trained(name: str, config: Config, digits: Digits) -> dict[str, Any]:
    """Return the speed, the memory and the accuracies of one training."""
    trainer = config.trainer
    set_modes(trainer.precision, config.seed, trainer.deterministic)
    last_layer = partial(config.task.last_layer, PackedSource(digits.packed(TRAIN)))
    model = build_model(config.model, last_layer, (28, 28, 1), input_dtype(name))
    initial = hashlib.sha256(b"".join(weight.tobytes() for weight in model.get_weights()))
    # Both before the training, as in the article, whose script holds the test images all the time.
    generator = make_generator(name, digits, TRAIN, config)
    own = make_generator(name, digits, TEST, config)
    model.compile(
        build_optimizer(
            config.optimizer, trainer.epochs, len(generator), config.generator.batch_size
        ),
        loss="categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=resolved_jit_compile(trainer.jit_compile),
        steps_per_execution=trainer.steps_per_execution,
    )
    times = EpochTimes()
    # Keras permutes the article's batches, as it did there, and those of its own generator; ours
    # come in the order of their steps.
    is_permuted = name != OURS
    model.fit(generator, epochs=trainer.epochs, shuffle=is_permuted, callbacks=[times], verbose=0)
    return {
        "initial_weights": initial.hexdigest(),
        "epoch_s": times.epoch_s,
        "steps_s": times.steps_s,
        "images_an_epoch": images_served(generator, digits, TRAIN),
        "peak_rss_mb": peak_rss_mb(),
        **judged(model, name, own, digits),
    }


def images_served(generator: Any, digits: Digits, split: str) -> int:
    """Return how many images an epoch has: all, or as many as fill whole batches."""
    return min(digits.num_images(split), len(generator) * generator.batch_size)


def judged(model: Any, name: str, own: Any, digits: Digits) -> dict[str, Any]:
    """Judge a model on the test images in two ways.

    "accuracy": all of them, each pixel divided by 255 once. "own_accuracy": as the contender's own
    generator serves them, which is what the article reports; of that, the share that is right at
    the last place of a batch and at the other places.
    """
    images, labels = digits.arrays(TEST)
    pixels = images if name == OURS else (images / 255).astype(np.float32)
    named = model.predict(pixels[..., np.newaxis], batch_size=250, verbose=0).argmax(axis=1)
    is_right = [hits(model, *own[index]) for index in range(len(own))]
    whole = np.array([batch for batch in is_right if len(batch) == own.batch_size])
    return {
        "accuracy": float(np.mean(named == labels)),
        "own_accuracy": float(np.mean(np.concatenate(is_right))),
        "own_images": sum(map(len, is_right)),
        "last_place_accuracy": float(whole[:, -1].mean()),
        "other_places_accuracy": float(whole[:, :-1].mean()),
    }


def hits(model: Any, pixels: Any, targets: Any) -> Any:
    """Return whether each image of a batch is named rightly, bool [b]."""
    return model.predict_on_batch(pixels).argmax(axis=1) == targets.argmax(axis=1)


class EpochTimes(keras.callbacks.Callback):
    """Note how long each epoch takes, and how long its steps do, in s.

    The two differ where Keras waits for the destructor of an epoch's tf.data iterator, as it may
    (src/spoonful/fitting/handover.py).
    """

    def __init__(self) -> None:
        super().__init__()
        self.epoch_s: list[float] = []
        self.steps_s: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Start the clock."""
        self._begin = time.perf_counter()

    def on_train_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Remember when the first step began."""
        if batch == 0:
            self._first_step = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Remember when the last step ended."""
        self._last_step = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Stop the clock."""
        self.epoch_s.append(time.perf_counter() - self._begin)
        self.steps_s.append(self._last_step - self._first_step)


if __name__ == "__main__":
    main()
