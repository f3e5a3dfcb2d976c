"""What Keras does not document, and serving batches needs; see `fitting/keras_private.py`.

Written for Keras 3.15. Where another version does not fit, batches are served as Keras asks for
them, one at a time: slower, and the same.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any

from keras.src.trainers.data_adapters.py_dataset_adapter import PyDatasetAdapter


@dataclass(frozen=True)
class Reading:
    """How a `fit`, `evaluate` or `predict` reads a PyDataset.

    Attributes:
        is_permuted: it asks for the batches of an epoch in an order of its own.
        class_weight: the weight of each class; those that are missing weigh 1. None: no weights.
    """

    is_permuted: bool
    class_weight: dict[int, float] | None


def serve_tensorflow(reads: FrameType | None, make: Callable[[Reading], Any]) -> None:
    """Let the TensorFlow backend read what a function makes, instead of a PyDataset's batches.

    Keras passes a PyDataset to `PyDatasetAdapter`, which runs Python for every batch. No method of
    a PyDataset can replace this, and Keras drops `class_weight` for an adapter that a user passes
    to `fit`. So an adapter is changed while it is made, and no other: its `get_tf_dataset` is
    replaced, which the TensorFlow backend alone calls, before training begins. All else stays with
    Keras.

    Uses `PyDatasetAdapter.__init__`, which asks the PyDataset for its `workers`, and of the adapter
    `get_tf_dataset`, `class_weight`, `shuffle` and `enqueuer`.

    Args:
        reads: the frame in which the PyDataset's `workers` are asked for; nothing happens if it is
            not that of an adapter being made.
        make: returns a tf.data.Dataset of batches (x, y), or (x, y, sample weights) with
            `class_weight`. None: let Keras read the PyDataset.
    """
    if reads is None or reads.f_code is not PyDatasetAdapter.__init__.__code__:
        return
    adapter: Any = reads.f_locals["self"]

    def get_tf_dataset() -> Any:
        made = None
        if adapter.enqueuer is None:  # the user has not asked for workers of Keras
            made = make(Reading(bool(adapter.shuffle), adapter.class_weight))
        return PyDatasetAdapter.get_tf_dataset(adapter) if made is None else made

    adapter.get_tf_dataset = get_tf_dataset


def asking_frame() -> FrameType | None:
    """Return the frame that reads the property whose getter calls this; None: not known."""
    here = inspect.currentframe()
    getter = None if here is None else here.f_back
    return None if getter is None else getter.f_back
