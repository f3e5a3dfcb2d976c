"""Augmentation layers of a user's: one keeps what training sees, one draws from elsewhere."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

SEEN: list[np.ndarray[Any, Any]] = []


@keras.saving.register_keras_serializable("tests")
class Recorder(keras.layers.Layer):
    """Pass images on, and keep those of training."""

    def call(self, x: Any, training: bool = False) -> Any:
        if training:
            tf.numpy_function(lambda images: SEEN.append(images.copy()), [x], [])
        return x


@keras.saving.register_keras_serializable("tests")
class FromElsewhere(keras.layers.Layer):
    """Add a number of NumPy's global generator, which no counter of Keras knows."""

    def call(self, x: Any, training: bool = False) -> Any:
        if not training:
            return x
        drawn = tf.numpy_function(lambda: np.float32(np.random.rand()), [], tf.float32)
        drawn.set_shape(())
        return x + drawn
