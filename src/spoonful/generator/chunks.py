"""Chunks: consecutive batches of equal size, read together."""

import math
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray

from spoonful.generator.buffers import BufferPool
from spoonful.generator.cropping import Cropping
from spoonful.generator.order_runs import in_runs
from spoonful.generator.steps import Steps
from spoonful.generator.targets import Targets
from spoonful.order import Indices, Order
from spoonful.sources import Source, read_in_turn
from spoonful.sources.images.cut import Crop
from spoonful.sources.packed.check import ShardCheck

# Pixels read together: a chunk of a single tiny image takes 0.03 ms in the calling thread, and
# 0.12-0.17 ms from thread to thread. Packed photographs of 224x224 in batches of 32 come at 80 k
# images/s in chunks of one batch, 91 k of two and 96 k of three.
CHUNK_BYTES = 15 << 20
MAX_CHUNK_STEPS = 512
Batch = tuple[NDArray[np.generic], NDArray[np.generic]]


@dataclass(frozen=True)
class Chunk:
    """The batches of consecutive global steps.

    Attributes:
        first_step: the global step of the first batch.
        num_steps: number of batches.
        indices: the examples of all of them, int64 [num_steps * b].
        labels: of these examples: classes int64 [num_steps * b], or other labels as y.
        images: uint8 [num_steps * b, h, w, c], filled by reading.
        x: what batches serve, [num_steps, b, h, w, c]: uint8, or float32 in [0, 1].
        y: [num_steps, b, columns] float32, or [num_steps, b] int64 or float32.
        crops: which part of each example is shown; None: the whole.
    """

    first_step: int
    num_steps: int
    indices: Indices
    labels: NDArray[Any]
    images: NDArray[np.uint8]
    x: NDArray[Any]
    y: NDArray[Any]
    crops: Sequence[Crop] | None = None

    @property
    def steps(self) -> range:
        """The global steps of its batches."""
        return range(self.first_step, self.first_step + self.num_steps)

    def batch(self, step: int) -> Batch:
        """Return the batch of one step of the chunk."""
        return self.x[step - self.first_step], self.y[step - self.first_step]

    def digests(self) -> list[bytes]:
        """Return the digest of each step: 16 bytes of its ids, labels and pixels.

        XXH3 hashes faster than memory is read (19 GB/s here, SHA-256 1.6): it detects accidental
        differences, which is the purpose of a ledger. The SHA-256 fingerprints protect against
        forgery.
        """
        heads = [
            np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))
            for values in (self.indices, self.labels)
        ]
        # Rows, because slices of a memoryview take 4 ns longer per image at batch 32. (Any: NumPy's
        # types do not say that arrays are buffers.)
        rows: Any = [
            np.concatenate([h.reshape(self.num_steps, -1).view(np.uint8) for h in heads], axis=1),
            self.images.reshape(self.num_steps, -1),
        ]
        return [
            xxhash.xxh3_128_digest(pixels, seed=xxhash.xxh3_64_intdigest(head))
            for head, pixels in zip(*rows, strict=True)
        ]


@dataclass(eq=False)
class ChunkReader:
    """Make chunks: a pure function of (data, order, crops, step).

    Args:
        source: where the pixels come from.
        order: which example is at which position.
        steps: which positions a step takes.
        targets: what labels become.
        dtype: "uint8" (0..255) or "float32" (0..1) for x.
        verify_shards: check the source's shards while they are read, where it can.
        cropping: which part of each example a step shows; None: the whole.

    Attributes:
        check: the running check; None: no check. It ends with the reader.
    """

    source: Source
    order: Order
    steps: Steps
    targets: Targets
    dtype: str
    verify_shards: bool
    cropping: Cropping | None = None

    def __post_init__(self) -> None:
        self._runs = in_runs(self.order, self.steps.num_examples)
        make = getattr(self.source, "shard_check", None) if self.verify_shards else None
        self.check: ShardCheck | None = None if make is None else make()
        if self.check is not None:
            weakref.finalize(self, self.check.stop)

    def indices(self, first_step: int, num_steps: int) -> Indices:
        """Return the examples of equal steps of one epoch, for this process, int64 [k * b]."""
        return indices_of(self._runs, self.steps, first_step, num_steps)

    def _crops(self, first_step: int, num_steps: int) -> Sequence[Crop] | None:
        """Return which parts equal steps of one epoch show, for this process."""
        if self.cropping is None:
            return None
        epoch, _ = self.steps.epoch_of(first_step)
        start, _ = self.steps.positions(first_step)
        _, stop = self.steps.positions(first_step + num_steps - 1)
        positions = share_of(np.arange(start, stop), self.steps, first_step, num_steps)
        return self.cropping.of(epoch, positions)

    def plan(self, first_step: int, num_steps: int, pool: BufferPool) -> Chunk:
        """Return a chunk without its pixels, which are to be read into `images`."""
        indices = self.indices(first_step, num_steps)
        shape = (len(indices), *self.source.image_shape)
        images = pool.empty(shape, np.uint8)
        x = images if self.dtype == "uint8" else pool.empty(shape, np.float32)
        labels, y = self.targets.of(indices, pool)
        steps_shape = (num_steps, len(indices) // num_steps)
        return Chunk(
            first_step,
            num_steps,
            indices,
            labels,
            images,
            x.reshape(*steps_shape, *x.shape[1:]),
            y.reshape(*steps_shape, *y.shape[1:]),
            self._crops(first_step, num_steps),
        )

    def read(self, chunk: Chunk, start: int, stop: int) -> None:
        """Read the images start..stop-1 of a chunk, and make x from them."""
        if self.check is not None:
            self.check.begin()
            self.check.raise_if_failed()
        images = chunk.images[start:stop]
        crops = None if chunk.crops is None else chunk.crops[start:stop]
        read_in_turn(self.source, chunk.indices[start:stop], images, crops)
        if self.dtype == "float32":
            x = chunk.x.reshape(-1, *self.source.image_shape)[start:stop]
            np.multiply(images, np.float32(1 / 255), out=x, dtype=np.float32)

    def read_step(self, step: int) -> Chunk:
        """Return the chunk of a single step, read in the calling thread."""
        chunk = self.plan(step, 1, BufferPool())
        self.read(chunk, 0, len(chunk.indices))
        return chunk

    @property
    def batch_bytes(self) -> int:
        """Size of a batch's pixels in memory, in bytes, while it is read and ready."""
        share = self.steps.share(0)
        pixels: int = math.prod(self.source.image_shape) * (share.stop - share.start)
        return pixels if self.dtype == "uint8" else 5 * pixels


def indices_of(order: Order, steps: Steps, first_step: int, num_steps: int) -> Indices:
    """Return the examples of equal steps of one epoch, for one process, int64 [k * b]."""
    epoch, _ = steps.epoch_of(first_step)
    start, _ = steps.positions(first_step)
    _, stop = steps.positions(first_step + num_steps - 1)
    return share_of(order(epoch, start, stop), steps, first_step, num_steps)


def share_of(whole: Indices, steps: Steps, first_step: int, num_steps: int) -> Indices:
    """Return what one process serves of the examples, or positions, of equal steps, [k * b]."""
    if steps.process_count == 1:
        return whole
    share = steps.share(first_step)
    return np.ascontiguousarray(whole.reshape(num_steps, -1)[:, share]).reshape(-1)
