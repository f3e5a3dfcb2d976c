"""Dense layers on the flattened image."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from spoonful.config.fields import key

if TYPE_CHECKING:
    import keras


@dataclass
class Mlp:
    """Dense layers on the flattened image."""

    num_units: list[int] = key("units of each hidden layer", minimum=1)
    dropout_rate: float = key("dropout after each hidden layer", minimum=0, maximum=0.99)

    smallest_image: ClassVar[int] = 1

    def __call__(self, pixels: "keras.KerasTensor") -> "keras.KerasTensor":
        """Turn scaled pixels [b, h, w, c] into features [b, last of num_units]."""
        from keras import layers

        x = layers.Flatten(name="flatten")(pixels)
        for number, units in enumerate(self.num_units, start=1):
            x = layers.Dense(units, activation="relu", name=f"dense_{number}")(x)
            x = layers.Dropout(self.dropout_rate, name=f"dropout_{number}")(x)
        return x
