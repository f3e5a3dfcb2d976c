"""One class per image: softmax, accuracy, weights of the classes."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest

from spoonful.config.compose import compose_config
from spoonful.errors import SpoonfulError
from spoonful.sources.array import ArraySource

NAMES = ("ant", "bee", "cat")


@pytest.fixture(autouse=True)
def float32_policy() -> Iterator[None]:
    yield
    keras.config.set_dtype_policy("float32")


def task() -> Any:
    return compose_config(["task=classification"]).task


def source_of(labels: list[int], names: tuple[str, ...] = NAMES) -> SimpleNamespace:
    return SimpleNamespace(labels=np.array(labels, np.int64), class_names=names)


@pytest.mark.parametrize("names", [("ant",), ()])
def test_fewer_than_two_classes_are_nothing_to_tell_apart(names: tuple[str, ...]) -> None:
    with pytest.raises(SpoonfulError) as caught:
        task().check(source_of([0, 0], names))
    expected = f"the classes are {names[0] if names else 'none'}, expected at least two"
    assert str(caught.value) == f"task=classification: {expected}"
    task().check(source_of([0, 0], ("ant", "bee")))


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_the_last_layer_is_a_softmax_in_float32(policy: str) -> None:
    keras.config.set_dtype_policy(policy)
    outputs = np.asarray(task().last_layer(source_of([]))(np.ones((2, 4), np.float32)))
    assert outputs.shape == (2, 3)
    assert outputs.dtype == np.float32
    np.testing.assert_allclose(outputs.sum(axis=1), 1, atol=1e-6)


def test_balanced_weights_give_every_class_the_same_share() -> None:
    labels = [0, 0, 0, 0, 1, 1, 2, 2]
    weights = task().class_weight(source_of(labels), "balanced")
    # n / (classes x count)
    assert weights == pytest.approx({0: 8 / (3 * 4), 1: 8 / (3 * 2), 2: 8 / (3 * 2)})
    assert sum(weights[label] for label in labels) == pytest.approx(len(labels))
    assert task().class_weight(source_of(labels), "none") is None
    # A class without images has no share, and no weight.
    assert task().class_weight(source_of([0, 2]), "balanced") == pytest.approx({0: 1, 2: 1})


def test_a_caption_is_the_name_of_the_class() -> None:
    assert [task().caption(source_of([2, 0]), place) for place in (0, 1)] == ["cat", "ant"]


def test_what_is_reported_is_accuracy() -> None:
    assert task().own_metrics() == ["accuracy"]
    assert task().metric_names == ["loss", "accuracy"]
    source = ArraySource(np.zeros((2, 6, 6, 1), np.uint8), [0, 1], NAMES)
    settings = compose_config(["evaluation.top_k=2"]).evaluation
    judged = task().judge(source, np.array([[0.8, 0.1, 0.1], [0.5, 0.4, 0.1]]), settings)
    assert judged.metrics["accuracy"] == 0.5
    assert judged.metrics["top_2_accuracy"] == 1.0
