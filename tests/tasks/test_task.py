"""A task checks the labels, and gives Keras its loss and its metrics."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest

from spoonful.config.compose import compose_config
from spoonful.errors import SpoonfulError
from spoonful.tasks.task import Task, loss_of, metrics_of

TASKS = ("classification", "multilabel", "regression")
LABELS: dict[str, Any] = {
    "classification": np.array([0, 1, 1]),
    "multilabel": np.array([[0, 1], [1, 1], [0, 0]]),
    "regression": np.array([0.0, 1.5, 2.5], np.float32),
}
OWN = """
import keras


def off(actual, predicted, power=1):
    return keras.ops.mean(keras.ops.abs(actual - predicted) ** power, axis=-1)


class Off(keras.losses.Loss):
    def __init__(self, power):
        super().__init__()
        self.power = power

    def call(self, actual, predicted):
        return off(actual, predicted, self.power)
"""
ACTUAL = np.array([[0.0], [1.0], [2.0], [4.0]], np.float32)
PREDICTED = np.array([[1.0], [1.0], [5.0], [6.0]], np.float32)  # off by 1, 0, 3, 2


@pytest.fixture(autouse=True)
def own_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A module of the user's, with a loss as a class and as a function."""
    (tmp_path / "own_losses.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("own_losses", None)


def task_of(name: str, *overrides: str) -> Task:
    task: Task = compose_config([f"task={name}", *overrides]).task
    return task


def source_of(labels: Any) -> SimpleNamespace:
    return SimpleNamespace(labels=labels, class_names=("no", "yes"))


def measured(task: Task) -> dict[str, float]:
    """What Keras reports for a model that returns its input."""
    inputs = keras.Input((1,))
    model = keras.Model(inputs, keras.layers.Identity()(inputs))
    model.compile(loss=loss_of(task, one_hot=False), metrics=metrics_of(task))
    found: dict[str, float] = model.evaluate(PREDICTED, ACTUAL, verbose=0, return_dict=True)
    return found


@pytest.mark.parametrize("kind", TASKS)
@pytest.mark.parametrize("name", TASKS)
def test_labels_of_another_kind_are_refused_with_the_task_that_fits(name: str, kind: str) -> None:
    task = task_of(name)
    if name == kind:
        task.check(source_of(LABELS[kind]))
        return
    with pytest.raises(SpoonfulError) as caught:
        task.check(source_of(LABELS[kind]))
    message = str(caught.value)
    assert message.startswith(f"task={name}: the labels are ")
    assert message.endswith(f"; use task={kind}")
    assert "\n" not in message


@pytest.mark.parametrize(
    ("name", "one_hot", "loss"),
    [
        ("classification", False, "sparse_categorical_crossentropy"),
        ("classification", True, "categorical_crossentropy"),
        ("multilabel", False, "binary_crossentropy"),
        ("regression", False, "mean_squared_error"),
    ],
)
def test_a_task_has_a_loss_of_its_own(name: str, one_hot: bool, loss: str) -> None:
    assert loss_of(task_of(name), one_hot) == loss


@pytest.mark.parametrize(
    ("overrides", "loss"),
    [
        (["task.loss._target_=keras.losses.Huber", "task.loss.delta=2"], (0.5 + 4 + 2) / 4),
        (["task.loss._target_=keras.losses.huber", "task.loss.delta=2"], (0.5 + 4 + 2) / 4),
        (["task.loss._target_=own_losses.off"], 6 / 4),
        (["task.loss._target_=own_losses.off", "task.loss.power=2"], 14 / 4),
        (["task.loss._target_=own_losses.Off", "task.loss.power=2"], 14 / 4),
    ],
)
def test_another_loss_may_be_an_object_or_a_function(overrides: list[str], loss: float) -> None:
    found = measured(task_of("regression", *overrides))
    assert found == pytest.approx({"loss": loss, "mean_absolute_error": 6 / 4})


def test_further_metrics_have_the_names_that_the_config_gives() -> None:
    task = task_of(
        "regression",
        "task.metrics.squared._target_=keras.metrics.MeanSquaredError",
        "task.metrics.off._target_=own_losses.off",
        "task.metrics.cubed={_target_: own_losses.off, power: 3}",
    )
    assert task.metric_names == ["loss", "mean_absolute_error", "squared", "off", "cubed"]
    assert measured(task) == pytest.approx(
        {
            "loss": 14 / 4,
            "mean_absolute_error": 6 / 4,
            "squared": 14 / 4,
            "off": 6 / 4,
            "cubed": 36 / 4,
        }
    )


@pytest.mark.parametrize(
    ("override", "start"),
    [
        ("task.loss={_target_: keras.losses.Huber, detla: 1}", "task.loss"),
        ("task.loss._target_=keras.losses.Hubber", "task.loss"),
        ("task.metrics.a={_target_: keras.metrics.F1Score, average: most}", "task.metrics.a"),
        ("task.metrics.a._target_=keras.metrics.F2Score", "task.metrics.a"),
    ],
)
def test_what_keras_does_not_make_is_one_line(override: str, start: str) -> None:
    task = task_of("multilabel", override)
    with pytest.raises(SpoonfulError) as caught:
        measured(task)
    assert str(caught.value).startswith(start)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "metric", "mode"),
    [
        ("classification", "accuracy", "max"),
        ("classification", "val_accuracy", "max"),
        ("classification", "val_loss", "min"),
        ("multilabel", "val_macro_f1", "max"),
        ("multilabel", "accuracy", None),  # not its own
        ("regression", "val_mean_absolute_error", "min"),
        ("regression", "loss", "min"),
        ("regression", "mine", None),
    ],
)
def test_a_task_says_which_direction_is_better(name: str, metric: str, mode: str | None) -> None:
    assert task_of(name).mode(metric) == mode


@pytest.mark.parametrize("name", ["multilabel", "regression"])
def test_only_single_classes_can_be_weighted(name: str) -> None:
    task, source = task_of(name), source_of(LABELS[name])
    assert task.class_weight(source, "none") is None
    with pytest.raises(SpoonfulError, match=r"^trainer\.class_weights=balanced: .*=none$"):
        task.class_weight(source, "balanced")
