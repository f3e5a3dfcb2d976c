"""Batches for Keras: a pure function of (data, seed, global step)."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import keras

from spoonful.errors import SpoonfulError
from spoonful.generator.chunks import Batch, ChunkReader
from spoonful.generator.cropping import Cropping, CropPolicy
from spoonful.generator.feed import Feed
from spoonful.generator.limits import Limits, make_limits
from spoonful.generator.plan import make_plan
from spoonful.generator.steps import checked_whole
from spoonful.generator.stream import BatchStream
from spoonful.generator.targets import Targets
from spoonful.order import CustomOrder, Indices, Order, order_identity, order_settings
from spoonful.sources import Source

DTYPES = ("uint8", "float32")


class BatchGenerator(keras.utils.PyDataset):
    """Feed `model.fit` with batches of a source.

    The batch of a global step depends on the source, the seed and the step alone. As a PyDataset it
    is a drop-in for `model.fit(generator, epochs=...)`; Keras then permutes the batch numbers of
    each epoch with its own generator unless `shuffle=False` is passed to `fit`. Training that must
    be exact reads `generator.stream()`.

    Args:
        source: where the examples are read from.
        batch_size: examples per step, over all processes, >= process_count.
        shuffle: "none", "full", "block", "buffer" or "balanced"; False is none, True is full.
        order: an order of your own, instead of a shuffle: order(epoch, start, stop) returns the
            examples at the positions start..stop-1 of an epoch, whole numbers [stop - start]. A
            pure function, called in any sequence from several threads. seed has no effect on it.
        seed: 0..2**32 - 1. 0 is a seed like any other.
        crop: shows a part of each example, chosen for every step: a `RandomCrop`, or an object
            of your own with a method draw(seed, epoch, positions). None: the whole. Use none for
            validation.
        drop_remainder: leave out the last batch of an epoch where it is smaller.
        max_steps_per_epoch: end an epoch after so many steps, >= 1; the next one begins its own
            order. None: when all examples were used.
        one_hot: y of classes as float32 [b, classes] instead of int64 [b]. Other labels are always
            served as they are, as float32.
        dtype: "uint8" (0..255) or "float32" (0..1) for x [b, h, w, c].
        num_threads: threads that read ahead. 0: none, the calling thread reads. None: one per core,
            but no more than the source benefits from (its `max_useful_threads`); up to 256 while
            reads of files wait for the storage.
        prefetch_batches: batches read ahead, >= 1. None: as many as `ram_budget_mb` holds.
        ram_budget_mb: memory in MiB for batches being read, ready, and handed out last; at least
            three batches. None: at most 64 MiB (or what three batches need), less where less is
            enough.
        read_timeout_s: longest time that reading a part of a batch may take, in s.
        process_index: the slice of every batch that this process serves, 0..process_count - 1.
        process_count: number of processes that share each batch.
        block_size: examples per block of shuffle="block". None: as many as make 2 MiB of pixels.
        window_blocks: blocks that shuffle="block" mixes at a time.
        buffer_size: examples in the buffer of shuffle="buffer".
        verify_shards: check the shards of a packed split against their checksums once, in a thread,
            while they are read. A shard that has changed since packing stops the reading.

    Raises:
        SpoonfulError: an argument outside its range; names it, the allowed values and the fix.
    """

    def __init__(
        self,
        source: Source,
        batch_size: int,
        *,
        shuffle: str | bool = "full",
        order: Order | None = None,
        seed: int = 0,
        crop: CropPolicy | None = None,
        drop_remainder: bool = False,
        max_steps_per_epoch: int | None = None,
        one_hot: bool = True,
        dtype: str = "uint8",
        num_threads: int | None = None,
        prefetch_batches: int | None = None,
        ram_budget_mb: float | None = None,
        read_timeout_s: float = 60.0,
        process_index: int = 0,
        process_count: int = 1,
        block_size: int | None = None,
        window_blocks: int = 16,
        buffer_size: int = 1000,
        verify_shards: bool = True,
    ) -> None:
        super().__init__(workers=1, use_multiprocessing=False)
        self.source, self.seed, self.one_hot, self.dtype = source, seed, one_hot, dtype
        if dtype not in DTYPES:
            raise SpoonfulError(f"dtype={dtype!r}: expected one of {', '.join(DTYPES)}")
        plan = make_plan(
            source,
            batch_size,
            shuffle=shuffle,
            order=order,
            seed=seed,
            drop_remainder=drop_remainder,
            max_steps_per_epoch=max_steps_per_epoch,
            process_index=process_index,
            process_count=process_count,
            block_size=block_size,
            window_blocks=window_blocks,
            buffer_size=buffer_size,
        )
        self.shuffle, self._steps = plan.shuffle, plan.steps
        cropping = None if crop is None else Cropping(crop, seed)
        what = source, plan.order, plan.steps, Targets(source, one_hot)
        self._reader = ChunkReader(*what, dtype, verify_shards, cropping)
        self._limits = make_limits(
            self._reader, num_threads, prefetch_batches, ram_budget_mb, read_timeout_s
        )
        self._feed = Feed(self._reader, self._limits)

    def __len__(self) -> int:
        """Number of steps per epoch."""
        return self._steps.per_epoch

    def __getitem__(self, index: int) -> Batch:
        """Return batch `index` of the current epoch of Keras.

        An index past the end of the epoch wraps around, so that validation with a growing index
        reads the same batches every time.

        Raises:
            SpoonfulError: reading failed or took too long; names the batch, its images, the cause.
        """
        return self._feed.batch(index)

    def __iter__(self) -> Iterator[Batch]:
        """Iterate over the batches of the current epoch of Keras, or of epoch 0 outside Keras."""
        for index in range(len(self)):
            yield self[index]
        self._feed.finish_check()

    @property
    def num_batches(self) -> int:
        """Number of batches that Keras reads in this epoch: all, or what a resumed one has left."""
        return self._feed.num_batches

    @property
    def batch_size(self) -> int:
        """Number of examples per step, over all processes."""
        return int(self._steps.batch_size)

    @property
    def examples_per_epoch(self) -> int:
        """Number of examples that an epoch uses, over all processes."""
        return self._steps.examples_per_epoch

    @property
    def drop_remainder(self) -> bool:
        """Whether the last batch of an epoch is left out where it is smaller."""
        return self._steps.drop_remainder

    @property
    def limits(self) -> Limits:
        """How far and in how many threads batches are read ahead."""
        return self._limits

    def on_epoch_begin(self) -> None:
        """Count an epoch; Keras calls this once per epoch."""
        self._feed.begin_epoch()

    def on_epoch_end(self) -> None:
        """End the reading threads; Keras calls this once per epoch.

        Raises:
            SpoonfulError: an epoch was read, and one of its shards has changed since packing.
        """
        self._feed.end_epoch()

    def indices(self, step: int) -> Indices:
        """Return the example indices of a global step, int64 [b], for this process."""
        return self._reader.indices(checked_whole("step", step, 0), 1)

    def batch(self, step: int) -> Batch:
        """Return the batch of a global step, read in the calling thread.

        Returns:
            (x, y): x [b, h, w, c], uint8 or float32 in [0, 1]; y of classes float32 [b, classes] or
            int64 [b], of other labels float32 [b] or [b, k].
        """
        return self._reader.read_step(checked_whole("step", step, 0)).batch(step)

    def digest(self, step: int) -> str:
        """Return the digest of a global step's ids, labels and pixels, as chained in the ledger."""
        return self._reader.read_step(checked_whole("step", step, 0)).digests()[0].hex()

    @property
    def order(self) -> Order:
        """The order of the examples over all processes, called as order(epoch, start, stop).

        A new object each time: calling it does not slow the reading down.
        """
        order: Any = self._reader.order
        copy: Order = dataclasses.replace(order)  # "buffer" keeps examples of earlier calls
        return copy

    def stream(self, start_step: int = 0) -> BatchStream:
        """Return the endless PyDataset that starts at a global step; for exact training."""
        return BatchStream(self._reader, self._limits, checked_whole("step", start_step, 0))

    def state(self, step: int) -> dict[str, Any]:
        """Return what a checkpoint stores to resume at a global step; JSON types only.

        Threads, memory and time limits are not included: they do not change the batches.
        """
        order, cropping = self._reader.order, self._reader.cropping
        if isinstance(order, CustomOrder):
            identity: dict[str, Any] = {"order": order_identity(order.order)}
        else:
            identity = order_settings(order)
        return {
            "step": checked_whole("step", step, 0),
            "seed": int(self.seed),
            "batch_size": self.batch_size,
            "shuffle": self.shuffle,
            **identity,
            "crop": None if cropping is None else cropping.identity,
            "drop_remainder": self.drop_remainder,
            "max_steps_per_epoch": self._steps.max_per_epoch,
            "process_count": int(self._steps.process_count),
            "fingerprint": self.source.fingerprint,
        }

    def check_state(self, state: dict[str, Any]) -> None:
        """Check that a saved state continues on this generator.

        Raises:
            SpoonfulError: a field differs or is missing; names each, the saved and current value.
        """
        wrong = [
            f"{name} (saved {state.get(name)!r}, now {value!r})"
            for name, value in self.state(0).items()
            if name != "step" and state.get(name) != value
        ]
        if "step" not in state:
            wrong.append("step (not saved)")
        if wrong:
            raise SpoonfulError(
                "the saved state belongs to another stream of batches: "
                + ", ".join(wrong)
                + "; use the saved settings and data, or start again"
            )
