"""What other callbacks do and remember beside `spoonful.ExactResume`, interrupted or not."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras.callbacks import Callback
from keras.callbacks import LambdaCallback as Lambda

from spoonful import ArraySource, BatchGenerator, ExactResume
from spoonful.errors import SpoonfulError
from spoonful.fitting.checkpoints.folder import CheckpointFolder

pytestmark = pytest.mark.usefixtures("iterators_freed")

NUM_EXAMPLES, BATCH_SIZE = 18, 4
STEPS = 5  # the last batch of an epoch has 2 examples


class InterruptionError(Exception):
    """What stands for a kill where all happens in one process."""


def source(num_examples: int = NUM_EXAMPLES, seed: int = 0) -> ArraySource:
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (num_examples, 2, 2, 1), dtype=np.uint8)
    return ArraySource(images, np.arange(num_examples) % 3)


def make_generator(**settings: Any) -> BatchGenerator:
    return BatchGenerator(source(), BATCH_SIZE, **{"num_threads": 0, **settings})


def make_model(optimizer: Any = None) -> keras.Model:
    keras.utils.set_random_seed(0)
    layers = [keras.Input((2, 2, 1)), keras.layers.Flatten(), keras.layers.Rescaling(1 / 255)]
    model = keras.Sequential([*layers, keras.layers.Dense(3, activation="softmax")])
    optimizer = optimizer or keras.optimizers.SGD(0.5, momentum=0.9)
    # Eagerly: tracing a graph takes longer than all these steps.
    model.compile(optimizer, "categorical_crossentropy", run_eagerly=True)
    return model


def bits(model: keras.Model) -> tuple[Any, ...]:
    variables = [np.asarray(v).tolist() for v in [*model.variables, *model.optimizer.variables]]
    return variables, list(model.history.history.items()), model.history.epoch


def fit(model: keras.Model, generator: Any, *callbacks: Callback, **settings: Any) -> keras.Model:
    model.fit(generator, **{"epochs": 3, "callbacks": list(callbacks), "verbose": 0, **settings})
    return model


def fit_plainly(*callbacks: Callback, **settings: Any) -> keras.Model:
    return fit(make_model(), make_generator(), *callbacks, shuffle=False, **settings)


def interrupt_at(number: int, method: str = "on_train_batch_end") -> Callback:
    """End fit by an exception at the n-th call of a method."""
    left = number

    def count(*arguments: Any, **keywords: Any) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise InterruptionError

    return Lambda(**{method: count})


def interrupted(
    folder: Path, at: Callback, *callbacks: Callback, every_steps: int | None = 1, **settings: Any
) -> None:
    """Fit, and be interrupted by a callback at a step of which there is no checkpoint yet."""
    generator = make_generator()
    resume = ExactResume(folder, generator, [*callbacks, at], checkpoint_every_steps=every_steps)
    with pytest.raises(InterruptionError):
        fit(make_model(), generator, resume, **settings)


def resumed(folder: Path, *callbacks: Callback, **settings: Any) -> keras.Model:
    generator = make_generator()
    return fit(make_model(), generator, ExactResume(folder, generator, callbacks), **settings)


class WarmUp(Callback):
    """Set the rate of each step by its number, as users' callbacks do."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.epoch = epoch

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        step = self.epoch * STEPS + batch
        self.model.optimizer.learning_rate = self.rate / (1 + step)


class CountsSteps(Callback):
    """Remember what happened since training began, and train differently for it."""

    def __init__(self) -> None:
        super().__init__()
        self.counts = {"epochs": 0, "steps": 0}

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.counts["epochs"] += 1

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.counts["steps"] += 1
        rate = 1 / (self.counts["epochs"] + self.counts["steps"])
        self.model.optimizer.learning_rate = rate

    def get_state(self) -> dict[str, Any]:
        return {"counts": dict(self.counts), "as_array": np.array(self.counts["steps"])}

    def set_state(self, state: dict[str, Any]) -> None:
        assert state["as_array"] == state["counts"]["steps"]
        self.counts = state["counts"]


def schedule_by_last_rate() -> Callback:
    scheduler = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.7)

    def begin(logs: Any) -> None:
        scheduler.model.optimizer.learning_rate = 0.4

    scheduler.on_train_begin = begin
    return scheduler


@pytest.mark.slow
@pytest.mark.parametrize("every_steps", [1, None], ids=["in_an_epoch", "at_its_begin"])
@pytest.mark.filterwarnings("ignore:ExactResume does not keep rate of WarmUp")
def test_callbacks_that_steer_training_steer_it_as_if_uninterrupted(
    tmp_path: Path, every_steps: int | None
) -> None:
    for number, kind in enumerate((schedule_by_last_rate, lambda: WarmUp(0.5), CountsSteps)):
        expected = bits(fit_plainly(kind()))
        interrupted(tmp_path / str(number), interrupt_at(8), kind(), every_steps=every_steps)
        assert bits(resumed(tmp_path / str(number), kind())) == expected


def test_callbacks_see_each_batch_of_an_epoch_once_and_under_its_own_number(tmp_path: Path) -> None:
    seen: list[tuple[str, int]] = []
    note = Lambda(
        on_epoch_begin=lambda epoch, logs: seen.append(("epoch", epoch)),
        on_train_batch_begin=lambda batch, logs: seen.append(("begin", batch)),
        on_train_batch_end=lambda batch, logs: seen.append(("end", batch)),
    )
    interrupted(tmp_path, interrupt_at(3))
    resumed(tmp_path, note, epochs=2)
    epochs = [range(2, STEPS), range(STEPS)]
    assert seen == [
        entry
        for epoch, batches in enumerate(epochs)
        for entry in [("epoch", epoch), *((w, b) for b in batches for w in ("begin", "end"))]
    ]


@pytest.mark.slow
def test_model_checkpoint_saves_after_the_same_steps(tmp_path: Path) -> None:
    def saving(folder: Path) -> Callback:
        path = folder / "{epoch}-{batch}.weights.h5"
        return keras.callbacks.ModelCheckpoint(path, save_freq=4, save_weights_only=True)

    def names(folder: Path) -> set[str]:
        return {path.name for path in folder.iterdir()}

    fit_plainly(saving(tmp_path / "expected"))
    interrupted(tmp_path / "run", interrupt_at(7), saving(tmp_path / "saved"))
    resumed(tmp_path / "run", saving(tmp_path / "saved"))
    assert names(tmp_path / "saved") == names(tmp_path / "expected")


def test_a_callback_that_ends_fit_inside_an_epoch_does_so_again_after_an_interruption(
    tmp_path: Path,
) -> None:
    def ending() -> Callback:
        def end(batch: int, logs: Any) -> None:
            callback.model.stop_training = batch == 2

        callback = Lambda(on_train_batch_end=end)
        return callback

    expected = bits(fit_plainly(ending()))
    interrupted(tmp_path, interrupt_at(1, "on_epoch_end"), ending())
    assert CheckpointFolder(tmp_path).steps() == [1, 2]  # none of the step that was the last
    assert bits(resumed(tmp_path, ending())) == expected


@pytest.mark.slow
def test_the_logs_that_training_ends_with_are_whole_where_validation_alone_was_left(
    tmp_path: Path,
) -> None:
    seen: list[dict[str, float]] = []
    note = Lambda(on_train_end=seen.append)
    settings: dict[str, Any] = {"epochs": 1, "validation_data": make_generator()}
    fit_plainly(note, **settings)
    interrupted(tmp_path, interrupt_at(1, "on_test_batch_end"), **settings)
    resumed(tmp_path, note, **settings)
    assert list(seen[0]) == ["loss", "val_loss"]
    assert seen[1] == seen[0]


def test_a_callback_whose_state_is_lost_is_named(tmp_path: Path) -> None:
    generator = make_generator()
    with pytest.warns(UserWarning, match=r"does not keep rate of WarmUp: .* get_state\(\)"):
        fit(make_model(), generator, ExactResume(tmp_path, generator, [WarmUp(0.5)]), epochs=1)


def test_a_state_that_no_checkpoint_can_hold_is_named(tmp_path: Path) -> None:
    class KeepsASet(CountsSteps):
        def get_state(self) -> dict[str, Any]:
            return {"seen": {1, 2}}

    generator = make_generator()
    with pytest.raises(SpoonfulError, match=r"KeepsASet: callbacks/0/seen is of type set"):
        fit(make_model(), generator, ExactResume(tmp_path, generator, [KeepsASet()]))


@pytest.mark.slow
def test_a_damaged_checkpoint_costs_the_steps_since_the_one_before(tmp_path: Path) -> None:
    interrupted(tmp_path, interrupt_at(8))
    steps = CheckpointFolder(tmp_path).steps()
    assert steps == [6, 7]
    arrays = tmp_path / f"step-{steps[-1]:012d}" / "arrays.npz"
    content = bytearray(arrays.read_bytes())
    content[len(content) // 2] ^= 1
    arrays.write_bytes(content)
    with pytest.warns(UserWarning, match=r"step-000000000007 is damaged"):
        found = bits(resumed(tmp_path))
    assert found == bits(fit_plainly())
