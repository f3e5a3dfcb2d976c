"""Batches for Keras: a pure function of (data, seed, global step)."""

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from spoonful.errors import SpoonfulError
from spoonful.order import Indices, make_order, shuffle_name
from spoonful.sources import Source
from spoonful.stream import Batch, BatchStream

DTYPES = ("uint8", "float32")


class BatchGenerator(keras.utils.PyDataset):
    """Feed `model.fit` with batches of a source.

    The batch of a global step depends on the source, the seed and the step alone. As a PyDataset it
    is a drop-in for `model.fit(generator, epochs=...)`; Keras then permutes the batch numbers of
    each epoch with its own generator unless `shuffle=False` is passed to `fit`. Training that must
    be exact reads `generator.stream()`.

    Args:
        source: what the examples are read from.
        batch_size: examples a step, over all processes, >= process_count.
        shuffle: "none" or "full"; False and True stand for them.
        seed: 0..2**32 - 1. 0 is a seed like any other.
        drop_remainder: leave out the last, smaller batch of an epoch.
        one_hot: y as float32 [b, classes] instead of int64 [b].
        dtype: "uint8" (0..255) or "float32" (0..1) for x [b, h, w, c].
        process_index: which slice of every batch this process serves, 0..process_count - 1.
        process_count: how many processes share each batch.

    Raises:
        SpoonfulError: an argument outside its range; names it, what is allowed and the mend.
    """

    def __init__(
        self,
        source: Source,
        batch_size: int,
        shuffle: str | bool = "full",
        seed: int = 0,
        drop_remainder: bool = False,
        one_hot: bool = True,
        dtype: str = "uint8",
        process_index: int = 0,
        process_count: int = 1,
    ) -> None:
        super().__init__(workers=1, use_multiprocessing=False)
        self.source = source
        self.batch_size = _positive("batch_size", batch_size)
        self.shuffle = shuffle_name(shuffle)
        self.seed = seed
        self.drop_remainder = drop_remainder
        self.one_hot = one_hot
        self.dtype = dtype
        self.process_index = process_index
        self.process_count = _positive("process_count", process_count)
        self._check()
        self._order = make_order(self.shuffle, len(source), seed)
        labels = np.asarray(source.labels)
        identity = np.eye(len(source.class_names), dtype=np.float32)
        self._targets: NDArray[Any] = identity if one_hot else np.arange(len(identity))
        self._labels = labels
        # 0 until Keras begins an epoch: fit reads batches 0 and 1 and ends an epoch before the
        # first one begins, so only beginnings are counted.
        self._epochs_begun = 0

    def __len__(self) -> int:
        """Steps an epoch."""
        if self.drop_remainder:
            return len(self.source) // self.batch_size
        return -(-len(self.source) // self.batch_size)

    def __getitem__(self, index: int) -> Batch:
        """Return batch `index` of the epoch that Keras is in.

        An index past the epoch's end wraps, so that a validation whose index runs on reads the same
        batches every time.
        """
        epoch = max(self._epochs_begun - 1, 0)
        return self.batch(epoch * len(self) + index % len(self))

    def on_epoch_begin(self) -> None:
        """Count an epoch; Keras calls this once an epoch."""
        self._epochs_begun += 1

    def indices(self, step: int) -> Indices:
        """Return the example indices of a global step, int64 [b], for this process."""
        step = _step(step)
        epoch, number = divmod(step, len(self))
        start = number * self.batch_size
        stop = min(start + self.batch_size, len(self.source))
        size = stop - start
        return self._order(
            epoch,
            start + size * self.process_index // self.process_count,
            start + size * (self.process_index + 1) // self.process_count,
        )

    def batch(self, step: int) -> Batch:
        """Return the batch of a global step.

        Returns:
            (x, y): x [b, h, w, c], uint8 or float32 in [0, 1]; y float32 [b, classes] or int64 [b].
        """
        indices = self.indices(step)
        images: NDArray[Any] = self.source.read(indices)
        if self.dtype == "float32":
            images = np.multiply(images, np.float32(1 / 255), dtype=np.float32)
        return images, self._targets[self._labels[indices]]

    def stream(self, start_step: int = 0) -> BatchStream:
        """Return the endless PyDataset that starts at a global step; for exact training."""
        return BatchStream(self.batch, _step(start_step))

    def state(self, step: int) -> dict[str, Any]:
        """Return what a checkpoint keeps to go on at a global step; JSON types only."""
        return {
            "step": _step(step),
            "seed": int(self.seed),
            "batch_size": self.batch_size,
            "shuffle": self.shuffle,
            "drop_remainder": bool(self.drop_remainder),
            "process_count": self.process_count,
            "fingerprint": self.source.fingerprint,
        }

    def check_state(self, state: dict[str, Any]) -> None:
        """Check that a saved state continues on this generator.

        Raises:
            SpoonfulError: a field differs or is missing; names each, the saved and current value.
        """
        current = self.state(0)
        wrong = [
            f"{name} (saved {state.get(name)!r}, now {value!r})"
            for name, value in current.items()
            if name != "step" and state.get(name) != value
        ]
        if "step" not in state:
            wrong.append("step (not saved)")
        if wrong:
            raise SpoonfulError(
                "the saved state belongs to another stream of batches: "
                + ", ".join(wrong)
                + "; use the saved settings and data, or start anew"
            )

    def _check(self) -> None:
        if self.dtype not in DTYPES:
            raise SpoonfulError(f"dtype={self.dtype!r}: expected one of {', '.join(DTYPES)}")
        if not 0 <= self.process_index < self.process_count:
            raise SpoonfulError(
                f"process_index={self.process_index}: expected 0 to {self.process_count - 1}"
            )
        if len(self) == 0:
            raise SpoonfulError(
                f"batch_size={self.batch_size} with drop_remainder leaves no batch of "
                f"{len(self.source)} examples: use a smaller batch_size or keep the remainder"
            )
        smallest = self.batch_size
        if not self.drop_remainder:
            smallest = len(self.source) - (len(self) - 1) * self.batch_size
        if smallest < self.process_count:
            raise SpoonfulError(
                f"the smallest batch has {smallest} examples for {self.process_count} processes: "
                "choose a batch_size of at least process_count, or drop_remainder=True"
            )


def _positive(name: str, value: int) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise SpoonfulError(f"{name}={value!r}: expected a whole number from 1 on")
    return int(value)


def _step(step: int) -> int:
    if isinstance(step, bool) or not isinstance(step, (int, np.integer)) or step < 0:
        raise SpoonfulError(f"step={step!r}: expected a whole number from 0 on")
    return int(step)
