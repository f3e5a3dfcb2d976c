"""Dense layers on the flattened image."""

import keras

from spoonful.config.model_schema import MlpConfig


def features(config: MlpConfig, x: keras.KerasTensor) -> keras.KerasTensor:
    """Turn scaled pixels [b, h, w, c] into features [b, last of num_units]."""
    x = keras.layers.Flatten(name="flatten")(x)
    for number, units in enumerate(config.num_units, start=1):
        x = keras.layers.Dense(units, activation="relu", name=f"dense_{number}")(x)
        x = keras.layers.Dropout(config.dropout_rate, name=f"dropout_{number}")(x)
    return x
