"""Assemble a model: pixels in, the task's outputs out."""

from collections.abc import Callable, Sequence
from typing import Any

import keras

from spoonful.config.targets import Target, reason_of
from spoonful.errors import SpoonfulError


def build_model(
    network: Callable[[keras.KerasTensor], keras.KerasTensor],
    last_layer: Callable[[], keras.layers.Layer],
    image_shape: tuple[int, int, int],
    dtype: str = "uint8",
    augmentation: Sequence[Target] = (),
    name: str = "model",
) -> keras.Model:
    """Build a model, not yet compiled.

    Pixels are scaled inside the model, so that batches are passed as bytes and a saved model takes
    unscaled images.

    Args:
        network: the architecture: scaled pixels [b, h, w, c] to features [b, f].
        last_layer: makes the layer from features to outputs, after the others: Keras draws a
            layer's seed when it is made.
        image_shape: (height, width, channels).
        dtype: of the input: "uint8" (0..255, scaled here) or "float32" (0..1, used unchanged).
        augmentation: layers active only in training.
        name: the model's name.

    Returns:
        A model from [b, h, w, c] to the outputs of its last layer.

    Raises:
        SpoonfulError: a layer or the network refuses its arguments or the images, or the features
            have another shape.
    """
    inputs = keras.Input(image_shape, dtype=dtype, name="image")
    x = inputs
    if dtype == "uint8":
        x = keras.layers.Rescaling(1 / 255, name="scale_pixels")(x)
    for target, layer in zip(augmentation, augmentation_layers(augmentation), strict=True):
        x = _applied(target, layer, x)
    features = network(x)
    shape = getattr(features, "shape", None)
    if not isinstance(features, keras.KerasTensor) or len(shape or ()) != 2:
        raise SpoonfulError(
            f"model={name}: returned {shape or features!r}, expected features of shape [batch, "
            "number]; end with keras.layers.Flatten or GlobalAveragePooling2D, without the last "
            "layer, which the task adds"
        )
    try:
        return keras.Model(inputs, last_layer()(features), name=name.rpartition(".")[2])
    except ValueError as error:  # such as two layers with one name
        raise SpoonfulError(f"model={name}: {reason_of(error)}") from error


def augmentation_layers(augmentation: Sequence[Target]) -> list[keras.layers.Layer]:
    """Create the augmentation layers of a config.

    Raises:
        SpoonfulError: an unknown layer, or arguments that it does not take.
    """
    return [_layer(target, number) for number, target in enumerate(augmentation, start=1)]


def _layer(target: Target, number: int) -> keras.layers.Layer:
    # In bfloat16 turning and zooming take half of a small network's time on 2 cores (1,590 images/s
    # instead of 3,050 in float32), and pixels lose their last digits.
    defaults = {"name": f"augmentation_{number}", "dtype": "float32"}
    layer = _made(target, defaults)
    if not isinstance(layer, keras.layers.Layer):
        raise SpoonfulError(
            f"{target.where}: {target.path} makes a {type(layer).__name__}, expected a Keras layer "
            "such as keras.layers.RandomTranslation"
        )
    # Layers that change brightness assume 0..255 by default; here pixels are 0..1.
    if "value_range" not in target.arguments and hasattr(layer, "value_range"):
        return _made(target, {**defaults, "value_range": (0.0, 1.0)})
    return layer


def _made(target: Target, defaults: dict[str, Any]) -> keras.layers.Layer:
    """Make a layer; all layers take a name and a dtype, some by **kwargs."""
    return target.tried(lambda: target.function(**{**defaults, **target.arguments}))


def _applied(target: Target, layer: keras.layers.Layer, x: keras.KerasTensor) -> keras.KerasTensor:
    result = target.tried(lambda: layer(x))
    if tuple(result.shape) != tuple(x.shape):
        raise SpoonfulError(
            f"{target.where}: {target.path} turns images of shape {tuple(x.shape[1:])} into "
            f"{tuple(result.shape[1:])}: expected the same shape"
        )
    return result
