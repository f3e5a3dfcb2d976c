"""Plain Keras scripts with `spoonful.ExactResume`, interrupted anywhere, end with the same bits."""

import re
import runpy
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from spoonful import ArraySource, BatchGenerator, ExactResume, RandomCrop
from tests.processes import forked

pytestmark = pytest.mark.usefixtures("iterators_freed")

SCRIPT = Path(__file__).with_name("exact_resume_script.py")
NUM_EXAMPLES, BATCH_SIZE = 18, 4
STEPS = 5  # the last batch of an epoch has 2 examples
EPOCHS = 4
Callbacks = list[keras.callbacks.Callback]
Moment = tuple[str, int]


class InterruptionError(Exception):
    """What stands for a kill where all happens in one process."""


@pytest.fixture(autouse=True)
def float32_again() -> Iterator[None]:
    yield
    keras.config.set_dtype_policy("float32")


def source(num_examples: int, seed: int) -> ArraySource:
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (num_examples, 4, 4, 1), dtype=np.uint8)
    return ArraySource(images, np.arange(num_examples) % 3)


def validation_arrays() -> tuple[Any, Any]:
    val_source = source(10, 1)
    return val_source.read(range(10)), np.eye(3, dtype=np.float32)[val_source.labels]


def shuffled_validation() -> BatchGenerator:
    return BatchGenerator(source(10, 1), 4, shuffle="full", num_threads=0)


def stopping_and_plateau() -> Callbacks:
    return [
        keras.callbacks.EarlyStopping("val_loss", patience=2, restore_best_weights=True),
        keras.callbacks.ReduceLROnPlateau("val_loss", factor=0.5, patience=1, min_delta=0.1),
    ]


def adam() -> keras.optimizers.Optimizer:
    return keras.optimizers.Adam(0.05)


def adam_with_schedule() -> keras.optimizers.Optimizer:
    return keras.optimizers.AdamW(keras.optimizers.schedules.CosineDecay(0.05, 15, warmup_steps=3))


VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {"others": stopping_and_plateau},
    "executions": {
        "steps_per_execution": 3,
        "every_steps": 3,
        "optimizer": adam_with_schedule,
        "validation": validation_arrays,
    },
    "float16": {"precision": "mixed_float16", "every_steps": 2, "others": stopping_and_plateau},
}
VARIANTS["executions_in_float16"] = {**VARIANTS["executions"], "precision": "mixed_float16"}


def compiled_model(
    optimizer: Callable[[], keras.optimizers.Optimizer] = adam,
    steps_per_execution: int = 1,
    precision: str = "float32",
) -> keras.Model:
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy(precision)
    layers = keras.layers
    model = keras.Sequential(  # without an Input: fit builds it
        [
            layers.Rescaling(1 / 255),
            layers.RandomFlip("horizontal"),
            layers.Flatten(),
            layers.Dense(6),
            layers.BatchNormalization(),
            layers.Dropout(0.3),
            layers.Dense(3, activation="softmax", dtype="float32"),
        ]
    )
    # A metric of one number a class, whose name does not sort before val_...
    metrics = ["accuracy", keras.metrics.F1Score(name="zeta")]
    model.compile(
        optimizer(),
        "categorical_crossentropy",
        metrics=metrics,
        steps_per_execution=steps_per_execution,
    )
    return model


def interrupt_at(moment: Moment | None) -> Callbacks:
    """A callback that ends fit by an exception at the n-th call of one of its methods."""
    if moment is None:
        return []
    name, left = moment

    def count(*arguments: Any, **keywords: Any) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise InterruptionError

    return [keras.callbacks.LambdaCallback(**{name: count})]


def bits(model: keras.Model) -> dict[str, Any]:
    """All that must be the same, with the order of the history's keys."""
    history = model.history.history
    return {
        "model": [np.asarray(v).tobytes() for v in model.variables],
        "optimizer": [np.asarray(v).tobytes() for v in model.optimizer.variables],
        "metrics": [np.asarray(v).tobytes() for v in model.metrics_variables],
        "history": [(k, [np.asarray(v).tolist() for v in row]) for k, row in history.items()],
        "epoch": model.history.epoch,
    }


def run_script(
    folder: Path | None,
    moment: Moment | None = None,
    *,
    every_steps: int = 1,
    others: Callable[[], Callbacks] = list,
    validation: Callable[[], Any] = shuffled_validation,
    num_threads: int = 1,
    shuffle: bool = True,
    **settings: Any,
) -> dict[str, Any]:
    """What a script does from its beginning to its end; without a folder, one of Keras alone."""
    model = compiled_model(**settings)
    crop = RandomCrop(scale=(0.3, 1))
    train = source(NUM_EXAMPLES, 0)
    generator = BatchGenerator(train, BATCH_SIZE, num_threads=num_threads, crop=crop)
    callbacks = [*others(), *interrupt_at(moment)]
    if folder is not None:
        callbacks = [ExactResume(folder, generator, callbacks, checkpoint_every_steps=every_steps)]
    model.fit(
        generator,
        epochs=EPOCHS,
        shuffle=shuffle and folder is not None,
        validation_data=validation(),
        callbacks=callbacks,
        verbose=0,
    )
    return bits(model)


@cache
def uninterrupted(variant: str) -> dict[str, Any]:
    settings = {k: v for k, v in VARIANTS[variant].items() if k != "every_steps"}
    return run_script(None, **settings)


@pytest.mark.filterwarnings("error:Your input ran out of data")
@pytest.mark.parametrize(
    ("variant", "moments", "settings"),
    [
        pytest.param(
            "plain",
            [("on_test_batch_end", 2), ("on_train_batch_end", 8), ("on_train_end", 1)],
            {},
            marks=pytest.mark.slow,
        ),
        ("plain", [("on_epoch_begin", 3)], {"num_threads": 0}),
        pytest.param(
            *("executions_in_float16", [("on_train_batch_end", 3)], {}), marks=pytest.mark.slow
        ),
    ],
    ids=["anywhere", "between_epochs", "executions_in_float16"],
)
def test_interrupted_at_any_moment_it_ends_with_the_same_bits(
    tmp_path: Path, variant: str, moments: list[Moment], settings: dict[str, Any]
) -> None:
    for moment in moments:
        with pytest.raises(InterruptionError):
            run_script(tmp_path / "run", moment, **VARIANTS[variant], **settings)
    found = run_script(tmp_path / "run", **VARIANTS[variant], **settings)
    assert found == uninterrupted(variant)
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("seed", "variant"), [(0, "plain"), (2, "float16"), (3, "executions_in_float16")]
)
def test_interrupted_at_random_moments_it_ends_with_the_same_bits(
    tmp_path: Path, variant: str, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    names = ["on_train_batch_begin", "on_train_batch_end", "on_test_batch_end", "on_epoch_end"]
    for _ in range(6):
        moment = (str(rng.choice(names)), int(rng.integers(1, 7)))
        settings = {**VARIANTS[variant], "every_steps": int(rng.integers(1, 8))}
        settings["num_threads"] = int(rng.integers(3))
        try:
            found = run_script(tmp_path, moment, **settings)
        except InterruptionError:
            continue
        assert found == uninterrupted(variant)
    assert run_script(tmp_path, **VARIANTS[variant]) == uninterrupted(variant)


def run_as_script(folder: str, num_threads: int) -> None:
    """Become the script; in a fork, which has imported TensorFlow already."""
    sys.argv = [str(SCRIPT), folder, str(num_threads)]
    runpy.run_path(str(SCRIPT), run_name="__main__")


def ended(output: str) -> tuple[int, str]:
    """The step after which a script began, and the digest that it ended with."""
    match = re.search(r"\Astep (\d+)\n.*^digest (\w+)\n\Z", output, re.DOTALL | re.MULTILINE)
    assert match is not None, output
    return int(match[1]), match[2]


@pytest.mark.slow
def test_a_real_script_killed_at_random_moments_ends_with_the_same_digest(tmp_path: Path) -> None:
    whole = subprocess.run(
        [sys.executable, SCRIPT, "", "1"], capture_output=True, text=True, timeout=300, check=True
    )
    first, expected = ended(whole.stdout)
    assert first == 1
    rng = np.random.default_rng(int(time.time()))
    for num_threads in (0, 2, 1):
        process, output = forked(run_as_script, tmp_path, "run", num_threads)
        with output:
            for _ in range(int(rng.integers(12, 45))):
                assert output.readline().startswith("step")
            time.sleep(rng.uniform(0, 0.03))
            process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
    process, output = forked(run_as_script, tmp_path, "run", 2)
    with output:
        first, found = ended(output.read())
    process.join()
    assert process.exitcode == 0
    assert first > 3 * (12 - 7)
    assert found == expected
    assert not (tmp_path / "run").exists()
