"""Optimizers and schedules of Keras, or of the user's own."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import pytest

from spoonful.config.compose import compose_config
from spoonful.errors import SpoonfulError
from spoonful.optimizers.build import build_optimizer

LION = "optimizer._target_=keras.optimizers.Lion"
DECAY = "optimizer.schedule._target_=keras.optimizers.schedules.PolynomialDecay"
OWN = """
def steps_of(initial_learning_rate, epochs, steps_per_epoch, share=1.0):
    return initial_learning_rate * share / (epochs * steps_per_epoch)


def no_optimizer():
    return 3


def fails(learning_rate):
    raise ValueError("no such luck")
"""


@pytest.fixture(autouse=True)
def own_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "own_optimizers.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("own_optimizers", None)


def built(*overrides: str, batch_size: int = 32) -> Any:
    config = compose_config(list(overrides))
    return build_optimizer(config.optimizer, 10, 20, batch_size)


def test_an_optimizer_of_keras_gets_its_arguments_and_the_learning_rate() -> None:
    optimizer = built(LION, "optimizer.beta_1=0.5", "optimizer.learning_rate=0.25")
    assert isinstance(optimizer, keras.optimizers.Lion)
    assert float(optimizer.learning_rate) == 0.25
    assert optimizer.get_config()["beta_1"] == 0.5


def test_without_a_learning_rate_it_has_its_own() -> None:
    optimizer = built(LION, "optimizer.learning_rate=null")
    own = keras.optimizers.Lion().learning_rate
    assert float(optimizer.learning_rate) == pytest.approx(float(own))
    with pytest.raises(SpoonfulError, match=r"learning_rate_scaling=linear: .*is not set"):
        built(LION, "optimizer.learning_rate=null", "optimizer.learning_rate_scaling=linear")


def test_its_learning_rate_is_scaled_and_scheduled_like_any() -> None:
    scaled = ["optimizer.learning_rate=0.1", "optimizer.learning_rate_scaling=linear"]
    assert float(built(LION, *scaled, batch_size=64).learning_rate) == pytest.approx(0.2)
    schedule = built(LION, *scaled, "optimizer/schedule=warmup_cosine")._learning_rate
    assert float(schedule(20)) == pytest.approx(0.1)
    assert float(schedule(200)) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("optimizer", ["optimizer=sgd", LION])
def test_a_schedule_of_keras_spans_the_training(optimizer: str) -> None:
    peak, end = "optimizer.learning_rate=0.5", "optimizer.schedule.end_learning_rate=0.1"
    schedule = built(optimizer, peak, DECAY, end)._learning_rate
    assert isinstance(schedule, keras.optimizers.schedules.PolynomialDecay)
    # In a straight line from the peak to the end after 10 epochs of 20 steps.
    assert [float(schedule(step)) for step in (0, 100, 200)] == pytest.approx([0.5, 0.3, 0.1])
    shorter = built(optimizer, peak, DECAY, end, "optimizer.schedule.decay_steps=100")
    assert float(shorter._learning_rate(100)) == pytest.approx(0.1)


def test_a_schedule_may_be_a_function() -> None:
    overrides = ["optimizer.learning_rate=0.4", "optimizer.schedule.share=0.5"]
    optimizer = built("optimizer.schedule._target_=own_optimizers.steps_of", *overrides)
    assert float(optimizer.learning_rate) == pytest.approx(0.4 * 0.5 / 200)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["optimizer._target_=own_optimizers.no_optimizer"], "makes a int, expected a Keras optim"),
        (["optimizer._target_=own_optimizers.fails"], "own_optimizers.py, line 11: ValueError: no"),
        ([LION, "optimizer.beta_3=1"], "beta_3"),
        ([DECAY, "optimizer.schedule.power=1", "optimizer.schedule.sharp=1"], "sharp"),
        (["optimizer._target_=keras.optimizers.Lino"], "mean keras.optimizers.Lion?"),
    ],
)
def test_what_makes_no_optimizer_is_one_line(overrides: list[str], words: str) -> None:
    with pytest.raises(SpoonfulError) as caught:
        built(*overrides)
    assert words in str(caught.value)
    assert "optimizer" in str(caught.value)
    assert "\n" not in str(caught.value)
