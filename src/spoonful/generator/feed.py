"""What Keras is served from a generator, and what fitting needs to know of it."""

from typing import TYPE_CHECKING

from spoonful.generator.buffers import BufferPool
from spoonful.generator.chunks import Batch, Chunk, ChunkReader
from spoonful.generator.in_order import InOrder
from spoonful.generator.limits import Limits
from spoonful.generator.lookahead import LookAhead
from spoonful.generator.stream import ChunkedBatches

if TYPE_CHECKING:
    from spoonful.generator.batch_generator import BatchGenerator


class Feed(InOrder):
    """The batches that Keras reads from a generator, epoch by epoch.

    They are served as Keras asks for them. After `serve_from`, the next epoch that Keras begins is
    served in order, whatever numbers Keras asks for: it permutes the numbers unless told not to,
    and to resume a training inside an epoch, the remaining batches must be known.

    It is not part of the generator's public interface: users read batches, fitting directs them.

    Args:
        reader: reads the batches.
        limits: how far to read ahead, and in how many threads.
    """

    def __init__(self, reader: ChunkReader, limits: Limits) -> None:
        super().__init__(reader.steps.per_epoch)
        self._reader = reader
        self._look_ahead = LookAhead(reader, limits, is_endless=False)
        self._batches = ChunkedBatches(self._look_ahead)
        # Only the beginnings are counted: fit ends an epoch before the first one begins.
        self._epochs_begun = 0
        self._is_epoch_served = False
        self._is_in_order = False
        self._has_begun_in_order = False  # Keras has begun the epoch of `serve_from`
        self._num_served = 0  # steps of that epoch
        self._num_here = 0  # steps of that epoch that were served or reached
        self._failure: tuple[int, Exception] | None = None  # the step that was not served, and why

    @property
    def num_batches(self) -> int:
        """Number of batches for Keras to read in this epoch.

        In order, the rest of the epoch until its first step is served, then all: an earlier fit may
        have ended inside a short epoch, which fit counts before its first one.
        """
        with self._lock:
            is_rest = self._is_in_order and not self._num_served
        return self.steps_per_epoch - self.position if is_rest else self.steps_per_epoch

    @property
    def batch_bytes(self) -> int:
        """Size of the pixels of a batch in this process, in bytes."""
        return self._reader.batch_bytes

    def empty_batch(self) -> Batch:
        """Return x [0, h, w, c] and y [0, ...] with the types of the batches."""
        x, y = self._reader.plan(0, 1, BufferPool()).batch(0)
        return x[:0], y[:0]

    def batch(self, index: int) -> Batch:
        """Return batch `index` of the current epoch of Keras, or the next one in order."""
        if self._is_in_order:
            with self._lock:
                step = self.first_step + self.position + self._num_served
                self._num_served += 1
            try:
                return self._batches.batch(step, self.note)
            except Exception as error:
                self._failure = step, error
                raise
        index %= self.steps_per_epoch
        self._is_epoch_served |= index == self.steps_per_epoch - 1
        epoch = max(self._epochs_begun - 1, 0)
        return self._batches.batch(epoch * self.steps_per_epoch + index)

    def begin_epoch(self) -> None:
        """Count an epoch, and begin to read ahead."""
        self._epochs_begun += 1
        self._leave_order()  # of an epoch that an exception ended
        self._has_begun_in_order = self._is_in_order
        self._look_ahead.resume()

    def end_epoch(self) -> None:
        """End the reading threads, and the check of the shards if an epoch was served."""
        if self._is_epoch_served or self._has_begun_in_order:
            self.finish_check()
        self._leave_order()
        self._batches.drop()
        self._look_ahead.close()

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

    def reach(self, number: int, count: int) -> None:
        """Wait until steps of the epoch that is served in order are here.

        Keras then gets them without a wait, and without an error in the middle of a step.

        Args:
            number: number of the first one in its epoch, 0..steps_per_epoch.
            count: how many; fewer where the epoch ends.

        Raises:
            SpoonfulError: one of them cannot be read, as `LookAhead.take`.
        """
        last = min(number + count, self.steps_per_epoch) - 1
        if last < self._num_here or not self._is_in_order:
            return
        first, last = self.first_step + self._num_here, self.first_step + last
        if self._failure is not None and self._failure[0] <= last:
            raise self._failure[1]
        self._batches.reach(first, last, self.note)

    def note(self, chunk: Chunk) -> None:
        """Keep the digests of a chunk of the epoch that is served in order."""
        super().note(chunk)
        self._num_here = chunk.steps.stop - self.first_step

    def serve_from(self, epoch: int, position: int = 0) -> None:
        """Serve the next epoch that Keras begins in order; later ones are served as asked."""
        super().serve_from(epoch, position)
        self._batches.drop()
        self._is_in_order, self._has_begun_in_order, self._num_served = True, False, 0
        self._num_here, self._failure = position, None
        self._epochs_begun = epoch

    def serve_as_asked(self) -> None:
        """Serve again the batches that Keras requests, and forget what was served in order."""
        self._is_in_order = self._has_begun_in_order = False
        self.forget()

    def take_digests(self, first: int, count: int) -> list[bytes]:
        """Return and forget the digests of the epoch's steps from number `first` on.

        Raises:
            KeyError: a step was not asked for, or more were than the epoch has: something else
                read batches that are now missing.
        """
        num_asked = self.position + self._num_served
        if not first + count <= num_asked <= self.steps_per_epoch:
            raise KeyError(self.first_step + num_asked)
        return super().take_digests(first, count)

    def _leave_order(self) -> None:
        if self._has_begun_in_order:
            self.serve_as_asked()


def feed_of(generator: "BatchGenerator") -> Feed:
    """Return what Keras is served from a generator."""
    return generator._feed
