"""Any number of classes per image: sigmoids, macro F1."""

from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest
from sklearn.metrics import f1_score

from spoonful.config.compose import compose_config
from spoonful.sources.array import ArraySource

NAMES = ("cloud", "sun", "tree")
LABELS = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 0], [0, 1, 1]])
PROBABILITIES = np.array(
    [[0.9, 0.2, 0.6], [0.4, 0.7, 0.1], [0.3, 0.1, 0.2], [0.6, 0.8, 0.9]], np.float32
)


def task() -> Any:
    return compose_config(["task=multilabel"]).task


def test_the_last_layer_has_a_sigmoid_for_each_class() -> None:
    layer = task().last_layer(SimpleNamespace(class_names=NAMES))
    outputs = np.asarray(layer(np.zeros((2, 4), np.float32)))
    assert outputs.dtype == np.float32
    np.testing.assert_allclose(outputs, np.full((2, 3), 0.5))
    assert layer.activation is keras.activations.sigmoid


def test_the_f1_of_training_is_that_of_scikit_learn_and_of_the_evaluation() -> None:
    (metric,) = task().own_metrics()
    metric.update_state(LABELS.astype(np.float32), PROBABILITIES)
    expected = f1_score(LABELS, PROBABILITIES >= 0.5, average="macro")
    assert float(metric.result()) == pytest.approx(expected, abs=1e-6)
    assert metric.name == task().score == "macro_f1"
    assert task().metric_names == ["loss", "macro_f1"]
    source = ArraySource(np.zeros((4, 6, 6, 1), np.uint8), LABELS, NAMES)
    judged = task().judge(source, PROBABILITIES, compose_config([]).evaluation)
    assert judged.metrics["macro_f1"] == pytest.approx(expected)


def test_a_caption_names_every_class() -> None:
    source = SimpleNamespace(labels=LABELS, class_names=NAMES)
    captions = [task().caption(source, place) for place in range(4)]
    assert captions == ["cloud", "cloud sun", "none", "sun tree"]
