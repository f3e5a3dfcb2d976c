"""What ExactResume refuses before it trains."""

from pathlib import Path
from typing import Any

import keras
import pytest
from keras.callbacks import LambdaCallback as Lambda

from spoonful import ExactResume
from spoonful.errors import SpoonfulError
from tests.fitting.test_exact_resume_fits import (
    STEPS,
    bits,
    fit,
    interrupted,
    make_generator,
    make_model,
    plain_bits,
    resumed,
    stopping,
)

pytestmark = pytest.mark.usefixtures("iterators_freed")


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
