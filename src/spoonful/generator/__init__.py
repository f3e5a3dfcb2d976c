"""Feed Keras: batches as a pure function of (data, seed, global step)."""

from spoonful.generator.batch_generator import BatchGenerator

__all__ = ["BatchGenerator"]
