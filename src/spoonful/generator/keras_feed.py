"""A PyDataset of which Keras' TensorFlow backend reads many batches at a time."""

import random
from abc import abstractmethod
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from spoonful.generator.chunks import MAX_CHUNK_STEPS, Batch
from spoonful.generator.cutting import cut_into_batches, held_ready
from spoonful.generator.keras_private import Reading, asking_frame, serve_tensorflow

_NUM_PROBED = 2  # batches that Keras reads to learn the shapes, before the first epoch

# Called with a number of Keras, how many batches are left, and whether Keras permutes the numbers.
# Returns some of the batches from this number on: x [k, b, ...] and y [k, b, ...], k >= 1.
TakeTogether = Callable[[int, int, bool], Batch]


class ChunkedDataset(keras.utils.PyDataset):
    """Serve the batches of a PyDataset in chunks, where Keras can take them.

    Keras runs Python for every batch of a PyDataset, at the cost of a small model's training step.
    With the TensorFlow backend, `fit`, `evaluate` and `predict` are given chunks, which TensorFlow
    cuts into the same batches. Other backends, and a class of the user's own with another
    `__getitem__`, are read batch by batch.
    """

    def __init__(self) -> None:
        # One worker: the batches come in order, and none is made in a process that could die
        # unnoticed (a killed Keras worker process hangs fit forever).
        super().__init__(workers=1, use_multiprocessing=False)

    @property
    def workers(self) -> int:
        """Number of Keras' own workers; the threads that read ahead are not among them."""
        if self._is_chunked:
            serve_tensorflow(asking_frame(), self._tensorflow_dataset)
        return int(super().workers)

    @workers.setter
    def workers(self, number: int) -> None:
        keras.utils.PyDataset.workers.fset(self, number)

    @abstractmethod
    def _begin_pass(self) -> TakeTogether:
        """Return what takes the batches of a pass of Keras, from its first one on."""

    @property
    def _is_chunked(self) -> bool:
        """Whether chunks have the batches of `__getitem__`: the user has not written another."""
        home = next(kind for kind in type(self).__mro__ if "__getitem__" in vars(kind))
        return "_begin_pass" in vars(home)

    def _tensorflow_dataset(self, reading: Reading) -> Any:
        """Return the tf.data.Dataset of the batches; None: there are none."""
        num_batches = self.num_batches
        num_probed = _NUM_PROBED if num_batches is None else min(_NUM_PROBED, num_batches)
        if not num_probed:
            return None
        (x, y), *_ = [self[index] for index in range(num_probed)]
        weigh = partial(_weighed, class_weight=reading.class_weight)
        first = tuple(values[0] for values in weigh((x[None], y[None])))
        batches = cut_into_batches(lambda: map(weigh, self._chunks(reading.is_permuted)), first)
        return held_ready(batches, sum(one.nbytes for one in first))

    def _chunks(self, is_permuted: bool) -> Iterator[Batch]:
        """Yield the batches of one pass: x [k, b, ...] and y [k, b, ...], in the order of Keras."""
        num_batches: int | None = self.num_batches
        take = self._begin_pass()
        numbers = None
        if is_permuted and num_batches is not None:
            numbers = list(range(num_batches))
            random.shuffle(numbers)  # by the generator that Keras' own adapter uses
        done = 0
        while num_batches is None or done < num_batches:
            left = MAX_CHUNK_STEPS if num_batches is None else num_batches - done
            chunk = take(done if numbers is None else numbers[done], left, numbers is not None)
            done += len(chunk[0])
            yield chunk
            del chunk  # its memory can be used for the next one


def _weighed(chunk: Batch, class_weight: dict[int, float] | None) -> tuple[NDArray[Any], ...]:
    """Return a chunk with the weight of each example, as `fit` makes them of `class_weight`.

    Args:
        chunk: x [k, b, ...] and y, classes or floats [k, b] or [k, b, columns].
        class_weight: weights by class, 1 where there is none. None: no weights.
    """
    x, y = chunk
    if class_weight is None:
        return x, y
    is_one_hot = y.ndim > 2 and y.shape[-1] != 1
    classes = np.argmax(y, axis=-1) if is_one_hot else y.reshape(y.shape[:2])
    found, places = np.unique(np.round(classes).astype(np.int32), return_inverse=True)
    weights = np.array([class_weight.get(int(one), 1.0) for one in found], keras.config.floatx())
    return x, y, weights[places.reshape(classes.shape)]
