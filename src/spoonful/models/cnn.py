"""The article's network, layer by layer."""

import keras

from spoonful.config.model_schema import CnnConfig


def features(config: CnnConfig, x: keras.KerasTensor) -> keras.KerasTensor:
    """Turn scaled pixels [b, h, w, c] into features [b, num_units].

    With the default config, 28x28x1 images and 10 classes the model has 1,199,882 parameters.
    """
    first, second = config.num_filters
    after_pooling, after_dense = config.dropout_rates
    x = keras.layers.Conv2D(first, 3, activation="relu", name="conv_1")(x)
    x = keras.layers.Conv2D(second, 3, activation="relu", name="conv_2")(x)
    x = keras.layers.MaxPooling2D(2, name="pool")(x)
    x = keras.layers.Dropout(after_pooling, name="dropout_1")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    x = keras.layers.Dense(config.num_units, activation="relu", name="dense")(x)
    return keras.layers.Dropout(after_dense, name="dropout_2")(x)
