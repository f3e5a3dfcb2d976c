"""How fits with `spoonful.ExactResume` end, follow each other and are refused."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras.callbacks import Callback
from keras.callbacks import LambdaCallback as Lambda

import spoonful
from spoonful import ArraySource, BatchGenerator, ExactResume

pytestmark = pytest.mark.usefixtures("iterators_freed")

NUM_EXAMPLES, BATCH_SIZE = 18, 4
STEPS = 5  # the last batch of an epoch has 2 examples


class InterruptionError(Exception):
    """What stands for a kill where all happens in one process."""


def source(seed: int = 0) -> ArraySource:
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (NUM_EXAMPLES, 2, 2, 1), dtype=np.uint8)
    return ArraySource(images, np.arange(NUM_EXAMPLES) % 3)


def make_generator(**settings: Any) -> BatchGenerator:
    return BatchGenerator(source(), **{"batch_size": BATCH_SIZE, "num_threads": 0, **settings})


def make_model(optimizer: Any = None, num_units: int = 3) -> keras.Model:
    keras.utils.set_random_seed(0)
    layers = [keras.Input((2, 2, 1)), keras.layers.Flatten(), keras.layers.Rescaling(1 / 255)]
    outputs = [keras.layers.Dense(num_units), keras.layers.Dense(3, activation="softmax")]
    model = keras.Sequential([*layers, *outputs])
    optimizer = optimizer or keras.optimizers.SGD(0.5, momentum=0.9)
    # Eagerly: tracing a graph takes longer than all these steps.
    model.compile(optimizer, "categorical_crossentropy", run_eagerly=True)
    return model


def averaging_model() -> keras.Model:
    """One whose weights fit replaces by their average at its end."""
    return make_model(keras.optimizers.SGD(0.5, use_ema=True, ema_momentum=0.9))


def bits(model: keras.Model) -> tuple[Any, ...]:
    variables = [np.asarray(v).tolist() for v in [*model.variables, *model.optimizer.variables]]
    return variables, list(model.history.history.items()), model.history.epoch


def fit(model: keras.Model, generator: Any, *callbacks: Callback, **settings: Any) -> keras.Model:
    model.fit(generator, **{"epochs": 3, "callbacks": list(callbacks), "verbose": 0, **settings})
    return model


def fit_plainly(
    *callbacks: Callback, make: Callable[[], keras.Model] = make_model, **settings: Any
) -> keras.Model:
    return fit(make(), make_generator(), *callbacks, shuffle=False, **settings)


@cache
def plain_bits() -> tuple[Any, ...]:
    return bits(fit_plainly())


def fit_keeping(
    folder: Path,
    *callbacks: Callback,
    make: Callable[[], keras.Model] = make_model,
    **settings: Any,
) -> tuple[Any, ...]:
    """Fit, keep the last checkpoint; return the bits and how many steps were trained."""
    generator, steps = make_generator(), []
    count = Lambda(on_train_batch_end=lambda batch, logs: steps.append(batch))
    resume = ExactResume(folder, generator, [*callbacks, count], delete_checkpoint=False)
    model = fit(make(), generator, resume, **settings)
    return *bits(model), len(steps)


def interrupt_at(number: int, method: str = "on_train_batch_end") -> Callback:
    """End fit by an exception at the n-th call of a method."""
    left = number

    def count(*arguments: Any, **keywords: Any) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise InterruptionError

    return Lambda(**{method: count})


def interrupted(folder: Path, number: int, **settings: Any) -> tuple[keras.Model, BatchGenerator]:
    """Fit with a checkpoint after each step until, inside a later one, an exception ends it."""
    generator, model = make_generator(), make_model()
    resume = ExactResume(folder, generator, [interrupt_at(number)], checkpoint_every_steps=1)
    with pytest.raises(InterruptionError):
        fit(model, generator, resume, **settings)
    return model, generator


def resumed(folder: Path, **settings: Any) -> tuple[Any, ...]:
    generator = make_generator()
    return bits(fit(make_model(), generator, ExactResume(folder, generator), **settings))


# How fit ends


@pytest.mark.slow
def test_by_default_a_finished_fit_leaves_nothing_behind(tmp_path: Path) -> None:
    interrupted(tmp_path / "run", 3)
    assert len(list((tmp_path / "run").iterdir())) == 2
    resumed(tmp_path / "run")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_kept_checkpoint_spares_the_training_and_lets_it_go_on_for_more_epochs(
    tmp_path: Path,
) -> None:
    make = averaging_model
    first = fit_keeping(tmp_path, make=make)
    assert first == (*bits(fit_plainly(make=make)), 3 * STEPS)
    assert fit_keeping(tmp_path, make=make) == (*first[:-1], 0)
    longer = fit_keeping(tmp_path, make=make, epochs=5)
    assert longer == (*bits(fit_plainly(make=make, epochs=5)), 2 * STEPS)


def stopping() -> keras.callbacks.EarlyStopping:
    """Stops after epoch 3 and goes back to the first epoch's weights: training gets no better."""
    return keras.callbacks.EarlyStopping(
        "loss", mode="max", patience=2, restore_best_weights=True, min_delta=10
    )


@pytest.mark.slow
def test_after_early_stopping_no_number_of_epochs_trains_on(tmp_path: Path) -> None:
    first = fit_keeping(tmp_path, stopping(), epochs=6)
    assert first == (*bits(fit_plainly(stopping(), epochs=6)), 3 * STEPS)
    for epochs in (6, 9):
        kept = stopping()
        assert fit_keeping(tmp_path, kept, epochs=epochs) == (*first[:-1], 0)
        assert (kept.best_epoch, kept.stopped_epoch) == (0, 2)


@pytest.mark.slow
def test_best_weights_put_back_at_the_end_are_not_trained_on(tmp_path: Path) -> None:
    first = fit_keeping(tmp_path, stopping(), epochs=2)
    assert first[0] == bits(fit_plainly(stopping(), epochs=2))[0]
    longer = fit_keeping(tmp_path, stopping(), epochs=3)
    assert longer == (*bits(fit_plainly(stopping(), epochs=3)), STEPS)


@pytest.mark.slow
def test_a_fit_that_a_callback_ends_inside_an_epoch_is_finished(tmp_path: Path) -> None:
    def end(batch: int, logs: Any) -> None:
        model.stop_training = batch == 2

    generator, model = make_generator(), make_model()
    others = [Lambda(on_train_batch_end=end)]
    resume = ExactResume(
        tmp_path, generator, others, checkpoint_every_steps=1, delete_checkpoint=False
    )
    expected = bits(fit(model, generator, resume))
    assert int(model.optimizer.iterations) == 3
    assert fit_keeping(tmp_path) == (*expected, 0)


# Fits one after another


@pytest.mark.slow
def test_fit_begins_with_the_epoch_that_it_is_told_and_with_its_batches(tmp_path: Path) -> None:
    epochs = {"initial_epoch": 3, "epochs": 5}
    stream = make_generator().stream(start_step=3 * STEPS)
    expected = bits(fit(make_model(), stream, **epochs, steps_per_epoch=STEPS, shuffle=False))
    interrupted(tmp_path, 7, **epochs)
    assert resumed(tmp_path, **epochs) == expected


@pytest.mark.slow
def test_the_second_fit_of_a_script_resumes_by_itself(tmp_path: Path) -> None:
    def script(number: int | None) -> tuple[Any, ...]:
        generator, model = make_generator(), make_model()
        fit(model, generator, ExactResume(tmp_path / "1", generator, delete_checkpoint=False))
        others = [] if number is None else [interrupt_at(number)]
        second = ExactResume(tmp_path / "2", generator, others, checkpoint_every_steps=1)
        return bits(fit(model, generator, second, epochs=2))

    with pytest.raises(InterruptionError):
        script(4)
    found = script(None)
    model = fit_plainly()
    assert found == bits(fit(model, make_generator(), shuffle=False, epochs=2))


@pytest.mark.slow
@pytest.mark.parametrize("moment", [(8, "on_train_batch_end"), (2, "on_test_batch_end")])
def test_an_exception_spoils_no_later_fit_with_the_same_model_and_generators(
    tmp_path: Path, moment: tuple[int, str]
) -> None:
    generator, validation = make_generator(shuffle="none"), make_generator(shuffle="none")
    other = make_generator(shuffle="none")
    expected = bits(fit(make_model(), other, validation_data=other, shuffle=False))
    model = make_model()
    for number in (moment[0], 1):  # the second time in a shorter epoch
        others = [interrupt_at(number, moment[1])]
        resume = ExactResume(tmp_path, generator, others, checkpoint_every_steps=1)
        with pytest.raises(InterruptionError):
            fit(model, generator, resume, validation_data=validation)
    fit(model, generator)
    assert model.history.epoch == [0, 1, 2]
    for callbacks in ([], [ExactResume(tmp_path, generator)]):
        settings = {"validation_data": validation, "shuffle": False}
        assert bits(fit(make_model(), generator, *callbacks, **settings)) == expected


@pytest.mark.slow
def test_one_callback_serves_many_fits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spoonful.fitting.cadence._WRITE_SHARE", 0)  # write at each epoch's end
    generator = make_generator()
    others = [interrupt_at(2, "on_epoch_end"), interrupt_at(2 * STEPS + 1)]
    resume = ExactResume(tmp_path, generator, others, checkpoint_every_steps=1)
    for _ in others:
        with pytest.raises(InterruptionError):
            fit(make_model(), generator, resume)
    for _ in range(2):
        assert bits(fit(make_model(), generator, resume)) == plain_bits()


# Wrong use


def test_it_is_a_public_name() -> None:
    assert spoonful.ExactResume is ExactResume
    assert set(spoonful.__all__) >= {"ExactResume", "BatchGenerator"}
