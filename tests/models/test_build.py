from collections.abc import Iterator, Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from spoonful.config.compose import compose_config
from spoonful.config.targets import Target
from spoonful.errors import SpoonfulError
from spoonful.models.build import augmentation_layers, build_model

MODELS = ["cnn", "mlp", "resnet", "vgg"]
# Where layers are tested, not their sizes: VGG's in bfloat16 took 6.8 s.
FEW_FILTERS = {
    "cnn": ["model.num_filters=[4,8]", "model.num_units=8"],
    "mlp": ["model.num_units=[16,8]"],
    "resnet": ["model.num_filters=4"],
    "vgg": ["model.num_filters=[4,8]", "model.num_units=8"],
}
ARTICLE_PARAMETERS = 1_199_882
IMAGES = np.random.default_rng(0).integers(0, 256, (4, 12, 12, 3), dtype=np.uint8)


@pytest.fixture(autouse=True)
def float32_policy() -> Iterator[None]:
    keras.config.set_dtype_policy("float32")
    yield
    keras.config.set_dtype_policy("float32")


def built(
    *overrides: str,
    shape: tuple[int, int, int] = (12, 12, 3),
    num_classes: int = 5,
    dtype: str = "uint8",
    augmentation: Sequence[Target] = (),
) -> keras.Model:
    keras.utils.set_random_seed(0)
    config = compose_config(list(overrides))
    return build_model(config.model, partial(last_layer, num_classes), shape, dtype, augmentation)


def last_layer(num_classes: int) -> keras.layers.Layer:
    source = SimpleNamespace(class_names=[str(number) for number in range(num_classes)])
    layer: keras.layers.Layer = compose_config([]).task.last_layer(source)
    return layer


def target(layer: str, /, **arguments: Any) -> Target:
    """A layer as trainer.augmentation names it, the second one there."""
    return Target(f"keras.layers.{layer}", arguments, "trainer.augmentation[1]")


def test_the_cnn_is_the_article_s_network_layer_by_layer() -> None:
    model = built("model=cnn", shape=(28, 28, 1), num_classes=10)
    assert model.count_params() == ARTICLE_PARAMETERS
    found = []
    for layer in model.layers:
        config = layer.get_config()
        keys = ("filters", "kernel_size", "pool_size", "rate", "units", "activation", "padding")
        found.append((type(layer).__name__, {k: config[k] for k in keys if k in config}))
    conv = {"kernel_size": (3, 3), "activation": "relu", "padding": "valid"}
    assert found == [
        ("InputLayer", {}),
        ("Rescaling", {}),
        ("Conv2D", {"filters": 32, **conv}),
        ("Conv2D", {"filters": 64, **conv}),
        ("MaxPooling2D", {"pool_size": (2, 2), "padding": "valid"}),
        ("Dropout", {"rate": 0.25}),
        ("Flatten", {}),
        ("Dense", {"units": 128, "activation": "relu"}),
        ("Dropout", {"rate": 0.5}),
        ("Dense", {"units": 10, "activation": "softmax"}),
    ]


@pytest.mark.parametrize("name", MODELS)
def test_bytes_and_floats_give_the_same_probabilities(name: str) -> None:
    of_bytes = built(f"model={name}")
    of_floats = built(f"model={name}", dtype="float32")
    of_floats.set_weights(of_bytes.get_weights())
    scaled = IMAGES.astype(np.float32) / 255
    found = np.asarray(of_bytes(IMAGES))
    np.testing.assert_allclose(found, np.asarray(of_floats(scaled)), atol=1e-6)
    assert np.ptp(found, axis=0).max() > 1e-4  # images make a difference


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("name", MODELS)
def test_probabilities_are_float32_and_sum_to_one_in_every_precision(
    name: str, policy: str
) -> None:
    keras.config.set_dtype_policy(policy)
    model = built(f"model={name}", *FEW_FILTERS[name])
    outputs = np.asarray(model(IMAGES))
    assert outputs.dtype == np.float32
    assert outputs.shape == (4, 5)
    np.testing.assert_allclose(outputs.sum(axis=1), 1, atol=1e-5)
    assert model.get_layer("probabilities").compute_dtype == "float32"
    inner = next(x for x in model.layers if isinstance(x, keras.layers.Dense | keras.layers.Conv2D))
    assert inner.compute_dtype == policy.removeprefix("mixed_")


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [8, 32, 160])
def test_the_resnet_takes_small_and_large_images(size: int, channels: int) -> None:
    model = built("model=resnet", shape=(size, size, channels), num_classes=2)
    outputs = np.asarray(model(np.zeros((1, size, size, channels), np.uint8)))
    assert outputs.shape == (1, 2)
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds.count("BatchNormalization") == 2 * 6 + 1  # two a block, one at the end
    assert kinds.count("Add") == 6
    last = model.get_layer("stage_3_block_2_add").output.shape
    assert last == (None, *([size // 4] * 2 if size < 96 else [size // 16] * 2), 128)


def test_the_vgg_halves_and_normalises_each_stage_once() -> None:
    model = built(
        "model=vgg", "model.num_filters=[4,6]", "model.num_convolutions=3", shape=(29, 28, 1)
    )
    kinds = [type(layer).__name__ for layer in model.layers]
    stage = ["Conv2D"] * 3 + ["MaxPooling2D", "BatchNormalization", "Dropout"]
    dense = ["Flatten", "Dense", "BatchNormalization", "Dropout", "Dense"]
    assert kinds == ["InputLayer", "Rescaling", *stage, *stage, *dense]
    assert model.get_layer("stage_2_conv_3").output.shape == (None, 14, 14, 6)
    assert model.get_layer("flatten").output.shape == (None, 7 * 7 * 6)


def test_the_smallest_images_that_the_config_lets_through_fit_each_model() -> None:
    for name, smallest in (("cnn", 6), ("mlp", 1), ("resnet", 8), ("vgg", 8)):
        overrides = [f"model={name}", f"dataset.image_size=[{smallest},{smallest}]"]
        config = compose_config(overrides)
        build_model(config.model, partial(last_layer, 2), (smallest, smallest, 1))
        if smallest > 1:
            with pytest.raises(SpoonfulError, match=f"at least {smallest}x{smallest} px"):
                compose_config([overrides[0], f"dataset.image_size=[{smallest},{smallest - 1}]"])


FLIP = target("RandomFlip", mode="horizontal")
BRIGHT = target("RandomBrightness", factor=[0.5, 0.5])


def test_augmentation_is_active_in_training_alone() -> None:
    model = built("model=mlp", "model.dropout_rate=0", augmentation=[FLIP, BRIGHT])
    names = [layer.name for layer in model.layers]
    assert names[:4] == ["image", "scale_pixels", "augmentation_1", "augmentation_2"]
    plain = built("model=mlp", "model.dropout_rate=0")
    plain.set_weights(model.get_weights()[-len(plain.get_weights()) :])
    calm = np.asarray(model(IMAGES, training=False))
    np.testing.assert_array_equal(calm, np.asarray(plain(IMAGES, training=False)))
    assert np.abs(calm - np.asarray(model(IMAGES, training=True))).max() > 1e-3


# Each with arguments under which it changes an image of 0..1 noticeably.
VALUE_RANGE_LAYERS = [
    target("RandomBrightness", factor=[0.2, 0.2]),
    target("RandomContrast", factor=0.9),
    target("RandomSaturation", factor=[0.9, 0.9]),
    target("RandomHue", factor=[0.4, 0.4]),
    target("RandomColorJitter", brightness_factor=[0.2, 0.2]),
    target("RandAugment"),
    target("Solarization"),
]


@pytest.mark.parametrize("entry", VALUE_RANGE_LAYERS, ids=lambda entry: entry.path)
def test_layers_that_work_on_brightness_know_that_pixels_are_0_to_1(entry: Target) -> None:
    (layer,) = augmentation_layers([entry])
    assert tuple(layer.value_range) == (0.0, 1.0)
    scaled = (IMAGES / 510 + 0.25).astype(np.float32)  # 0.25..0.75
    changed: NDArray[np.float32] = np.asarray(layer(scaled, training=True))
    assert changed.min() >= 0
    assert changed.max() <= 1
    assert changed.std() > 0.01  # not washed out, as it would be on a scale of 255


def test_brightness_moves_by_its_share_of_the_range() -> None:
    (layer,) = augmentation_layers([target("RandomBrightness", factor=[0.25, 0.25])])
    grey = np.full((1, 4, 4, 3), 0.5, np.float32)
    np.testing.assert_allclose(np.asarray(layer(grey, training=True)), 0.75, atol=1e-6)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_augmentation_is_float32_in_every_precision_unless_told(policy: str) -> None:
    keras.config.set_dtype_policy(policy)
    told_so = target("RandomFlip", mode="horizontal", dtype="float16")
    calm, told = augmentation_layers([FLIP, told_so])
    assert calm.compute_dtype == "float32"
    assert told.compute_dtype == "float16"
    model = built("model=mlp", augmentation=[FLIP])
    assert np.asarray(model(IMAGES, training=True)).dtype == np.float32


def test_a_value_range_and_a_name_of_one_s_own_are_kept() -> None:
    entry = target("RandomBrightness", factor=0.5, value_range=[0.0, 2.0], name="mine")
    (layer,) = augmentation_layers([entry])
    assert tuple(layer.value_range) == (0.0, 2.0)
    assert layer.name == "mine"
    assert set(entry.arguments) == {"factor", "value_range", "name"}  # the config is as it was


@pytest.mark.parametrize(
    ("entry", "part"),
    [
        (target("RandomFlop"), "no RandomFlop; did you mean keras.layers.RandomFlip?"),
        (target("RandomBrightness"), "factor"),
        (target("RandomZoom", height_factor=[-3, 0]), "keras.layers.RandomZoom"),
        (target("RandomFlip", strength=1), "strength"),
        (Target("os.path.join", {"a": "b"}, "trainer.augmentation[1]"), "os.path.join"),
        (Target("builtins.dict", {}, "trainer.augmentation[1]"), "makes a dict, expected a Keras"),
    ],
    ids=lambda value: value.path if isinstance(value, Target) else "",
)
def test_a_layer_that_keras_does_not_know_or_make_is_refused_in_one_line(
    entry: Target, part: str
) -> None:
    with pytest.raises(SpoonfulError) as caught:
        augmentation_layers([FLIP, entry])
    assert str(caught.value).startswith("trainer.augmentation[1]")
    assert part in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_layer_that_cannot_take_images_is_refused_in_one_line() -> None:
    with pytest.raises(SpoonfulError, match=r"keras\.layers\.LSTM.*\(None, 12, 12, 3\)") as caught:
        built(augmentation=[target("LSTM", units=2)])
    assert str(caught.value).startswith("trainer.augmentation[1]")
    assert "\n" not in str(caught.value)


def test_a_layer_that_changes_the_shape_of_images_is_refused_in_one_line() -> None:
    words = r"RandomCrop turns images of shape \(12, 12, 3\) into \(4, 4, 3\): expected the same"
    with pytest.raises(SpoonfulError, match=words):
        built(augmentation=[target("RandomCrop", height=4, width=4)])


def test_the_augmentations_in_conf_can_be_built_and_change_images() -> None:
    augmentation = compose_config(["trainer=augmented"]).trainer.augmentation
    model = built("model=mlp", augmentation=augmentation)
    assert len(augmentation) == sum("augmentation_" in layer.name for layer in model.layers)
    for layer in augmentation_layers(augmentation):
        scaled = IMAGES.astype(np.float32) / 255
        assert np.abs(np.asarray(layer(scaled, training=True)) - scaled).max() > 0.01
