"""A small residual network with batch normalisation.

He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", 2016; the blocks apply their
activation first (the same authors, "Identity Mappings in Deep Residual Networks", 2016).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from spoonful.config.fields import key

if TYPE_CHECKING:
    import keras

# Images of at least this size are halved by the first convolution and again by pooling, as in the
# paper for 224 px; smaller ones keep their size, as in the paper for CIFAR's 32 px.
_LARGE_PX = 96


@dataclass
class Resnet:
    """A small residual network with batch normalisation, for images of 32 to 224 px."""

    num_filters: int = key("filters of the first stage; doubled at each next one", minimum=1)
    num_blocks: list[int] = key("residual blocks of each stage", minimum=1)
    dropout_rate: float = key("dropout before the last layer", minimum=0, maximum=0.99)

    smallest_image: ClassVar[int] = 8

    def __call__(self, pixels: "keras.KerasTensor") -> "keras.KerasTensor":
        """Turn scaled pixels [b, h, w, c] into features [b, num_filters * 2 ** (stages - 1)]."""
        from keras import layers

        large = min(pixels.shape[1:3]) >= _LARGE_PX
        x = _convolution(self.num_filters, 3, 2 if large else 1, "stem")(pixels)
        if large:
            x = layers.MaxPooling2D(3, strides=2, padding="same", name="stem_pool")(x)
        for stage, num_blocks in enumerate(self.num_blocks):
            for block in range(num_blocks):
                strides = 2 if stage > 0 and block == 0 else 1
                name = f"stage_{stage + 1}_block_{block + 1}"
                x = _block(x, self.num_filters * 2**stage, strides, name)
        x = layers.BatchNormalization(name="last_norm")(x)
        x = layers.Activation("relu", name="last_relu")(x)
        x = layers.GlobalAveragePooling2D(name="pool")(x)
        return layers.Dropout(self.dropout_rate, name="dropout")(x)


def _block(
    x: "keras.KerasTensor", num_filters: int, strides: int, name: str
) -> "keras.KerasTensor":
    """Add two 3x3 convolutions to their input, which is projected if the shapes differ."""
    from keras import layers

    shortcut = x
    x = layers.BatchNormalization(name=f"{name}_norm_1")(x)
    x = layers.Activation("relu", name=f"{name}_relu_1")(x)
    if strides != 1 or shortcut.shape[-1] != num_filters:
        shortcut = _convolution(num_filters, 1, strides, f"{name}_project")(x)
    x = _convolution(num_filters, 3, strides, f"{name}_conv_1")(x)
    x = layers.BatchNormalization(name=f"{name}_norm_2")(x)
    x = layers.Activation("relu", name=f"{name}_relu_2")(x)
    x = _convolution(num_filters, 3, 1, f"{name}_conv_2")(x)
    return layers.Add(name=f"{name}_add")([shortcut, x])


def _convolution(num_filters: int, size: int, strides: int, name: str) -> "keras.layers.Layer":
    from keras import layers

    return layers.Conv2D(
        num_filters,
        size,
        strides=strides,
        padding="same",
        use_bias=False,  # the following normalisation has one
        kernel_initializer="he_normal",
        name=name,
    )
