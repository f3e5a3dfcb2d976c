"""Networks of Keras, or of the user's own: whatever turns scaled pixels into features."""

import sys
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pytest

from spoonful.config.compose import compose_config
from spoonful.errors import SpoonfulError
from spoonful.models.build import build_model

OWN = """
import keras


def net(pixels, width=2):
    x = keras.layers.Flatten()(pixels)
    return keras.layers.Dense(width, kernel_initializer="ones", use_bias=False)(x)


class Net:
    def __init__(self, width=2):
        self.width = width

    def __call__(self, pixels):
        return net(pixels, self.width)


def maker(width=2):
    return keras.Sequential([
        keras.layers.Flatten(),
        keras.layers.Dense(width, kernel_initializer="ones", use_bias=False),
    ])


def no_features(pixels):
    return pixels


def nothing(pixels):
    pass


def fails(pixels):
    return pixels @ "x"
"""
WAYS = ("own_models.net", "own_models.Net", "own_models.maker")


@pytest.fixture(autouse=True)
def own_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "own_models.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("own_models", None)


def built(*overrides: str, size: int = 8) -> keras.Model:
    """A model whose last layer leaves the features as they are."""
    network = compose_config(list(overrides)).model
    return build_model(network, keras.layers.Identity, (size, size, 3), name=overrides[0])


@pytest.mark.parametrize("way", WAYS)
def test_a_function_a_class_and_one_that_makes_a_model_do_the_same(way: str) -> None:
    model = built(f"model._target_={way}", "model.width=5")
    images = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), dtype=np.uint8)
    sums = images.reshape(2, -1).sum(axis=1, dtype=np.float64) / 255  # pixels of 0..1
    np.testing.assert_allclose(np.asarray(model(images)), np.repeat(sums[:, None], 5, 1), rtol=1e-5)
    assert built(f"model._target_={way}").output_shape == (None, 2)


def test_a_network_of_keras_is_taken() -> None:
    arguments = ["weights=null", "include_top=false", "pooling=avg", "input_shape=[32,32,3]"]
    shape = [f"model.{argument}" for argument in arguments]
    keras_model = built("model._target_=keras.applications.MobileNetV3Small", *shape, size=32)
    assert keras_model.output_shape == (None, 576)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("no_features", "expected features of shape [batch, number]"),
        ("nothing", "returned None, expected features"),
        ("fails", "own_models.py, line 34: "),
    ],
)
def test_what_makes_no_features_is_one_line(name: str, words: str) -> None:
    with pytest.raises(SpoonfulError) as caught:
        built(f"model._target_=own_models.{name}")
    assert str(caught.value).startswith("model")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
