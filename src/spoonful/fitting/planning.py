"""Which examples the steps of a config's training take. It imports neither Keras nor TensorFlow."""

from typing import Any

from spoonful.config.schema import Config
from spoonful.generator.plan import stored_order
from spoonful.sources import Source


def training_steps(config: Config, source: Source) -> dict[str, Any]:
    """Return what decides the examples of training's steps: arguments of `make_plan`.

    Args:
        config: the whole config.
        source: the source to train on.
    """
    settings = config.generator
    order: dict[str, Any] = {"shuffle": settings.shuffle}
    if settings.order is not None:
        labels = source.labels
        order = {
            "order": settings.order(num_examples=len(source), seed=settings.seed, labels=labels)
        }
    return {
        "batch_size": settings.batch_size,
        **order,
        "seed": settings.seed,
        "drop_remainder": settings.drop_remainder,
        "max_steps_per_epoch": config.trainer.max_steps_per_epoch,
        "block_size": settings.block_size,
        "window_blocks": settings.window_blocks,
        "buffer_size": settings.buffer_size,
    }


def validation_steps(config: Config, source: Source) -> dict[str, Any]:
    """Return the same for validation: every image, in the order in which they are stored.

    Metrics do not depend on it, and a store that is larger than memory, or than the cache of a
    remote one, is read from its beginning to its end.
    """
    return {"batch_size": config.generator.batch_size, "order": stored_order(source)}
