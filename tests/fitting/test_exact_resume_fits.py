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
from spoonful.errors import SpoonfulError

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


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param((8, "on_train_batch_end"), marks=pytest.mark.slow),
        (2, "on_test_batch_end"),
    ],
)
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


def test_arguments_out_of_range_are_refused(tmp_path: Path) -> None:
    generator = make_generator()
    wrong: Any
    for wrong in (generator.stream(), [1, 2]):
        with pytest.raises(SpoonfulError, match=r"generator is a (BatchStream|list): give"):
            ExactResume(tmp_path, wrong)
    with pytest.raises(SpoonfulError, match="checkpoint_every_steps=0"):
        ExactResume(tmp_path, generator, checkpoint_every_steps=0)
    with pytest.raises(SpoonfulError, match="checkpoint_every_minutes=-1"):
        ExactResume(tmp_path, generator, checkpoint_every_minutes=-1)


def test_a_path_that_can_be_no_folder_is_refused_before_training(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    generator, model = make_generator(), make_model()
    with pytest.raises(SpoonfulError, match=r"no checkpoint can be written to .*file"):
        fit(model, generator, ExactResume(tmp_path / "file", generator))
    assert int(model.optimizer.iterations) == 0


def test_a_fit_that_reads_something_else_is_refused(tmp_path: Path) -> None:
    generator = make_generator()
    resume = ExactResume(tmp_path, generator)
    wrong: list[tuple[Any, dict[str, Any]]] = [
        (generator, {"steps_per_epoch": 3}),
        (generator.stream(), {"steps_per_epoch": STEPS}),
        (generator.stream(), {"steps_per_epoch": 7}),
        (make_generator(), {}),
        (make_generator(batch_size=9), {}),
    ]
    for data, settings in wrong:
        with pytest.raises(SpoonfulError, match=r"pass model\.fit that very generator"):
            fit(make_model(), data, resume, **settings)


def test_a_checkpoint_of_something_else_is_refused(tmp_path: Path) -> None:
    interrupted(tmp_path, 3, epochs=2)
    other = make_generator(batch_size=9, seed=7)
    with pytest.raises(SpoonfulError, match=r"seed \(saved 0, now 7\), batch_size \(saved 4, now"):
        fit(make_model(), other, ExactResume(tmp_path, other))
    generator = make_generator()
    resume = ExactResume(tmp_path, generator)
    with pytest.raises(SpoonfulError, match="build and compile the model as it was"):
        fit(make_model(num_units=4), generator, resume)
    with pytest.raises(
        SpoonfulError, match="the callbacks History, now they are EarlyStopping, History"
    ):
        fit(make_model(), generator, ExactResume(tmp_path, generator, [stopping()]))
    with pytest.raises(SpoonfulError, match=r"epochs=0: .* of epoch 1"):
        fit(make_model(), generator, resume, epochs=0)
    with pytest.raises(SpoonfulError, match=r"initial_epoch=1: .* of epoch 0"):
        fit(make_model(), generator, resume, initial_epoch=1)
    assert resumed(tmp_path) == plain_bits()


def test_a_callback_beside_it_is_refused_before_training(tmp_path: Path) -> None:
    generator, model, note = make_generator(), make_model(), Lambda()
    for others, names in (
        ([stopping()], "EarlyStopping"),
        ([keras.callbacks.ReduceLROnPlateau("loss"), stopping()], "ReduceLROnPlateau, EarlyS"),
        ([[Lambda()]], "LambdaCallback"),
        ([keras.callbacks.BackupAndRestore(tmp_path / "backup")], "BackupAndRestore"),
        ([ExactResume(tmp_path / "2", generator)], "ExactResume"),
        ([note], "LambdaCallback"),
    ):
        resume = ExactResume(tmp_path, generator, [note])
        for callbacks in ([*others, resume], [resume, *others]):
            with pytest.raises(SpoonfulError, match=rf"and {names}.*: give fit ExactResume alone"):
                model.fit(generator, callbacks=callbacks, verbose=1)
    resume = ExactResume(tmp_path, generator)
    with pytest.raises(SpoonfulError, match="and ExactResume: give fit ExactResume alone, once"):
        fit(model, generator, resume, resume)
    with pytest.raises(SpoonfulError, match=r"put it into model\.fit\(callbacks=\[...\]\)"):
        fit(
            model, generator, Lambda(on_train_begin=ExactResume(tmp_path, generator).on_train_begin)
        )
    assert int(model.optimizer.iterations) == 0


@pytest.mark.slow
def test_what_keras_adds_to_the_callbacks_may_be_beside_it(tmp_path: Path) -> None:
    for number, others in enumerate(([], [keras.callbacks.History()])):
        generator = make_generator()
        model = fit(
            make_model(), generator, *others, ExactResume(tmp_path / str(number), generator)
        )
        assert bits(model) == plain_bits()
    generator = make_generator()
    resume = ExactResume(tmp_path / "shown", generator)
    assert bits(fit(make_model(), generator, resume, verbose=2)) == plain_bits()


def test_callbacks_that_it_can_not_call_are_refused(tmp_path: Path) -> None:
    generator = make_generator()
    wrong: Any
    for wrong, message in (
        ([keras.callbacks.BackupAndRestore(tmp_path)], "BackupAndRestore: only one callback can"),
        ([ExactResume(tmp_path, generator)], "ExactResume: only one callback can say"),
        (stopping(), "callbacks is of type EarlyStopping: expected a list"),
        ([stopping], "callbacks contains an object of type function: expected Keras' callbacks"),
    ):
        with pytest.raises(SpoonfulError, match=message):
            ExactResume(tmp_path, generator, wrong)


def test_it_is_a_public_name() -> None:
    assert spoonful.ExactResume is ExactResume
    assert set(spoonful.__all__) >= {"ExactResume", "BatchGenerator"}
