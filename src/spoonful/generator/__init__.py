"""Feed Keras: batches as a pure function of (data, seed, global step)."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spoonful.generator.batch_generator import BatchGenerator

__all__ = ["BatchGenerator"]


def __getattr__(name: str) -> Any:
    # At first use: it imports Keras, which takes seconds, and a plan of the steps needs none.
    if name != "BatchGenerator":
        raise AttributeError(f"module 'spoonful.generator' has no attribute {name!r}")
    from spoonful.generator.batch_generator import BatchGenerator

    return BatchGenerator
