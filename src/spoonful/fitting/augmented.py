"""The images of a step as training's augmentation layers change them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from spoonful.config.schema import Config
from spoonful.fitting.modes import set_modes
from spoonful.fitting.train import compiled_model
from spoonful.generator import BatchGenerator


@dataclass(frozen=True)
class Augmented:
    """A batch after the augmentation.

    Attributes:
        images: float32 [b, h, w, c], usually 0..1.
        is_of_step: they are those of the step. False: they are an example, because the random
            numbers of a layer do not follow from the number of the step.
    """

    images: NDArray[np.float32]
    is_of_step: bool


def augmented(config: Config, generator: BatchGenerator, step: int) -> Augmented | None:
    """Return a step's images as training's augmentation layers leave them.

    The layers are those of the model, made as for a training from the beginning. Keras' layers
    count their random draws, by the same number for every batch, and only in training: the counters
    are set to where they are before the step. An interrupted training resumes with the same ones.

    Args:
        config: the whole config.
        generator: of the training batches.
        step: a global step.

    Returns:
        None if the config has no augmentation.
    """
    trainer = config.trainer
    if not trainer.augmentation:
        return None
    set_modes(trainer.precision, config.seed, trainer.deterministic)
    front = _front(config, generator)
    apply = _applied(front)
    x, _ = generator.batch(step)
    start = _values(front)
    apply(x)
    one = _values(front)
    apply(x)
    two = _values(front)
    images = []
    for _ in range(2):
        for variable, before, after in zip(front.variables, start, one, strict=True):
            variable.assign(_after(before, after, step))
        images.append(apply(x))
    # A layer of the user's own may draw from elsewhere, or not the same number each time.
    is_steady = all(
        np.array_equal(_after(before, after, 2), found)
        and (before.dtype.kind in "iu" or np.array_equal(before, found))
        for before, after, found in zip(start, one, two, strict=True)
    )
    return Augmented(images[0], is_steady and np.array_equal(images[0], images[1]))


def _front(config: Config, generator: BatchGenerator) -> keras.Model:
    """Return the model up to the last layer of the augmentation."""
    model = compiled_model(config, generator.source, len(generator))
    # In the order of the graph: the input, the scaling of bytes, and then the augmentation.
    is_scaled = config.generator.dtype == "uint8"
    last = model.layers[len(config.trainer.augmentation) + is_scaled]
    return keras.Model(model.inputs, last.output)


def _applied(front: keras.Model) -> Callable[[NDArray[Any]], NDArray[np.float32]]:
    """Return what applies the layers as `fit` does: in a graph."""
    import tensorflow as tf

    graph = tf.function(lambda x: front(x, training=True), autograph=False)
    return lambda x: np.asarray(graph(tf.convert_to_tensor(x)), dtype=np.float32)


def _values(front: keras.Model) -> list[NDArray[Any]]:
    return [np.asarray(variable).copy() for variable in front.variables]


def _after(before: NDArray[Any], after_one: NDArray[Any], count: int) -> NDArray[Any]:
    """Return a counter's value after so many batches, from those before and after the first."""
    if before.dtype.kind not in "iu":
        return before
    found: NDArray[Any] = before + (after_one - before) * before.dtype.type(count)
    return found
