"""The endless stream of batches that training reads."""

import threading
from collections import deque
from collections.abc import Callable

import keras

from spoonful.generator.chunks import Batch, Chunk, ChunkReader
from spoonful.generator.limits import Limits
from spoonful.generator.lookahead import LookAhead


class BatchStream(keras.utils.PyDataset):
    """Serve the batches of global steps start_step, start_step + 1, ... without end.

    Keras permutes the batch numbers of a finite PyDataset and restarts them every epoch; it reads a
    PyDataset without a length in exact order, with an index that keeps growing over epochs. Pass
    `steps_per_epoch` to `fit`.

    `fit` waits at the end of an epoch until the shards of a packed split are checked, once all
    examples were served. A loop of your own calls `on_epoch_begin()` and `on_epoch_end()`, as `fit`
    does.

    Args:
        reader: reads the batches.
        limits: how far to read ahead, and in how many threads.
        start_step: the global step of index 0, >= 0.
    """

    def __init__(self, reader: ChunkReader, limits: Limits, start_step: int) -> None:
        # One worker: the batches come in order, and none is made in a process that could die
        # unnoticed (a killed Keras worker process hangs fit forever).
        super().__init__(workers=1, use_multiprocessing=False)
        self._look_ahead = LookAhead(reader, limits, is_endless=True)
        self._batches = ChunkedBatches(self._look_ahead)
        self._steps_per_epoch = reader.steps.per_epoch
        self.start_step = start_step
        self._num_served = 0

    @property
    def num_batches(self) -> None:
        """Always None: the stream has no end."""
        return None

    def __getitem__(self, index: int) -> Batch:
        self._num_served = max(self._num_served, index + 1)
        return self._batches.batch(self.start_step + index)

    def chunk(self, step: int) -> Chunk:
        """Return the batches from a global step on that are read together."""
        return self._look_ahead.take(step)

    @property
    def is_checked(self) -> bool:
        """Whether all that was read is known to be as it was packed, or cannot be checked."""
        return self._look_ahead.is_checked

    def finish_check(self) -> None:
        """Wait until the check that runs during reading is complete.

        Raises:
            ShardChangedError: a shard has changed since packing; names it.
        """
        self._look_ahead.finish_check()

    def take_most_threads(self) -> int:
        """Return the largest number of threads that read at the same time since the last call."""
        return self._look_ahead.take_most_threads()

    def on_epoch_begin(self) -> None:
        """Read ahead."""
        self._look_ahead.resume()

    def on_epoch_end(self) -> None:
        """End the reading threads; they start again with the next epoch.

        Raises:
            SpoonfulError: all examples were served, and a shard has changed since packing.
        """
        self._look_ahead.pause()
        if self._num_served >= self._steps_per_epoch:
            self.finish_check()

    def close(self) -> None:
        """End the reading threads and release all batches."""
        self._batches.drop()
        self._look_ahead.close()


class ChunkedBatches:
    """Serve single batches from chunks, to any number of threads.

    Args:
        look_ahead: reads the chunks.
    """

    def __init__(self, look_ahead: LookAhead) -> None:
        self._look_ahead = look_ahead
        self._chunks: deque[Chunk] = deque()  # consecutive: the current one, and those reached
        self._lock = threading.Lock()

    def batch(self, step: int, on_chunk: Callable[[Chunk], object] | None = None) -> Batch:
        """Return the batch of a global step; fast where the steps are consecutive.

        Args:
            step: the global step.
            on_chunk: called with its chunk if that is a new one.
        """
        with self._lock:
            while self._chunks and step not in self._chunks[0].steps:
                self._chunks.popleft()  # its memory can be used for the next one
            if not self._chunks:
                self._take(step, on_chunk)
            return self._chunks[0].batch(step)

    def reach(self, first: int, last: int, on_chunk: Callable[[Chunk], object]) -> None:
        """Wait until batches are here that nobody has asked for.

        Args:
            first: the global step that follows those that were served or reached.
            last: the global step of the last batch.
            on_chunk: called with each chunk that is new.

        Raises:
            SpoonfulError: as `LookAhead.take`.
        """
        with self._lock:
            while last >= (step := self._chunks[-1].steps.stop if self._chunks else first):
                self._take(step, on_chunk)

    def drop(self) -> None:
        """Release the chunks."""
        self._chunks.clear()

    def _take(self, step: int, on_chunk: Callable[[Chunk], object] | None) -> None:
        chunk = self._look_ahead.take(step)
        self._chunks.append(chunk)
        if on_chunk is not None:
            on_chunk(chunk)
