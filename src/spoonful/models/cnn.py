"""The article's network, layer by layer."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from spoonful.config.fields import key

if TYPE_CHECKING:
    import keras


@dataclass
class Cnn:
    """The article's network: two convolutions, one pooling, two dense layers."""

    num_filters: list[int] = key("filters of the two 3x3 convolutions", minimum=1, length=2)
    num_units: int = key("units of the dense layer", minimum=1)
    dropout_rates: list[float] = key(
        "dropout after the pooling and after the dense layer", minimum=0, maximum=0.99, length=2
    )

    smallest_image: ClassVar[int] = 6

    def __call__(self, pixels: "keras.KerasTensor") -> "keras.KerasTensor":
        """Turn scaled pixels [b, h, w, c] into features [b, num_units].

        With the default config, 28x28x1 images and 10 classes the model has 1,199,882 parameters.
        """
        from keras import layers

        first, second = self.num_filters
        after_pooling, after_dense = self.dropout_rates
        x = layers.Conv2D(first, 3, activation="relu", name="conv_1")(pixels)
        x = layers.Conv2D(second, 3, activation="relu", name="conv_2")(x)
        x = layers.MaxPooling2D(2, name="pool")(x)
        x = layers.Dropout(after_pooling, name="dropout_1")(x)
        x = layers.Flatten(name="flatten")(x)
        x = layers.Dense(self.num_units, activation="relu", name="dense")(x)
        return layers.Dropout(after_dense, name="dropout_2")(x)
