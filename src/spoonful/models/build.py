"""Build a model from its config: pixels in, class probabilities out."""

from collections.abc import Sequence
from typing import Any

import keras

from spoonful.config.model_schema import CnnConfig, MlpConfig, ResnetConfig, VggConfig
from spoonful.errors import SpoonfulError
from spoonful.models import cnn, mlp, resnet, vgg

_FEATURES: dict[str, Any] = {"cnn": cnn, "mlp": mlp, "resnet": resnet, "vgg": vgg}


def build_model(
    config: CnnConfig | MlpConfig | ResnetConfig | VggConfig,
    image_shape: tuple[int, int, int],
    num_classes: int,
    dtype: str = "uint8",
    augmentation: Sequence[dict[str, Any]] = (),
) -> keras.Model:
    """Build a classifier, not yet compiled.

    Pixels are scaled inside the model, so that batches are passed as bytes and a saved model takes
    unscaled images.

    Args:
        config: the architecture.
        image_shape: (height, width, channels).
        num_classes: length of the softmax, >= 2.
        dtype: of the input: "uint8" (0..255, scaled here) or "float32" (0..1, used unchanged).
        augmentation: Keras layers active only in training, each {"_target_": ..., arguments}.

    Returns:
        A model from [b, h, w, c] to float32 probabilities [b, num_classes].
    """
    if num_classes < 2:
        raise SpoonfulError(f"num_classes={num_classes}: a classifier needs at least two classes")
    inputs = keras.Input(image_shape, dtype=dtype, name="image")
    x = inputs
    if dtype == "uint8":
        x = keras.layers.Rescaling(1 / 255, name="scale")(x)
    for layer in augmentation_layers(augmentation):
        x = _applied(layer, x)
    x = _FEATURES[config.name].features(config, x)
    # float32 under any precision policy: a softmax in half precision loses digits.
    outputs = keras.layers.Dense(
        num_classes, activation="softmax", dtype="float32", name="probabilities"
    )(x)
    return keras.Model(inputs, outputs, name=config.name)


def augmentation_layers(augmentation: Sequence[dict[str, Any]]) -> list[keras.layers.Layer]:
    """Create the Keras layers of a config.

    Raises:
        SpoonfulError: an unknown layer, or arguments that it does not take.
    """
    layers = []
    for number, entry in enumerate(augmentation):
        arguments = dict(entry)
        class_name = str(arguments.pop("_target_")).removeprefix("keras.layers.")
        where = f"trainer.augmentation[{number}]"
        layer_class = getattr(keras.layers, class_name, None)
        if not isinstance(layer_class, type):
            raise SpoonfulError(f"{where}: Keras has no layer {class_name!r} in keras.layers")
        arguments.setdefault("name", f"augmentation_{number + 1}")
        # In bfloat16 turning and zooming take half of a small network's time on 2 cores (1,590
        # images/s instead of 3,050 in float32), and pixels lose their last digits.
        arguments.setdefault("dtype", "float32")
        layers.append(_made(layer_class, arguments, where))
    return layers


def _made(layer_class: type, arguments: dict[str, Any], where: str) -> keras.layers.Layer:
    try:
        layer: keras.layers.Layer = layer_class(**arguments)
    except (TypeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise SpoonfulError(
            f"{where}: {layer_class.__name__} refuses {arguments} ({reason})"
        ) from error
    # Layers that change brightness assume 0..255 by default; here pixels are 0..1.
    if "value_range" not in arguments and hasattr(layer, "value_range"):
        return layer_class(**arguments, value_range=(0.0, 1.0))
    return layer


def _applied(layer: keras.layers.Layer, x: keras.KerasTensor) -> keras.KerasTensor:
    try:
        result = layer(x)
    except (TypeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise SpoonfulError(
            f"trainer.augmentation: {type(layer).__name__} cannot take images of shape "
            f"{tuple(x.shape[1:])} ({reason})"
        ) from error
    return result
