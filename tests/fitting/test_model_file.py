import json
import re
import warnings
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import keras
import numpy as np
import pytest

from spoonful import ArraySource
from spoonful.config.compose import compose_config
from spoonful.errors import SpoonfulError
from spoonful.fitting.custom_objects import make_known
from spoonful.fitting.model_file import check_can_be_saved, save_model
from spoonful.models.build import build_model

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 1), dtype=np.uint8)
SOURCE = ArraySource(IMAGES, np.arange(5) % 3)
AUGMENTATION = (
    "trainer.augmentation=[{_target_: keras.layers.RandomFlip, mode: horizontal},"
    "{_target_: keras.layers.RandomTranslation, height_factor: 0.1, width_factor: 0.1}]"
)


def built(name: str = "mlp") -> keras.Model:
    keras.utils.clear_session()
    keras.utils.set_random_seed(0)
    units = ["model.num_units=[8,8]"] if name == "mlp" else []
    config = compose_config([f"model={name}", AUGMENTATION, *units])
    layers = config.trainer.augmentation
    last_layer = partial(config.task.last_layer, SOURCE)
    return build_model(config.model, last_layer, (8, 8, 1), augmentation=layers)


def test_a_model_saved_at_another_time_is_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = built()
    save_model(model, tmp_path / "first.keras")
    from keras.src.saving import saving_lib

    class Later(saving_lib.datetime.datetime):
        @classmethod
        def now(cls, tz: object = None) -> object:
            return cls(2031, 2, 3, 4, 5, 6)

    monkeypatch.setattr(saving_lib.datetime, "datetime", Later)
    monkeypatch.setattr("time.time", lambda: 1_900_000_000.0)
    save_model(model, tmp_path / "second.keras")
    first, second = ((tmp_path / f"{name}.keras").read_bytes() for name in ("first", "second"))
    assert first == second


@pytest.mark.slow
def test_a_model_built_again_is_the_same_bytes(tmp_path: Path) -> None:
    for name in ("first", "second"):
        save_model(built("resnet"), tmp_path / f"{name}.keras")
    first, second = ((tmp_path / f"{name}.keras").read_bytes() for name in ("first", "second"))
    assert first == second


def test_neither_the_compilation_nor_the_optimizer_s_state_is_saved(tmp_path: Path) -> None:
    model = built()
    save_model(model, tmp_path / "plain.keras")
    model.compile("adam", loss="categorical_crossentropy", metrics=["accuracy"])
    model.optimizer.build(model.trainable_variables)
    save_model(model, tmp_path / "compiled.keras")
    plain, compiled = ((tmp_path / f"{n}.keras").read_bytes() for n in ("plain", "compiled"))
    assert plain == compiled
    assert model.compiled  # the model itself is left as it was
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        assert keras.models.load_model(tmp_path / "compiled.keras").compiled is False


@pytest.mark.parametrize(
    "name",
    ["cnn", "resnet", *(pytest.param(name, marks=pytest.mark.slow) for name in ("mlp", "vgg"))],
)
def test_a_saved_model_predicts_bit_for_bit_the_same(tmp_path: Path, name: str) -> None:
    model = built(name)
    save_model(model, tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.count_params() == model.count_params()
    expected, found = (np.asarray(m(IMAGES, training=False)) for m in (model, loaded))
    assert expected.tobytes() == found.tobytes()
    assert [type(layer) for layer in loaded.layers] == [type(layer) for layer in model.layers]


def test_the_file_holds_no_date_and_no_address(tmp_path: Path) -> None:
    save_model(built(), tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as file:
        assert file.testzip() is None
        names = [info.filename for info in file.infolist()]
        assert names == sorted(names)
        assert {"config.json", "metadata.json", "model.weights.h5"} <= set(names)
        assert {info.date_time for info in file.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert json.loads(file.read("metadata.json")) == {"keras_version": keras.__version__}
        config = file.read("config.json").decode()
    ids = [int(number) for number in re.findall(r'"shared_object_id": (\d+)', config)]
    assert max(ids, default=0) <= len(set(ids))


def test_a_file_that_is_there_is_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    path.write_bytes(b"old")
    save_model(built(), path)
    assert zipfile.is_zipfile(path)
    assert list(tmp_path.iterdir()) == [path]


class Doubled(keras.layers.Layer):
    """A layer of the user's own that Keras can make again: it has no arguments."""

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        return inputs * 2


class Scaled(keras.layers.Layer):
    """One that it cannot: the argument is in no config."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        return inputs * self.factor


@pytest.fixture
def known() -> Iterator[None]:
    """The layers of this module are known to Keras by their names, as a model's own code is."""
    before = dict(keras.saving.get_custom_objects())
    make_known([__name__])
    yield
    keras.saving.get_custom_objects().clear()
    keras.saving.get_custom_objects().update(before)


def with_layer(layer: keras.layers.Layer) -> keras.Model:
    inputs = keras.Input((4,))
    return keras.Model(inputs, keras.layers.Dense(2)(layer(inputs)))


@pytest.mark.usefixtures("known")
def test_a_layer_of_the_user_s_own_is_saved_and_found_again(tmp_path: Path) -> None:
    model = with_layer(Doubled())
    check_can_be_saved(model)
    save_model(model, tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert isinstance(loaded.layers[1], Doubled)
    pixels = np.ones((1, 4), np.float32)
    assert np.array_equal(loaded(pixels), model(pixels))


@pytest.mark.usefixtures("known")
def test_a_layer_that_cannot_be_made_again_is_refused_before_it_is_trained() -> None:
    with pytest.raises(SpoonfulError, match="the model cannot be saved") as caught:
        check_can_be_saved(with_layer(Scaled(2.0)))
    assert "Scaled" in str(caught.value)
    assert "get_config" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_only_what_a_module_defines_itself_is_made_known() -> None:
    before = dict(keras.saving.get_custom_objects())
    make_known(["math", "a_module_that_is_not_imported"])
    assert keras.saving.get_custom_objects() == before
