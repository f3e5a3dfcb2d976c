"""Numbers for each image: linear outputs, absolute error."""

from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest

from spoonful.config.compose import compose_config
from spoonful.sources.array import ArraySource


def task() -> Any:
    return compose_config(["task=regression"]).task


@pytest.mark.parametrize(("shape", "num_values"), [((5,), 1), ((5, 1), 1), ((5, 3), 3)])
def test_the_last_layer_has_a_linear_output_for_each_value(
    shape: tuple[int, ...], num_values: int
) -> None:
    layer = task().last_layer(SimpleNamespace(labels=np.zeros(shape, np.float32)))
    pixels = np.array([[-2.0, 3.0]], np.float32)
    outputs = np.asarray(layer(pixels))
    assert outputs.shape == (1, num_values)
    assert outputs.dtype == np.float32
    np.testing.assert_allclose(outputs, pixels @ np.asarray(layer.kernel), rtol=1e-6)
    assert layer.activation is keras.activations.linear


def test_the_error_of_training_is_that_of_the_evaluation() -> None:
    actual, predicted = np.array([1.0, 2.0, 6.0]), np.array([[1.5], [2.0], [4.0]], np.float32)
    (metric,) = task().own_metrics()
    metric.update_state(actual[:, None], predicted)
    assert float(metric.result()) == pytest.approx(2.5 / 3)
    assert metric.name == task().score == "mean_absolute_error"
    source = ArraySource(np.zeros((3, 6, 6, 1), np.uint8), actual)
    judged = task().judge(source, predicted, compose_config([]).evaluation)
    assert judged.metrics[task().score] == pytest.approx(2.5 / 3)


def test_a_caption_shows_three_numbers() -> None:
    many = SimpleNamespace(labels=np.array([[1.23456, 2.0, -3.5, 4.0]]))
    assert task().caption(many, 0) == "1.23 2 -3.5"
    assert task().caption(SimpleNamespace(labels=np.array([0.5, 1234.0])), 1) == "1.23e+03"
