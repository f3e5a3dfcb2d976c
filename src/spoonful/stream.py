"""The endless stream of batches that training reads."""

from collections.abc import Callable

import keras
import numpy as np
from numpy.typing import NDArray

Batch = tuple[NDArray[np.generic], NDArray[np.generic]]


class BatchStream(keras.utils.PyDataset):
    """Serve the batches of global steps start_step, start_step + 1, ... without end.

    Keras permutes the batch numbers of a finite PyDataset and restarts them every epoch; it reads
    one without a length in exact order, its index running on over epochs. Pass `steps_per_epoch`
    to `fit`.

    Args:
        batch_of_step: a pure function from a global step to its batch.
        start_step: the global step that index 0 stands for, >= 0.
    """

    def __init__(self, batch_of_step: Callable[[int], Batch], start_step: int = 0) -> None:
        # One worker: the batches come in order, and none is made in a process that could die
        # unnoticed (a killed Keras worker process hangs fit for good).
        super().__init__(workers=1, use_multiprocessing=False)
        self._batch_of_step = batch_of_step
        self.start_step = start_step

    @property
    def num_batches(self) -> None:
        """None: the stream has no end."""
        return None

    def __getitem__(self, index: int) -> Batch:
        return self._batch_of_step(self.start_step + index)
